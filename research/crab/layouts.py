"""Drawn stages in the layouts of the test sets of Crab+'s Table 2 that `lookhear soundstage --formats` does not write.

    formats/music_avqa/   the questions as they are
    formats/avqa/         audio-visual ones with four choices; the test clips are its `val`
    formats/dfew/ mafw/ meld/     the clips of CREMA-D's layout, with these sets' names of the four moods
    formats/ucf51/        actions with five groups of instruments, under the nearest of UCF101's names
    formats/arig          a link to AVSBench's folder, which holds ARIG's files

The emotion sets have the same clips, and so have the two of questions: columns, not independent evidence.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from random import Random

from lookhear import datasets, files
from lookhear.datasets.dfew import LABELS as DFEW
from lookhear.datasets.ucf51 import CLASSES
from lookhear.types import Example

MOODS = ("neutral", "happy", "sad", "angry")
MAFW = {"neutral": "neutral", "happy": "happiness", "sad": "sadness", "angry": "anger"}
MELD = {"neutral": "neutral", "happy": "joy", "sad": "sadness", "angry": "anger"}
UCF = {
    "cello": "PlayingCello", "violin": "PlayingCello", "electric_bass": "PlayingCello", "erhu": "PlayingCello",
    "flute": "PlayingFlute", "clarinet": "PlayingFlute", "bassoon": "PlayingFlute", "suona": "PlayingFlute",
    "acoustic_guitar": "PlayingSitar", "banjo": "PlayingSitar", "pipa": "PlayingSitar", "ukulele": "PlayingSitar",
    "drum": "PlayingDhol", "congas": "PlayingDaf",
}  # fmt: skip
SPLITS = ("train", "test")
CHOICES = 4


def write(world: Path) -> None:
    """Write all of them; what is there is left as it is."""
    formats = world / "formats"
    if (formats / "ucf51").is_dir():
        return
    if not (formats / "arig").exists():
        (formats / "arig").symlink_to("avsbench")
    for split in SPLITS:
        questions = datasets.load("soundstage", world, split)
        _linked(formats / "music_avqa" / "videos", world, {e.clip.id: e.clip.id for e in questions})
        text = (world / "json" / f"avqa-{split}.json").read_text("utf-8")
        files.write(formats / "music_avqa" / f"avqa-{split}.json", text)
        avqa(formats / "avqa", world, split, questions)
        moods = [e for e in datasets.load("soundstage@emotion", world, split) if e.truth.text in MOODS]
        emotions(formats, world, split, moods)
    ucf51(formats / "ucf51", world)


def avqa(folder: Path, world: Path, split: str, questions: Sequence[Example]) -> None:
    """Four choices: the answer and three others to the same template, or of the whole vocabulary."""
    known: dict[str, list[str]] = {}
    for e in questions:
        known.setdefault(str(e.meta["template"]), []).append(e.truth.text)
    rows = []
    for e in questions:
        if not e.kind or e.kind[0] != "Audio-Visual":
            continue
        rng, answer = Random(f"avqa {e.id}"), e.truth.text
        others = sorted({*known[str(e.meta["template"])]} - {answer})
        others = rng.sample(others, min(CHOICES - 1, len(others)))
        rest = sorted({*datasets.of("soundstage").answers(world)} - {answer, *others})
        choices = [answer, *others, *rng.sample(rest, CHOICES - 1 - len(others))]
        rng.shuffle(choices)
        rows.append(
            {"id": len(rows), "video_name": e.clip.id, "video_id": len(rows), "question_text": e.question,
             "multi_choice": choices, "answer": choices.index(answer), "question_relation": "Both",
             "question_type": e.kind[-1]}
        )  # fmt: skip
    name = "val" if split == "test" else split
    files.write(folder / f"{name}_qa.json", json.dumps(rows, indent=1))
    _linked(folder / "videos", world, {row["video_name"]: row["video_name"] for row in rows})


def emotions(formats: Path, world: Path, split: str, moods: Sequence[Example]) -> None:
    """One clip list under the names and labels of three sets."""
    rows = [(e.clip.id, e.truth.text) for e in moods]
    text = "".join(f"{clip},{DFEW.index(mood) + 1}\n" for clip, mood in rows)
    folder = formats / "dfew"
    files.write(folder / "EmoLabel_DataSplit" / f"{split}(single-labeled)" / "set_1.csv", f"video_name,label\n{text}")
    _linked(folder / "Clip", world, {clip: clip for clip, _ in rows})
    folder = formats / "mafw"
    text = "".join(f"{clip}.mp4 {MAFW[mood]}\n" for clip, mood in rows)
    files.write(folder / "Train & Test Set" / "single" / "no_caption" / "set_1" / f"{split}.txt", text)
    _linked(folder / "data" / "clips", world, {clip: clip for clip, _ in rows})
    folder = formats / "meld"
    names = {clip: f"dia{place}_utt0" for place, (clip, _) in enumerate(rows)}
    folder.mkdir(exist_ok=True)
    with (folder / f"{split}_sent_emo.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID", "Season", "Episode"))
        table.writerows(("", "", MELD[mood], place, 0, 1, 1) for place, (_, mood) in enumerate(rows))
    there = {"train": "train_splits", "test": "output_repeated_splits_test"}[split]
    _linked(folder / there, world, names)


def ucf51(folder: Path, world: Path) -> None:
    """Actions of UCF's five instruments and those nearest to them."""
    files.write(folder / "classInd.txt", "".join(f"{n} {name}\n" for n, name in enumerate(CLASSES, 1)))
    for split in SPLITS:
        rows = []
        for e in datasets.load("soundstage@action", world, split):
            kind = UCF.get(e.truth.text.removeprefix("playing ").replace(" ", "_"))
            if kind:
                rows.append((kind, f"v_{kind}_{e.clip.id}", e.clip.id))
        lines = [f"{kind}/{name}.avi {CLASSES.index(kind) + 1}\n" for kind, name, _ in rows]
        files.write(folder / f"{split}list01.txt", "".join(lines))
        for kind, name, clip in rows:
            _linked(folder / "UCF-101" / kind, world, {clip: name})


def _linked(folder: Path, world: Path, names: dict[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for clip, name in names.items():
        if not (folder / f"{name}.mp4").exists():
            files.link(world / "videos" / f"{clip}.mp4", folder / f"{name}.mp4")
