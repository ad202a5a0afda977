"""Draw a stratified sheet of texts for people to judge, and apply their verdicts to the texts.

    entries ─ stratified ─▶ <out>/review/<name>.jsonl ─ lookhear serve --review ─▶ <name>.reviews.jsonl ─▶ folded
                                                                            └▶ <out>/review/<name>.corrections.jsonl

An accepted text stays. An edited text is replaced by the person's text and, if its conclusion differs, the label by the
person's label. A rejected text is dropped. Texts with a tie of verdicts stay unchanged and are counted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from lookhear import files, tasks
from lookhear.curate.instruct.check import corrected, same
from lookhear.curate.instruct.write import Entry
from lookhear.curate.review import SUFFIX, Sheet
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example

REJECTED = "rejected by a person"


@dataclass(frozen=True)
class Folded:
    """Examples and entries after people's verdicts; `counts` of verdicts, one record per edit in `corrections`."""

    examples: tuple[Example, ...]
    entries: tuple[Entry, ...]
    counts: dict[str, int]
    corrections: tuple[dict[str, Any], ...] = ()
    agreement: dict[str, Any] | None = None


def draw(path: Path, examples: Sequence[Example], entries: Sequence[Entry], count: int, seed: int = 0) -> int:
    """Write a sheet of `count` texts to judge; returns its number of texts. An existing sheet is not changed.

    Strata are task, type and label. Each gives an equal share if it has enough texts; small strata are drawn first.
    """
    if path.is_file():
        return sum(1 for line in path.read_text("utf-8").split("\n") if line)
    strata: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for i, (example, entry) in enumerate(zip(examples, entries, strict=True)):
        if not entry.fault:
            strata[_stratum(example)].append(i)
    rng = Random(seed)
    chosen: list[int] = []
    for left, some in zip(range(len(strata), 0, -1), sorted(strata.values(), key=len), strict=True):
        wanted = round((count - len(chosen)) / left)
        chosen += rng.sample(some, min(wanted, len(some)))
    lines = [json.dumps(_item(examples[i], entries[i]), ensure_ascii=False) for i in sorted(chosen)]
    files.write(path, "".join(f"{line}\n" for line in lines))
    return len(lines)


def fold(path: Path, examples: Sequence[Example], entries: Sequence[Entry]) -> Folded:
    """Apply the verdicts on the sheet at `path`, and write the corrections; without a sheet nothing changes."""
    if not path.is_file():
        return Folded(tuple(examples), tuple(entries), {})
    sheet, counts = Sheet(path), dict.fromkeys(("accept", "edit", "reject", "split", "open"), 0)
    corrected_examples, texts, corrections = list(examples), list(entries), []
    for i, (example, entry) in enumerate(zip(examples, entries, strict=True)):
        if example.id not in sheet.items or sheet.items[example.id].reply != entry.text:
            continue  # not on the sheet, or rewritten since
        verdict, text = sheet.outcome(example.id)
        counts[verdict or ("split" if sheet.reviews.get(example.id) else "open")] += 1
        if verdict == "reject":
            texts[i] = replace(entry, fault=REJECTED)
        elif verdict == "edit":
            texts[i] = replace(entry, text=text, fault="")
            conclusion = corrected(example, text)
            if conclusion is None:
                texts[i] = replace(entry, text=text, fault="cannot be read as a person has edited it")
            elif not _as_labelled(example, conclusion):
                corrected_examples[i] = replace(example, reference=replace(conclusion, raw="", notes=()))
            corrections.append(_correction(example, entry, corrected_examples[i], text))
    files.write(
        path.with_name(path.stem + ".corrections.jsonl"),
        "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in corrections),
    )
    return Folded(tuple(corrected_examples), tuple(texts), counts, tuple(corrections), sheet.agreement())


def judged(path: Path) -> Path:
    """The file of judgements of the sheet at `path`."""
    return path.with_name(path.stem + SUFFIX)


def _stratum(example: Example) -> tuple[str, ...]:
    label = example.reference.text.split(",")[0] if example.reference else ""
    return example.task, str(example.meta.get("form", "")), *example.kind, label


def _item(example: Example, entry: Entry) -> dict[str, Any]:
    clip = example.clip
    source = clip.video or clip.audio
    where = str(source.path or source.id) if source else ""
    item: dict[str, Any] = {
        "id": example.id,
        "clip": where,
        "task": example.task,
        "prompt": tasks.find(example.task).prompt(example),
        "reply": entry.text,
        "label": example.reference.text if example.reference else "",
    }
    if clip.start or clip.end is not None:
        item |= {"from": clip.start, "to": clip.end}
    if clip.audio and clip.video and clip.audio.id != clip.video.id:
        item["sound"] = str(clip.audio.path or clip.audio.id)
    return item


def _as_labelled(example: Example, found: Answer) -> bool:
    try:
        task = tasks.find(example.task)
        return same(found, task.parse(task.target(example, explain=False), example))
    except DatasetError:
        return False


def _correction(example: Example, entry: Entry, now: Example, text: str) -> dict[str, Any]:
    """The record of an edit: text and label before and after."""

    def label(one: Example) -> str:
        try:
            return str(tasks.find(one.task).target(one, explain=False))
        except DatasetError:
            return one.reference.text if one.reference else ""

    return {
        "id": example.id,
        "text": entry.text,
        "edited": text,
        "label": label(example),
        "corrected": label(now),
        "changed": now is not example,
    }
