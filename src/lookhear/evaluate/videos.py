"""The video of each question, by which intervals are clustered and folds are made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookhear.types import BLANK, Example


def clusters_of(examples: Sequence[Example]) -> np.ndarray:
    """(question,) the video each question is about, as a number; a blanked stream is named by the other one."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(video_of(e), len(numbers)) for e in examples], dtype=np.int64)


def video_of(example: Example) -> str:
    """The id of the recording a question is about, whatever a probe put in its place."""
    sources = [s for s in (example.clip.video, example.clip.audio) if s is not None and s != BLANK]
    return str(example.meta.get("video_id") or (sources[0].id if sources else example.id))
