"""Detect the dataset reader of a question file from its first record, so that `lint` accepts any file by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear import catalog, datasets
from lookhear.datasets.reading.annotations import Annotations
from lookhear.datasets.reading.choices import file_rows
from lookhear.errors import DatasetError, RecipeError


def read(questions: str, root: Path | None = None, split: str = "test") -> tuple[str, Annotations]:
    """(name, annotations) of a question file by its path, or of a dataset by its name with `root` and `split`."""
    path = Path(questions)
    if not path.is_file():
        if root is None:
            if path.suffix or questions.partition("@")[0] not in catalog.names("datasets"):
                raise DatasetError(f"No file {questions!r}, and no dataset of that name. Give a question file's path.")
            raise RecipeError(f"Dataset {questions!r} needs --root, the folder of its files; or give a file's path.")
        return f"{questions} {split}", datasets.of(questions).read(root, split)
    name, version = _reader(path)
    module = catalog.find("datasets", name)
    if name == "mcq":
        return path.name, module.of_file(path, root or path.parent)
    return path.name, module.read(path.parent, path.name, version) if version else module.read(path.parent, path.name)


def _reader(path: Path) -> tuple[str, str]:
    """(dataset, version) of a file by the keys of its first record; `mcq` if they are not known."""
    if path.name.endswith(".csv"):
        head = path.open(encoding="utf-8", errors="replace").readline()
        return ("valor32k_avqa", "") if "mcq_1" in head else ("vggsounder", "") if "modality" in head else ("mcq", "")
    first: Any = next((record for _, record, _ in file_rows(path) if isinstance(record, Mapping)), {})
    keys = set(first)
    if "reasoning_steps" in str(first.get("questions", ""))[:4000]:
        return "omnivideobench", ""
    if keys >= {"video_id", "task", "text", "label"}:
        return "avhbench", ""
    if "multimodal" in keys or any(isinstance(v, Mapping) and "multimodal" in v for v in first.values()):
        return "dave", "multimodal"
    if keys >= {"templ_values", "anser"}:
        return "music_avqa", ""
    if keys >= {"multi_choice", "question_relation"} or keys >= {"question_relation", "video_name"}:
        return "avqa", ""
    return ("daily_omni", "") if keys >= {"Choice", "Answer", "Question"} else ("mcq", "")
