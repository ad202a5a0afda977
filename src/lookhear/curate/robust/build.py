"""A rephrased test set on disk, in MUSIC-AVQA-R's format: head, tail, and both together.

    <out>/avqa-test-head.json  avqa-test-tail.json  avqa-test-headtail.json     read by dataset `music_avqa_r`
    <out>/card.json                                                             what was done and what came of it

Every row also has `split`, as FortisAVQA's do. Questions of a group that is left whole are in `headtail` only.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.curate.robust.split import groups, parts
from lookhear.errors import DatasetError
from lookhear.types import Example


def rephrased(examples: Sequence[Example], ways: Callable[[Example], Sequence[str]]) -> list[Example]:
    """Each example in every way that `ways` gives it, one after another; `meta["question_id"]` holds them together."""
    found = []
    for example in examples:
        group = example.meta.get("question_id", example.id)
        for n, question in enumerate(ways(example), 1):
            meta = {**example.meta, "question_id": group, "asked_first": example.question}
            found.append(replace(example, id=f"{example.id}#{n}", question=question, meta=meta))
    if not found:
        raise DatasetError("No rephrasing of any question, so there is nothing to write.")
    return found


def write(examples: Sequence[Example], out: Path | str, form: str, card: Mapping[str, Any]) -> dict[str, Any]:
    """Split `examples` and write them into `out`; returns the card, with the counts of each group."""
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    where = parts(examples, form)
    rows = [_row(example, part) for example, part in zip(examples, where, strict=True)]
    for name in ("head", "tail"):
        _write(out / f"avqa-test-{name}.json", [row for row in rows if row["split"] == name])
    _write(out / "avqa-test-headtail.json", rows)
    found = {
        "/".join(kind): {
            "questions": sum(group.counts.values()),
            "answers": len(group.counts),
            "entropy": round(group.entropy, 4),
            "head": sum(n for answer, n in group.counts.items() if group.part(answer) == "head"),
            "tail": sum(n for answer, n in group.counts.items() if group.part(answer) == "tail"),
            "head_answers": sorted(group.head) if group.head is not None else None,
        }
        for kind, group in groups(examples, form).items()
    }
    totals = {"questions": len(rows), **{name: Counter(where)[name] for name in ("head", "tail")}}
    card = {**card, "form": form, **totals, "groups": found}
    (out / "card.json").write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", "utf-8")
    return card


def _row(example: Example, part: str) -> dict[str, Any]:
    return {
        "video_id": str(example.meta.get("video_id") or example.clip.id),
        "question_id": example.meta["question_id"],
        "type": json.dumps(list(example.kind)),
        "question_content": example.question,
        "anser": example.reference.text if example.reference else None,
        "split": part,
    }


def _write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    path.write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n", "utf-8")
