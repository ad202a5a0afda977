"""The worlds that docs/guides/twins.md measures on: python -m research.twins.worlds FOLDER [--font FILE.sf2]."""

from __future__ import annotations

import argparse
from pathlib import Path

from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.twins.kinds import KINDS
from lookhear.soundstage.write.folder import make

WORLD = Settings(train=160, val=0, test=80, test_questions=12, seed=1900, fps=2.0)
FONT = Settings(train=1, val=0, test=12, test_questions=12, seed=1901, fps=4.0)


def main() -> None:
    """Make one of them."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("folder", type=Path)
    asked.add_argument("--font", type=Path)
    given = asked.parse_args()
    settings = FONT if given.font else WORLD
    make(given.folder, settings, workers=1, font=given.font, twins=tuple(KINDS))


if __name__ == "__main__":
    main()
