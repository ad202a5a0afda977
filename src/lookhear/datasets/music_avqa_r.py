"""MUSIC-AVQA-R: the MUSIC-AVQA test set rephrased 211,572 times, in head and tail (Ma et al., NeurIPS 2024).

Annotations: github.com/reml-group/MUSIC-AVQA-R, or FortisAVQA (github.com/reml-group/fortisavqa), its successor. The
first states no licence. Training and validation are MUSIC-AVQA's own.

    <root>/avqa-test-{head,tail,headtail}.json         or dataset/, data/
    <root>/videos/00000001.mp4                         MUSIC-AVQA's videos

Questions are already filled: a last question mark is dropped, a last letter never. Rephrasings of one question share
its id, which `meta["question_id"]` keeps; the example ids of the second and later ones end in `#2`, `#3`. Membership in
head or tail (`meta["part"]`) is the file a question is in; where a row says it itself, that is believed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, find_split, find_splits, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.templates import ANSWERS, fill, listed
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example

VOCABULARY = ANSWERS
REPHRASED = True  # one id, many questions: not a fault
FOLDERS = ("", "dataset", "dataset/MUSIC-AVQA-R", "data", "json")
PATTERNS = (r"avqa-(?:test-)?(\w+)\.json", r"(head|tail|headtail)\.json")
PARTS = ("head", "tail")


def load(root: Path | str, split: str = "headtail") -> list[Example]:
    """Every readable question of `split`: `head`, `tail`, or `headtail` (both; also called `test`)."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "headtail") -> Annotations:
    """The questions of `split`, with unreadable rows as faults."""
    root = Path(root)
    wanted = "headtail" if split == "test" and "headtail" in splits(root) else split
    path = find_split("music_avqa_r", root, wanted, FOLDERS, PATTERNS)
    recordings = Recordings(root)
    tail = _rows_of(root, "tail") if wanted == "headtail" else set()

    def make(record: dict[str, Any], line: int) -> Example:
        part = wanted if wanted in PARTS else PARTS[_key(record) in tail] if tail else ""
        return rephrased(record, recordings, line, str(record.get("split") or part))

    return read_rows(path, json_rows(path), make)


def _rows_of(root: Path, split: str) -> set[tuple[Any, Any]]:
    """The rows of the file of `split`; empty if it is missing."""
    path = find_splits(root, FOLDERS, PATTERNS).get(split)
    return {_key(row) for _, row, _ in json_rows(path) if isinstance(row, dict)} if path else set()


def _key(record: dict[str, Any]) -> tuple[Any, Any]:
    return record.get("question_id"), record.get("question_content")


def rephrased(record: dict[str, Any], recordings: Recordings, line: int, part: str = "") -> Example:
    """One row of a rephrased test set as an Example; placeholders are filled as in MUSIC-AVQA."""
    video, question, answer = str(record["video_id"]), record["question_content"], record["anser"]
    if not isinstance(question, str) or not isinstance(answer, str):
        raise DatasetError(f"question_content {question!r} and anser {answer!r} must be texts")
    filled = fill(question, record["templ_values"]) if "<" in question else question.strip().rstrip("?？").rstrip()
    return Example(
        id=str(record["question_id"]),
        task="question_answering",
        clip=recordings.clip(video),
        question=filled,
        reference=Answer(answer),
        kind=tuple(listed(record["type"], "type")),
        meta={"question_id": record["question_id"], "video_id": video, "line": line} | ({"part": part} if part else {}),
    )


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))
