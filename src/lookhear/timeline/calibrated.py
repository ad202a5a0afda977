"""Calibrate scores to probabilities, per stream, with one set of fitted constants for all classes.

    heard   a class is at least as likely as its specific kinds together
    seen    softmax, its geometric mean over neighbouring frames, cut to ten classes; a group is the sum of its classes

docs/guides/real.md says what the constants in `tables/calibration.json` were fitted to.
"""

from __future__ import annotations

import json
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from lookhear.timeline.ontology import TABLES, groups, sounds
from lookhear.timeline.value import Track

FAINT = 1e-6
KEPT = 10  # number of top classes of a frame that are kept, so that many improbable breeds do not add up to a dog
WINDOW = 10.0  # seconds over which scores are averaged to decide whether a class is present at all

Rows = Float[np.ndarray, "time label"]


@lru_cache(maxsize=1)
def constants() -> dict[str, dict[str, float]]:
    """The fitted constants by stream."""
    return json.loads((TABLES / "calibration.json").read_text("utf-8"))


def logit(scores: np.ndarray) -> np.ndarray:
    """Log odds of a probability, which is clipped to 1e-6..1 - 1e-6."""
    inside = np.clip(scores, FAINT, 1 - FAINT)
    return np.log(inside / (1 - inside))


def sigmoid(odds: np.ndarray) -> np.ndarray:
    """The logistic function: probability from log odds."""
    return 1 / (1 + np.exp(-odds))


def heard_probability(raised: np.ndarray) -> np.ndarray:
    """Probability that a sound class is present, from `ontology.Sounds.raised` scores."""
    fitted = constants()["heard"]
    return sigmoid(fitted["own"] * logit(raised) + fitted["bias"])


def seen_probability(scores: np.ndarray) -> np.ndarray:
    """Probability that a class or group is visible, from its (summed) softmax score."""
    fitted = constants()["seen"]
    return sigmoid(fitted["own"] * logit(scores) + fitted["bias"])


def smoothed(rows: Rows) -> Rows:
    """Mean of each row and its two neighbours."""
    if len(rows) < 2:
        return rows
    padded = np.concatenate([rows[:1], rows, rows[-1:]])
    return (padded[:-2] + padded[1:-1] + padded[2:]) / 3


def windows(track: Track, rows: Rows) -> Rows:
    """Means over 10-second windows: one row for a short clip, several for a long one."""
    step = float(track.starts[1] - track.starts[0]) if len(track.starts) > 1 else WINDOW
    count = max(1, min(len(rows), round(WINDOW / step)))
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])
    return (sums[count:] - sums[:-count]) / count


def heard_whole(track: Track) -> Float[np.ndarray, " label"]:
    """Raised scores for the whole clip: the maximum over 10-second windows of each class."""
    return windows(track, sounds().raised(track.scores.astype(np.float64))).max(axis=0)


def heard_sharp(track: Track) -> Rows:
    """Raised scores of the sound classes, row by row, without smoothing; used for the times of events."""
    return sounds().raised(track.scores.astype(np.float64))


def heard_rows(track: Track) -> Rows:
    """Raised scores of the sound classes, smoothed over rows; used for the probabilities of events."""
    return smoothed(heard_sharp(track))


def seen_labels(track: Track) -> tuple[str, ...]:
    """Labels of the columns of `seen_rows`: groups first, then classes."""
    return (*groups(), *track.names)


def seen_rows(track: Track) -> Rows:
    """Softmax scores after smoothing, limited to the ten top classes of each row, with sums of groups before them."""
    return grouped(_normal(np.exp(smoothed(np.log(track.scores.astype(np.float64) + FAINT)))))


def seen_whole(track: Track) -> Float[np.ndarray, " label"]:
    """`seen_rows` for the whole clip: the maximum over 10-second windows of each label."""
    odds = np.log(track.scores.astype(np.float64) + FAINT)
    return grouped(_normal(np.exp(windows(track, odds)))).max(axis=0)


def _normal(rows: Rows) -> Rows:
    return rows / rows.sum(axis=1, keepdims=True)


def grouped(rows: Float[np.ndarray, "time 1000"]) -> Rows:
    """Sums of groups, and classes, of softmax rows limited to their ten largest values."""
    least = np.partition(rows, -KEPT, axis=1)[:, [-KEPT]]
    kept = np.where(rows >= least, rows, 0.0)
    return np.concatenate([kept @ _members(), kept], axis=1)


@lru_cache(maxsize=1)
def _members() -> Float[np.ndarray, "class group"]:
    matrix = np.zeros((1000, len(groups())))
    for column, group in enumerate(groups().values()):
        matrix[sorted(group.classes), column] = 1
    return matrix
