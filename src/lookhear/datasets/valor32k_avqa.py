"""Valor32k-AVQA: open and multiple-choice questions written by a language model from VALOR-32K captions (2024).

Annotations: github.com/inesriahi/valor32k-avqa-2, code/gpt35_dataset (CC BY-NC 4.0); the first version, as CSV.
Videos are AudioSet's.

    <root>/processed_{train,val,test}_data.csv         or code/gpt35_dataset/
    <root>/media/<youtube id>_70.000_80.000.mp4        any folder with video, media or clip in its name

Rows differ in length: some have more or fewer choices than the four of the header, some a single open answer. The last
cell is always the index of the correct choice, from 0, so all rows can be read; such rows are listed as odd. The
reference is the correct choice; `meta` holds the choices and the open answers, which may differ from it. `kind` is the
modality that the question needs (visual, audio or both) and its topic.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from lookhear.datasets.reading.annotations import Annotations, Fault, find_split, find_splits, read_rows, text_of
from lookhear.datasets.reading.media import Recordings
from lookhear.errors import DatasetError, quote
from lookhear.types import Answer, Example

FOLDERS = ("", "code/gpt35_dataset", "gpt35_dataset", "data")
PATTERNS = (r"processed_(\w+)_data\.csv",)
COLUMNS = 15  # video_id start_time end_time caption type mode question answer_1..3 mcq_1..4 correct_mcq
TYPES = ("desc", "action", "temporal", "loc", "count", "rel_pos")
MODES = ("visual", "audio", "both")


def load(root: Path | str, split: str) -> list[Example]:
    """Every readable question of `split`."""
    return read(root, split).loaded()


def read(root: Path | str, split: str) -> Annotations:
    """The questions of `split`, with unreadable and odd rows as faults."""
    root = Path(root)
    path = find_split("valor32k_avqa", root, split, FOLDERS, PATTERNS)
    recordings, odd = Recordings(root), list[Fault]()

    def make(cells: list[str], line: int) -> Example:
        if len(cells) == COLUMNS - 2:  # the two further open answers are missing
            answers, options = cells[7:8], cells[8:-1]
        elif len(cells) >= COLUMNS:
            answers, options = cells[7:10], cells[10:-1]
        else:
            raise DatasetError(f"{len(cells)} cells where {COLUMNS} are needed")
        if not cells[-1].isdecimal() or int(cells[-1]) >= len(options):
            raise DatasetError(f"correct_mcq {cells[-1]!r} is not the number of a choice, 0 to {len(options) - 1}")
        text = quote(",".join(cells))
        if len(cells) != COLUMNS:
            odd.append(Fault("ragged", path, line, f"{len(cells)} cells where {COLUMNS} are promised", text))
        if cells[4] not in TYPES:
            odd.append(Fault("unknown type", path, line, f"type {cells[4]!r} is not one of {', '.join(TYPES)}", text))
        if cells[5] not in MODES:
            odd.append(Fault("unknown type", path, line, f"mode {cells[5]!r} is not one of {', '.join(MODES)}", text))
        video = f"{cells[0]}_{cells[1]}_{cells[2]}"
        return Example(
            id=f"{split.removesuffix('.csv')}-{line}",
            task="question_answering",
            clip=recordings.clip(video),
            question=cells[6].strip(),
            reference=Answer(options[int(cells[-1])]),
            kind=(cells[5], cells[4]),
            meta={
                "video_id": video,
                "line": line,
                "caption": cells[3],
                "options": tuple(options),
                "open_answers": tuple(answers),
            },
        )

    return read_rows(path, _rows(path), make).with_faults(odd)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))


def _rows(path: Path) -> Iterator[tuple[int, list[str], str]]:
    reader = csv.reader(io.StringIO(text_of(path), newline=""))
    header = next(reader, [])
    if header[:1] != ["video_id"]:
        raise DatasetError(f"{path}: the first line is not the header (video_id, start_time, …): {header!r}.")
    last = reader.line_num
    for cells in reader:
        if cells:
            yield last + 1, cells, ",".join(cells)
        last = reader.line_num
