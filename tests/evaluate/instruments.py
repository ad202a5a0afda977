"""A dataset of clips of one instrument each, in six classes, with features that show the class and some noise."""

from pathlib import Path

import numpy as np

from lookhear.store.features import FeatureStore
from lookhear.store.fill import build_encoder
from lookhear.types import Answer, Clip, Example, Source

CLASSES = ("banjo", "cello", "drum", "flute", "piano", "tuba")
EACH = {"train": 6, "test": 4}
SHAPES = {"stage_audio": ("audio", (3, 128)), "stage_patches": ("patches", (3, 8, 168))}


def load(root: Path, split: str) -> list[Example]:
    """The clips of `split`; the kind is one of two question types."""
    return [
        Example(
            f"{split}{name}{n}",
            "action_recognition",
            Clip(Source(f"{split}{name}{n}"), Source(f"{split}{name}{n}")),
            f"which instrument is number {number}",
            Answer(name),
            ("Strings",) if name in ("banjo", "cello", "piano") else ("Others",),
        )
        for number, name in enumerate(CLASSES)
        for n in range(EACH[split])
    ]


def make(root: Path) -> Path:
    """Put the features of all clips into the store of `root`."""
    store, draw = FeatureStore(root / "features"), np.random.default_rng(0)
    for name in SHAPES:
        store.open(build_encoder(name))
    for example in [*load(root, "train"), *load(root, "test")]:
        number = CLASSES.index(example.reference.text)
        for name, (stream, shape) in SHAPES.items():
            values = 0.1 * draw.normal(size=shape).astype(np.float32)
            values[..., number] += 3
            store.put(name, example.clip.id, {stream: values})
    return root
