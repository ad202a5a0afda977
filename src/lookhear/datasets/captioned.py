"""Captioned images, sounds and videos for connector pretraining: one reader for the layouts used in stage 1.

    image_text   <root>/<name>.json        LLaVA's and Valley's layout: [{"id", "image" | "video", "conversations"}, …]
                                           with turns {"from": "human" | "gpt", "value"}; also {"image", "caption"}
    audiocaps    <root>/train.csv, …       AudioCaps: audiocap_id, youtube_id, start_time, caption
    audioset     <root>/<name>.json(l)     re-captioned AudioSet: {"audio" | "video" | "youtube_id", "caption", …}

Crab (CVPR 2025, section 3.4) trains the visual connector on Video-LLaVA's images and Valley's videos and the audio
connector on AudioCaps; Crab+ (2026) trains the audio connector on AudioSet captioned by Qwen2-Audio. None of these is
distributed here: LLaVA-Pretrain and Valley are on the Hugging Face hub (liuhaotian/LLaVA-Pretrain, CC BY-NC 4.0 for
the captions; luoruipu1/Valley), AudioCaps is at github.com/cdjkim/audiocaps (MIT), AudioSet at research.google.com/
audioset (CC BY 4.0).

Media are found under <root> by the paths in the records, or in any folder with video, media, audio, image or clip in
its name. Examples of sounds have no video, examples of pictures no audio. The splits are the names of the files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lookhear.datasets.reading.annotations import Annotations, Fault, json_rows, read_rows, text_of
from lookhear.datasets.reading.media import Recordings, below
from lookhear.datasets.reading.tables import Row, table_rows
from lookhear.errors import DatasetError, quote
from lookhear.types import Answer, Clip, Example, Source

VERSIONS = ("image_text", "audiocaps", "audioset")
COLUMNS = ("audiocap_id", "youtube_id", "start_time", "caption")
SECONDS = 10.0  # length of AudioSet's clips
CAPTION = ("caption", "text", "blip_caption", "desc", "captions")
SOUND, PICTURE, FILM = ("audio", "audio_path", "wav"), ("image", "image_path"), ("video", "video_path")
FOLDERS = ("", "images", "image", "videos", "video", "audio", "audios", "media")
PLACE = re.compile(r"<(image|video|audio|sound)>\n?|\n?<(image|video|audio|sound)>")


def load(root: Path | str, split: str, version: str = "image_text") -> list[Example]:
    """Load every readable caption of `split`."""
    return read(root, split, version).loaded()


def read(root: Path | str, split: str, version: str = "image_text") -> Annotations:
    """Read the captions of `split`; unreadable rows are faults."""
    root = Path(root)
    path = _files(root, version).get(split)
    if path is None:
        there = ", ".join(splits(root, version)) or "none"
        raise DatasetError(f"No split {split!r} of captioned@{version} under {str(root)!r}. There are: {there}.")
    recordings = Recordings(root, every=True)
    rows = table_rows(path, COLUMNS) if version == "audiocaps" else _records(path)

    def make(record: dict[str, Any], line: int) -> Example:
        if version == "audiocaps":
            return _audiocap(recordings, record, line)
        return _captioned(root, recordings, record, line)

    return read_rows(path, rows, make)


def splits(root: Path | str, version: str = "image_text") -> list[str]:
    """The names of the annotation files under `root`."""
    return list(_files(Path(root), version))


def _files(root: Path, version: str) -> dict[str, Path]:
    endings = (".csv",) if version == "audiocaps" else (".json", ".jsonl")
    return {path.stem: path for path in sorted(root.iterdir()) if path.suffix in endings} if root.is_dir() else {}


def _records(path: Path) -> Iterator[Row]:
    """The records of a JSON list, or one per line of a .jsonl file."""
    if path.suffix == ".json":
        yield from json_rows(path)
        return
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line), quote(line)
            except ValueError as error:
                yield number, Fault("malformed", path, number, f"not JSON ({error})", quote(line)), ""


def _captioned(root: Path, recordings: Recordings, record: Mapping[str, Any], line: int) -> Example:
    caption = _caption(record)
    path = next((str(record[key]) for key in (*PICTURE, *FILM, *SOUND) if record.get(key)), "")
    id = str(record.get("id") or record.get("youtube_id") or record.get("audio_id") or Path(path).stem)
    if not path and not id:
        raise DatasetError("no path and no id of a recording in it")
    there = (found for folder in FOLDERS if (found := below(root / folder, path)) is not None) if path else iter(())
    source = Source(Path(path).stem or id, next(there, None))
    if source.path is None:
        clip = recordings.clip(id, Path(path).stem)
        source = clip.video or clip.audio or Source(id)
    heard = any(record.get(key) for key in SOUND) or not path
    seen = any(record.get(key) for key in (*PICTURE, *FILM))
    both = any(record.get(key) for key in FILM)
    made = Clip(source if seen else None, source if heard or both else None, *_stretch(record))
    return _example(id, made, caption, line)


def _audiocap(recordings: Recordings, record: Mapping[str, Any], line: int) -> Example:
    start, id = record["start_time"], record["youtube_id"]
    if not re.fullmatch(r"\d+(\.\d+)?", start):
        raise DatasetError(f"start_time {start!r} is not a number of seconds")
    begin = float(start)
    names = [f"{id}_{int(begin)}", f"{id}_{int(begin)}_{int(begin + SECONDS)}", f"{id}_{int(begin * 1000)}", f"Y{id}"]
    whole = recordings.clip(record["audiocap_id"], *names, id)
    source = whole.audio or Source(id)
    return _example(record["audiocap_id"], Clip(None, Source(id, source.path)), record["caption"], line)


def _caption(record: Mapping[str, Any]) -> str:
    """The caption of a record, or the first reply of its conversation, without media placeholders."""
    caption = next((record[key] for key in CAPTION if record.get(key)), None)
    if caption is None:
        turns = record.get("conversations") or ()
        caption = next((turn.get("value") for turn in turns if turn.get("from") in ("gpt", "assistant")), None)
    if isinstance(caption, list) and caption:
        caption = caption[0]
    if not isinstance(caption, str) or not caption.strip():
        raise DatasetError("no caption and no reply of a conversation in it")
    return PLACE.sub("", caption).strip()


def _stretch(record: Mapping[str, Any]) -> tuple[float, float | None]:
    start, end = record.get("clip_start"), record.get("clip_end")
    return float(start or 0.0), None if end is None else float(end)


def _example(id: str, clip: Clip, caption: str, line: int) -> Example:
    if not caption.strip():
        raise DatasetError(f"caption {caption!r} is empty")
    source = clip.video or clip.audio
    meta = {"line": line, "form": "caption", "video_id": source.id if source else id}
    return Example(id, "captioning", clip, "", Answer(caption.strip()), meta=meta)
