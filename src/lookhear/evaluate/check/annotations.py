"""Check a dataset on disk: malformed rows, ids, answers, leaking splits, missing or broken media.

    check("music_avqa@update", root) -> Checkup ── findings, each a sentence with a count and a few cases

Nothing is repaired. Everything readable is read, and every finding has its count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

from lookhear import datasets
from lookhear.datasets.reading.annotations import Annotations, Fault
from lookhear.errors import DatasetError
from lookhear.evaluate.check import truth as truth_check
from lookhear.evaluate.check.media import broken_media, near_duplicates
from lookhear.evaluate.report import video_of
from lookhear.metrics.answers import normal
from lookhear.types import Example

SHOWN = 5  # cases kept with a finding
ORDER = ("train", "val", "test")  # leaks are reported from an earlier split into a later one


@dataclass(frozen=True)
class Finding:
    """One kind of fault in one split (or between two): its count, a message, and the first cases."""

    kind: str
    split: str
    count: int
    message: str
    cases: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {**vars(self), "cases": list(self.cases)}


@dataclass(frozen=True)
class Checkup:
    """Result of a check: contents by split (file, rows, questions, videos) and findings."""

    dataset: str
    root: str
    splits: Mapping[str, Mapping[str, Any]]
    findings: tuple[Finding, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "root": self.root,
            "splits": {name: dict(facts) for name, facts in self.splits.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }


def check(
    name: str,
    root: Path | str,
    splits: Sequence[str] = (),
    media: bool = True,
    near: bool = False,
    progress: Callable[[Sequence[Path], str], Iterable[Path]] = lambda paths, _: paths,
) -> Checkup:
    """Check dataset `name` under `root`: all existing splits, or the given ones.

    `media` opens every needed file; `near` also decodes the files and searches for near-duplicates. `progress` wraps
    long loops over files (paths, description).
    """
    dataset = datasets.of(name)
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"No folder {str(root)!r} for dataset {name!r}. Give the folder of its annotations.")
    there = dataset.splits(root)
    if not dataset.reads:  # parts belong to another split; they are checked only if named
        there = [split for split in there if split not in dataset.parts]
    by_split = {split: dataset.read(root, split) for split in splits or sorted(there, key=_place)}
    if not by_split:
        raise DatasetError(f"No annotations of {name!r} under {str(root)!r}. Their layout: lookhear list datasets.")
    own = bool(dataset.version) and not dataset.reads  # tasks whose answers are not in the vocabulary
    vocabulary = set() if own else {normal(word) for word in dataset.answers(root)}
    findings: list[Finding] = []
    for split, read in by_split.items():
        findings += _rows(split, read.faults)
        findings += _ids(split, read.examples, dataset.rephrased)
        findings += _answers(split, read.examples, vocabulary)
        findings += _asked_twice(split, read.examples)
        if own:
            findings += _truths(split, read.examples, media)
    whole = {split: dataset.wholes.get(split, split) for split in by_split}
    for (first, a), (second, b) in combinations(by_split.items(), 2):
        if whole[first] == whole[second]:  # head and tail are parts of one test set
            continue
        findings += _leaks(first, a.examples, second, b.examples)
    clips = {e.clip.id: e.clip for read in by_split.values() for e in read.examples}
    if media:
        findings += [Finding(*finding) for finding in broken_media(clips.values(), progress)]
    if near:
        findings += [Finding(*finding) for finding in near_duplicates(clips.values(), progress)]
    return Checkup(name, str(root), {split: _facts(a) for split, a in by_split.items()}, tuple(findings))


def _facts(annotations: Annotations) -> dict[str, Any]:
    return {
        "file": str(annotations.file),
        "rows": annotations.rows,
        "read": len(annotations.examples),
        "videos": len({video_of(e) for e in annotations.examples}),
    }


def _rows(split: str, faults: Sequence[Fault]) -> Iterable[Finding]:
    kinds: dict[str, list[Fault]] = defaultdict(list)
    for fault in faults:
        kinds[fault.kind].append(fault)
    for kind, cases in kinds.items():
        lost = "could not be read" if kind == "malformed" else "are odd, but could be read"
        message = f"{len(cases)} rows {lost} ({kind})"
        yield Finding(kind, split, len(cases), message, _some(str(fault) for fault in cases))


def _ids(split: str, examples: Sequence[Example], rephrased: bool) -> Iterable[Finding]:
    by_id: dict[Any, list[Example]] = defaultdict(list)
    for example in examples:
        number = example.meta.get("question_id")
        if number is not None:
            by_id[number].append(example)
    doubled = {id: same for id, same in by_id.items() if len(same) > 1}
    conflicting = {id: same for id, same in doubled.items() if len({_reference_text(e) for e in same}) > 1}
    if conflicting if rephrased else doubled:
        shown = conflicting or doubled
        count = len(conflicting) if rephrased else len(doubled)
        message = f"{count} question ids occur more than once, {len(conflicting)} of them with conflicting answers"
        cases = (f"id {id}: {_lines(same)}" for id, same in shown.items())
        yield Finding("doubled ids", split, count, message, _some(cases))


def _answers(split: str, examples: Sequence[Example], vocabulary: set[str]) -> Iterable[Finding]:
    if not vocabulary:
        return
    outside = Counter(e.reference.text for e in examples if e.reference and normal(e.reference.text) not in vocabulary)
    if outside:
        message = f"{outside.total()} answers are outside the dataset's {len(vocabulary)}"
        cases = (f"{text!r}, {count} times" for text, count in outside.most_common())
        yield Finding("answers outside the vocabulary", split, outside.total(), message, _some(cases))


def _asked_twice(split: str, examples: Sequence[Example]) -> Iterable[Finding]:
    asked: dict[tuple[str, ...], list[Example]] = defaultdict(list)
    for example in examples:
        asked[*_question(example), str(example.meta.get("form"))].append(example)
    apart = {key: same for key, same in asked.items() if len({e.meta.get("question_id", e.id) for e in same}) > 1}
    if apart:
        torn = sum(len({_reference_text(e) for e in same}) > 1 for same in apart.values())
        message = f"{len(apart)} questions are asked of the same video under several ids, {torn} with different answers"
        cases = (f"{key[0]}, {key[1]!r}: {_lines(same)}" for key, same in apart.items())
        yield Finding("same question twice", split, len(apart), message, _some(cases))


def _truths(split: str, examples: Sequence[Example], media: bool) -> Iterable[Finding]:
    torn = truth_check.torn(examples)
    if torn:
        message = f"{len(torn)} of {len(examples)} answers are not what their task can say"
        yield Finding("torn truth", split, len(torn), message, _some(torn))
    masked = [e for e in examples if e.meta.get("mask") is not None] if media else []
    unfit = truth_check.unfit(masked)
    if unfit:
        message = f"{len(unfit)} of {len(masked)} masks are missing or do not fit their boxes"
        yield Finding("masks that do not fit", split, len(unfit), message, _some(unfit))


def _leaks(first: str, before: Sequence[Example], second: str, after: Sequence[Example]) -> Iterable[Finding]:
    between = f"{first} and {second}"
    seen, shown = {video_of(e) for e in before}, {video_of(e) for e in after}
    if shared := seen & shown:
        share = 100 * len(shared) / len(shown)
        message = f"{len(shared)} of {len(shown)} videos of {second} ({share:.1f} %) are also in {first}"
        yield Finding("same video in two splits", between, len(shared), message, _some(sorted(shared)))
    known = {_question(e): e for e in before}
    again = [(known[_question(e)], e) for e in after if _question(e) in known]
    if again:
        torn = sum(_reference_text(a) != _reference_text(b) for a, b in again)
        message = f"{len(again)} questions of {second} are also in {first}, {torn} with another answer"
        cases = (f"{a.id} and {b.id}: {b.clip.id}, {b.question!r}" for a, b in again)
        yield Finding("same question in two splits", between, len(again), message, _some(cases))


def _question(example: Example) -> tuple[str, str]:
    return example.clip.id, normal(example.question)


def _reference_text(example: Example) -> str:
    return normal(example.reference.text) if example.reference else ""


def _lines(same: Sequence[Example]) -> str:
    return ", ".join(
        f"{_reference_text(e)!r} (line {e.meta['line']})" if "line" in e.meta else repr(_reference_text(e))
        for e in same
    )


def _place(split: str) -> tuple[int, str]:
    return next((i for i, name in enumerate(ORDER) if split.startswith(name)), len(ORDER)), split


def _some(cases: Iterable[str]) -> tuple[str, ...]:
    return tuple(case for case, _ in zip(cases, range(SHOWN), strict=False))
