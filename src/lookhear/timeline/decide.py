"""Detect events from rows of scores: hysteresis thresholds, and specific labels preferred to general ones.

scores ─ start above a share of the label's own peak, continue above half of it, fill pauses ─▶ stretches
stretches ─ probability of their mean score ─ drop general labels covered by specific ones ─▶ events

Thresholds are relative to the label's own peak, so that the ends of faint sounds are found too. All labels share the
constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from lookhear.timeline import calibrated
from lookhear.timeline.ontology import groups, larger_than, sounds
from lookhear.timeline.value import Event, Track

ON, ON_GENERAL = 0.4, 0.5  # smallest probability of an event, for specific and general labels
FAINT = 0.02  # smallest score at which an event starts, unless the label's peak is smaller
SHARE = 0.5  # share of a group's probability that one class needs to be named instead of the group
TOP = 10  # number of labels listed for the whole clip


@dataclass(frozen=True)
class Stretch:
    """Rows `first` to `last` of a track, from `start` to `end` seconds."""

    start: float
    end: float
    first: int
    last: int


@dataclass(frozen=True)
class Rule:
    """Thresholds of start and end as shares of the label's peak; filled pause and trim in seconds."""

    begins: float
    ends: float
    pause: float
    trim: float = 0.0  # a row of sound lasts 0.96 s: an event that fills only part of a row starts and ends inside it


HEARD = Rule(0.3, 0.15, 1.5, 0.12)  # chosen on mixtures with known times (research/real/mixtures.py)
SEEN = Rule(0.5, 0.25, 1.0)


def stretches(track: Track, scores: Float[np.ndarray, " time"], duration: float, rule: Rule) -> list[Stretch]:
    """Time spans of a label, by hysteresis between two thresholds relative to its maximum."""
    peak = float(scores.max(initial=0.0))
    spans: list[Stretch] = []
    if peak <= 0:
        return spans
    begins = max(rule.begins * peak, min(FAINT, peak))
    for first, last in runs(scores >= begins * rule.ends / rule.begins):
        if not (scores[first : last + 1] >= begins).any():
            continue
        start = 0.0 if first == 0 else float(track.starts[first]) + rule.trim
        end = (
            duration if last == len(scores) - 1 else min(duration, float(track.starts[last]) + track.width - rule.trim)
        )
        if spans and start - spans[-1].end < rule.pause:
            start, first = spans[-1].start, spans.pop().first
        spans.append(Stretch(start, end, first, last))
    return spans


def runs(mask: Sequence[bool] | np.ndarray) -> list[tuple[int, int]]:
    """(first, last) index of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], np.asarray(mask, np.int8), [0]])))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def heard_events(track: Track, duration: float) -> list[Event]:
    """Events of the audio track."""
    tree, sharp = sounds(), calibrated.heard_sharp(track)
    rows = calibrated.smoothed(sharp)
    likely = calibrated.heard_probability(rows).max(axis=0, initial=0.0)
    events = []
    for i in np.flatnonzero(likely >= ON):
        name = tree.names[i]
        if tree.marks[name] == "?":
            continue
        for one in stretches(track, sharp[:, i], duration, HEARD):
            mean = rows[one.first : one.last + 1].mean(axis=0, keepdims=True)
            score = float(calibrated.heard_probability(mean)[0, i])
            events.append(Event(name, round(one.start, 2), round(one.end, 2), round(score, 3), "heard"))
    events = [event for event in events if event.score >= ON]
    every = _by_label(events)
    basic = [e for e in events if tree.specific(e.label) and not _covered(e, every, _things_above)]
    wider, named = [e for e in events if not tree.specific(e.label) and e.score >= ON_GENERAL], _by_label(basic)
    kept = [e for e in wider if not _covered(e, named, _kinds_below)]
    return sorted([*basic, *_lowest(kept)], key=_order)


def _by_label(events: Sequence[Event]) -> dict[str, list[Event]]:
    """Group events by label: an hour has thousands, and most comparisons are within a label."""
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.label, []).append(event)
    return found


@lru_cache(maxsize=1024)
def _kinds_below(name: str) -> tuple[str, ...]:
    return tuple(kind for kind in sounds().kinds(name) if kind != name)


@lru_cache(maxsize=1024)
def _things_above(name: str) -> tuple[str, ...]:
    """The specific classes of which `name` is a subclass: a bark is a dog.

    Instruments and vehicles stay as they are.
    """
    tree = sounds()
    apart = {"Musical instrument", "Vehicle"} & set(tree.above[name])
    return () if apart else tuple(a for a in tree.above[name] if tree.specific(a))


def _lowest(events: Sequence[Event]) -> list[Event]:
    """General events that are not covered by a less general one."""
    every = _by_label(events)
    return [e for e in events if not _covered(e, every, _kinds_below)]


def seen_events(track: Track, duration: float) -> list[Event]:
    """Events of the picture track: a class if it has most of its group's probability, else the group."""
    labels, rows, among = calibrated.seen_labels(track), calibrated.seen_rows(track), groups()
    likely = calibrated.seen_probability(rows.max(axis=0, initial=0.0))
    members = {i: [g for g in among if i in among[g].classes and not among[g].general] for i in range(len(track.names))}
    events = []
    for column in np.flatnonzero(likely >= ON):
        label, number = labels[column], int(column) - len(among)
        if number < 0 and among[label].general:
            continue
        for one in stretches(track, rows[:, column], duration, SEEN):
            mean = rows[one.first : one.last + 1].mean(axis=0)
            if not _named(mean, number, label, members, labels):
                continue
            score = float(calibrated.seen_probability(mean[column]))
            events.append(Event(label, round(one.start, 2), round(one.end, 2), round(score, 3), "seen"))
    return sorted([event for event in events if event.score >= ON], key=_order)


def _named(mean: np.ndarray, number: int, label: str, members: dict[int, list[str]], labels: Sequence[str]) -> bool:
    """Whether to name a label: a class with most of its group's probability, or a group without such a class."""
    among = list(groups())
    if number >= 0:
        own = mean[len(among) + number]
        return all(own > SHARE * mean[among.index(g)] for g in members[number])
    best = max(mean[len(among) + i] for i in groups()[label].classes)
    smaller = [g for g in among if label in larger_than(g, groups()) and not groups()[g].general]
    return best <= SHARE * mean[among.index(label)] and all(
        mean[among.index(g)] <= SHARE * mean[among.index(label)] for g in smaller
    )


def _covered(event: Event, by: Mapping[str, Sequence[Event]], better: Callable[[str], Sequence[str]]) -> bool:
    """Whether events of more specific labels cover at least half of this event."""
    others = (other for name in better(event.label) for other in by.get(name, ()))
    shared = sum(max(0.0, min(event.end, o.end) - max(event.start, o.start)) for o in others)
    return shared >= (event.end - event.start) / 2


def _order(event: Event) -> tuple[float, float, str]:
    return (event.start, -event.score, event.label)


def ranked_heard(track: Track) -> tuple[tuple[str, float], ...]:
    """The specific classes with the highest probabilities in the whole clip."""
    tree, likely = sounds(), calibrated.heard_probability(calibrated.heard_whole(track))
    own = np.array([tree.specific(name) for name in tree.names])
    return tuple((tree.names[i], round(float(likely[i]), 4)) for i in np.argsort(-np.where(own, likely, -1))[:TOP])


def ranked_seen(track: Track) -> tuple[tuple[str, float], ...]:
    """The classes with the highest probabilities in the whole clip, without groups."""
    own = calibrated.seen_whole(track)[len(groups()) :]
    return tuple((track.names[i], round(float(calibrated.seen_probability(own[i])), 4)) for i in np.argsort(-own)[:TOP])
