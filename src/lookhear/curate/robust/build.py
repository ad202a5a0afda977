"""A rephrased test set on disk, in MUSIC-AVQA-R's format: head, tail, and both together.

    <out>/avqa-test-head.json  avqa-test-tail.json  avqa-test-headtail.json     read by dataset `music_avqa_r`
    <out>/card.json                                                             settings and counts of each group

Every row also has `split` as in FortisAVQA: head, tail, or empty. Questions of a group that is not split are in
`headtail` only, with an empty `split`. A question's options and its clip's start and end are kept if it has any.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.curate.robust.split import groups, parts
from lookhear.errors import DatasetError
from lookhear.types import Example

PARTS = ("head", "tail")


def rephrased(examples: Sequence[Example], ways: Callable[[Example], Sequence[str]]) -> list[Example]:
    """One example per rephrasing in `ways(example)`; `meta["question_id"]` is equal for rephrasings of one question."""
    variants = []
    for example in examples:
        group = example.meta.get("question_id", example.id)
        for n, question in enumerate(ways(example), 1):
            meta = {**example.meta, "question_id": group, "asked_first": example.question}
            variants.append(replace(example, id=f"{example.id}#{n}", question=question, meta=meta))
    if not variants:
        raise DatasetError("No rephrasing of any question, so there is nothing to write.")
    return variants


def write(
    examples: Sequence[Example], out: Path | str, form: str, card: Mapping[str, Any], source: Path | None = None
) -> dict[str, Any]:
    """Split `examples` and write them into `out`; returns the card, with the counts of each group.

    `source` is the folder of their recordings; the card records it for readers.
    """
    out = Path(out)
    where = parts(examples, form)
    rows = [_row(example, part) for example, part in zip(examples, where, strict=True)]
    for name in ("head", "tail"):
        _write(out / f"avqa-test-{name}.json", [row for row in rows if row["split"] == name])
    _write(out / "avqa-test-headtail.json", rows)
    summaries = {
        "/".join(kind): {
            "questions": sum(group.counts.values()),
            "answers": len(group.counts),
            "entropy": round(group.entropy, 4),
            **{part: sum(n for answer, n in group.counts.items() if group.part(answer) == part) for part in PARTS},
            "head_answers": sorted(group.head) if group.head is not None else None,
        }
        for kind, group in groups(examples, form).items()
    }
    totals = {"questions": len(rows), **{name: Counter(where)[name] for name in PARTS}, "neither": where.count("")}
    near = {"source": _path(source, out)} if source else {}
    card = {**card, **near, "form": form, **totals, "groups": summaries}
    files.write_json(out / "card.json", card)
    return card


def _path(folder: Path, out: Path) -> str:
    """`folder` relative to `out`, so that both can be moved together."""
    try:
        return os.path.relpath(folder.resolve(), out.resolve())
    except ValueError:  # on another drive
        return str(folder.resolve())


def _row(example: Example, part: str) -> dict[str, Any]:
    options, clip = example.meta.get("options"), example.clip
    return {
        "video_id": str(example.meta.get("video_id") or (clip.video or clip.audio or clip).id),
        "question_id": example.meta["question_id"],
        "type": json.dumps(list(example.kind)),
        "question_content": example.question,
        "anser": example.reference.text if example.reference else None,
        "split": part,
        **({"multi_choice": list(options)} if options else {}),
        **({"start": clip.start, "end": clip.end} if clip.start or clip.end is not None else {}),
    }


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    with files.whole(path) as part:
        part.write_text("[\n" + ",\n".join(files.dumps(row) for row in rows) + "\n]\n", "utf-8")
