"""README.md of a folder of instruction data, made from its cards, and the checksums of its files.

README.md compares the counts with the papers: AV-UIE in percent of about 200 K (Crab, section 3.2), AV-UIE v2 in
thousands (Crab+, table 1).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.datasets.av_uie import PARTS

SUMS = "SHA256SUMS"
APART = ("ledger", "review")  # folders of work in progress, without checksums
SHARES = {  # of AV-UIE, in percent
    "s4": 1.7, "ms3": 0.7, "avss": 24.3, "ref_avs": 14.7, "arig": 25.8, "avqa": 15.7, "avcap": 10.1, "ave": 1.7,
    "avvp": 5.1,
}  # fmt: skip
THOUSANDS = {  # of AV-UIE v2; parts that the paper counts together are listed once, see WITH
    "ks": 20.1, "ucf": 4.5, "meld": 11.0, "mafw": 6.4, "dfew": 9.3, "mer24": 4.8, "cremad": 6.6, "a2v": 10.3,
    "unav": 4.9, "ave": 3.3, "avvp": 9.9, "arig": 3.4, "s4": 4.0, "ref_avs": 30.7, "avcap": 20.7, "avqa": 31.9,
    "avqa_thu": 40.2,
}  # fmt: skip
WITH = {"a2v": " (with v2a)", "s4": " (with ms3)"}


def page(out: Path) -> str:
    """README.md of the folder `out`, from its card-*.json."""
    cards = [files.read_json(path, dict) for path in sorted(out.glob("card-*.json"))]
    lines = ["---", "task_categories: [question-answering, video-text-to-text]"]
    lines += ["tags: [audio-visual, instruction-tuning, reasoning]", "---", f"# {out.resolve().name}", ""]
    lines += ["Instruction data with explicit reasoning, written and checked by `lookhear instruct`.", ""]
    lines += _sources(cards) + _parts(cards) + _reasons(cards) + _people(cards)
    lines += ["", f"Checksums of all files: {SUMS} (`sha256sum -c {SUMS}`).", ""]
    return "\n".join(lines)


def _sources(cards: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = ["## Where it comes from", ""]
    lines += ["| dataset | split | writer | second model | prompts | written | kept | tokens read | written | cost |"]
    lines += ["|---|---|---|---|---|--:|--:|--:|--:|--:|"]
    for c in cards:
        money = f"${c['dollars']:.2f}" if c.get("dollars") is not None else "not known"
        lines.append(
            f"| {c['dataset']} | {c['split']} | {c['writer']} | {c.get('judge') or 'none'} | {c.get('prompts', '')} | "
            f"{c['written']} | {c['kept']} | {c['tokens']['read']} | {c['tokens']['written']} | {money} |"
        )
    return lines


def _parts(cards: Sequence[Mapping[str, Any]]) -> list[str]:
    counts: dict[str, Counter[str]] = {}
    for card in cards:
        for split, parts in card.get("splits", {}).items():
            for part, count in parts.items():
                counts.setdefault(part, Counter())[split] += count
    train = {part: counts.get(part, Counter())["train"] for part in PARTS}
    total = sum(train.values())
    lines = ["", "## How much there is", "", "| part | train | val | test | share of train | AV-UIE | AV-UIE v2 |",
             "|---|--:|--:|--:|--:|--:|--:|"]  # fmt: skip
    for part in PARTS:
        if part not in counts and part not in SHARES and part not in THOUSANDS:
            continue
        some = counts.get(part, Counter())
        share = f"{100 * train[part] / total:.1f} %" if total else ""
        v1 = f"{SHARES[part]} %" if part in SHARES else ""
        v2 = f"{THOUSANDS[part]} K{WITH.get(part, '')}" if part in THOUSANDS else ""
        lines.append(f"| {part} | {train[part]} | {some['val']} | {some['test']} | {share} | {v1} | {v2} |")
    return [*lines, f"| all | {total} | | | | about 200 K | 222.0 K |"]


def _reasons(cards: Sequence[Mapping[str, Any]]) -> list[str]:
    dropped, bad = Counter[str](), Counter[str]()
    for card in cards:
        dropped.update(card["dropped"])
        bad.update(card["bad_replies"])
    if not bad:
        return ["", "No text was rejected."]
    lines = ["", "## What was rejected", "", "| reason | replies | examples dropped for it |", "|---|--:|--:|"]
    return lines + [f"| {reason} | {count} | {dropped[reason]} |" for reason, count in bad.most_common()]


def _people(cards: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = []
    for card in cards:
        if not any((judged := card.get("review", {})).values()):
            continue
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in judged.items() if count)
        agreed = card.get("agreement") or {}
        shared = ""
        if agreed.get("items"):
            shared = f"; on {agreed['items']} that several judged they agree in {agreed['percent']} % of pairs"
        lines.append(f"{card['dataset']}, {card['split']}: {verdicts}{shared}.")
    return (
        ["", "## What people said of a stratified sheet", "", *lines] if lines else ["", "No person has judged it yet."]
    )


def sums(out: Path) -> int:
    """Write the checksums of all data files under `out`; returns the number of files."""
    paths = [p for p in sorted(out.rglob("*")) if p.is_file() and p.name != SUMS and not p.name.startswith(".")]
    paths = [p for p in paths if p.relative_to(out).parts[0] not in APART and p.suffix != ".of"]
    lines = []
    for path in paths:
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.relative_to(out).as_posix()}\n")
    files.write(out / SUMS, "".join(lines))
    return len(lines)
