"""Write and check the reasoning of every example of a split, by rule or by a model; a ledger makes runs resumable.

By rule: the reasoning in the dataset if it has one (Soundstage), else the target sentence of the task; boxes, points
and times always come from the reference. By a model: it gets the clip, the known facts and the ending; a reply with a
fault is requested again, and the example is dropped after a few attempts. The ledger keeps the last reply of a dropped
example, with its fault.
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
from lookhear.kinds import wrong_field
from lookhear.types import Example

RULE = "rule"
NO_REPLY, NOT_SHOWN = "no reply", "its clip cannot be shown"
AGAIN = (NO_REPLY, NOT_SHOWN)  # faults without a ledger entry: the next run tries again


@dataclass(frozen=True)
class Entry:
    """The text of one example; `fault` is "" if the text is good; `tokens` counts those (read, written)."""

    id: str
    text: str
    fault: str = ""
    attempts: int = 1
    tokens: tuple[int, int] = (0, 0)
    bad: tuple[str, ...] = ()  # faults of the previous replies
    seconds: float = 0.0  # length of the clip, 0 if it was not decoded


Writer = Callable[[Example], Entry]


def by_rule(example: Example) -> Entry:
    """The entry with the target of the example's task."""
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
    """An entry for each example, in order; entries that `ledger` has are reused.

    `head` describes the ledger (dataset, split, writer) and is its first line. An entry is appended as soon as it is
    complete, in any order; entries with a fault of AGAIN are not appended. Raises DatasetError if the ledger has
    another `head`, ModelError if no example gets a reply.
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
    """The writer's entry; an example without a target (LLP's training set has no times) gets a fault."""
    try:
        return writer(example)
    except DatasetError as error:
        return Entry(example.id, str(error), "has no target", attempts=0)


def counts(entries: Sequence[Entry]) -> dict[str, Any]:
    """Numbers of texts written and kept, dropped texts and bad replies by kind of fault, replies, and tokens."""
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
    if whole != content:  # an incomplete last line from a stopped run
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
            if wrong := wrong_field(entry):
                raise ValueError(wrong)
        yield entry
