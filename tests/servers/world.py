"""A dataset of a few drawn clips and any number of questions about each, to be asked of a server."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lookhear.media.write import write
from lookhear.types import Answer, Clip, Example, Source

VOCABULARY = ("yes", "no")


def make(root: Path, clips: int, questions: int) -> Path:
    """Write `clips` films and `test.json` with so many questions about each."""
    root.mkdir(parents=True)
    rows = []
    for n in range(clips):
        frames = np.full((4, 32, 32, 3), 8 * n, np.uint8)
        sound = 0.3 * np.sin(np.arange(16_000) * (0.05 + 0.01 * n)).astype(np.float32)
        write(root / f"{n}.mp4", frames, sound, 4)
        for k in range(questions):
            rows.append({"id": f"{n}-{k}", "video": str(n), "question": f"Is it so, {n} and {k}", "answer": "yes"})
    (root / "test.json").write_text(json.dumps(rows))
    return root


def load(root: Path, split: str) -> list[Example]:
    """The questions that `make` wrote."""
    found = []
    for row in json.loads((Path(root) / f"{split}.json").read_text()):
        source = Source(row["video"], Path(root) / f"{row['video']}.mp4")
        answer, clip = Answer(row["answer"]), Clip(source, source)
        found.append(
            Example(row["id"], "question_answering", clip, row["question"], answer, ("Audio-Visual", "Existential"))
        )
    return found
