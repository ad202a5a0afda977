"""Example clips for the page: a few Soundstage scenes with questions and answers, generated at the first start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lookhear import datasets
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make

WORLD = Settings(train=0, val=0, test=4, questions=12, seconds=10.0, seed=20261, size=256)
SHOWN = 3  # number of clips
ASKED = 6  # questions per clip
FILE = "examples.json"


def draw(out: Path) -> dict[str, Any]:
    """Generate the clips in the folder `out` if they are missing; returns what the page shows for each."""
    make(out, WORLD, workers=1, quiet=True)
    clips: dict[str, dict[str, Any]] = {}
    for example in datasets.load("soundstage", out, "test"):
        source = example.clip.video
        if source is None or source.path is None or (source.id not in clips and len(clips) == SHOWN):
            continue
        clip = clips.setdefault(source.id, {"path": str(source.path), "questions": []})
        if len(clip["questions"]) < ASKED and example.question not in clip["questions"]:
            clip["questions"].append(example.question)
    found = [{"name": f"Soundstage {i}", **clip} for i, clip in enumerate(clips.values(), 1)]
    return {"examples": json.loads(json.dumps(found))}
