"""Metrics of short answers that are right or wrong: accuracy, consistency, calibration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lookhear.pooled import Pooled, mean, ratio
from lookhear.types import Answer


def normal(text: str) -> str:
    """Normalise a text for comparison: strip surrounding whitespace and lower-case it."""
    return text.strip().casefold()


def correct(answer: Answer, reference: Answer) -> bool:
    """Whether `answer` and `reference` have the same normalised text."""
    return normal(answer.text) == normal(reference.text)


def accuracy(answers: Sequence[Answer], references: Sequence[Answer]) -> float:
    """Percent of correct answers over all questions (micro average)."""
    return 100 * sum(map(correct, answers, references)) / len(references) if references else float("nan")


def pooled(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, Pooled]:
    """`accuracy`, in percent, as sums over questions."""
    return {"accuracy": mean([correct(a, r) for a, r in zip(answers, references, strict=True)])}


def pooled_yes(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, Pooled]:
    """`precision`, `recall` and `f1` of yes, and `yes_rate`, in percent; every other answer counts as not yes."""
    predicted = np.array([normal(answer.text) == "yes" for answer in answers], dtype=float)
    true = np.array([normal(reference.text) == "yes" for reference in references], dtype=float)
    hits = predicted * true
    rows = np.stack([2 * hits, predicted + true], axis=1).reshape(-1, 2)
    return {
        "precision": ratio(hits, predicted),
        "recall": ratio(hits, true),
        "f1": Pooled(rows, lambda sums: 100 * sums[..., 0] / np.maximum(sums[..., 1], 1e-9)),
        "yes_rate": mean(predicted),
    }


def consistency(answers: Sequence[Answer], references: Sequence[Answer], groups: Iterable[Any]) -> Mapping[str, float]:
    """Consistency over rephrasings of the same question, in percent; `groups` is the original question of each answer.

    `agreement`: share of pairs of rephrasings with equal answers (mean over questions). `all_right`: share of questions
    with all rephrasings correct. `all_same`: share of questions with equal answers to all rephrasings, right or wrong.
    Questions with a single form are left out of `agreement` and `all_same`.
    """
    replies: dict[Any, list[str]] = defaultdict(list)
    right: dict[Any, list[bool]] = defaultdict(list)
    for answer, reference, group in zip(answers, references, groups, strict=True):
        replies[group].append(normal(answer.text))
        right[group].append(correct(answer, reference))
    several = [texts for texts in replies.values() if len(texts) > 1]
    return {
        "agreement": _percent(_agreement(texts) for texts in several),
        "all_same": _percent(len(set(texts)) == 1 for texts in several),
        "all_right": _percent(all(flags) for flags in right.values()),
    }


def calibration(answers: Sequence[Answer], references: Sequence[Answer], bins: int = 15) -> Mapping[str, float]:
    """Expected calibration error and mean confidence, in percent, over answers with scores.

    The error is the gap between confidence (the score of the given answer) and accuracy in `bins` equal bins of
    confidence, weighted by the number of answers in each bin.
    """
    pairs = [(a.scores[a.text], correct(a, r)) for a, r in zip(answers, references, strict=True) if a.text in a.scores]
    if not pairs:
        return {"error": float("nan"), "confidence": float("nan"), "answers": 0}
    slices: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for score, right in pairs:
        slices[min(int(score * bins), bins - 1)].append((score, right))
    gaps = (abs(sum(s for s, _ in part) - sum(r for _, r in part)) for part in slices.values())
    return {
        "error": 100 * sum(gaps) / len(pairs),
        "confidence": 100 * sum(s for s, _ in pairs) / len(pairs),
        "answers": len(pairs),
    }


def _agreement(texts: Sequence[str]) -> float:
    counts: dict[str, int] = defaultdict(int)
    for text in texts:
        counts[text] += 1
    n = len(texts)
    return sum(c * (c - 1) for c in counts.values()) / (n * (n - 1))


def _percent(values: Iterable[float]) -> float:
    values = list(values)
    return 100 * sum(values) / len(values) if values else float("nan")
