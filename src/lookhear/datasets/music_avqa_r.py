"""MUSIC-AVQA-R: the MUSIC-AVQA test set rephrased 211,572 times, in head and tail (Ma et al., NeurIPS 2024).

Annotations: github.com/reml-group/MUSIC-AVQA-R, or FortisAVQA (github.com/reml-group/fortisavqa), its successor. The
first states no licence. Training and validation are MUSIC-AVQA's own.

    <root>/avqa-test-{head,tail,headtail}.json         or dataset/, data/
    <root>/videos/00000001.mp4                         MUSIC-AVQA's videos

Questions are already filled. A final question mark is removed, but never a letter. Rephrasings of one question share
its id, which `meta["question_id"]` keeps; the example ids of the second and later ones end in `#2`, `#3`.

`meta["part"]` is `head` or `tail`. It is taken from a row's own `split` if present; an empty text means neither. Rows
without it are looked up in the files of head and tail; a question that is in neither file has no part. If only one of
the two files exists, questions that are not in it have no part either.

`lookhear robust` writes this format. Its `card.json` names the dataset that was rephrased, which defines the possible
answers, and the folder of its recordings, which is used for recordings that are not under `<root>`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear import datasets
from lookhear.datasets.reading.annotations import Annotations, find_split, find_splits, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.datasets.reading.templates import ANSWERS, fill, listed
from lookhear.errors import DatasetError, FileError
from lookhear.files import read_json
from lookhear.types import Answer, Example

VOCABULARY = ANSWERS
REPHRASED = True  # one id for several questions is not a fault
WHOLE = {"head": "headtail", "tail": "headtail", "test": "headtail"}  # split -> the split that contains it
CARD = "card.json"  # in the folder of annotations written by `lookhear robust`
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
    recordings = recordings_of(root)
    parts = _parts(root) if wanted not in PARTS else {}

    def make(record: dict[str, Any], line: int) -> Example:
        part = record["split"] if "split" in record else parts.get(_key(record), wanted if wanted in PARTS else "")
        if part not in (*PARTS, ""):
            raise DatasetError(f"split {part!r} is neither head nor tail")
        return rephrased(record, recordings, line, part)

    return read_rows(path, json_rows(path), make)


def answers(root: Path | str) -> tuple[str, ...]:
    """Every possible answer: those of the dataset that was rephrased; empty for open answers."""
    name = origin(Path(root)).partition("@")[0]
    return datasets.of(name).vocabulary if name else VOCABULARY


def origin(root: Path) -> str:
    """The dataset whose questions were rephrased, from the card of a written set; empty without a card."""
    return str(_card(root).get("origin", ""))


def recordings_of(root: Path) -> Recordings:
    """The recordings under `root`, and for missing ones those of the folder that the card of a written set names."""
    source = source_of(root)
    return Recordings(root, elsewhere=source if source != root and source.is_dir() else None)


def source_of(root: Path) -> Path:
    """The folder of recordings that the card of a written set names; `root` itself without a card."""
    source = _card(root).get("source")
    return root / source if isinstance(source, str) and source else root


def _card(root: Path) -> dict[str, Any]:
    path = root / CARD
    if not path.is_file():
        return {}
    try:
        return read_json(path, dict)
    except FileError as error:
        raise DatasetError(f"{path}: not the card of a rephrased test set: {error}") from None


def _parts(root: Path) -> dict[tuple[Any, ...], str]:
    """(id, question, answer) -> `head` or `tail`, from the two files."""
    files = find_splits(root, FOLDERS, PATTERNS)
    rows = ((part, row) for part in PARTS if part in files for _, row, _ in json_rows(files[part]))
    return {_key(row): part for part, row in rows if isinstance(row, dict)}


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(str(record.get(name)) for name in ("question_id", "question_content", "anser"))


def rephrased(record: dict[str, Any], recordings: Recordings, line: int, part: str = "") -> Example:
    """One row of a rephrased test set as an Example; placeholders are filled as in MUSIC-AVQA."""
    video, question, answer = str(record["video_id"]), record["question_content"], record["anser"]
    if not isinstance(question, str) or not isinstance(answer, str):
        raise DatasetError(f"question_content {question!r} and anser {answer!r} must be texts")
    slots = "<" in question and "templ_values" in record
    filled = fill(question, record["templ_values"]) if slots else question.strip().rstrip("?？").rstrip()
    options, start, end = record.get("multi_choice"), record.get("start", 0.0), record.get("end")
    clip = recordings.clip(video)
    meta = {"question_id": record["question_id"], "video_id": video, "line": line}
    return Example(
        id=str(record["question_id"]),
        task="question_answering",
        clip=replace(clip, start=start, end=end) if start or end is not None else clip,
        question=filled,
        reference=Answer(answer),
        kind=tuple(listed(record["type"], "type")),
        meta=meta | ({"part": part} if part else {}) | ({"options": tuple(options)} if options else {}),
    )


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))
