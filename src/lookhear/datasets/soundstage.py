"""Soundstage: synthetic musicians with exact ground truth and all seven tasks. Make it: lookhear soundstage OUT.

It is generated, so only the licence of this package applies. The folder:

    card.json                          settings, counts, chance and floors, checksums
    scenes.jsonl                       the truth, one scene a line
    videos/<video_id>.mp4              H.264 + AAC; absent when made with --no-media
    json/avqa-<split>.json             MUSIC-AVQA's annotation format; splits train, val, test, diagnostic
    json/evidence-<split>.json         question_id -> [[start, end, label, stream], ...]: the evidence of each answer
    json/reasoning-<split>.json        question_id -> reasoning as text
    json/<task>-<split>.json           the other tasks, a list of records
    masks/<video_id>_<k>.png           instance mask of second k: number of the player from 1, 0 the stage
    twins.jsonl json/twins-<split>.json    counterfactual twins, where it was made with --twins

Without a version the examples are questions. Versions: `reasoning`, the questions with `meta["reasoning"]`; `action`,
`emotion`, `matching` (does the sound belong to the picture: yes or no), `event` (AVE's form), `parsing` (LLP's),
`grounding` (ARIG's), `segmentation` or one of its forms `s4`, `ms3` and `avss`, `referring` (Ref-AVS's; splits `seen`,
`unseen` and `null` are parts of `test`), and `caption`. Boxes and points are regions of the reference; `with_mask` adds
the mask. `twins` asks the same questions about a clip and its counterfactual twins, which differ from it in one cause:
`meta["pair"]` is the id of the group, `meta["twin"]` the kind of change (empty for the original clip), and
`meta["must"]` whether the answer must `change` or `stay`; `with_twins` is the plain questions and those of `twins`,
to train on both. `evidence` and `twins_evidence` are the same questions that also ask for the seconds on which the
answer is based.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import find_splits
from lookhear.datasets.reading.templates import ANSWERS, example
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Region, Segment, Source

VOCABULARY = ANSWERS
INSTRUMENTS = (
    *("accordion", "acoustic_guitar", "bagpipe", "banjo", "bassoon", "cello", "clarinet", "congas", "drum"),
    *("electric_bass", "erhu", "flute", "guzheng", "piano", "pipa", "saxophone", "suona", "trumpet", "tuba"),
    *("ukulele", "violin", "xylophone"),
)
TASKS = {  # version -> task, form, allowed answers
    "action": ("action_recognition", "action", tuple(f"playing {kind.replace('_', ' ')}" for kind in INSTRUMENTS)),
    "emotion": ("emotion_recognition", "emotion", ("neutral", "happy", "sad", "calm", "angry")),
    "matching": ("cross_modal_matching", "pair", ("yes", "no")),
    "event": ("event_localisation", "ave", INSTRUMENTS),
    "parsing": ("event_localisation", "llp", (*INSTRUMENTS, "speech")),
    "grounding": ("localisation", "arig", ()),
    "segmentation": ("localisation", "", ()),
    "referring": ("localisation", "ref_avs", ()),
    "caption": ("captioning", "caption", ()),
}
FORMS = ("s4", "ms3", "avss")  # of `segmentation`
PARTS = {"seen": "Seen", "unseen": "Unseen", "null": "Null"}  # of the test split of `referring` -> kind
VERSIONS = ("reasoning", "evidence", "twins", "with_twins", "twins_evidence", *TASKS, *FORMS)
SIZE = 224  # pixels of the picture that boxes and points are given in


def load(root: Path | str, split: str = "test", version: str = "") -> list[Example]:
    """The examples of `split` in file order; references of questions have their evidence as segments.

    `clip.video.path` is None if the folder was made without media. Raises DatasetError if `root` is not a Soundstage
    folder or has no such split.
    """
    root = Path(root)
    if version in ("evidence", "twins_evidence"):
        plain = load(root, split, version.removesuffix("evidence").removesuffix("_"))
        return [replace(e, meta={**e.meta, "form": "evidence"}) for e in plain]
    if version == "with_twins":
        return [*load(root, split), *load(root, split, "twins")]
    if version in ("", "reasoning"):
        return _questions(root, split, bool(version))
    if version == "twins":
        return [_twin(root, record) for record in _read(_file(root, "twins", split))]
    name = "segmentation" if version in FORMS else version
    parts = PARTS if version == "referring" else {}
    records = _read(_file(root, name, "test" if split in parts else split))
    wanted = [r for r in records if version not in FORMS or r["form"] == version]
    wanted = [r for r in wanted if split not in parts or r["kind"] == [parts[split]]]
    task, form, labels = TASKS[name]
    return [_example(root, record, task, form, labels) for record in wanted]


def with_mask(example: Example) -> Example:
    """The example with masks, bool (height, width), added to the box regions of the reference.

    An example without a mask, such as a null expression, is returned unchanged.
    """
    if example.reference is None or example.meta.get("mask") is None:
        return example
    import numpy as np

    from lookhear.datasets.reading.masks import read_mask

    numbers, owners = read_mask(example.meta["mask"], 256), example.meta["owners"]
    regions = tuple(
        replace(r, mask=np.isin(numbers, owners[r.label])) if r.box and r.box[:2] != r.box[2:] else r
        for r in example.reference.regions
    )
    return replace(example, reference=replace(example.reference, regions=regions))


def splits(root: Path | str, version: str = "") -> list[str]:
    """The splits whose files are under `root`."""
    version = {"evidence": "", "twins_evidence": "twins", "with_twins": "twins"}.get(version, version)
    name = {"": "avqa", "reasoning": "reasoning", "twins": "twins"}.get(version) or (
        "segmentation" if version in FORMS else version
    )
    found = list(find_splits(Path(root), ("json",), (rf"{name}-(\w+)\.json",)))
    return [*found, *PARTS] if version == "referring" and "test" in found else found


def _questions(root: Path, split: str, reasoning: bool) -> list[Example]:
    path = _file(root, "avqa", split)
    side = root / "json" / f"evidence-{split}.json"
    evidence: dict[str, list[list[Any]]] = _read(side) if side.is_file() else {}
    reasons: dict[str, str] = _read(_file(root, "reasoning", split)) if reasoning else {}

    def made(record: dict[str, Any]) -> Example:
        number = str(record["question_id"])
        segments = [Segment(label, a, b, s) for a, b, label, s in evidence.get(number, [])]
        one = example(record, _clip(root, record["video_id"]), segments)
        return replace(one, meta={**one.meta, "reasoning": reasons[number]}) if reasoning else one

    try:
        return [made(record) for record in _read(path)]
    except (KeyError, TypeError) as error:
        raise DatasetError(
            f"{path}: a record is not in MUSIC-AVQA's format: {error!r}. Make the folder again."
        ) from None


def _twin(root: Path, record: dict[str, Any]) -> Example:
    """A question about a twin or its base; confidence intervals are clustered by the base clip."""
    segments = [Segment(label, a, b, stream) for a, b, label, stream in record["segments"]]
    one = example(record, _clip(root, record["video_id"]), segments)
    pair = {name: record[name] for name in ("pair", "twin", "stream", "must", "changed")}
    return replace(one, meta={**one.meta, "video_id": record["base"], **pair})


def _example(root: Path, record: dict[str, Any], task: str, form: str, labels: tuple[str, ...]) -> Example:
    regions = tuple(Region(label, _unit(place)) for label, place in record.get("regions", ()))
    segments = tuple(Segment(label, a, b, stream) for a, b, label, stream in record.get("segments", ()))
    meta = {"video_id": record["video_id"], "form": record.get("form") or form, "labels": labels}
    if form == "ref_avs":
        meta |= {"null": not record["answer"], "family": record["family"]}
    if "mask" in record:
        meta |= {"mask": root / record["mask"], "owners": record["owners"]}
    if "because" in record:
        meta["because"] = record["because"]  # true sentences from which the answer follows
    return Example(
        id=record["id"],
        task=task,
        clip=_clip(root, record["video_id"], record),
        question=record.get("question", ""),
        reference=Answer(record["answer"], segments=segments, regions=regions),
        kind=tuple(record.get("kind", ())),
        meta=meta,
    )


def _clip(root: Path, video_id: str, record: dict[str, Any] | None = None) -> Clip:
    videos, record = root / "videos", record or {}
    there = videos.is_dir()
    seen, heard = (
        Source(one, videos / f"{one}.mp4" if there else None) for one in (video_id, record.get("audio_id", video_id))
    )
    return Clip(seen, heard, record.get("start", 0.0), record.get("end"))


def _unit(place: list[int]) -> tuple[float, float, float, float]:
    """Convert a box or point in pixels to a box in 0..1."""
    left, top, right, bottom = (edge / SIZE for edge in (place if len(place) == 4 else [*place, *place]))
    return left, top, right, bottom


def _file(root: Path, name: str, split: str) -> Path:
    path = root / "json" / f"{name}-{split}.json"
    if not path.is_file():
        if not list(root.glob("json/avqa-*.json")):
            raise DatasetError(f"No Soundstage in {str(root)!r}. Make one: lookhear soundstage {root}")
        have = sorted(p.stem.removeprefix(f"{name}-") for p in root.glob(f"json/{name}-*.json"))
        if have:
            raise DatasetError(f"No split {split!r} in {str(root)!r}. There are: {', '.join(have)}.")
        if name == "twins":
            raise DatasetError(f"{str(root)!r} has no twins. Add them: lookhear soundstage {root} … --twins all")
        raise DatasetError(
            f"{str(root)!r} was made before there was a task {name!r}. Run 'lookhear soundstage {root}' again with the "
            "options it was made with: only what is missing is added."
        )
    return path


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not readable as JSON ({error}). Make the folder again.") from None
