"""The video of each question, for clustered intervals and cross-validation folds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lookhear.types import BLANK, Example


def clusters_of(examples: Sequence[Example]) -> np.ndarray:
    """(question,) the number of each question's video; see `video_of`."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(video_of(e), len(numbers)) for e in examples], dtype=np.int64)


def video_of(example: Example) -> str:
    """The id of a question's recording; a stream that a probe made blank is ignored."""
    sources = [s for s in (example.clip.video, example.clip.audio) if s is not None and s != BLANK]
    return str(example.meta.get("video_id") or (sources[0].id if sources else example.id))
