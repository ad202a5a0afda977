"""Export scenes in the formats of public datasets: AVE, LLP, AVSBench and ARIG; others are in formats_tasks.

    formats/ave/         trainSet.txt valSet.txt testSet.txt Annotations.txt media/    one event, seen and heard
    formats/llp/         AVVP_*.csv media/                                             events by modality and second
    formats/avsbench/    metadata.csv scenes.jsonl v1s/ v1m/ v2/                       the pixels of what sounds
                         arig/arig_{train,val,test}.json                               and, of one source, its box

Labels are those of the public datasets: of the 22 instruments AVE has 6, LLP 5 (and "Speech"), AVSBench 17. AVE and LLP
contain the clips with at least one of their labels. A clip lasts 10 seconds, and a second belongs to an event that
fills half of it. Media files are hard links where possible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random

from lookhear import files
from lookhear.datasets.ave import LABELS as AVE
from lookhear.datasets.avsbench import CLASSES
from lookhear.datasets.llp import LABELS as LLP
from lookhear.soundstage.scene.sampler import relabel
from lookhear.soundstage.scene.scene import INSTRUMENTS, Player, Scene, to_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.structure import Plan, draw
from lookhear.soundstage.scene.world import Asked
from lookhear.soundstage.tasks.events import seconds
from lookhear.soundstage.write import formats_tasks

Counts = dict[str, int]

SECONDS = 10
SPLITS = ("train", "val", "test")
LENGTHS = {"v1s": 5, "v1m": 5, "v2": SECONDS}  # seconds, which is also the number of frames
PLANS = {
    "v1s": Plan(visible=(1, 2, 3), silent=(0, 1, 2), offstage=(0,), times=("free",), voice=0.0),
    "v1m": Plan(visible=(2, 3, 4), silent=(0, 1), offstage=(0,), voice=0.0),
    "v2": Plan(offstage=(0,), voice=0.0),
}


def _labels(known: Iterable[str], spell: Callable[[str], str], named: dict[str, str]) -> dict[str, str]:
    """Instrument -> its label in a public dataset, for instruments that the dataset has."""
    spelt = {kind: named.get(kind, spell(kind)) for kind in INSTRUMENTS}
    return {kind: label for kind, label in spelt.items() if label in known}


AVE_LABELS = _labels(AVE, str.capitalize, {"violin": "Violin, fiddle", "acoustic_guitar": "Acoustic guitar"})
LLP_LABELS = _labels(LLP, str.capitalize, {"violin": "Violin_fiddle"})
AVSBENCH_LABELS = _labels(CLASSES, str, {"acoustic_guitar": "guitar", "suona": "sorna"})


def write_formats(
    out: Path, settings: Settings, clips: Sequence[Asked], media: bool, tick: Callable[[], None], font: str = ""
) -> dict[str, Counts]:
    """Write all formats for the clips of train, val and test; returns the number of examples of each by split."""
    scenes = [(c.split, c.scene) for c in clips if c.split in SPLITS]
    videos = out / "videos" if media else None
    counts = {"ave": ave(out / "formats" / "ave", scenes, videos), "llp": llp(out / "formats" / "llp", scenes, videos)}
    if media:
        counts["avsbench"] = avsbench(
            out / "formats" / "avsbench", settings.seed, settings.clips, settings.size, tick, font
        )
        counts["arig"] = arig(out / "formats" / "avsbench")
    return counts | formats_tasks.write(out / "formats", scenes, videos, settings.size, tick, font)


# ---- AVE: one event that is both seen and heard


def ave(folder: Path, scenes: Sequence[tuple[str, Scene]], videos: Path | None) -> Counts:
    """Scenes with exactly one player of AVE's six instruments, on stage, with a single sounding span."""
    rows = {split: [row for s, scene in scenes if s == split for row in _ave_row(scene)] for split in SPLITS}
    for split, name in (("train", "trainSet"), ("val", "valSet"), ("test", "testSet")):
        _lines(folder / f"{name}.txt", ("&".join(row) for row in rows[split]))
    everything = [row for split in SPLITS for row in rows[split]]
    _lines(folder / "Annotations.txt", ("&".join(row) for row in everything))
    _media(folder / "media", {row[1]: row[1] for row in everything}, videos)
    return {split: len(rows[split]) for split in SPLITS}


def _ave_row(scene: Scene) -> Iterator[tuple[str, ...]]:
    players = [p for p in scene.players if p.instrument in AVE_LABELS]
    if len(players) == 1 and players[0].x is not None and len(seconds(players[0].sounding)) == 1:
        start, end = seconds(players[0].sounding)[0]
        yield AVE_LABELS[players[0].instrument], scene.id, "good", str(start), str(end)


# LLP: events heard and events seen, labelled separately


def llp(folder: Path, scenes: Sequence[tuple[str, Scene]], videos: Path | None) -> Counts:
    """Scenes with any of LLP's five instruments or a narrator ("Speech"), whether heard, seen or both."""
    heard = {scene.id: _llp_heard(scene) for _, scene in scenes}
    seen = {
        scene.id: sorted({LLP_LABELS[p.instrument] for p in scene.visible if p.instrument in LLP_LABELS})
        for _, scene in scenes
    }
    kept = {split: [s.id for where, s in scenes if where == split and (heard[s.id] or seen[s.id])] for split in SPLITS}
    for split, name in (("train", "train"), ("val", "val_pd"), ("test", "test_pd")):
        events = (f"{_name(i)}\t{','.join(sorted({*seen[i], *(e[0] for e in heard[i])}))}" for i in kept[split])
        _lines(folder / f"AVVP_{name}.csv", ("filename\tevent_labels", *events))
    judged = kept["val"] + kept["test"]
    head = "filename\tonset\toffset\tevent_labels"
    rows = (f"{_name(i)}\t{a}\t{b}\t{label}" for i in judged for label, a, b in heard[i])
    _lines(folder / "AVVP_eval_audio.csv", (head, *rows))
    rows = (f"{_name(i)}\t0\t{SECONDS}\t{label}" for i in judged for label in seen[i])
    _lines(folder / "AVVP_eval_visual.csv", (head, *rows))
    _media(folder / "media", {i: _name(i) for ids in kept.values() for i in ids}, videos)
    return {split: len(ids) for split, ids in kept.items()}


def _name(scene_id: str) -> str:
    return f"ss_{scene_id}_0_{SECONDS}"  # eleven characters before the times, as in YouTube ids


def _llp_heard(scene: Scene) -> list[tuple[str, int, int]]:
    spans: dict[str, list[tuple[float, float]]] = {}
    for p in scene.heard:
        if p.instrument in LLP_LABELS:
            spans.setdefault(LLP_LABELS[p.instrument], []).extend(p.sounding)
    if scene.voiceover:
        spans["Speech"] = [scene.voiceover]
    return [(label, a, b) for label in sorted(spans) for a, b in seconds(spans[label])]


# AVSBench: pixels of sounding sources


def avsbench(folder: Path, seed: int, clips: Counts, size: int, tick: Callable[[], None], font: str = "") -> Counts:
    """New scenes, a third as many as there are clips, in turn for S4 (one source), MS3 (several) and AVSS (any).

    Nothing sounds off stage and there is no narrator; silent players on stage must not be marked.
    """
    rows, truth, counts = ["vid,uid,s_min,s_sec,a_obj,split,label"], list[str](), Counter[str]()
    for split, part, scene in avsbench_scenes(seed, clips):
        uid = f"{scene.id}_0_{1000 * LENGTHS[part]}"
        labels = dict.fromkeys(AVSBENCH_LABELS[p.instrument] for p in scene.heard)
        rows.append(f"{scene.id},{uid},0,0,{'_'.join(labels)},{split},{part}")
        truth.append(to_json(scene))
        _draw(folder / part / uid, scene, LENGTHS[part], size, font)
        counts[split] += 1
        tick()
    _lines(folder / "scenes.jsonl", truth)
    _lines(folder / "metadata.csv", rows)
    return {split: counts[split] for split in SPLITS}


def avsbench_scenes(seed: int, clips: Counts) -> Iterator[tuple[str, str, Scene]]:
    """(split, part, scene), where part is v1s, v1m or v2; equal seeds give equal scenes."""
    for split in SPLITS:
        rng = Random(f"{seed} avsbench {split}")
        for place in range(clips.get(split, 0) // 3):
            part = list(PLANS)[place % 3]
            scene = draw(rng, PLANS[part], SECONDS, 4, f"ss_{split}_{place:06d}")
            while not _suits(scene, part):
                scene = draw(rng, PLANS[part], SECONDS, 4, scene.id)
            kinds = list(dict.fromkeys(p.instrument for p in scene.players))
            parts = dict(zip(kinds, rng.sample(list(AVSBENCH_LABELS), len(kinds)), strict=True))
            yield split, part, relabel(scene, parts)


def _suits(scene: Scene, part: str) -> bool:
    heard = [sum(_sounds(p, k + 0.5) for k in range(LENGTHS[part])) for p in scene.heard]
    if part == "v1s":
        return heard == [LENGTHS[part]]
    return sum(n > 0 for n in heard) >= (2 if part == "v1m" else 1)


def _sounds(player: Player, time: float) -> bool:
    return any(a <= time < b for a, b in player.sounding)


def _draw(folder: Path, scene: Scene, length: int, size: int, font: str) -> None:
    """Write frames in the middle of each second, their masks as class numbers and as colours, and the sound."""
    if folder.is_dir():
        return
    import numpy as np
    from PIL import Image

    from lookhear.datasets.reading.masks import palette
    from lookhear.media.write import write_wav
    from lookhear.soundstage.picture.painter import frames, masks
    from lookhear.soundstage.sound.mix import sound

    with files.whole_folder(folder) as part:
        for name in ("frames", "labels_semantic", "labels_rgb"):
            (part / name).mkdir(parents=True)
        colours = palette(len(CLASSES))
        for k, pixels in enumerate(list(frames(scene, size, 2))[1 : 2 * length : 2]):
            owned = masks(scene, k + 0.5, size)
            classes = np.zeros((size, size), np.uint8)
            for player, mask in zip(scene.players, owned, strict=True):
                if _sounds(player, k + 0.5):
                    classes[mask] = CLASSES.index(AVSBENCH_LABELS[player.instrument])
            Image.fromarray(pixels).save(part / "frames" / f"{k}.jpg", quality=92)
            Image.fromarray(classes).save(part / "labels_semantic" / f"{k}.png")
            Image.fromarray(colours[classes]).save(part / "labels_rgb" / f"{k}.png")
        write_wav(part / "audio.wav", sound(scene, 16000, font=font)[: length * 16000], 16000)


# ARIG: box of the sounding source


def arig(folder: Path) -> Counts:
    """Frames of S4 with a sounding source, with its box in pixels of 224 x 224; for train only the first frames."""
    import json

    from lookhear.datasets import avsbench as reader
    from lookhear.datasets.arig import SIZE

    counts = {}
    for split in SPLITS:
        rows = []
        for e in map(reader.with_mask, reader.load(folder, split, "s4")):
            for region in e.reference.regions if e.reference else ():
                left, top, right, bottom = (round(edge * SIZE) for edge in region.box or ())
                uid, frame = e.meta["video_id"], e.meta["frame"]
                places = {"top_left": [left, top], "bottom_right": [right, bottom]}
                paths = {"frame_path": f"v1s/{uid}/frames/{frame}.jpg", "audio_path": f"v1s/{uid}/audio.wav"}
                rows.append(paths | {"a_obj": region.label} | places)
        files.write(folder / "arig" / f"arig_{split}.json", json.dumps(rows, indent=1))
        counts[split] = len(rows)
    return counts


# ---- files


def _lines(path: Path, rows: Iterable[str]) -> None:
    files.write(path, "".join(f"{row}\n" for row in rows))


def _media(folder: Path, names: dict[str, str], videos: Path | None) -> None:
    if videos is None:
        return
    for scene_id, name in names.items():
        files.link(videos / f"{scene_id}.mp4", folder / f"{name}.mp4")
