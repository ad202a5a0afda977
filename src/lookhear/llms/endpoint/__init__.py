"""Any model behind an OpenAI-compatible address that takes pictures, sound or video: vLLM, SGLang, Gemini, GPT, Qwen.

    lookhear ask concert.mp4 "Who starts?" --model endpoint@http://localhost:8000/v1,model=Qwen/Qwen3-Omni-30B-A3B

    show=frames   each frame as a JPEG with the second it was shown at, and the sound as WAV       (most servers)
    show=video    one H.264 mp4 with its sound in it, and with audio=both the sound as WAV as well (vLLM, Gemini)
    audio=none    nothing of the sound, for a model that cannot hear

Watching makes the parts of the message; every question sends them with it, the media first, so that a server that
keeps prefixes reads them once. The model is elsewhere: it cannot be trained here, and no weights are needed.
"""

from __future__ import annotations

import base64
import io
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import catalog
from lookhear.errors import ModelError, RecipeError
from lookhear.llms import Prepared, Reply
from lookhear.llms.endpoint.client import Client
from lookhear.media.sampling import Sampling
from lookhear.media.write import write, write_wav
from lookhear.types import Media

NAME = "endpoint"
SHOWN = ("frames", "video")
HEARD = ("wav", "both", "none")
LONGEST = 64_000_000  # bytes of media in one message; most servers refuse more


@dataclass(frozen=True)
class Config:
    """Where the model is, and what of a clip it is sent."""

    url: str = "http://localhost:8000/v1"
    model: str = ""
    """the first that the server has where empty"""
    key: str = ""
    show: str = "frames"
    audio: str = "wav"
    """wav, both (with show=video also beside it) or none"""
    frames: int = 16
    side: int = 448
    """pixels of a frame's longer side"""
    workers: int = 4
    """questions under way at once"""
    logprobs: bool = False
    """ask for log-probabilities, which not every server knows"""
    timeout: float = 300.0


@dataclass(frozen=True)
class Parts:
    """Clips as parts of a message, one row each."""

    rows: tuple[tuple[Mapping[str, Any], ...], ...]
    notes: tuple[tuple[str, ...], ...]


class Endpoint:
    """A model elsewhere. `model` is None: there is nothing to train."""

    name = NAME
    model = None

    def __init__(self, config: Config):
        for key, value, known in (("show", config.show, SHOWN), ("audio", config.audio, HEARD)):
            if value not in known:
                raise RecipeError(catalog.unknown(f"way to send ({key})", value, known))
        self.config = config
        self.sampling = Sampling(rule="uniform", count=config.frames)
        self._client: Client | None = None

    @property
    def client(self) -> Client:
        """The connection, made on first use."""
        if self._client is None:
            self._client = Client(self.config.url, self.config.model, self.config.key, self.config.timeout)
        return self._client

    def prepare(self, media: Media) -> Prepared:
        """`parts` of a message for what there is of a clip, and `notes` on what is not sent."""
        c, parts, notes = self.config, list[Mapping[str, Any]](), list[str]()
        seen = media.frames is not None and len(media.frames) > 0
        heard = media.waveform is not None and len(media.waveform) > 0
        if c.audio == "none" and heard:
            heard = False
            notes.append("the sound was not sent (audio=none)")
        if seen and c.show == "video" and len(media.frames) > 1:
            parts.append(_video(media, c.side, heard))
            heard = heard and c.audio == "both"
        elif seen:
            for frame, time in zip(media.frames, media.times, strict=True):
                parts.append({"type": "text", "text": f"At {time:.1f} s:"})
                parts.append({"type": "image_url", "image_url": {"url": _jpeg(frame, c.side)}})
        if heard:
            parts.append({"type": "input_audio", "input_audio": {"data": _wav(media), "format": "wav"}})
        total = sum(len(str(part)) for part in parts)
        if total > LONGEST:
            raise ModelError(f"A clip of {total / 1e6:.0f} MB is too long to send. Use fewer frames or audio=none.")
        return {"parts": tuple(parts), "notes": tuple(notes)}

    def watch(self, media: Sequence[Media | Prepared]) -> Parts:
        """The parts of each clip."""
        made = [one if isinstance(one, Mapping) else self.prepare(one) for one in media]
        return Parts(tuple(one["parts"] for one in made), tuple(one["notes"] for one in made))

    def answer(self, seen: Parts, rows: Sequence[int], prompts: Sequence[str], max_tokens: int = 64) -> list[Reply]:
        """A reply to each prompt, several under way at once. Raises ModelError."""
        options: dict[str, Any] = {"temperature": 0, "max_tokens": max_tokens}
        if self.config.logprobs:
            options["logprobs"] = True

        def one(row: int, prompt: str) -> Reply:
            content = [*seen.rows[row], {"type": "text", "text": prompt}]
            told = client.say([{"role": "user", "content": content}], **options)
            return Reply(told.text.strip(), nan if told.score is None else told.score)

        client = self.client
        with ThreadPoolExecutor(self.config.workers) as pool:
            return list(pool.map(one, rows, prompts))

    def loss(self, media: Sequence[Any], asks: Sequence[Any]) -> Any:
        """Refused: the weights are elsewhere."""
        raise ModelError(f"{self.needs()} It cannot be trained from here; train crab_plus or tiny_omni.")

    def adapt(self, config: Any) -> None:
        """Refused: the weights are elsewhere."""
        self.loss((), ())

    def needs(self) -> str:
        """Nothing here."""
        return f"{self.config.model or 'The model'} runs at {self.config.url}: no disk and no memory here."


def build(config: Config) -> Endpoint:
    """The connection, which is made when it is first used."""
    return Endpoint(config)


def load(where: str = "", **options: Any) -> Endpoint:
    """The model at the address `where`; `options` are the fields of Config."""
    from lookhear import config as configs

    settings = {**({"url": where} if where else {}), **options}
    return build(configs.parse(Config, settings, where=NAME))


def _jpeg(frame: np.ndarray, side: int) -> str:
    from PIL import Image

    picture = Image.fromarray(frame)
    picture.thumbnail((side, side))
    held = io.BytesIO()
    picture.save(held, "JPEG", quality=90)
    return "data:image/jpeg;base64," + base64.b64encode(held.getvalue()).decode()


def _wav(media: Media) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.wav"
        write_wav(path, media.waveform, media.sample_rate)
        return base64.b64encode(path.read_bytes()).decode()


def _video(media: Media, side: int, heard: bool) -> Mapping[str, Any]:
    """The frames at their own pace, so that the file is as long as the clip."""
    from lookhear.layers.packing import scaled

    height, width = media.frames.shape[1:3]
    shrink = min(1.0, side / max(height, width))
    frames = scaled(media.frames, (max(2, round(height * shrink)), max(2, round(width * shrink))))
    fps = len(frames) / max(media.duration, 1e-3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write(path, frames, media.waveform if heard else None, fps, media.sample_rate)
        data = base64.b64encode(path.read_bytes()).decode()
    return {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{data}"}}
