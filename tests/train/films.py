"""A dataset of short films: which pitch is heard, which colour is seen; some have no sound. As the shelf has them."""

import json
from pathlib import Path

from lookhear.types import Answer, Clip, Example, Source
from tests.train.world import VOCABULARY, film

COLOURS = ("red", "green", "blue")
VERSIONS = ("silent", "caption")


def make(root: Path, clips: int = 6) -> Path:
    """Write the films; the last has no sound."""
    root.mkdir(parents=True, exist_ok=True)
    told = []
    for k in range(clips):
        heard, seen = k % 3, (k // 3 + k) % 3
        film(root / f"{k}.mp4", heard, seen, seconds=3, sound=k < clips - 1)
        told.append({"clip": str(k), "heard": VOCABULARY[heard], "seen": COLOURS[seen], "sound": k < clips - 1})
    (root / "train.json").write_text(json.dumps(told))
    return root


def load(root: Path, split: str, version: str = "") -> list[Example]:
    """Two questions a film, or its caption; `silent`: what is seen in the film without sound."""
    found = []
    for one in json.loads((Path(root) / f"{split}.json").read_text()):
        source = Source(one["clip"], Path(root) / f"{one['clip']}.mp4")
        clip = Clip(source, source if one["sound"] else None)
        asked = [("what is seen", one["seen"])] + [("what is heard", one["heard"])] * one["sound"]
        if version == "caption":
            answer = Answer(f"a {one['seen']} light and pitch {one['heard']}")
            found.append(Example(f"{one['clip']} caption", "captioning", clip, "", answer))
        elif bool(version) != one["sound"]:
            found += [Example(f"{one['clip']} {q}", "question_answering", clip, q, Answer(a)) for q, a in asked]
    return found
