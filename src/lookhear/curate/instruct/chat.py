"""Export checked examples as conversations for other trainers, one file per dataset and split.

    chat             <out>/chat/<name>.jsonl            messages of typed parts, every part with the same keys, so that
                                                        `datasets.load_dataset("json", …)` finds one schema; `images`,
                                                        by which TRL knows that a row has more than text
    ms-swift         <out>/ms-swift/<name>.jsonl        messages, videos, audios, images; `solution` is the bare target
    llama-factory    <out>/llama-factory/<name>.json    messages, videos, audios, images; dataset_info.json beside it

ms-swift and llama-factory replace each placeholder <video>, <audio> and <image> in the text by one file. LLP's tags
<visual> and <audio> are therefore written <visual_event> and <audio_event> there, as in Crab's training; lookhear reads
both forms. Trainers cannot read a part of a recording, so such clips are cut out into <out>/media. Sound of a film is
written there as a WAV file: without ffmpeg beside them, none of these trainers reads sound from a video file.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from lookhear import files, tasks
from lookhear.errors import DatasetError, MediaError
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.media.write import write as film
from lookhear.media.write import write_wav
from lookhear.types import Clip, Example, Source

Texts = Iterable[tuple[Example, str]]
Media = list[tuple[str, str]]  # (video, audio or image, its path) in the order they are shown
STILL = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
SOUNDS = (".wav", ".flac", ".mp3", ".ogg")
PLACES = ("video", "audio", "image")
SWIFT, FACTORY, CHAT = "ms-swift", "llama-factory", "chat"
TAG = re.compile(r"<(/?)(visual|audio)>")
FPS = 8.0  # frames a second of clips that are cut out


def write(kind: str, out: Path, name: str, texts: Texts) -> tuple[int, dict[str, str]]:
    """Write the examples in form `kind`; returns the number of records, and id -> error for examples left out."""
    records, lost = [], dict[str, str]()
    for example, text in texts:
        try:
            shown = media(example, out / "media")
            records.append(FORMS[kind](example, text, shown))
        except (DatasetError, MediaError) as error:
            lost[example.id] = str(error)
    folder = out / kind
    if kind == FACTORY:
        files.write(folder / f"{name}.json", json.dumps(records, ensure_ascii=False, indent=1))
        files.write(folder / "dataset_info.json", files.dumps(_info(folder), indent=1))
    else:
        files.write(folder / f"{name}.jsonl", "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))
    return len(records), lost


def media(example: Example, cuts: Path) -> Media:
    """The files of a conversation about `example`, in the order shown. Raises DatasetError, MediaError.

    A clip that is a part of its recording, and the sound of a film, are written to the folder `cuts`.
    """
    clip, second, form = example.clip, example.meta.get("second"), example.meta.get("form")
    if clip.start or clip.end is not None:
        clip = _cut(clip, cuts)
        if isinstance(second, Source):
            given = Clip(second if form == "a2v" else None, second if form == "v2a" else None)
            made = _cut(replace(given, start=example.clip.start, end=example.clip.end), cuts)
            second = made.video or made.audio
    shown: Media = []
    if clip.video is not None:
        still = clip.video.path is not None and clip.video.path.suffix.lower() in STILL
        shown.append(("image" if still else "video", _path(clip.video)))
    if isinstance(second, Source) and form == "a2v":
        shown.append(("video", _path(second)))
    if clip.audio is not None:
        shown.append(("audio", _sound_file(clip.audio, cuts)))
    if isinstance(second, Source) and form == "v2a":
        shown.append(("audio", _sound_file(second, cuts)))
    if not shown:
        raise DatasetError(f"Example {example.id!r} has neither picture nor sound.")
    return shown


def _sound_file(source: Source, folder: Path) -> str:
    """A sound file of a recording: the recording itself, or a WAV file made of it once. Raises MediaError."""
    path = Path(_path(source))
    if path.suffix.lower() in SOUNDS:
        return str(path)
    made = folder / f"{sha256(str(path).encode()).hexdigest()[:16]}.wav"
    if not made.is_file():
        read = decode(Clip(None, source))
        if read.waveform is None:
            raise MediaError(f"{path} has no sound that can be read.")
        write_wav(made, read.waveform, read.sample_rate)
    return str(made.resolve())


def _path(source: Source) -> str:
    if source.path is None:
        raise DatasetError(f"It is not known where the recording {source.id!r} lies.")
    return str(source.path.resolve())


def _cut(clip: Clip, folder: Path) -> Clip:
    """The clip between its start and end as separate mp4 and WAV files; existing files are reused."""
    name = sha256(repr((clip.video, clip.audio, clip.start, clip.end)).encode()).hexdigest()[:16]
    seen, heard = folder / f"{name}.mp4", folder / f"{name}.wav"
    if (clip.video and not seen.is_file()) or (clip.audio and not heard.is_file()):
        read = decode(clip, Sampling(rule="per_second", fps=FPS))
        if read.frames is not None:
            film(seen, read.frames, None, FPS)
        if read.waveform is not None:
            write_wav(heard, read.waveform, read.sample_rate)
    return Clip(
        Source(name, seen) if seen.is_file() else None, Source(name, heard) if heard.is_file() else None
    )  # fmt: skip


def chat(example: Example, text: str, shown: Media) -> dict[str, Any]:
    """A record of form `chat`: messages of typed parts."""

    def part(kind: str, **told: str) -> dict[str, str | None]:
        return {"type": kind, "text": None, "path": None} | told

    asked = [*(part(kind, path=path) for kind, path in shown), part("text", text=_prompt(example))]
    return {
        "id": example.id,
        "task": example.task,
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": [part("text", text=text)]},
        ],
        "images": [path for kind, path in shown if kind == "image"],
        "answer": _bare(example, text),
    }


def swift(example: Example, text: str, shown: Media) -> dict[str, Any]:
    """A record of ms-swift, for fine-tuning and, with `solution`, for GRPO."""
    return _placed(example, text, shown) | {"solution": _events(_bare(example, text))}


def factory(example: Example, text: str, shown: Media) -> dict[str, Any]:
    """A record of LLaMA-Factory's `sharegpt` form with OpenAI's roles."""
    return _placed(example, text, shown)


FORMS: Mapping[str, Callable[[Example, str, Media], dict[str, Any]]] = {CHAT: chat, SWIFT: swift, FACTORY: factory}


def _placed(example: Example, text: str, shown: Media) -> dict[str, Any]:
    """Messages with placeholders, and the files in order. Raises DatasetError if a text contains a placeholder."""
    words = [_events(_prompt(example)), _events(text)]
    for told in words:
        if mark := next((f"<{kind}>" for kind in PLACES if f"<{kind}>" in told), ""):
            raise DatasetError(f"Example {example.id!r} contains {mark}, which is a placeholder for a file.")
    asked = "".join(f"<{kind}>" for kind, _ in shown) + words[0]
    messages = [{"role": "user", "content": asked}, {"role": "assistant", "content": words[1]}]
    return {"messages": messages} | {
        f"{kind}s": paths for kind in PLACES if (paths := [path for k, path in shown if k == kind])
    }


def _prompt(example: Example) -> str:
    return str(tasks.find(example.task).prompt(example))


def _bare(example: Example, text: str) -> str:
    """The target without reasoning; for events without known times, the tags of the text."""
    try:
        return str(tasks.find(example.task).target(example, explain=False))
    except DatasetError:
        return text[min(i for i in (text.find("<"), len(text)) if i >= 0) :]


def _events(text: str) -> str:
    """`text` with LLP's tags renamed, so that none is a placeholder of a file."""
    return TAG.sub(r"<\1\2_event>", text)


def _info(folder: Path) -> dict[str, Any]:
    """The content of dataset_info.json for the files in LLaMA-Factory's folder."""
    columns = {"messages": "messages"} | {f"{kind}s": f"{kind}s" for kind in PLACES}
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant"}
    entries = {}
    for path in sorted(folder.glob("*.json")):
        if path.name == "dataset_info.json":
            continue
        used = set().union(*(record.keys() for record in files.read_json(path, list)))
        there = {name: column for name, column in columns.items() if column in used or name == "messages"}
        entries[path.stem] = {"file_name": path.name, "formatting": "sharegpt", "columns": there, "tags": tags}
    return entries
