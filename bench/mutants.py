"""What the last mutation run left alive. `make mutants` ends with it.

Prints, for every mutated file, how many mutants the tests killed, how many survived and how many no test reaches, then
the survivors' names; exit code 1 where fewer than `LEAST` percent of those that were run are killed.
"""

import json
import sys
from collections import Counter
from pathlib import Path

LEAST = 90.0
SURVIVED, UNREACHED = 0, 33  # mutmut's exit codes


def main() -> int:
    """Read `mutants/**/*.meta` as mutmut left them."""
    total, alive = Counter(), []
    for path in sorted(Path("mutants/src").rglob("*.meta")):
        codes = {n: c for n, c in json.loads(path.read_text())["exit_code_by_key"].items() if c is not None}
        count = Counter({SURVIVED: "survived", UNREACHED: "unreached"}.get(code, "killed") for code in codes.values())
        total += count
        alive += [name for name, code in codes.items() if code == SURVIVED]
        if codes:
            print(f"{path.relative_to('mutants/src').with_suffix('')}: {dict(count)}")
    print("\n".join(alive))
    share = 100 * total["killed"] / max(1, total["killed"] + total["survived"])
    print(f"killed {total['killed']} of {total['killed'] + total['survived']}: {share:.1f} % (at least {LEAST:.0f})")
    return int(share < LEAST)


if __name__ == "__main__":
    sys.exit(main())
