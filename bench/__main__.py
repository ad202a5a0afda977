"""python -m bench [NAME…]: run the named benchmarks (all of them by default) and write .bench/<name>.json.

Every claim is a ratio of two things timed in one run on the machine at hand; absolute seconds are given beside it only
to be read on the same machine. Other work on the machine disturbs wall time, so CPU seconds are reported as well.
"""

import importlib
import json
import os
import platform
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
OUT = Path(".bench")


def machine() -> dict:
    """Where the numbers were taken."""
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "cpus": os.cpu_count(),
        "processor": next(
            (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
        ),
        "load": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def main(names: list[str]) -> int:
    known = sorted(f.stem for f in HERE.glob("*.py") if not f.stem.startswith("_"))
    unknown = [n for n in names if n not in known]
    if unknown:
        print(f"No benchmark is called {unknown[0]!r}. There are: {', '.join(known)}.", file=sys.stderr)
        return 2
    OUT.mkdir(exist_ok=True)
    for name in names or known:
        print(f"· {name}")
        start = time.perf_counter()
        numbers = importlib.import_module(f"bench.{name}").main()
        numbers = {"machine": machine(), "seconds": round(time.perf_counter() - start, 1), **numbers}
        (OUT / f"{name}.json").write_text(json.dumps(numbers, indent=2, default=str))
        print(f"  → {OUT / f'{name}.json'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
