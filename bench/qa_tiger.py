"""QA-TIGER with cached text features against the direct form: a training step, 33 questions about one clip.

The direct form answers one question at a time; then, and only then, questions of a batch do not mix.
"""

import json
import sys

from bench._turns import SECONDS, against_direct, child

SHAPES = ((SECONDS, 128), (SECONDS, 768), (SECONDS, 14, 1024), (768,), (77, 768))


def main() -> dict:
    """Numbers from a process of its own."""
    return child("bench.qa_tiger", "speed")


def nets(dropout: float):  # type: ignore[no-untyped-def]
    """The direct form and ours, of equal weights."""
    from bench._qa_tiger_direct import Direct
    from lookhear.nets import qa_tiger

    direct, ours = Direct(dropout=dropout), qa_tiger.build(qa_tiger.Config(dropout=dropout))
    ours.load_state_dict(qa_tiger.from_official(direct.state_dict()).state_dict())
    return direct, ours


def speed() -> dict:
    """Equal gradients, then seconds in turns."""
    from lookhear.nets.qa_tiger import OFFICIAL

    return against_direct(nets, SHAPES, 3, OFFICIAL)


if __name__ == "__main__":
    print(json.dumps(speed() if sys.argv[1:] == ["speed"] else main()))
