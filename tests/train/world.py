"""A dataset of a few clips without media whose answers can be learned, with its features already in a store.

What a clip answers is written into one second of its sound and its picture; questions ask for either.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from lookhear.config import Recipe, parse
from lookhear.encoders import Encoder
from lookhear.media.write import write
from lookhear.store.features import FeatureStore
from lookhear.store.fill import build_encoder
from lookhear.types import Answer, Clip, Example, Source
from tests.train.ears import PITCHES

torch.set_num_threads(1)  # tiny tensors
VOCABULARY = ("one", "two", "three", "yes", "no")
SECONDS, WIDTH = 5, 6
EARS, EYES, READER = "tests.train.ears", "tests.train.eyes", "tests.train.world"
FEATURES = {"audio": EARS, "frames": EYES, "question": READER, "words": READER}


def load(root: Path, split: str) -> list[Example]:
    """The examples that `make` wrote."""
    records = json.loads((Path(root) / f"{split}.json").read_text())
    return [
        Example(
            r["id"],
            "question_answering",
            Clip(Source(r["clip"]), Source(r["clip"])),
            r["question"],
            Answer(r["answer"]),
            ("Audio",),
        )
        for r in records
    ]


def make(root: Path, clips: int = 12, seconds: int = SECONDS) -> Path:
    """Write train and val annotations and the features of every clip."""
    root.mkdir(parents=True, exist_ok=True)
    store = FeatureStore(root / "features")
    for name in (EARS, EYES):
        store.open(build_encoder(name))
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        records = []
        for number in range(clips):
            clip = f"{split}{number}"
            heard, seen = generator.integers(3, size=2)
            for name, stream, what in ((EARS, "audio", heard), (EYES, "frames", seen)):
                values = generator.normal(size=(seconds, WIDTH)).astype(np.float32) * 0.1
                values[generator.integers(seconds), what] += 2
                store.put(name, clip, {stream: values})
            for question, what in (("how many heard", heard), ("how many seen", seen)):
                records.append(
                    {"id": f"{clip}-{question}", "clip": clip, "question": question, "answer": VOCABULARY[what]}
                )
        (root / f"{split}.json").write_text(json.dumps(records))
    store.put(EARS, "blank", {"audio": np.zeros((2, WIDTH), np.float32)})
    store.put(EYES, "blank", {"frames": np.zeros((2, WIDTH), np.float32)})
    return root


def film(path: Path, heard: int = 1, seen: int = 2, seconds: int = 4, sound: bool = True) -> Path:
    """A video of `seconds`: pitch number `heard` in its second second, colour number `seen` in its third."""
    frames = np.full((seconds * 4, 32, 48, 3), 10, np.uint8)
    frames[8:12, ..., seen] = 250
    time = np.arange(seconds * 16_000) / 16_000
    wave = 0.4 * np.sin(2 * np.pi * PITCHES[heard] * time) * ((time >= 1) & (time < 2))
    write(path, frames, wave.astype(np.float32) if sound else None, fps=4)
    return path


@dataclass(frozen=True)
class Config:
    """Nothing to set."""


class Reader(Encoder):
    """A text encoder: words are numbers drawn from their hash."""

    reads = "text"
    streams = {"question": 4, "words": 4}  # noqa: RUF012

    def signature(self) -> dict[str, str]:
        return {"name": READER, "sha256": "1" * 8}

    def __call__(self, texts: list[str]) -> list[dict[str, torch.Tensor]]:
        rows = []
        for text in texts:
            every = [self._word(w) for w in text.split()] or [torch.zeros(4)]
            words = (every + [torch.zeros(4)] * 3)[:4]
            rows.append({"question": torch.stack(every).sum(0), "words": torch.stack(words)})
        return rows

    def _word(self, word: str) -> torch.Tensor:
        seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4])
        return torch.from_numpy(np.random.default_rng(seed).normal(size=4).astype(np.float32))


def build(config: Config) -> Reader:
    return Reader()


def recipe(root: Path, out: Path, net: dict | None = None, **train: object) -> Recipe:
    """A recipe that trains a tiny net on the world at `root`."""
    options = {
        "data": {"name": "tests.train.world", "root": str(root)},
        "features": FEATURES,
        "net": net or {"name": "pooled_mlp", "hidden": 24},
        "train": {"epochs": 4, "batch": 8, "clips": 4, "lr": 0.01, "warmup": 2, "checkpoint_every": 2, **train},
        "out": str(out),
    }
    return parse(Recipe, options, "test")
