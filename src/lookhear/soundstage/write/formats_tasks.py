"""Export scenes in the formats of further public datasets: actions, emotions, events, captions, pairs, expressions.

formats/kinetics_sounds/   my_train.txt my_val.txt my_test.txt media/      11 of the 22 instruments are actions there
formats/crema_d/           train.csv val.csv test.csv videos/              4 of the 5 moods are emotions there
formats/unav_100/          unav100_annotations.json media/                 what is seen and heard, to a tenth
formats/valor/             desc_{train,val,test}.json media/
formats/vgg_cm/            a2v/ v2a/ videos/                               which of two belongs to it
formats/ref_avs/           metadata.csv media/ gt_mask/                    a third of the scenes, frame by frame
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random

from lookhear import files
from lookhear.datasets.crema_d import NAMES
from lookhear.datasets.kinetics_sounds import LABELS as KINETICS
from lookhear.datasets.unav_100 import LABELS as UNAV
from lookhear.soundstage.scene.facts import NEAR, Facts
from lookhear.soundstage.scene.scene import INSTRUMENTS, Scene
from lookhear.soundstage.tasks import captions, labels, referring

Counts = dict[str, int]
Splits = dict[str, list[Scene]]
SPLITS = ("train", "val", "test")
FRAMES = 10
EVERY = 3  # one scene in this many is rendered frame by frame
CODES = {"happy": "HAP", "sad": "SAD", "angry": "ANG", "neutral": "NEU"}
ACTED = {
    "acoustic_guitar": "guitar",
    "bagpipe": "bagpipes",
    "drum": "drums",
    "electric_bass": "bass guitar",
}
KINETICS_LABELS = {
    kind: label for kind in INSTRUMENTS if (label := f"playing {ACTED.get(kind, kind.replace('_', ' '))}") in KINETICS
}
UNAV_LABELS = {k: f"playing {k.replace('_', ' ')}" for k in INSTRUMENTS if f"playing {k.replace('_', ' ')}" in UNAV}
KINDS = {"Seen": "test_s", "Unseen": "test_u", "Null": "test_n"}


def write(
    folder: Path,
    scenes: Sequence[tuple[str, Scene]],
    videos: Path | None,
    size: int,
    tick: Callable[[], None],
    font: str = "",
) -> dict[str, Counts]:
    """Write all six formats. Media are links to `videos`; without videos, Ref-AVS is left out."""
    splits = {split: [scene for s, scene in scenes if s == split] for split in SPLITS}
    counts = {
        "kinetics_sounds": kinetics_sounds(folder / "kinetics_sounds", splits, videos),
        "crema_d": crema_d(folder / "crema_d", splits, videos),
        "unav_100": unav_100(folder / "unav_100", splits, videos),
        "valor": valor(folder / "valor", splits, videos),
        "vgg_cm": vgg_cm(folder / "vgg_cm", splits, videos),
    }
    if videos:
        counts["ref_avs"] = ref_avs(folder / "ref_avs", splits, size, tick, font)
    return counts


def kinetics_sounds(folder: Path, splits: Splits, videos: Path | None) -> Counts:
    """Scenes whose only instrument that is both seen and heard is an action of Kinetics-Sounds."""
    rows: dict[str, list[str]] = {split: [] for split in splits}
    for split, scenes in splits.items():
        for scene in scenes:
            facts = Facts(scene)
            kind = facts.sounding[0].instrument if labels.action(facts) else ""
            if kind in KINETICS_LABELS:
                rows[split].append(f"{scene.id},{scene.seconds:g},{KINETICS.index(KINETICS_LABELS[kind])}")
        _lines(folder / f"my_{split}.txt", rows[split])
    return _linked(folder / "media", rows, videos)


def crema_d(folder: Path, splits: Splits, videos: Path | None) -> Counts:
    """Scenes whose mood can be seen and heard and is an emotion of CREMA-D."""
    assert set(CODES.values()) <= set(NAMES)
    rows: dict[str, list[str]] = {split: [] for split in splits}
    for split, scenes in splits.items():
        fit = [scene for scene in scenes if labels.emotion(Facts(scene)) and scene.mood in CODES]
        rows[split] = [f"{scene.id},{CODES[scene.mood]}" for scene in fit]
        _lines(folder / f"{split}.csv", rows[split])
    return _linked(folder / "videos", rows, videos)


def unav_100(folder: Path, splits: Splits, videos: Path | None) -> Counts:
    """Scenes in which an instrument of UnAV-100 is seen and heard, with all such instruments and their times."""
    database, rows = {}, {split: list[str]() for split in splits}
    for split, scenes in splits.items():
        for scene in scenes:
            facts, events = Facts(scene), []
            hidden = {p.instrument for p in facts.offstage}
            for kind in dict.fromkeys(p.instrument for p in facts.sounding if p.instrument not in hidden):
                spans = _joined([span for p in facts.sounding if p.instrument == kind for span in p.sounding])
                if kind in UNAV_LABELS:
                    events += [{"segment": list(span), "label": UNAV_LABELS[kind]} for span in spans]
            if events:
                subset = {"val": "validation"}.get(split, split)
                database[scene.id] = {"duration": scene.seconds, "subset": subset, "annotations": events}
                rows[split].append(scene.id)
    files.write(folder / "unav100_annotations.json", json.dumps({"database": database}, indent=1))
    return _linked(folder / "media", rows, videos)


def valor(folder: Path, splits: Splits, videos: Path | None) -> Counts:
    """Every scene with its caption."""
    rows: dict[str, list[str]] = {}
    for split, scenes in splits.items():
        told = [(s, captions.caption(Random(f"valor {s.id} {s.seed}"), Facts(s))["answer"]) for s in scenes]
        found = [{"video_id": scene.id, "desc": caption} for scene, caption in told]
        files.write(folder / f"desc_{split}.json", json.dumps(found, indent=1))
        rows[split] = [scene.id for scene in scenes]
    return _linked(folder / "media", rows, videos)


def vgg_cm(folder: Path, splits: Splits, videos: Path | None) -> Counts:
    """For each pair of scenes, two questions: which of two sounds fits the first picture, and which of two pictures
    fits the second sound.
    """
    rows: dict[str, list[str]] = {}
    for split, scenes in splits.items():
        rng = Random(f"vgg_cm {split} {len(scenes)}")
        pairs = [(a, b) for a, b, record in labels.matching(rng, scenes) if record["answer"] == "no"]
        asked: dict[str, list[dict[str, str]]] = {"a2v": [], "v2a": []}
        for place, (picture, sound) in enumerate(pairs):  # the sound does not fit the picture
            for way, right, wrong in (("a2v", sound, picture), ("v2a", picture, sound)):
                first = place % 2 == (way == "a2v")
                one, two = (right, wrong) if first else (wrong, right)
                of, given = ("video", "audio") if way == "a2v" else ("audio", "video")
                asked[way].append(
                    {f"{of}1_path": f"videos/{one.id}.mp4", f"{of}2_path": f"videos/{two.id}.mp4"}
                    | {f"{given}_path": f"videos/{right.id}.mp4", f"correct_{of}": "one" if first else "two"}
                )
        for way, found in asked.items():
            files.write(folder / way / f"{split}.json", json.dumps(found, indent=1))
        rows[split] = [scene.id for pair in pairs for scene in pair]
    _linked(folder / "videos", rows, videos)
    return {split: len(names) for split, names in rows.items()}


# Ref-AVS: expressions, and masks of the referent in each of ten frames


def ref_avs(folder: Path, splits: Splits, size: int, tick: Callable[[], None], font: str = "") -> Counts:
    """Every third scene with up to two expressions; the test set has three parts: seen, unseen and null."""
    rows, counts = ["vid,uid,split,fid,exp"], Counter[str]()
    for split, scenes in splits.items():
        known = [k for k in INSTRUMENTS if split == "test" or k not in referring.UNSEEN]
        choice = referring.Choice(Random(f"ref_avs {split} {len(scenes)}"), known)
        for scene in scenes[::EVERY]:
            said = list(_expressions(choice, scene))
            fids = []
            for place, (e, kind) in enumerate(said):
                where = KINDS[kind] if split == "test" else split
                fid = 0 if e.player is None else 1 + next(i for i, p in enumerate(scene.players) if p is e.player)
                name = (e.player.instrument if e.player else (*e.named, "nobody")[0]).replace("_", "-")
                uid = f"{'null_s-' if e.player is None else ''}{scene.id}_{name}_{place}"
                rows.append(f"{scene.id},{uid},{where},{fid},{e.words}")
                counts[where] += 1
                fids += [fid] if fid else []
            _draw(folder, scene, sorted(set(fids)), size, font)
            tick()
    _lines(folder / "metadata.csv", rows)
    return dict(counts)


def _expressions(choice: referring.Choice, scene: Scene) -> Iterator[tuple[referring.Expression, str]]:
    from lookhear.soundstage.picture.painter import masks
    from lookhear.soundstage.tasks.places import SMALLEST

    owned = None
    for e in choice.take(Facts(scene)):
        if e.player is not None:
            owned = masks(scene, scene.seconds / 2, 64) if owned is None else owned
            if owned[next(i for i, p in enumerate(scene.players) if p is e.player)].mean() < SMALLEST:
                continue
        yield e, referring.kind_of(e)


def _draw(folder: Path, scene: Scene, fids: Sequence[int], size: int, font: str) -> None:
    """Write ten frames, the masks of each referent, and the sound."""
    target = folder / "media" / scene.id
    if target.is_dir():
        return
    import numpy as np
    from PIL import Image

    from lookhear.media.write import write_wav
    from lookhear.soundstage.picture.painter import frames, masks
    from lookhear.soundstage.sound.mix import sound

    with files.whole_folder(target) as part:
        (part / "frames").mkdir()
        middles = list(frames(scene, size, 2))[1 : 2 * FRAMES : 2]
        for k, pixels in enumerate(middles):
            Image.fromarray(pixels).save(part / "frames" / f"{k}.jpg", quality=92)
            owned = masks(scene, k + 0.5, size) if fids else np.zeros(0)
            for fid in fids:
                path = folder / "gt_mask" / scene.id / f"fid_{fid}" / f"{k:05d}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(owned[fid - 1].astype(np.uint8) * 255).save(path)
        write_wav(part / "audio.wav", sound(scene, 16000, font=font), 16000)


# ---- files


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The spans merged where they overlap."""
    merged: list[tuple[float, float]] = []
    for a, b in sorted(spans):
        if merged and a <= merged[-1][1] + NEAR:
            merged[-1] = merged[-1][0], max(b, merged[-1][1])
        else:
            merged.append((a, b))
    return merged


def _lines(path: Path, rows: Sequence[str]) -> None:
    files.write(path, "".join(f"{row}\n" for row in rows))


def _linked(folder: Path, rows: dict[str, list[str]], videos: Path | None) -> Counts:
    """Link the recording named in the first column of each row; returns the number of rows by split."""
    for row in (row for names in rows.values() for row in names):
        if videos is not None:
            name = row.partition(",")[0]
            files.link(videos / f"{name}.mp4", folder / f"{name}.mp4")
    return {split: len(names) for split, names in rows.items()}
