"""Right or wrong, one short answer at a time: accuracy, consistency, calibration."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from lookhear.pooled import Pooled, mean, ratio
from lookhear.types import Answer


def normal(text: str) -> str:
    """`text` as it is compared: surrounding blanks and letter case do not count, every other character does."""
    return text.strip().casefold()


def correct(answer: Answer, reference: Answer) -> bool:
    """Whether `answer` says the same words as `reference`."""
    return normal(answer.text) == normal(reference.text)


def accuracy(answers: Sequence[Answer], references: Sequence[Answer]) -> float:
    """Percent of answers that are right: every question counts once (a micro average)."""
    return 100 * sum(map(correct, answers, references)) / len(references) if references else float("nan")


def pooled(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, Pooled]:
    """`accuracy`, in percent, as sums over questions."""
    return {"accuracy": mean([correct(a, r) for a, r in zip(answers, references, strict=True)])}


def pooled_yes(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, Pooled]:
    """`precision`, `recall` and `f1` of yes and `yes_rate`, in percent; an answer that is neither is no yes."""
    said = np.array([normal(answer.text) == "yes" for answer in answers], dtype=float)
    true = np.array([normal(reference.text) == "yes" for reference in references], dtype=float)
    hits = said * true
    rows = np.stack([2 * hits, said + true], axis=1).reshape(-1, 2)
    return {
        "precision": ratio(hits, said),
        "recall": ratio(hits, true),
        "f1": Pooled(rows, lambda sums: 100 * sums[..., 0] / np.maximum(sums[..., 1], 1e-9)),
        "yes_rate": mean(said),
    }


def consistency(answers: Sequence[Answer], references: Sequence[Answer], groups: Iterable[Any]) -> Mapping[str, float]:
    """How alike the answers to rephrasings of one question are, in percent; `groups` names each one's question.

    `agreement`: two rephrasings drawn from one question get the same answer (mean over questions). `all_right`: every
    rephrasing is answered right. `all_same`: every rephrasing gets one and the same answer, right or wrong. Questions
    asked in one form only are left out of the first and the last.
    """
    said: dict[Any, list[str]] = defaultdict(list)
    right: dict[Any, list[bool]] = defaultdict(list)
    for answer, reference, group in zip(answers, references, groups, strict=True):
        said[group].append(normal(answer.text))
        right[group].append(correct(answer, reference))
    several = [texts for texts in said.values() if len(texts) > 1]
    return {
        "agreement": _percent(_agreement(texts) for texts in several),
        "all_same": _percent(len(set(texts)) == 1 for texts in several),
        "all_right": _percent(all(flags) for flags in right.values()),
    }


def calibration(answers: Sequence[Answer], references: Sequence[Answer], bins: int = 15) -> Mapping[str, float]:
    """Expected calibration error and mean confidence, in percent, over answers that carry scores.

    The error is the gap between confidence (the score of the answer given) and accuracy, in `bins` equal slices of
    confidence, weighted by how many answers fall into each.
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
