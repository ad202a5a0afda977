"""AVQA: 57,335 questions about 57,015 everyday videos from VGGSound, four choices each (Yang et al., ACM MM 2022).

Annotations: mn.cs.tsinghua.edu.cn/avqa (train_qa.json, val_qa.json); continual-learning splits of them:
github.com/kx-wu/AVQACL (GPL-3.0). Videos are VGGSound's.

    <root>/train_qa.json, val_qa.json                  or test_qa_all.json, train_<type>.json, data/, json/
    <root>/videos/<youtube id>_000210.mp4              any folder with video, media or clip in its name

Version `options` (the default) keeps the four choices in `meta["options"]` if a row has them; `open` leaves them out.
The original files give the answer as the index of a choice, the continual-learning ones as a text; both are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import (
    Annotations,
    Fault,
    find_split,
    find_splits,
    json_rows,
    read_rows,
)
from lookhear.datasets.reading.media import Recordings
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example

VERSIONS = ("options", "open")
FOLDERS = ("", "data", "json", "data/split_avqa/json")
PATTERNS = (r"(train|val|test)_qa(?:_all)?\.json", r"((?:train|val|test)_[A-Z]\w*)\.json")


def load(root: Path | str, split: str, version: str = "options") -> list[Example]:
    """Every readable question of `split`, with its choices or (`open`) without."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "options") -> Annotations:
    """The questions of `split`; unreadable rows and answers that are not among the choices are faults."""
    root = Path(root)
    path = find_split("avqa", root, split, FOLDERS, PATTERNS)
    recordings, odd = Recordings(root), list[Fault]()

    def make(record: dict[str, Any], line: int) -> Example:
        options, answer = record.get("multi_choice"), record["answer"]
        if options is not None and not (isinstance(options, list) and all(isinstance(o, str) for o in options)):
            raise DatasetError(f"multi_choice {options!r} is not a list of texts")
        if isinstance(answer, int):
            if not options or not 0 <= answer < len(options):
                raise DatasetError(f"answer {answer} is not the number of a choice in {options!r}")
            answer = options[answer]
        elif options and answer not in options:
            odd.append(Fault("answer not a choice", path, line, f"answer {answer!r} is not among {options!r}"))
        name = record["video_name"].removesuffix(".mp4")
        meta = {"question_id": record["id"], "video_id": name, "label": record.get("label", ""), "line": line}
        if options and version == "options":
            meta["options"] = tuple(options)
        return Example(
            id=str(record["id"]),
            task="question_answering",
            clip=recordings.clip(name.removesuffix("_trimmed"), name),
            question=" ".join(record["question_text"].split()),
            reference=Answer(answer),
            kind=(record["question_relation"], record["question_type"]),
            meta=meta,
        )

    return read_rows(path, json_rows(path), make).with_faults(odd)


def splits(root: Path | str, version: str = "options") -> list[str]:
    """The splits whose files are under `root`."""
    return list(find_splits(Path(root), FOLDERS, PATTERNS))
