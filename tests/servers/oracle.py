"""Servers that really look and listen, each in its family's way, whole or broken: they decode what they are sent.

with served(Oracle, family="vllm", fault="drops sound") as server: …
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import re
import tempfile
import wave
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lookhear.evaluate.doctor import clips
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.types import Clip, Source
from tests.chat import Chat, said

OWNERS = {"openai": "openai", "gemini": "google", "vllm": "vllm", "vllm-omni": "vllm-omni", "sglang": "sglang"}
OWNERS |= {"sglang-omni": "sglang-omni", "transformers-serve": "transformers", "minicpm-o": "openbmb"}
FAULTS = ("whole", "drops sound", "drops picture", "swaps order", "caches by text", "deaf but lucky")
TAKES = {  # family -> kinds of parts that reach the model; of a video without its sound
    "openai": ("image_url", "input_audio"),
    "gemini": ("image_url", "input_audio"),
    "vllm": ("image_url", "video_url", "audio_url", "input_audio"),
    "vllm-omni": ("video_url", "audio_url"),
    "sglang": ("image_url", "audio_url"),
    "sglang-omni": (),
    "transformers-serve": ("video_url",),
    "minicpm-o": ("image_url", "audio_url"),
}


class Oracle(Chat):
    """Answers the questions of the doctor from what reaches it."""

    def get(self) -> None:
        owner = "us" if self.server.shy else OWNERS[self.server.family]
        self.send({"data": [{"id": "m1", "owned_by": owner}]})

    def post(self, asked) -> None:
        server = self.server
        content = asked["messages"][0]["content"]
        prompt = content if isinstance(content, str) else content[-1]["text"]
        if server.family in ("openai", "gemini") and '"video_url"' in json.dumps(content):
            return self.send({"error": {"message": "Invalid content type: video_url"}}, 400)
        frames, sound = self.sensed(asked, content)
        tokens = len(prompt) // 4 + 40 * len(frames) + len(sound) // 640
        with server.lock:
            server.asked.append(prompt)
            if server.fault == "caches by text" and prompt in server.held:
                return self.send(said(server.held[prompt], usage=(tokens, 1)))
            reply = server.held[prompt] = self.answer(prompt, frames, sound)
        return self.send(said(reply, usage=(tokens, 1)))

    def sensed(self, asked, content) -> tuple[list[np.ndarray], np.ndarray]:
        """(frames in order, sound) that reach the model of this family, with this fault."""
        family, fault = self.server.family, self.server.fault
        frames: list[np.ndarray] = []
        sound = np.zeros(0, np.float32)
        parts = [] if isinstance(content, str) else [p for p in content if p["type"] in TAKES[family]]
        if family == "sglang-omni":
            parts = [{"type": "video_url", "video_url": {"url": url}} for url in asked.get("videos", ())]
            parts += [{"type": "audio_url", "audio_url": {"url": url}} for url in asked.get("audios", ())]
        if family == "minicpm-o" and asked.get("mm_processor_kwargs", {}).get("max_slice_nums") != 1:
            parts = []
        for part in parts:
            kind, held = part["type"], part[part["type"]]
            data = base64.b64decode(held["data"] if kind == "input_audio" else held["url"].split(",", 1)[1])
            if kind == "image_url":
                frames.append(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
            elif kind == "video_url":
                seen, heard = opened(data)
                frames += seen
                if family == "transformers-serve" and heard is not None:
                    sound = np.concatenate([sound, heard])
            else:
                with wave.open(io.BytesIO(data)) as file:
                    samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768
                sound = np.concatenate([sound, samples])
        if fault in ("drops sound", "deaf but lucky"):
            sound = sound[:0]
        if fault == "drops picture":
            frames = []
        if fault == "swaps order":
            frames, sound = frames[::-1], sound[::-1]
        return frames, sound

    def answer(self, prompt: str, frames: list[np.ndarray], sound: np.ndarray) -> str:
        """The letter of what is seen or heard; a guess where nothing is."""
        options = dict(re.findall(r"^([A-Z])\. (.+)$", prompt, re.M))
        if not options:
            return "I see a stage."
        found = known(prompt, frames, sound, list(options.values()))
        if found is None and self.server.fault == "deaf but lucky":
            found = self.server.dice.choice(list(options.values()))
        return next((letter for letter, option in options.items() if option == found), "A")


def opened(data: bytes) -> tuple[list[np.ndarray], np.ndarray | None]:
    """(frames, sound) of an mp4."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.mp4"
        path.write_bytes(data)
        source = Source("x", path)
        media = decode(Clip(source, source), Sampling(rule="every"))
    return ([] if media.frames is None else list(media.frames)), media.waveform


def known(prompt: str, frames: list[np.ndarray], sound: np.ndarray, options: list[str]) -> str | None:
    """The answer to one of the doctor's questions, from pixels and samples; None where there is nothing to go by."""
    if "beeps" in prompt or "number is spoken" in prompt or "you hear" in prompt or "heard first" in prompt:
        pieces = bursts(sound, 0.6)
        if not pieces:
            return None
        if "beeps" in prompt:
            return str(len(pieces))
        if "number is spoken" in prompt:
            return max(options, key=lambda word: like(clips._spoken()[word], pieces[0]))
        return named(pieces[0])
    if not frames:
        return None
    means = np.array([frame.reshape(-1, 3).mean(0) for frame in frames])
    if "turn white" in prompt:
        white = means.mean(1) > 128
        return str(int(white[0]) + int((np.diff(white.astype(int)) == 1).sum()))
    if "corner" in prompt:
        middle = np.argwhere(frames[0].mean(2) > 150).mean(0) / np.array(frames[0].shape[:2])
        return f"{'top' if middle[0] < 0.5 else 'bottom'} {'left' if middle[1] < 0.5 else 'right'}"
    return min(clips.COLOURS, key=lambda name: np.abs(means[0] - clips.COLOURS[name]).sum())


def bursts(sound: np.ndarray, gap: float) -> list[np.ndarray]:
    """Stretches of sound with at least `gap` seconds of quiet between them."""
    loud = np.flatnonzero(np.abs(sound) > 0.03)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > gap * clips.RATE)
    return [sound[loud[a] : loud[b] + 1] for a, b in zip([0, *(cuts + 1)], [*cuts, len(loud) - 1], strict=True)]


def like(word: np.ndarray, piece: np.ndarray) -> float:
    """How much a stretch of sound is like a word."""
    size = len(word) + len(piece)
    spectrum = np.fft.rfft(word, size) * np.conj(np.fft.rfft(piece, size))
    return float(np.fft.irfft(spectrum).max() / np.linalg.norm(word) / np.linalg.norm(piece))


def named(piece: np.ndarray) -> str:
    """A low tone, a high tone, noise or clicks."""
    power = np.abs(np.fft.rfft(piece)) ** 2
    peak = power.argmax() * clips.RATE / len(piece)
    if power.max() > 0.05 * power.sum():
        return "a low tone" if peak < 700 else "a high tone"
    return "clicks" if (piece**4).mean() > 6 * (piece**2).mean() ** 2 else "hissing noise"


def state(family: str, fault: str, shy: bool = False) -> dict[str, Any]:
    """What `served(Oracle, …)` needs."""
    seed = int(hashlib.sha256(f"{family} {fault}".encode()).hexdigest()[:8], 16)
    return {"family": family, "fault": fault, "shy": shy, "held": {}, "dice": random.Random(seed)}
