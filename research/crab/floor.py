"""A floor for every column of Table 2, the best constant answer of training, and the table with everything in it."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.errors import DatasetError
from lookhear.evaluate import floors, many
from lookhear.evaluate import report as reports
from lookhear.metrics.segmentation import jaccard
from lookhear.types import Answer, Example, Region, Segment

LEARNED = {"llp": "val", "ref_avs": "train"}  # the split a constant is taken from, where it is not `train`
PUBLISHED = ("Crab", "Crab+")


def measured(formats: Path, limit: int) -> dict[str, list[float]]:
    """Column -> value and its interval, of the constant answer."""
    found = {}
    for asked in many.test_sets("all", formats):
        test = many.examples_of(asked, limit)
        try:
            train = many.examples_of(many.Asked(asked.dataset, LEARNED.get(asked.dataset, "train"), asked.root))
        except DatasetError:
            continue
        report = reports.report(test, constant(train, test))
        for column in many.of_set(asked, report):
            one = report.metrics[column.kind][column.metric]
            found[column.column] = [round(float(v), 2) for v in (one.value, *one.interval)]
    return found


def constant(train: Sequence[Example], test: Sequence[Example]) -> list[Answer]:
    """The commonest answer of training (to a question's template); middle of times and of boxes; the mean mask."""
    references = [e.truth for e in train]
    kind = str(test[0].meta.get("form", test[0].task))
    if test[0].task == "question_answering":
        if "options" in test[0].meta:  # of its own choices, the one that training gives most often
            counts = Counter(a.text for a in references)
            return [Answer(max(e.meta["options"], key=lambda option: counts[option])) for e in test]
        return floors.most_frequent(train, test)
    if test[0].task == "event_localisation":
        return [_events(references)] * len(test)
    if kind == "arig":
        boxes = [r.box for a in references for r in a.regions if r.box]
        middle = tuple(statistics.median(box[edge] for box in boxes) for edge in range(4))
        return [Answer("", regions=(Region("", middle),))] * len(test)  # type: ignore[arg-type]
    if test[0].task == "localisation":
        return [Answer("", regions=(Region("", mask=_mask(references)),))] * len(test)
    text = Counter(a.text for a in references).most_common(1)[0][0]
    return [Answer(text)] * len(test)


def _events(references: Sequence[Answer]) -> Answer:
    """For each stream its commonest event, from the median start to the median end."""
    segments = [s for a in references for s in a.segments]
    chosen = []
    for stream in sorted({s.stream for s in segments}):
        some = [s for s in segments if s.stream == stream]
        label = Counter(s.label for s in some).most_common(1)[0][0]
        start, end = (statistics.median(getattr(s, edge) for s in some) for edge in ("start", "end"))
        chosen.append(Segment(label, start, end, stream))
    return Answer(", ".join(dict.fromkeys(s.label for s in chosen)), segments=tuple(chosen))


def _mask(references: Sequence[Answer]) -> np.ndarray:
    """The mean mask of training at the threshold that serves training best."""
    masks = [np.logical_or.reduce([r.mask for r in a.regions if r.mask is not None]) for a in references if _drawn(a)]
    mean = np.mean(masks, axis=0)
    levels = np.linspace(0.05, 0.6, 23)
    return mean > levels[np.argmax([np.mean([jaccard(mean > level, m) for m in masks]) for level in levels])]


def _drawn(answer: Answer) -> bool:
    return any(r.mask is not None for r in answer.regions)


def _cell(one: Mapping[str, Any]) -> str:
    """A value with its interval, which is unknown where all resamples of clips give the same."""
    low, high = one["interval"]
    return f"{one['value']:.1f}" + ("" if low is None else f" ({low:.0f} to {high:.0f})")


def page(result: Mapping[str, Any]) -> str:
    """Table 2 in Markdown, a column of the paper a row: floor, ours with intervals, unread replies, published."""
    printed = many.printed()
    names = list(result["models"])
    head = ["column", "floor", *names, "unread, %", *PUBLISHED]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    for column in many.columns():
        key = column.column
        cells = [key, f"{result['floor'][key][0]:.1f}" if key in result["floor"] else "-"]
        unread = []
        for name in names:
            one = result["models"][name]["columns"].get(key)
            cells.append(_cell(one) if one else "-")
            unread.append(f"{one['unread']:.0f}" if one else "-")
        cells += [" · ".join(unread), *(printed[name].get(key, "-") for name in PUBLISHED)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)
