"""Masks for answers with boxes and points as text, predicted by a segmenter.

    Drawing(model, sam) ─ answer ─▶ answers of `model`, with masks from the frame at each region's time

Each frame is encoded once: the last KEPT embeddings are kept in memory and, with a folder, all of them on disk, keyed
by the digest of the segmenter's weights (about 17 MB per frame for SAM 2 large).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lookhear import files
from lookhear.evaluate.draw.where import frame_of
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.model import Model
from lookhear.segmenters.sam2 import Segmenter
from lookhear.types import Answer, Clip, Example

KEPT = 8  # embeddings in memory
MIDDLE = Sampling(rule="uniform", count=1)
SEVERAL = Sampling(rule="uniform", count=24)  # for regions that name a second


class Embeddings:
    """A segmenter's embeddings of pictures, each computed once."""

    def __init__(self, segmenter: Segmenter, folder: Path | None = None):
        self.segmenter, self.kept = segmenter, OrderedDict[str, list[torch.Tensor]]()
        self.folder = folder / digest(segmenter) if folder else None
        self.made = 0

    def of(self, picture: np.ndarray) -> list[torch.Tensor]:
        """The embedding of a picture, uint8 (height, width, 3): one tensor per scale."""
        key = hashlib.sha256(picture.tobytes() + repr(picture.shape).encode()).hexdigest()[:32]
        if key not in self.kept:
            self.kept[key] = self._stored(key, picture)
        self.kept.move_to_end(key)
        while len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return self.kept[key]

    def _stored(self, key: str, picture: np.ndarray) -> list[torch.Tensor]:
        from safetensors.torch import load_file, save

        path = self.folder / key[:2] / f"{key}.safetensors" if self.folder else None
        if path and path.is_file():
            found = load_file(path)
            return [found[name] for name in sorted(found)]
        self.made += 1
        made = self.segmenter.embedded(picture)
        if path:
            files.write(path, save({f"{i:02d}": t.contiguous().cpu() for i, t in enumerate(made)}))
        return made


def digest(segmenter: Segmenter) -> str:
    """A hash of a segmenter's weights and input settings, which determine its embeddings."""
    found = hashlib.sha256(f"{segmenter.side} {segmenter.via}".encode())
    for name, tensor in sorted(segmenter.model.state_dict().items()):
        found.update(name.encode() + tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:16]


class Drawing:
    """A model with the name, `watch` and `ask` of `model`, whose localisation answers get masks."""

    def __init__(self, model: Model, segmenter: Segmenter, folder: Path | None = None):
        self.model, self.segmenter = model, segmenter
        self.name = model.name
        self.embeddings = Embeddings(segmenter, folder)

    def watch(self, clips: Sequence[Clip]) -> Any:
        """The model's `watch`."""
        return self.model.watch(clips)

    def answer(self, watched: Any, examples: Sequence[Example]) -> list[Answer]:
        """The model's answers; in localisation, regions with a box or point get masks (see `drawn`)."""
        answers = self.model.answer(watched, examples)
        return [
            self.drawn(a, e.clip) if e.task == "localisation" else a for e, a in zip(examples, answers, strict=True)
        ]

    def ask(self, video: Path | str | Clip, *questions: str) -> list[Answer]:
        """The model's `ask`, without masks."""
        return self.model.ask(video, *questions)

    def drawn(self, answer: Answer, clip: Clip) -> Answer:
        """The answer with masks; unchanged if it has no boxes and points, or already a mask."""
        placed = [r for r in answer.regions if r.box is not None]
        if not placed or any(r.mask is not None for r in answer.regions):
            return answer
        media = decode(replace(clip, audio=None), SEVERAL if any(r.time is not None for r in placed) else MIDDLE)
        if media.frames is None or not len(media.frames):
            return replace(answer, notes=(*answer.notes, "no picture to draw masks in"))
        features = self.embeddings.of(frame_of(media, placed))
        return self.segmenter.masked(answer, features)


def masks_missing(examples: Sequence[Example], answers: Sequence[Answer]) -> bool:
    """Whether references have masks and their answers have regions, but no answer has a mask."""
    wanted = [a for e, a in zip(examples, answers, strict=True) if e.reference and _masked(e.reference)]
    return any(a.regions for a in wanted) and not any(_masked(a) for a in wanted)


def _masked(answer: Answer) -> bool:
    return any(r.mask is not None for r in answer.regions)
