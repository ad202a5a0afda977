"""Encode a clip for a request: frames as JPEG, sound as WAV, or both as MP4, whole or second by second.

`Shown` encodes each form when a dialect first uses it.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.media.write import write, write_wav
from lookhear.types import Media

Part = Mapping[str, Any]  # of a message's content


@dataclass(frozen=True)
class Message:
    """The media of a request: `parts` precede the question, `fields` are added beside the messages."""

    parts: tuple[Part, ...] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """A decoded clip.

    `side` is the longest side of its frames in pixels; frames or sound that are not sent are None.
    """

    media: Media
    side: int = 448

    @property
    def seen(self) -> bool:
        """Whether there is a picture."""
        return self.media.frames is not None and len(self.media.frames) > 0

    @property
    def heard(self) -> bool:
        """Whether there is sound."""
        return self.media.waveform is not None and len(self.media.waveform) > 0

    @cached_property
    def pictures(self) -> list[Any]:
        """The frames as Pillow images, scaled to the size in which they are sent."""
        from PIL import Image

        pictures = [Image.fromarray(frame) for frame in self.media.frames] if self.media.frames is not None else []
        for picture in pictures:
            picture.thumbnail((self.side, self.side))
        return pictures

    def frame(self, index: int) -> dict[str, Any]:
        """A frame as an `image_url` part."""
        held = io.BytesIO()
        self.pictures[index].save(held, "JPEG", quality=90)
        return {"type": "image_url", "image_url": {"url": _url("image/jpeg", held.getvalue())}}

    def frames(self) -> list[dict[str, Any]]:
        """All frames, each preceded by its time in seconds as text."""
        parts: list[dict[str, Any]] = []
        for index in range(len(self.pictures)):
            parts += [{"type": "text", "text": f"At {self.media.times[index]:.1f} s:"}, self.frame(index)]
        return parts

    def wav(self, start: float = 0.0, end: float | None = None) -> bytes:
        """The sound from `start` to `end` seconds as a 16-bit WAV file."""
        rate = self.media.sample_rate
        assert self.media.waveform is not None, "asked only of what is heard"
        stretch = self.media.waveform[round(start * rate) : None if end is None else round(end * rate)]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sound.wav"
            write_wav(path, stretch, rate)
            return path.read_bytes()

    def input_audio(self) -> dict[str, Any]:
        """The sound as an `input_audio` part."""
        return {"type": "input_audio", "input_audio": {"data": _text(self.wav()), "format": "wav"}}

    def audio_url(self, start: float = 0.0, end: float | None = None) -> dict[str, Any]:
        """The sound, or a part of it, as an `audio_url` part."""
        return {"type": "audio_url", "audio_url": {"url": _url("audio/wav", self.wav(start, end))}}

    def video_url(self, sound: bool) -> dict[str, Any]:
        """The picture, with or without its sound, as a `video_url` part; a single frame as a picture."""
        if len(self.pictures) == 1 and not sound:
            return self.frame(0)
        return {"type": "video_url", "video_url": {"url": _url("video/mp4", self.mp4(sound))}}

    def mp4(self, sound: bool) -> bytes:
        """The frames at their original rate, so that the file is as long as the clip."""
        frames = [np.asarray(picture) for picture in self.pictures]
        fps = len(frames) / max(self.media.duration, 1e-3)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "clip.mp4"
            write(path, frames, self.media.waveform if sound else None, fps, self.media.sample_rate)
            return path.read_bytes()


def with_uuid(part: dict[str, Any]) -> dict[str, Any]:
    """A part with a uuid derived from its content, with which a server can cache it."""
    return {**part, "uuid": hashlib.sha256(repr(sorted(part.items())).encode()).hexdigest()[:32]}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{_text(content)}"
