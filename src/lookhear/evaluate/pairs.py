"""Pair scores: does an answer change if the truth changes, and stay if the truth stays?

    pairs        both answers of a pair that must change are right      percent of pairs; a constant answer scores 0
    changes      the answers of a pair that must change are different
    stays        the answers of a pair that must stay are the same
    consistency  the mean of `changes` and `stays`                      a constant answer, or a deaf model, scores 50
    says_muted   a muted (or swapped) sound is still affirmed           percent of the questions whose answer was yes

A pair is a question about a clip and the same question about a twin that differs in one cause. `meta["pair"]` is equal
in both, `meta["twin"]` names the change and is empty for the original clip, `meta["must"]` is `change` or `stay`.
Intervals are 95 %, by bootstrap over the original clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lookhear import statistics
from lookhear.evaluate.videos import clusters_of
from lookhear.metrics.answers import correct, normal
from lookhear.types import Answer, Example

SOUNDLESS = ("mute", "swap", "silence")  # twins in which a sound of the original clip is removed


@dataclass(frozen=True)
class Pairs:
    """One score in percent with its 95 % interval, and its number of pairs."""

    value: float
    interval: tuple[float, float]
    total: int

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"value": round(self.value, 2), "interval": [round(e, 2) for e in self.interval], "total": self.total}


@dataclass(frozen=True)
class Compared:
    """All pairs: the twin's example, whether both answers are right, and whether they differ."""

    examples: list[Example]
    both: np.ndarray  # bool (pair,)
    differ: np.ndarray  # bool (pair,)
    affirmed: np.ndarray  # bool (pair,): the answer about the twin is yes
    muted: np.ndarray  # bool (pair,): the truth is yes for the clip and no for the twin, because a sound is removed


def compared(examples: Sequence[Example], answers: Sequence[Answer]) -> Compared:
    """The pairs among the examples; a twin without its original clip is left out."""
    bases = {e.meta["pair"]: (e, a) for e, a in zip(examples, answers, strict=True) if e.meta.get("twin") == ""}
    rows = []
    for example, answer in zip(examples, answers, strict=True):
        if example.meta.get("twin") and example.meta["pair"] in bases:
            rows.append((*bases[example.meta["pair"]], example, answer))
    return Compared(
        [twin for _, _, twin, _ in rows],
        np.array([_right(b, a) and _right(t, s) for b, a, t, s in rows], dtype=bool),
        np.array([normal(a.text) != normal(s.text) for _, a, _, s in rows], dtype=bool),
        np.array([normal(s.text) == "yes" for _, _, _, s in rows], dtype=bool),
        np.array([_sound_removed(b, t) for b, _, t, _ in rows], dtype=bool),
    )


def scores(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, Pairs]:
    """Every score over all pairs, and over each kind of twin, named `pairs/mute`; empty without pairs."""
    pairs = compared(examples, answers)
    if not pairs.examples:
        return {}
    kinds = np.array([str(e.meta["twin"]) for e in pairs.examples])
    change = np.array([e.meta.get("must") == "change" for e in pairs.examples], dtype=bool)
    by_name: dict[str, Pairs] = {}
    for kind in ("", *dict.fromkeys(kinds.tolist())):
        of_kind = (kinds == kind) if kind else np.ones(len(kinds), bool)
        end = f"/{kind}" if kind else ""
        by_name |= _scores(pairs, of_kind & change, of_kind & ~change, end)
    if pairs.muted.any():
        by_name["says_muted"] = share(pairs.examples, pairs.affirmed, pairs.muted)
    return by_name


def _scores(pairs: Compared, change: np.ndarray, stay: np.ndarray, end: str) -> dict[str, Pairs]:
    by_name = {}
    if change.any():
        by_name[f"pairs{end}"] = share(pairs.examples, pairs.both, change)
        by_name[f"changes{end}"] = share(pairs.examples, pairs.differ, change)
    if stay.any():
        by_name[f"stays{end}"] = share(pairs.examples, ~pairs.differ, stay)
    if change.any() and stay.any():
        by_name[f"consistency{end}"] = _balanced(pairs, change, stay)
    return by_name


def share(examples: Sequence[Example], hits: np.ndarray, inside: np.ndarray) -> Pairs:
    """Percent of `hits` (example,) among the examples `inside`, with its interval."""
    low, high = 100 * statistics.bootstrap(hits, clusters_of(examples), inside[:, None])[0]
    return Pairs(100 * float(hits[inside].mean()), (float(low), float(high)), int(inside.sum()))


def _balanced(pairs: Compared, change: np.ndarray, stay: np.ndarray) -> Pairs:
    """The mean of two shares over different pairs; its interval is computed from their difference."""
    value = 50 * (float(pairs.differ[change].mean()) + float((~pairs.differ[stay]).mean()))
    low, high = statistics.difference(pairs.differ, clusters_of(pairs.examples), change, stay)
    return Pairs(value, (50 + 50 * low, 50 + 50 * high), int((change | stay).sum()))


def _right(example: Example, answer: Answer) -> bool:
    return example.reference is not None and correct(answer, example.reference)


def _sound_removed(base: Example, twin: Example) -> bool:
    """Whether the truth changes from yes to no because a sound is removed in the twin."""
    said = [normal(e.reference.text) if e.reference else "" for e in (base, twin)]
    return said == ["yes", "no"] and twin.meta.get("twin") in SOUNDLESS
