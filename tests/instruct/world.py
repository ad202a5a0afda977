"""A dataset of short coded films in seven tasks, as the shelf has them, and a teacher on the loopback that has sight.

A film shows its number as ten black or white fields and sounds a tone that follows from it. The teacher looks the
number up in what it is sent, pictures and sound; who sends it nothing, or sound and picture of two films, is refused.
"""

from __future__ import annotations

import base64
import io
import json
import random
import re
import wave
from pathlib import Path

import numpy as np

from lookhear.media.write import write
from lookhear.types import Answer, Clip, Example, Region, Segment, Source
from tests.chat import Chat

FIELDS, SIDE = 10, 64
THINGS = ("violin", "flute", "accordion", "dog", "helicopter", "piano", "cat", "trumpet")
EMOTIONS = ("happy", "sad", "angry", "calm")
VERSIONS = ("qa", "ave", "llp", "labels", "arig", "action", "emotion", "pair")
SECONDS = 2.0
RATE = 16_000
TONES = 8


def tone(number: int) -> float:
    """Hertz of a film's sound."""
    return 300.0 + 200.0 * (number % TONES)


def make(root: Path, clips: int) -> Path:
    """Write the films and the list."""
    (root / "videos").mkdir(parents=True, exist_ok=True)
    for number in range(clips):
        film(root / "videos" / f"{number}.mp4", number)
    (root / "clips.json").write_text(json.dumps(clips))
    return root


def film(path: Path, number: int, heard: int | None = None) -> None:
    """Two seconds of a number."""
    frame = np.zeros((SIDE, SIDE, 3), np.uint8)
    for bit in range(FIELDS):
        row, column = divmod(bit, 5)
        frame[row * 32 : row * 32 + 32, column * 12 : column * 12 + 12] = 255 * (number >> bit & 1)
    time = np.arange(int(SECONDS * RATE)) / RATE
    sound = 0.4 * np.sin(2 * np.pi * tone(number if heard is None else heard) * time)
    write(path, [frame] * 8, sound.astype(np.float32), fps=4)


def load(root: Path, split: str, version: str = "qa") -> list[Example]:
    """One example a film."""
    count = json.loads((Path(root) / "clips.json").read_text())
    return [example(Path(root), number, version) for number in range(count)]


def example(root: Path, number: int, version: str) -> Example:
    """What is asked about a film, and its label."""
    thing, other = THINGS[number % 8], THINGS[(number // 8 + 1 + number) % 8]
    source = Source(f"{number}", root / "videos" / f"{number}.mp4")
    clip, meta = Clip(source, source), {"video_id": str(number)}
    name = f"{version}-{number}"
    if version == "qa":
        labels = {"labels": THINGS}
        return Example(name, "question_answering", clip, "Which one sounds first", Answer(thing), meta=meta | labels)
    if version == "ave":
        event = Segment(thing, 0, 1 + number % 2)
        form = {"form": "ave", "labels": THINGS}
        return Example(name, "event_localisation", clip, "", Answer(thing, segments=(event,)), meta=meta | form)
    if version in ("llp", "labels"):
        form = {"form": "llp", "labels": THINGS, "events": (thing,)}
        events = (Segment(thing, 0, 1, "visual"), Segment(thing, 1, 2, "audio")) if version == "llp" else ()
        return Example(name, "event_localisation", clip, "", Answer(thing, segments=events), meta=meta | form)
    if version == "arig":
        left = (number % 5) * 20 / 224
        region = Region(thing, (left, 0.25, left + 0.25, 0.5))
        return Example(name, "localisation", clip, "", Answer(thing, regions=(region,)), meta=meta | {"form": "arig"})
    if version == "action":
        labels = tuple(f"playing with a {one}" for one in THINGS)
        answer = Answer(f"playing with a {thing}")
        return Example(name, "action_recognition", clip, "", answer, meta=meta | {"form": "action", "labels": labels})
    if version == "emotion":
        answer = Answer(EMOTIONS[number % 4])
        return Example(
            name, "emotion_recognition", clip, "", answer, meta=meta | {"form": "emotion", "labels": EMOTIONS}
        )
    if version == "pair":
        answer = Answer("yes" if thing != other else "no")
        return Example(name, "cross_modal_matching", clip, "", answer, meta=meta | {"form": "pair"})
    raise AssertionError(version)


def seen(parts: list[dict]) -> int | None:
    """The number that the pictures of a request show; None without any."""
    from PIL import Image

    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    if not urls:
        return None
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(urls[0].split(",")[1]))).convert("L").resize((64, 64)))
    fields = [divmod(bit, 5) for bit in range(FIELDS)]
    return sum(
        int(picture[r * 32 + 12 : r * 32 + 20, c * 12 + 4 : c * 12 + 8].mean() > 128) << k
        for k, (r, c) in enumerate(fields)
    )


def heard(parts: list[dict]) -> float | None:
    """The hertz that the sound of a request has; None without any."""
    sounds = [part["input_audio"]["data"] for part in parts if part["type"] == "input_audio"]
    if not sounds:
        return None
    with wave.open(io.BytesIO(base64.b64decode(sounds[0]))) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(float)
        return float(np.abs(np.fft.rfft(samples)).argmax() * file.getframerate() / len(samples))


class Teacher(Chat):
    """Replies truly about what it sees and hears. `server.faulty` (request number, example id -> reply) spoils some."""

    def post(self, asked: dict) -> None:
        server = self.server
        content = asked["messages"][0]["content"]
        parts = content if isinstance(content, list) else []
        number, sound = seen(parts), heard(parts)
        if number is None or sound is None or abs(sound - tone(number)) > 20:
            self.reply("I cannot see any video.")
            return
        words = parts[-1]["text"]
        text = truth(words, number)
        with server.lock:
            server.asked.append((number, json.dumps(asked["messages"][1:]), words))
        if server.spoil is not None:
            text = server.spoil(number, words, text)
        if server.wait:
            self.late(server.wait)
        self.reply(text)


def truth(words: str, number: int) -> str:
    """A true text about film `number` that answers a request."""
    thing = THINGS[number % 8]
    if "Find out from which second" in words:
        told = f"The {thing} is in view for a second. Then it sounds until the end, at 2 s. So:"
        return f"{told} <visual>{thing},(0 1)</visual> <audio>{thing},(1 2)</audio>"
    ending = re.search(r"letter for letter:\n(.*)", words, re.DOTALL)
    assert ending, words[-300:]
    rng = random.Random(number)
    return f"{rng.choice(OPENINGS).format(thing=thing)} {ending[1]}"


OPENINGS = (
    "One {thing} fills the picture and the sound fits it from the start.",
    "On a plain background there is a {thing}, and nothing else can be heard.",
    "It begins at once: the {thing} is both in view and audible, and it does not move.",
    "What I hear first is close and steady, and the {thing} in the middle matches it.",
    "At 1 s the light changes a little; the {thing} stays where it is, so the conclusion is clear.",
    "Nobody speaks. The only source of sound in the frame is the {thing}, which I follow to the last second.",
)
