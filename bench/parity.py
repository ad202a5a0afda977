"""How far everything is from its official code: writes docs/results/parity.md from golden tensors.

The goldens lie beside the checkout in ../shared/goldens: inputs, weights, inner tensors, losses, gradients and a few
steps of Adam of the official networks, made on a CPU in float32 with dropout off. Without them there is nothing to
compare, and the page is left as it is. Four networks are compared here (`bench/_parity_nets.py`); of the rest the tests
that hold golden tensors are run, which note how far they were (`tests/parity.py`).
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench._parity_nets import GOLDENS, Row, av_master, pstp_net, qa_tiger, tspm

HERE = Path(__file__).resolve().parents[1]
PAGE = HERE / "docs" / "results" / "parity.md"
HEAD = """# Parity with the official code

Largest difference between a tensor of the official code and ours, float32 on a CPU; made by `python -m bench parity`
at commit COMMIT.
Small files are networks of reduced width with stored weights; `_full` and `_fullwidth` files have the official width.
Allowed is 2e-5 + 1e-4 of the largest entry for outputs, 1e-3 of the largest entry for gradients (at least 1e-6, or 2e-5
where the templates were set apart by hand), 1e-4 for the losses over steps of Adam, 2^-7 of the largest entry in
bfloat16 and 2^-10 in float16, nothing for indices.

"""
NOTED = ("tests/nets/test_avst.py", "tests/nets/test_mccd.py", "tests/adapters", "tests/llms")
NOTED += ("tests/nets/test_released_baselines.py", "tests/nets/test_nets_c.py", "tests/nets/test_towers.py")
NOTED += ("tests/debias/test_balance.py", "tests/nets/test_reconstruction.py")
FAMILIES = (
    "avst",
    "mccd",
    "ilora",
    "qformer",
    "crab",
    "hcrn",
    "havf",
    "mcan",
    "hcattn",
    "hme",
    "psac",
    "lavit",
    "avsd",
)
FAMILIES += ("fcnlstm", "convlstm", "apl", "sasr_net", "cign", "ogm", "opm", "tm_avqa", "lavish", "dgsct", "avmoe")


def main() -> dict:
    """Every pair compared; the page written; what is beyond its allowance, which should be nothing."""
    if not GOLDENS.exists():
        return {"skipped": f"no golden tensors at {GOLDENS}"}
    rows = [row for net in (av_master, qa_tiger, tspm, pstp_net) for row in net()] + list(noted())
    worst: dict[str, float] = {}
    for net, _, _, error, allowed in rows:
        worst[net] = max(worst.get(net, 0.0), error / allowed if allowed else 0.0)
    over = [f"{net} {tensor}" for net, _, tensor, error, allowed in rows if error > allowed]
    counts = {net: sum(row[0] == net for row in rows) for net in worst}
    summary = [f"- `{n}`: {counts[n]} tensors, at most {100 * worst[n]:.0f} % of what is allowed" for n in worst]
    lines = ["| of | file | tensor | largest error | allowed |", "|---|---|---|---|---|"]
    lines += [f"| {net} | {file} | {name} | {error:.1e} | {allowed:.1e} |" for net, file, name, error, allowed in rows]
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    head = HEAD.replace("COMMIT", _git("rev-parse", "--short=7", "HEAD"))
    PAGE.write_text(head + "\n".join(summary) + "\n\n" + "\n".join(lines) + "\n", "utf-8")
    return {"tensors": len(rows), "beyond_allowance": over, "worst_share_of_allowance": worst}


def noted() -> Iterator[Row]:
    """What the tests that hold golden tensors noted while they ran."""
    import pytest
    import torch

    from tests.parity import FOUND

    failed = pytest.main(["-q", "-p", "no:cacheprovider", "-k", "golden or trajectory", *map(str, _there())])
    if failed:
        raise RuntimeError("Tests with golden tensors failed; the page is left as it is.")
    for file, tensors in sorted(FOUND.items()):
        net = next((family for family in FAMILIES if file.startswith(family)), file)
        for name, (error, largest, kept) in tensors.items():
            relative, absolute = (1e-3, 1e-6) if "grad" in name else (1e-4, 0.0 if "traj" in name else 2e-5)
            if kept in (torch.float16, torch.bfloat16) or name.startswith("bf16"):
                relative = 2**-10 if kept == torch.float16 else 2**-7
            yield net, file, name, error, absolute + relative * largest if kept.is_floating_point else 0.0


def _git(*words: str) -> str:
    return subprocess.run(["git", "-C", str(HERE), *words], check=True, capture_output=True, text=True).stdout.strip()


def _there() -> list[Path]:
    return [HERE / path for path in NOTED if (HERE / path).exists()]


if __name__ == "__main__":
    print(main())
