"""Review sheets: several reviewers accept, edit or reject texts about clips; their agreement is computed.

    sheet.jsonl             one item per line, written before the review     (never changed here)
    sheet.reviews.jsonl     one judgement per line, appended during the review; a reviewer's last judgement counts

An item is {"id", "clip", "task", "prompt", "reply", "label"}: a unique name, the recording (a path, or an id to search
for), the task, the prompt, the text to judge, and the reference answer. Only `id` and `reply` are required; other
fields are kept and shown. An item of a sheet that was reviewed elsewhere may also hold a judgement (`verdict`,
`edited`, `reviewer`, `time`).

A judgement is {"id", "reviewer", "verdict": "accept" | "edit" | "reject", "edited", "reason", "time"}; `edited` is the
corrected text of an edit, `time` is in seconds since 1970.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lookhear.errors import DatasetError

VERDICTS = ("accept", "edit", "reject")
SUFFIX = ".reviews.jsonl"


@dataclass(frozen=True)
class Item:
    """A text to judge, with its clip, task, prompt and label."""

    id: str
    reply: str
    clip: str = ""
    task: str = ""
    prompt: str = ""
    label: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)  # other fields of the line, shown as they are


@dataclass(frozen=True)
class Review:
    """One reviewer's judgement of one item. Raises DatasetError for an invalid one."""

    id: str
    reviewer: str
    verdict: str
    edited: str = ""
    reason: str = ""
    time: float = 0.0

    def __post_init__(self) -> None:
        if self.verdict not in VERDICTS:
            raise DatasetError(f"Verdict {self.verdict!r} of item {self.id!r} is none of {', '.join(VERDICTS)}.")
        if self.verdict == "edit" and not self.edited.strip():
            raise DatasetError(f"Item {self.id!r} is to be edited, but no edited text is given.")
        if not self.reviewer.strip():
            raise DatasetError(f"The review of item {self.id!r} names no reviewer.")


class Sheet:
    """The items of the sheet at `path` and their reviews so far. Raises DatasetError."""

    def __init__(self, path: Path | str):
        self.path = Path(path)
        self.items: dict[str, Item] = {}
        own: list[Review] = []
        for number, line in _lines(self.path):
            item, review = _item(line, f"{self.path}:{number}")
            if item.id in self.items:
                raise DatasetError(
                    f"{self.path}:{number}: item {item.id!r} is there twice. Give each an id of its own."
                )
            self.items[item.id] = item
            own += [review] if review else []
        self.journal = self.path.with_name(self.path.name.removesuffix(".jsonl") + SUFFIX)
        self.reviews: dict[str, dict[str, Review]] = {}  # item -> reviewer -> review
        for review in [*own, *self._read()]:
            self._put(review)

    def _read(self) -> Iterable[Review]:
        if not self.journal.is_file():
            return
        for number, line in _lines(self.journal, torn=True):
            try:
                yield Review(**line)
            except TypeError as error:
                raise DatasetError(f"{self.journal}:{number}: not a review ({error}).") from None

    def _put(self, review: Review) -> None:
        self.reviews.setdefault(review.id, {})[review.reviewer] = review

    def add(self, review: Review) -> Review:
        """Append a review; it is on disk when this returns. Raises DatasetError for an unknown item."""
        if review.id not in self.items:
            raise DatasetError(f"No item {review.id!r} in {self.path.name}.")
        stamped = review if review.time else Review(**{**asdict(review), "time": round(time.time(), 3)})
        line = json.dumps(asdict(stamped), ensure_ascii=False) + "\n"
        file = os.open(self.journal, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            size = os.fstat(file).st_size
            torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"  # half a line after a kill: begin a new one
            os.write(file, (("\n" if torn else "") + line).encode())
            os.fsync(file)
        finally:
            os.close(file)
        self._put(stamped)
        return stamped

    def outcome(self, id: str) -> tuple[str, str]:
        """(verdict, text) by majority of the reviewers; ("", reply) without reviews or with a tie.

        If the verdict is an edit, the text is that of the last edit.
        """
        reviews = sorted(self.reviews.get(id, {}).values(), key=lambda r: r.time)
        counts = Counter(r.verdict for r in reviews).most_common()
        if not counts or (len(counts) > 1 and counts[0][1] == counts[1][1]):
            return "", self.items[id].reply
        verdict = counts[0][0]
        edits = [r.edited for r in reviews if r.verdict == "edit"]
        return verdict, edits[-1] if verdict == "edit" else self.items[id].reply

    def accepted(self) -> dict[str, str]:
        """Item -> text, for the items that are accepted or edited by majority."""
        found = {id: self.outcome(id) for id in self.items}
        return {id: text for id, (verdict, text) in found.items() if verdict in ("accept", "edit")}

    def agreement(self) -> dict[str, Any]:
        """Agreement on the items with several reviewers: percent of equal pairs, and Krippendorff's alpha."""
        judged = [[r.verdict for r in some.values()] for some in self.reviews.values() if len(some) > 1]
        pairs = [pair for some in judged for pair in itertools.combinations(some, 2)]
        same = sum(a == b for a, b in pairs)
        return {
            "items": len(judged),
            "pairs": len(pairs),
            "percent": round(100 * same / len(pairs), 2) if pairs else None,
            "alpha": alpha(judged),
        }


def alpha(judged: Sequence[Sequence[str]]) -> float | None:
    """Krippendorff's alpha for nominal verdicts; `judged` has the verdicts of each item, two or more per item.

    1 is full agreement, 0 is agreement by chance. None without pairs, or if all verdicts are equal.
    """
    observed: dict[tuple[str, str], float] = defaultdict(float)
    for verdicts in judged:
        for a, b in itertools.permutations(range(len(verdicts)), 2):
            observed[verdicts[a], verdicts[b]] += 1 / (len(verdicts) - 1)
    totals: dict[str, float] = defaultdict(float)
    for (verdict, _), count in observed.items():
        totals[verdict] += count
    n = sum(totals.values())
    if n < 2:
        return None
    disagreed = sum(count for (one, other), count in observed.items() if one != other)
    expected = sum(totals[one] * totals[other] for one, other in itertools.permutations(totals, 2)) / (n - 1)
    return None if not expected else round(1 - disagreed / expected, 4)


def _lines(path: Path, torn: bool = False) -> Iterable[tuple[int, dict[str, Any]]]:
    """(line number, object) of each line. Raises DatasetError for a line that is not JSON; `torn`: skips it."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: not readable ({error}).") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            if torn:
                continue
            raise DatasetError(f"{path}:{number}: not JSON ({error}).") from None
        if not isinstance(record, dict):
            raise DatasetError(f"{path}:{number}: a line is an object with id and reply, not {line[:40]!r}.")
        yield number, record


def _item(line: Mapping[str, Any], where: str) -> tuple[Item, Review | None]:
    plain = {name: line.get(name) or "" for name in ("id", "reply", "clip", "task", "prompt", "label")}
    for name in ("id", "reply"):
        if not isinstance(plain[name], str | int) or plain[name] == "":
            raise DatasetError(f"{where}: no {name!r}. An item needs an id and a reply.")
    judged = {name: line[name] for name in ("verdict", "edited", "reviewer", "reason", "time") if line.get(name)}
    more = {k: v for k, v in line.items() if k not in plain and k not in judged}
    item = Item(**{name: str(value) for name, value in plain.items()}, more=more)
    if "verdict" not in judged:
        return item, None
    return item, Review(item.id, **{"reviewer": "sheet", **judged})
