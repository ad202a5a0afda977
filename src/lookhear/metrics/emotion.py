"""One class out of a few: WAR (accuracy), UAR (mean recall), weighted F1, and each class by itself.

Papers on DFEW, MAFW and MER print WAR and UAR, those on MELD accuracy and weighted F1. The same numbers serve action
recognition and every other task whose answer is one name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lookhear.metrics.answers import normal
from lookhear.types import Answer


def recognition(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, float]:
    """`war`, `uar` and `weighted_f1` in percent. Classes are those of the references; an empty answer is wrong.

    UAR is the mean recall of the classes, weighted F1 the mean of their F1 by how often they are true; both as
    scikit-learn's `balanced_accuracy_score` and `f1_score(average="weighted")`.
    """
    table = by_class(answers, references)
    total = sum(row["support"] for row in table.values())
    if not total:
        return dict.fromkeys(("war", "uar", "weighted_f1"), float("nan"))
    return {
        "war": sum(row["recall"] * row["support"] for row in table.values()) / total,
        "uar": sum(row["recall"] for row in table.values()) / len(table),
        "weighted_f1": sum(row["f1"] * row["support"] for row in table.values()) / total,
    }


def by_class(answers: Sequence[Answer], references: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """true class -> `recall`, `precision` and `f1` in percent, and `support`, how often it is true."""
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
    """(true, said) -> how often; answers that are no class of the references are said as they are."""
    pairs = zip(references, answers, strict=True)
    return dict(Counter((normal(reference.text), normal(answer.text)) for reference, answer in pairs))
