"""Faults of a question file: repeated questions, equal options, answers that are no option, leaks between files.

Faulty records are given by number, from 0, in file order. Faults that the dataset's reader finds (times past the end,
misspelt senses, letters out of order) are included with their counts.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from lookhear.datasets.reading.annotations import Annotations
from lookhear.errors import quote
from lookhear.evaluate.lint.floors import place
from lookhear.evaluate.videos import video_of
from lookhear.types import Example

SHOWN = 5  # cases quoted per fault
WORD = re.compile(r"\w+")
LETTERS = 6  # shorter texts that differ in one letter are different words


@dataclass(frozen=True)
class Finding:
    """One kind of fault: its description, the records that have it, and some of them quoted."""

    kind: str
    says: str
    records: tuple[Any, ...]  # numbers, or groups of numbers that belong together
    cases: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"kind": self.kind, "says": self.says, "count": len(self.records), "records": list(self.records)}


def find(annotations: Annotations) -> list[Finding]:
    """The faults of one file, by kind."""
    examples = annotations.examples
    return [
        finding for finding in (*_of_reader(annotations), *_twice(examples), *_options(examples)) if finding.records
    ]


def leak(examples: Sequence[Example], others: Sequence[Example], name: str) -> list[Finding]:
    """Questions with the same answers, and videos, that `examples` share with the file `name` (`others`)."""
    theirs = {key(e) for e in others}
    asked = {key(e): n for n, e in enumerate(examples)}
    shared = [n for k, n in asked.items() if k in theirs]
    videos = {video_of(e) for e in examples} & {video_of(e) for e in others}
    findings = []
    if shared:
        says = f"{len(shared)} of {len(asked)} distinct questions are in {name} as well, with the same answer"
        findings.append(Finding("leak", says, tuple(shared), _quoted(examples, shared)))
    if videos:
        findings.append(Finding("shared videos", f"{len(videos)} videos are in {name} as well", tuple(sorted(videos))))
    return findings


def key(example: Example) -> tuple[str, ...]:
    """The identity of a question: (video, question, answer), lower-cased, with single blanks."""
    answer = example.reference.text if example.reference else ""
    return video_of(example), " ".join(example.question.lower().split()), " ".join(answer.lower().split())


def balance(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    """Counts of correct positions, of numbers of options, of yes and no, and of kinds of questions."""
    places = Counter("ABCDEFGHIJKLMNOPQRSTUVWXYZ"[p % 26] for e in examples if (p := place(e)) is not None)
    counts = Counter(str(len(e.meta["options"])) for e in examples if e.meta.get("options"))
    said = Counter(e.reference.text for e in examples if e.reference and e.reference.text in ("yes", "no"))
    kinds = Counter("/".join(e.kind) for e in examples if e.kind)
    tables = {"answer_positions": places, "options": counts, "yes_no": said, "kinds": kinds}
    return {name: dict(sorted(table.items())) for name, table in tables.items() if table}


def _of_reader(annotations: Annotations) -> list[Finding]:
    kinds: dict[str, list[Any]] = defaultdict(list)
    cases: dict[str, list[str]] = defaultdict(list)
    for fault in annotations.faults:
        kinds[fault.kind].append(f"line {fault.line}" if fault.record is None else fault.record)
        cases[fault.kind].append(f"line {fault.line}: {fault.why}")
    return [
        Finding(k, f"{len(n)} found by the reader of this file", tuple(n), tuple(cases[k][:SHOWN]))
        for k, n in kinds.items()
    ]


def _twice(examples: Sequence[Example]) -> list[Finding]:
    asked: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    ids: dict[Any, list[int]] = defaultdict(list)
    for n, e in enumerate(examples):
        form = str(
            e.meta.get("form", "")
        )  # for yes/no questions the task: equal texts of two tasks are different questions
        if e.question and e.task != "captioning" and not e.meta.get("video_unknown"):
            asked[video_of(e), form, " ".join(e.question.lower().split())].append(n)
        if "question_id" in e.meta:
            ids[e.meta["question_id"]].append(n)
    same = [tuple(some) for some in asked.values() if len(some) > 1]
    apart = [some for some in same if len({key(examples[n])[2] for n in some}) > 1]
    doubled = [tuple(some) for some in ids.values() if len(some) > 1]
    return [
        Finding(
            "same question of one video", "asked more than once", tuple(same), _quoted(examples, (s[0] for s in same))
        ),
        Finding(
            "answered in two ways",
            "the same question with different answers",
            tuple(apart),
            _quoted(examples, (s[0] for s in apart)),
        ),
        Finding(
            "doubled id", "one id for several questions", tuple(doubled), _quoted(examples, (s[0] for s in doubled))
        ),
    ]


def _options(examples: Sequence[Example]) -> list[Finding]:
    alike, answer, stray, words, never = list[int](), list[int](), list[int](), list[int](), list[int]()
    nearly = [n for n, e in enumerate(examples) if _any_near([str(o) for o in e.meta.get("options", ())])]
    wrong = {
        _plain(o)
        for e in examples
        for o in e.meta.get("options", ())
        if e.reference is None or _plain(o) != _plain(e.reference.text)
    }
    for n, e in enumerate(examples):
        options = [str(option) for option in e.meta.get("options", ())]
        if not options:
            continue
        plain, at = [_plain(option) for option in options], place(e)
        if len(set(plain)) < len(plain):
            alike.append(n)
            if at is not None and plain.count(plain[at]) > 1:
                answer.append(n)
        stray += [n] * sum(option != option.strip() for option in options)
        if at is not None:
            bags = [frozenset(WORD.findall(option.lower())) for option in options]
            if bags.count(bags[at]) > 1:
                words.append(n)
            if plain[at] not in wrong:
                never.append(n)
    sentence = (
        f"the right option is never a wrong one of any question: {len(never)} of {len(examples)} can be told by that"
    )
    return [
        Finding(
            "options alike", "two options differ at most in case and blanks", tuple(alike), _quoted(examples, alike)
        ),
        Finding(
            "options nearly alike",
            "two options differ by one letter, a mark, an article or a plural; numbers apart",
            tuple(nearly),
            _quoted(examples, nearly),
        ),
        Finding("answer stands twice", "the right option stands there twice", tuple(answer), _quoted(examples, answer)),
        Finding(
            "same set of words",
            "another option has just the words of the right one",
            tuple(words),
            _quoted(examples, words),
        ),
        Finding("stray blanks", "options that begin or end with a blank; a record for each", tuple(stray)),
        Finding("never a distractor", sentence, tuple(never) if len(never) < len(examples) else ()),
    ]


def near(first_text: str, other: str) -> bool:
    """Whether two texts differ only by one letter (in texts of six or more), articles, plurals or punctuation.

    Equal texts are not near; neither are texts with different numbers.
    """
    first, second = (_plain(re.sub(r"[^\w\s]", " ", text)) for text in (first_text, other))
    if _plain(first_text) == _plain(other) or re.findall(r"\d+", first) != re.findall(r"\d+", second):
        return False
    bare = [[w.removesuffix("s") for w in text.split() if w not in ("a", "an", "the")] for text in (first, second)]
    if bare[0] and bare[0] == bare[1]:
        return True
    return min(len(first), len(second)) >= LETTERS and _one_edit(first, second)


def _one_edit(one: str, other: str) -> bool:
    """Whether the edit distance (insert, delete, replace) of two texts is at most 1."""
    if abs(len(one) - len(other)) > 1:
        return False
    begin = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    rest = one[begin:], other[begin:]
    return rest[0][1:] == rest[1][1:] or rest[0][1:] == rest[1] or rest[0] == rest[1][1:]


def _any_near(options: Sequence[str]) -> bool:
    return any(near(one, other) for one, other in combinations(options, 2))


def _plain(text: str) -> str:
    return " ".join(str(text).lower().split())


def _quoted(examples: Sequence[Example], places: Iterable[int]) -> tuple[str, ...]:
    some = list(places)[:SHOWN]
    return tuple(f"{n}: {video_of(examples[n])}: {quote(examples[n].question, 100)}" for n in some)
