"""Verdicts from replies, by an exact permutation test within groups of clips.

The clips of a group differ in one modality and share the question. For a model without that modality they are equal, so
its replies are exchangeable within the group. The p-value is the probability of at least as many correct replies over
all permutations of the replies within groups, computed exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import permutations

import numpy as np

SURE = 3e-4  # p-value at which a verdict is certain
YES, NO, OPEN, REVERSED = "yes", "no", "not shown", "reversed"


@dataclass(frozen=True)
class Group:
    """Replies to one question about clips that differ in one sense, with the correct answers `truth`.

    `other` are the correct answers if time were reversed, for questions about order. `again` are replies to the first
    clip asked a second time, to measure whether replies are deterministic.
    """

    kind: str
    question: str
    truth: tuple[str, ...]
    replies: tuple[str, ...]
    raw: tuple[str, ...] = ()
    other: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    failed: str = ""

    @property
    def right(self) -> int:
        """The number of correct replies."""
        return matches(self.replies, self.truth)


@dataclass(frozen=True)
class Finding:
    """The result for one sense: `verdict` is yes, no or not shown, `why` is its reason, `chance` the p-value.

    `varies`: replies to the same clip differ, so that more of them may decide what is not shown.
    """

    verdict: str
    why: str
    right: int = 0
    asked: int = 0
    chance: float = 1.0
    groups: tuple[Group, ...] = field(default=(), repr=False)
    varies: bool = False


def matches(replies: Sequence[str], truth: Sequence[str]) -> int:
    """The number of positions at which `replies` equal `truth`."""
    return sum(a == b for a, b in zip(replies, truth, strict=True))


def chance(groups: Sequence[Group]) -> float:
    """The p-value: probability of at least as many correct replies if replies are permuted within groups."""
    dealt = []
    for group in groups:
        counts = [matches(order, group.truth) for order in permutations(group.replies)]
        dealt.append(np.bincount(counts, minlength=len(group.truth) + 1) / len(counts))
    whole = reduce(np.convolve, dealt, np.ones(1))
    return float(min(1.0, whole[sum(g.right for g in groups) :].sum()))


def judge(groups: Sequence[Group], last: bool) -> Finding:
    """The verdict on one sense; unless `last`, it may stay open until more is asked."""
    good = [g for g in groups if not g.failed]
    if not good:
        why = f"nothing was answered: {groups[0].failed}" if groups else "nothing was asked"
        return Finding(OPEN, why, groups=tuple(groups))
    right, asked, p = sum(g.right for g in good), sum(len(g.truth) for g in good), chance(good)
    counts = f"{right} of {asked} right ({_counts_by_kind(good)})"

    def finding(verdict: str, why: str) -> Finding:
        return Finding(verdict, why, right, asked, p, tuple(groups))

    if p <= SURE:
        return finding(YES, f"{counts}; by luck with a chance of {p:.1g}")
    if all(len(set(g.raw)) == 1 for g in good):
        return finding(NO, f"{counts}; what was changed changes no reply")
    if not last:
        return finding(OPEN, counts)
    stable = all(len({g.raw[0], *g.again}) == 1 for g in good)
    likely = sum(1 / len(g.truth) for g in good) / len(good)
    if not stable and right <= asked * (likely + max(0.5, likely + 0.25)) / 2:
        return finding(NO, f"{counts}, as guessing is; replies vary as much when nothing is changed")
    left = finding(OPEN, f"{counts}; replies change with what is sent, but not as the truth does")
    return replace(left, varies=not stable)


def order(groups: Sequence[Group]) -> Finding:
    """Whether the model distinguishes what comes first from what comes last: yes, reversed, or not shown."""
    finding = judge(groups, last=True)
    turned = [Group(g.kind, g.question, g.other, g.replies) for g in groups if not g.failed]
    if finding.verdict != YES and turned and (p := chance(turned)) <= SURE:
        right = sum(g.right for g in turned)
        why = f"the last is taken for the first {right} of {finding.asked} times"
        return Finding(REVERSED, why, finding.right, finding.asked, p, tuple(groups))
    return replace(finding, verdict=OPEN) if finding.verdict == NO else finding


def _counts_by_kind(groups: Sequence[Group]) -> str:
    right, asked = Counter[str](), Counter[str]()
    for group in groups:
        right[group.kind] += group.right
        asked[group.kind] += len(group.truth)
    return ", ".join(f"{kind} {right[kind]}/{asked[kind]}" for kind in asked)
