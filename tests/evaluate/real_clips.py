"""Every real clip of the shared folder with its true label: examples as the datasets' own readers make them."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

from lookhear import datasets
from lookhear.datasets import arig, avsbench
from lookhear.evaluate.many import Asked, examples_of
from lookhear.types import Answer, Clip, Example, Source

FRAMES = {  # version of AVSBench -> folder, clip, number of the frame, what sounds in it
    "s4": ("v1s", "_4R3qHn1n50_0_5000", 0, "mower"),
    "ms3": ("v1m", "3vheOi4y540_1", 1, "man"),
    "avss": ("v2", "_aldtLqTVYI_1000_11000", 0, "clarinet"),
}
SPLITS = {
    "ave": ("ave", "all"),
    "llp": ("llp", "test"),
    "unav_100": ("unav100", "train"),
    "valor": ("valor32k_avqa", "test"),
    "valor32k_avqa": ("valor32k_avqa", "test"),
}


def found(data: Path, work: Path) -> dict[str, list[Example]]:
    """Dataset -> its examples whose clip is here. AVSBench's frames are laid out in `work` as the dataset has them."""
    some = {}
    for name, (folder, split) in SPLITS.items():
        every = datasets.load(name, data / folder, split)
        some[name] = [e for e in every if e.clip.video and e.clip.video.path and e.clip.video.path.is_file()]
    root = layout(data / "avsbench/media", work)
    for version in FRAMES:
        every = examples_of(Asked(f"avsbench@{version}", "test", root))
        some[version] = [e for e in every if e.meta["mask"] is not None]
    some["arig"] = [arig.from_mask(e) for e in avsbench.load(root, "test", "s4") if e.meta["mask"] is not None]
    sound = Source("00006835", data / "music_avqa/media/00006835.mp3")
    every = datasets.load("music_avqa", data / "music_avqa", "test")
    mine = [e for e in every if e.meta["video_id"] == sound.id]
    some["music_avqa"] = [replace(e, clip=Clip(None, sound)) for e in mine]
    return some


def unlabelled(data: Path) -> list[Example]:
    """AVQA's four clips, for which the files here have no question, and ARIG's picture, for which there is no box."""
    made = []
    for path in sorted((data / "avqa_thu/media").glob("*.mp4")):
        source, options = Source(path.stem, path), ("dog", "car", "man", "rain")
        asked = "What makes the sound in the video"
        made.append(Example(path.stem, "question_answering", Clip(source, source), asked, meta={"options": options}))
    still, sound = (Source(n, data / "avsbench/media/arig" / n) for n in ("1.jpg", "audio.wav"))
    return [*made, Example("HxMoMMrA6Eo_0_5000_1", "localisation", Clip(still, sound), "", meta={"form": "arig"})]


def layout(media: Path, work: Path) -> Path:
    """AVSBench's own folders around the three labelled frames."""
    rows = ["vid,uid,s_min,s_sec,a_obj,split,label"]
    for version, (part, uid, frame, label) in FRAMES.items():
        folder = work / part / uid
        for name, ending in (("frames", "jpg"), ("labels_rgb" if version == "avss" else "labels_semantic", "png")):
            (folder / name).mkdir(parents=True, exist_ok=True)
            shutil.copy(media / version / f"{frame}.{ending}", folder / name / f"{frame}.{ending}")
        shutil.copy(media / version / "audio.wav", folder / "audio.wav")
        rows.append(f"{uid},{uid},0,0,{label},test,{part}")
    (work / "metadata.csv").write_text("\n".join(rows) + "\n")
    return work


def truth(example: Example) -> Answer:
    """The example's reference, which it must have."""
    assert example.reference is not None
    return example.reference
