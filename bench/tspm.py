"""TSPM, patches of the picked seconds, against the direct form that copies them one by one: a step, 33 questions.

The direct form answers one question at a time, as the official evaluation does.
"""

import json
import sys

from bench._turns import SECONDS, against_direct, child

SHAPES = ((SECONDS, 128), (SECONDS, 768), (SECONDS, 14, 1024), (768,), (768,))


def main() -> dict:
    """Numbers from a process of its own."""
    return child("bench.tspm", "speed")


def nets(dropout: float):  # type: ignore[no-untyped-def]
    """The direct form and ours, of equal weights."""
    from bench._tspm_direct import Direct
    from lookhear.nets import tspm

    direct, ours = Direct(dropout=dropout), tspm.build(tspm.Config("paper", dropout=dropout))
    ours.load_state_dict(tspm.from_official(direct.state_dict(), "paper").state_dict())
    return direct, ours


def speed() -> dict:
    """Equal gradients, then seconds in turns."""
    from lookhear.nets.tspm import OFFICIAL

    return against_direct(nets, SHAPES, 3, OFFICIAL)


if __name__ == "__main__":
    print(json.dumps(speed() if sys.argv[1:] == ["speed"] else main()))
