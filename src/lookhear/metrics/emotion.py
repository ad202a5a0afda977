"""Classification metrics: WAR (accuracy), UAR (mean recall), weighted F1, and scores per class.

Papers on DFEW, MAFW and MER print WAR and UAR; papers on MELD print accuracy and weighted F1. The same numbers are used
for action recognition and every other task whose answer is one name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lookhear.metrics.answers import correct, normal
from lookhear.pooled import Pooled, mean, totals
from lookhear.types import Answer


def recognition(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, float]:
    """`war`, `uar` and `weighted_f1` in percent. Classes are those of the references; an empty answer is wrong.

    UAR is the mean recall of the classes, weighted F1 the mean of their F1 weighted by support; both equal
    scikit-learn's `balanced_accuracy_score` and `f1_score(average="weighted")`.
    """
    return totals(pooled(answers, references))


def pooled(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, Pooled]:
    """`war`, `uar` and `weighted_f1` as sums over clips: support, hits and predictions of each class."""
    true = [normal(reference.text) for reference in references]
    place = {label: number for number, label in enumerate(sorted(set(true)))}
    counts = np.zeros((len(true), 3, len(place)))
    for row, (answer, label) in enumerate(zip(answers, true, strict=True)):
        said = normal(answer.text)
        counts[row, 0, place[label]] = 1
        counts[row, 1, place[label]] = said == label
        if said in place:
            counts[row, 2, place[said]] = 1
    rows = counts.reshape(len(true), 3 * len(place))
    right = [correct(a, r) for a, r in zip(answers, references, strict=True)]
    return {"war": mean(right), "uar": Pooled(rows, _uar), "weighted_f1": Pooled(rows, _weighted_f1)}


def _uar(sums: np.ndarray) -> np.ndarray:
    true, hits, _ = np.split(sums, 3, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = np.where(true > 0, hits / true, 0.0)
        return 100 * recall.sum(axis=-1) / (true > 0).sum(axis=-1)


def _weighted_f1(sums: np.ndarray) -> np.ndarray:
    true, hits, said = np.split(sums, 3, axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 100 * (true * 2 * hits / np.maximum(true + said, 1)).sum(axis=-1) / true.sum(axis=-1)


def by_class(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """true class -> `recall`, `precision` and `f1` in percent, and `support`."""
    said = [normal(answer.text) for answer in answers]
    true = [normal(reference.text) for reference in references]
    named, support = Counter(said), Counter(true)
    hits = Counter(a for a, b in zip(said, true, strict=True) if a == b)
    return {
        label: {
            "recall": 100 * hits[label] / support[label],
            "precision": 100 * hits[label] / named[label] if named[label] else 0.0,
            "f1": 200 * hits[label] / (support[label] + named[label]),
            "support": support[label],
        }
        for label in sorted(support)
    }


def confusion(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[tuple[str, str], int]:
    """(true, predicted) -> count; predictions outside the references' classes are included."""
    pairs = zip(references, answers, strict=True)
    return dict(Counter((normal(reference.text), normal(answer.text)) for reference, answer in pairs))
