"""Reasoning for every example of a split, by rule or by a model, checked, and kept in a ledger that a run goes on from.

By rule: the example's own reasoning where the dataset has it (Soundstage), else the sentence of its task; boxes, points
and times always come from the reference. By a model: it is shown the clip, told what is known and how to end; a reply
with a fault is asked for anew, and dropped after a few attempts. Nothing is dropped in silence: the ledger holds the
last reply and what was wrong with it.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lookhear import files, tasks
from lookhear.curate.instruct.check import fault, kind_of
from lookhear.errors import DatasetError, ModelError
from lookhear.types import Example

RULE = "rule"
NO_REPLY, NOT_SHOWN = "no reply", "its clip cannot be shown"
AGAIN = (NO_REPLY, NOT_SHOWN)  # what the next run tries anew


@dataclass(frozen=True)
class Entry:
    """One example's text: `fault` is "" where it may be used; `tokens` were read and written for it."""

    id: str
    text: str
    fault: str = ""
    attempts: int = 1
    tokens: tuple[int, int] = (0, 0)
    bad: tuple[str, ...] = ()  # what was wrong with the replies before
    seconds: float = 0.0  # of the clip, where it was decoded


Writer = Callable[[Example], Entry]


def by_rule(example: Example) -> Entry:
    """The target of the example's task."""
    text = tasks.find(example.task).target(example)
    return Entry(example.id, text, fault(example, text))


def write(
    examples: Sequence[Example],
    writer: Writer,
    ledger: Path,
    head: dict[str, Any],
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Entry]:
    """An entry for each example, in order; what `ledger` has already is not written anew.

    `head` says what the ledger is of (dataset, split, who writes) and is its first line. An entry is added when it is
    there, whatever waits before it; what no reply came to is not added. Raises DatasetError where the ledger is of
    something else, ModelError where nothing at all is answered.
    """
    done = {entry.id: entry for entry in _resume(ledger, head)}
    missing = [example for example in examples if example.id not in done]
    kept = len(done)
    progress(len(examples) - len(missing), len(examples))
    pool = ThreadPoolExecutor(workers)
    try:
        with ledger.open("a", encoding="utf-8") as file:
            for future in as_completed([pool.submit(_entry, writer, example) for example in missing]):
                entry = future.result()
                done[entry.id] = entry
                if entry.fault not in AGAIN:
                    file.write(json.dumps(asdict(entry), ensure_ascii=False) + "\n")
                    file.flush()
                    kept += 1
                progress(len(done), len(examples))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    if missing and not kept:
        raise ModelError(f"{done[missing[0].id].text} None of {len(examples)} is written; run again to go on.")
    return [done[example.id] for example in examples]


def _entry(writer: Writer, example: Example) -> Entry:
    """What the writer makes of an example; one that has no target (LLP's training set has no times) is a fault."""
    try:
        return writer(example)
    except DatasetError as error:
        return Entry(example.id, str(error), "has no target", attempts=0)


def counts(entries: Sequence[Entry]) -> dict[str, Any]:
    """How many were written and kept, why others were dropped, bad replies by kind, tokens read and written."""
    dropped = Counter(kind_of(entry.fault) for entry in entries if entry.fault)
    bad = Counter(kind_of(reason) for entry in entries for reason in entry.bad) + dropped
    return {
        "written": len(entries),
        "kept": len(entries) - dropped.total(),
        "dropped": dict(dropped.most_common()),
        "bad_replies": dict(bad.most_common()),
        "replies": sum(entry.attempts for entry in entries),
        "tokens": {"read": sum(e.tokens[0] for e in entries), "written": sum(e.tokens[1] for e in entries)},
    }


def _resume(ledger: Path, head: dict[str, Any]) -> Iterator[Entry]:
    ledger.parent.mkdir(parents=True, exist_ok=True)
    content = ledger.read_text("utf-8") if ledger.is_file() else ""
    whole = content[: content.rfind("\n") + 1]
    if not whole:
        ledger.write_text(json.dumps(head) + "\n", "utf-8")
        return
    if whole != content:  # the line that was being written when the run was stopped
        ledger.write_text(whole, "utf-8")
    first, *lines = whole.split("\n")[:-1]
    with files.read_from(ledger):
        begun = json.loads(first)
    if begun != head:
        raise DatasetError(f"{ledger} is of {first}, not of {json.dumps(head)}. Choose another folder.")
    for line in lines:
        with files.read_from(ledger, "Remove the line, or choose another folder."):
            raw = json.loads(line)
            entry = Entry(**raw | {"tokens": tuple(raw["tokens"]), "bad": tuple(raw["bad"])})
        yield entry
