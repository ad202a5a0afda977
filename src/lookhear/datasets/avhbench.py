"""AVHBench: 5,302 yes/no questions and 1,106 captions on cross-modal hallucination (Sung-Bin et al., ICLR 2025).

Annotations: github.com/kaist-ami/AVHBench; QA.json and AVH_val.json as github.com/kaistmm/AVCD keeps them. The
benchmark states no licence. Videos are AudioCaps' and VALOR's.

    <root>/QA.json, AVH_test.json, AVH_val.json        splits test, test_questions, val
    <root>/videos/00006.mp4                            any folder with video, media or clip in its name

There are three tasks of yes/no questions, with half of the answers yes, and captioning; `kind` is the task. Scores are
accuracy, precision, recall and F1 of yes, and the share of yes replies, by task. `qa_final_single_filtered.json`, which
the authors offer as fine-tuning data, contains the whole benchmark with its labels: results after training on it are
invalid. The split `align_ft` reads it, so that `lookhear check` and `lint` can find the leak.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, json_rows, read_rows
from lookhear.datasets.reading.media import Recordings
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example

FILES = {
    "test": ("QA.json", "json/QA.json"), "test_questions": ("AVH_test.json",),
    "val": ("AVH_val.json", "json/AVH_val.json"),
    "align_ft": ("qa_final_single_filtered.json", "qa_final_single_filtered.json.gz"),
}  # fmt: skip
LABELS = ("yes", "no")
CAPTIONS = "AV Captioning"


def load(root: Path | str, split: str = "test") -> list[Example]:
    """Every readable question of `split`."""
    return read(root, split).loaded()


def read(root: Path | str, split: str = "test") -> Annotations:
    """The questions of `split`, with unreadable and repeated rows as faults."""
    root = Path(root)
    names = (split,) if Path(split).suffix else FILES.get(split, ())
    path = next((root / name for name in names if (root / name).is_file()), None)
    if path is None:
        raise DatasetError(
            f"No split {split!r} of avhbench under {str(root)!r}. There are: {', '.join(splits(root)) or 'none'}."
        )
    recordings, odd, number = Recordings(root), list[Fault](), iter(range(10**9))
    asked: dict[tuple[str, str, str], tuple[int, str]] = {}

    def make(record: dict[str, Any], line: int) -> Example:
        place = next(number)
        video, task, question, label = (str(record[key]) for key in ("video_id", "task", "text", "label"))
        caption = task == CAPTIONS
        if not caption and label.lower() not in LABELS:
            raise DatasetError(f"label {label!r} is neither Yes nor No")
        key = (video, task, label if caption else question)
        if key in asked:
            first, said = asked[key]
            kind = "asked twice" if said == label else "asked twice, answered in two ways"
            odd.append(Fault(kind, path, line, f"as record {first}", f"{video}: {question}", place))
        asked.setdefault(key, (place, label))
        return Example(
            id=f"{path.stem}-{place}",
            task="captioning" if caption else "question_answering",
            clip=recordings.clip(video.removesuffix("_swap"), video),
            question=question,
            reference=Answer(label if caption else label.lower()),
            kind=(task,),
            meta={"video_id": video, "line": line, "record": place}
            | ({} if caption else {"labels": LABELS, "form": f"yes_no {task}"}),
        )

    return read_rows(path, json_rows(path), make).with_faults(odd)


def splits(root: Path | str) -> list[str]:
    """The splits whose files are under `root`."""
    return [split for split, names in FILES.items() if any((Path(root) / name).is_file() for name in names)]
