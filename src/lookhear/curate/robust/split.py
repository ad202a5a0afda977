"""Head and tail: which questions have a frequent answer and which a rare one, MUSIC-AVQA-R style.

Questions are grouped by task and type (`kind`). Within a group an answer is tail when it has at most 1.2 times the mean
number of questions per answer, else head; of two answers the more frequent is head. Three forms exist:

    stated      what the paper says: only groups whose answers are unbalanced (normalised entropy below 0.9) are split
    unfiltered  the same for every group: what its published counts follow in seven groups of nine
    published   the very sets of answers behind the published counts, those of the other two groups included

In two groups the published sets do not follow from the group's own counts: the head of audio-visual counting is that of
visual counting, and the tail of audio-visual location is the *head* of visual location.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lookhear.catalog import unknown
from lookhear.errors import DatasetError, RecipeError
from lookhear.metrics.answers import normal
from lookhear.types import Example

FORMS = ("stated", "unfiltered", "published")
BALANCED = 0.9  # normalised entropy from which a group counts as balanced
RATIO = 1.2  # of the mean number of questions per answer

PUBLISHED_HEAD = {
    ("Audio", "Counting"): {"yes", "no", "two"},
    ("Audio", "Comparative"): {"no"},
    ("Visual", "Counting"): {"yes", "no", "one", "two"},
    ("Visual", "Location"): {"indoor", "outdoor", "violin", "acoustic_guitar", "cello", "saxophone"},
    ("Audio-Visual", "Existential"): {"yes"},
    ("Audio-Visual", "Counting"): {"one", "two"},
    ("Audio-Visual", "Comparative"): {"yes"},
    ("Audio-Visual", "Temporal"): {"simultaneously", "right", "left", "middle", "piano", "violin"},
}
PUBLISHED_TAIL = {("Audio-Visual", "Location"): {"violin", "acoustic_guitar", "cello", "saxophone"}}


@dataclass(frozen=True)
class Group:
    """One task and type: how often each answer occurs, how even that is (0..1), and which answers are head."""

    kind: tuple[str, ...]
    counts: Mapping[str, int]
    entropy: float
    head: frozenset[str] | None  # None: the group is balanced and left whole

    def part(self, answer: str) -> str:
        """`head` or `tail`, or nothing where the group is left whole."""
        return "" if self.head is None else "head" if normal(answer) in self.head else "tail"


def groups(examples: Sequence[Example], form: str = "stated") -> dict[tuple[str, ...], Group]:
    """Kind -> what its answers are and how `form` splits them."""
    if form not in FORMS:
        raise RecipeError(unknown("form of head and tail", form, FORMS))
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for example in examples:
        if example.reference is None:
            raise DatasetError(f"Question {example.id!r} has no answer, so it is neither head nor tail.")
        counts[example.kind][normal(example.reference.text)] += 1
    return {kind: Group(kind, found, entropy(found), _head(kind, found, form)) for kind, found in counts.items()}


def parts(examples: Sequence[Example], form: str = "stated") -> list[str]:
    """`head`, `tail` or nothing for each example."""
    found = groups(examples, form)
    return [found[e.kind].part(e.truth.text) for e in examples]


def entropy(counts: Mapping[str, int]) -> float:
    """Entropy of the answers over its greatest value, the log of how many there are: 1 is even, 0 a single answer."""
    total = sum(counts.values())
    if len(counts) < 2:
        return 0.0
    return -sum(n / total * math.log(n / total) for n in counts.values() if n) / math.log(len(counts))


def head_answers(counts: Mapping[str, int]) -> frozenset[str]:
    """The frequent answers by the rule; a tie of two answers is broken for the one that was seen first."""
    if len(counts) == 2:
        return frozenset([max(counts, key=lambda answer: counts[answer])])
    mean = sum(counts.values()) / len(counts)
    return frozenset(answer for answer, n in counts.items() if n > RATIO * mean)


def _head(kind: tuple[str, ...], counts: Mapping[str, int], form: str) -> frozenset[str] | None:
    if form == "published":
        if kind in PUBLISHED_TAIL:
            return frozenset(set(counts) - PUBLISHED_TAIL[kind])
        if kind not in PUBLISHED_HEAD:
            raise DatasetError(
                f"No published head and tail for questions of kind {'/'.join(kind)!r}; use form 'stated'."
            )
        return frozenset(PUBLISHED_HEAD[kind])
    if form == "stated" and entropy(counts) >= BALANCED:
        return None
    return head_answers(counts)
