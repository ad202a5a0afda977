"""Write the folder of a Soundstage: scenes, questions, tasks, videos, card. An interrupted job resumes.

The card is written last, so a folder with a card is complete. Every file is written atomically.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.errors import DatasetError
from lookhear.progress import Tick, bars
from lookhear.soundstage.questions.truth import evidence
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Scene, from_json, to_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import Asked, world
from lookhear.soundstage.sound import voices_second
from lookhear.soundstage.tasks import examples
from lookhear.soundstage.twins import write as twin_files
from lookhear.soundstage.write.card import card, checksum
from lookhear.soundstage.write.workers import drawn

VOICES = "voices.json"  # names the sound font, if one is used


def make(
    out: Path | str,
    settings: Settings,
    workers: int = 2,
    media: bool = True,
    formats: bool = False,
    quiet: bool = False,
    font: Path | str | None = None,
    twins: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the Soundstage of `settings` into the folder `out` and return its card.

    With `media=False` no videos are made, only scenes, questions and ground truth. `workers` processes of one thread
    each render the videos; a single worker is the calling process. `formats` adds the same scenes in the formats of
    public datasets. `font` is a sound font or `voices_second.NAME`, in place of the first voices; the card names it.
    `twins` are the kinds of counterfactual twins that are added; a folder with twins can be resumed with the same kinds
    only. Raises DatasetError if `out` holds something else, MediaError if a video cannot be written.
    """
    if workers < 1:
        raise DatasetError(f"Soundstage: {workers} workers: the number must be 1 or more.")
    if formats and settings.seconds != 10:
        raise DatasetError("Soundstage: AVE, LLP and AVSBench have clips of 10 s. Make it with --seconds 10.")
    out, font = Path(out), str(font or "")
    voices = _font_checksum(font)
    _check_writable(out)
    with files.claim(out), bars(quiet) as bar:
        tick = bar("scenes and questions", sum(settings.clips.values()))
        clips = []
        for asked in world(settings):
            clips.append(asked)
            tick()
        _same(out, clips, voices)
        if voices:
            files.write(out / VOICES, json.dumps(voices))
        files.write(out / "scenes.jsonl", "".join(to_json(c.scene) + "\n" for c in clips))
        written = [out / "scenes.jsonl", *_annotations(out, settings, clips)]
        tick = bar("other tasks", len(clips))
        tasks = examples.write(out, [(c.split, c.scene) for c in clips], settings.size, tick)
        written += [out / "json" / f"{task}-{split}.json" for split in tasks for task in examples.TASKS]
        if media:
            videos(out / "videos", [c.scene for c in clips], settings, workers, bar, font)
            _sheet(out / "contact_sheet.png", clips)
        beside = twin_files.write(out, clips, twins, settings, workers, media, bar, font) if twins else {}
        written += [out / name for name in beside.get("files", ())]
        counts = _formats(out, settings, clips, media, bar, font) if formats else {}
        contents = card(settings, clips) | {
            "media": media,
            "formats": counts,
            "voices": voices or "drawn",
            "tasks": tasks,
            "sha256": {p.relative_to(out).as_posix(): checksum(p) for p in written},
        }
        contents |= {"twins": {k: v for k, v in beside.items() if k != "files"}} if beside else {}
        files.write(out / "card.json", json.dumps(contents, indent=1))
    return contents


def read_scenes(root: Path | str) -> Iterator[Scene]:
    """The scenes of a written Soundstage, in order."""
    path = Path(root) / "scenes.jsonl"
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            with files.read_from(f"{path}, line {number}", "Make the folder again."):
                scene = from_json(line.decode("utf-8"))
            yield scene


def _check_writable(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise DatasetError(f"{str(out)!r} is a file. Name a folder to make a Soundstage in.")
    if not files.unused(out) and not (out / "scenes.jsonl").is_file():
        raise DatasetError(f"{str(out)!r} is not empty and not a Soundstage. Name a new or empty folder.")


def _same(out: Path, clips: Sequence[Asked], voices: dict[str, str]) -> None:
    """Refuse to mix two Soundstages in one folder. Raises DatasetError.

    The folder may hold the same Soundstage, complete or not.
    """
    path = out / "scenes.jsonl"
    if path.is_file() and path.read_bytes() != "".join(to_json(c.scene) + "\n" for c in clips).encode():
        raise DatasetError(f"{str(out)!r} holds another Soundstage. Name another folder, or delete this one first.")
    before = files.read_json(out / VOICES, dict) if (out / VOICES).is_file() else {}
    if path.is_file() and before != voices:
        raise DatasetError(f"{str(out)!r} was made with another sound font: {before or 'drawn'}. Name another folder.")


def _font_checksum(font: str) -> dict[str, str]:
    """Name and checksum of the sound font, empty for the first voices. Raises MediaError for an unusable font."""
    if not font:
        return {}
    if font == voices_second.NAME:
        return {"name": font, "version": str(voices_second.VERSION)}
    from lookhear.soundstage.sound.voices_font import VERSION, opened

    opened(font, 16000)
    return {"name": Path(font).name, "sha256": checksum(Path(font)), "parts": str(VERSION)}


def _annotations(out: Path, settings: Settings, clips: Sequence[Asked]) -> Iterator[Path]:
    for split in settings.clips:
        here = [c for c in clips if c.split == split]
        path = out / "json" / f"avqa-{split}.json"
        files.write(path, json.dumps([r for c in here for r in c.records()], indent=1))
        yield path
        rests_on = {
            str(c.first + place): [[s.start, s.end, s.label, s.stream] for s in evidence(facts, q.template, q.values)]
            for c in here
            for facts in [Facts(c.scene)]
            for place, q in enumerate(c.questions)
        }
        ways = {k: v for c in here for k, v in examples.ways(c.scene, c.first, c.questions).items()}
        for name, by_id in (("evidence", rests_on), ("reasoning", ways)):
            path = out / "json" / f"{name}-{split}.json"
            files.write(
                path, "{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in by_id.items()) + "\n}\n"
            )
            yield path


def _formats(
    out: Path, settings: Settings, clips: Sequence[Asked], media: bool, bar: Callable[..., Tick], font: str
) -> dict[str, dict[str, int]]:
    from lookhear.soundstage.write.formats import write_formats

    drawn = [n for split, n in settings.clips.items() if split != "diagnostic"]
    total = sum(n // 3 for n in drawn) + (sum(-(-n // 3) for n in drawn) if media else 0)
    return write_formats(out, settings, clips, media, bar("frames and masks", total), font)


def videos(
    folder: Path,
    scenes: Sequence[Scene],
    settings: Settings,
    workers: int,
    bar: Callable[..., Tick],
    font: str = "",
) -> None:
    """Render the videos that are missing, submitting only a few jobs ahead of the workers."""
    folder.mkdir(parents=True, exist_ok=True)
    files.sweep(folder)  # remove partial files of killed runs
    missing = [s for s in scenes if not (folder / f"{s.id}.mp4").is_file()]
    tick = bar("videos", len(scenes), len(scenes) - len(missing))
    drawn(
        _draw,
        [(to_json(s), str(folder / f"{s.id}.mp4"), settings.size, settings.fps, font) for s in missing],
        workers,
        tick,
    )


def _draw(line: str, path: str, size: int, fps: float, font: str) -> None:
    from lookhear.soundstage.write.render import render

    render(from_json(line), Path(path), size, fps, font=font)


def _sheet(path: Path, clips: Sequence[Asked], shown: int = 20) -> None:
    from lookhear.soundstage.write.render import contact_sheet

    if not path.is_file():
        with files.whole(path) as part:
            contact_sheet([c.scene for c in clips[:: max(1, len(clips) // shown)][:shown]], part)
