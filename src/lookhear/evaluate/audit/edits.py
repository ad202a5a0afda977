"""Edited clips: seconds shuffled, sound shifted, left and right mirrored.

    net              stored features ─ rows reordered ─▶ an overlay over the feature store
    any other model  decoded media ─ seconds reordered ─▶ a new file

An edited recording is a Source with another name (`00000093~shuffled`), so no other code needs to change. For nets,
rows of features are reordered; a row of an encoder with a larger receptive field (BEATs, R(2+1)D) keeps its old
context.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.errors import FeatureError, MediaError
from lookhear.media.decode import decode
from lookhear.media.probe import probe
from lookhear.media.sampling import Sampling
from lookhear.media.write import write
from lookhear.model import NetModel
from lookhear.store.batch import orders
from lookhear.store.features import FeatureStore, key
from lookhear.store.fill import encoders_of
from lookhear.store.names import serving, stored_name
from lookhear.store.official import Adopted
from lookhear.types import BLANK, Clip, Example, Source

FPS = 4  # frames per second of the files that are written
LONGEST = 640  # pixels of their longer side


@dataclass(frozen=True)
class Edit:
    """An edit of the `sides` of a clip. `order(name, seconds)` is the new order of the seconds."""

    name: str
    sides: tuple[str, ...]
    order: Callable[[str, int], np.ndarray] | None = None
    mirror: bool = False

    def clip(self, clip: Clip) -> Clip:
        """`clip` with its edited sides renamed; absent and blank sides stay unchanged."""
        video = self._renamed(clip.video) if "video" in self.sides else clip.video
        audio = self._renamed(clip.audio) if "audio" in self.sides else clip.audio
        return replace(clip, video=video, audio=audio)

    def _renamed(self, source: Source | None) -> Source | None:
        return source if source is None or source == BLANK else replace(source, id=f"{source.id}~{self.name}")


def shuffled(seed: int = 0) -> Edit:
    """Shuffle the seconds of sound and picture in the same random order."""

    def order(name: str, seconds: int) -> np.ndarray:
        places = list(range(seconds))
        generator = random.Random(f"{seed} {name}")
        while seconds > 1 and places == sorted(places):
            generator.shuffle(places)
        return np.array(places, dtype=int)

    return Edit("shuffled", ("video", "audio"), order)


def shifted(seconds: int = 3) -> Edit:
    """Delay the sound by `seconds`, cyclically; the picture is unchanged."""
    return Edit("shifted", ("audio",), lambda _, length: np.roll(np.arange(length), seconds))


MIRRORED = Edit("mirrored", ("video",), mirror=True)
COPIED = Edit("copied", ())  # no change, but encoded again: the baseline of edited files


class Overlay(FeatureStore):
    """A store in memory over another one: `put` writes to memory, reading falls back to `behind`."""

    def __init__(self, behind: FeatureStore):
        super().__init__(None)
        self.behind = behind

    def card(self, name: str) -> dict[str, Any]:
        return self.cards[name] if name in self.cards else self.behind.card(name)

    def official(self, name: str) -> Mapping[str, Adopted]:
        return self.behind.official(name)

    def has(self, name: str, key: str, stream: str = "") -> bool:
        streams = [stream] if stream else self.card(name)["streams"]
        here = any((stored_name(name), s, key) in (self.memory or {}) for s in streams)
        return here or self.behind.has(name, key, stream)

    def look(self, name: str, stream: str, key: str) -> tuple[np.ndarray, bool]:
        here = self.memory and (name, stream, key) in self.memory
        return super().look(name, stream, key) if here else self.behind.look(name, stream, key)


def features(
    model: NetModel, examples: Sequence[Example], edit: Edit, store: FeatureStore
) -> tuple[list[Example], FeatureStore]:
    """The examples with edited clips, and a store with their features; `store` must have the original clips.

    Raises MediaError if mirroring needs a video file that is missing.
    """
    overlay = Overlay(store)
    wanted = encoders_of(model.recipe.features, orders(model.net.watch))
    sides = {
        (name, store.reads(name, serving(model.recipe.features[s], s)[1])) for name in wanted for s in wanted[name]
    }
    for clip in dict.fromkeys(e.clip for e in examples):
        changed = edit.clip(clip)
        for name, reads in sorted(sides):
            if changed.source(reads) == clip.source(reads):
                continue
            original, edited = key(clip, reads), key(changed, reads)
            assert original and edited
            if edit.mirror:
                overlay.put(name, edited, model.encoder(name)([_mirrored(clip, model.encoder(name).sampling)])[0])
                continue
            streams = [s for s in store.card(name)["streams"] if store.reads(name, s) == reads]
            looks = {
                stream: store.look(name, stream, original) for stream in streams if store.has(name, original, stream)
            }
            absent = any(absent for _, absent in looks.values())
            for stream, (array, _) in looks.items():
                rows = array[edit.order(_named(clip, reads), len(array))]  # type: ignore[misc]
                overlay.memory[stored_name(name), stream, edited] = rows, absent  # type: ignore[index]
    return [replace(e, clip=edit.clip(e.clip)) for e in examples], overlay


def files(examples: Sequence[Example], edit: Edit, folder: Path) -> list[Example]:
    """The examples with edited clips, which are written to `folder` at 4 frames per second. Raises MediaError."""
    edited: dict[Clip, Clip] = {}
    for number, clip in enumerate(dict.fromkeys(e.clip for e in examples)):
        path = folder / f"{number}-{edit.name}.mp4"
        source = Source(f"{clip.id}~{edit.name}", path)
        _rewrite(clip, edit, path)
        video, audio = (was if was in (None, BLANK) else source for was in (clip.video, clip.audio))
        edited[clip] = Clip(video, audio)
    return [replace(e, clip=edited[e.clip]) for e in examples]


def _rewrite(clip: Clip, edit: Edit, path: Path) -> None:
    for source in (clip.video, clip.audio):
        if source not in (None, BLANK) and source.path is None:  # type: ignore[union-attr]
            raise MediaError(f"No media of {clip.id!r}, and this model has no features to work on. Give the media.")
    shown = clip.video if clip.video not in (None, BLANK) else None
    media = decode(clip, Sampling(fps=FPS, size=_size(shown)))
    seconds, rate = int(media.duration), media.sample_rate
    frames, waveform = media.frames, media.waveform
    if frames is not None and edit.mirror:
        frames = frames[:, :, ::-1]
    if edit.order is not None:
        if frames is not None and "video" in edit.sides:
            frames = frames[_spread(edit.order(_named(clip, "frames"), seconds), FPS, len(frames))]
        if waveform is not None and "audio" in edit.sides:
            waveform = waveform[_spread(edit.order(_named(clip, "waveform"), seconds), rate, len(waveform))]
    write(path, frames, waveform, fps=FPS, sample_rate=rate)


def _mirrored(clip: Clip, sampling: Sampling) -> Any:
    if clip.video is None or clip.video.path is None or not clip.video.path.is_file():
        raise MediaError(f"No picture of {clip.id!r} at hand: mirroring needs the video files, not only features.")
    media = decode(replace(clip, audio=None), sampling)
    if media.frames is None:
        raise FeatureError(f"{clip.id!r} has no picture to mirror.")
    return replace(media, frames=np.ascontiguousarray(media.frames[:, :, ::-1]))


def _named(clip: Clip, reads: str) -> str:
    """The seed of the order of seconds: equal for the sound and the picture of one recording."""
    source = clip.source(reads)
    assert source is not None
    return f"{source.id} {clip.start}"


def _spread(order: np.ndarray, rate: int, length: int) -> np.ndarray:
    """Order of seconds -> order of samples at `rate` per second; samples after the last whole second stay last."""
    places = (order[:, None] * rate + np.arange(rate)).ravel()
    return np.concatenate([places[places < length], np.arange(len(places), length)]).astype(int)


def _size(source: Source | None) -> tuple[int, int] | None:
    picture = probe(source.path).picture if source and source.path else None
    if picture is None or max(picture.height, picture.width) <= LONGEST:
        return None
    scale = LONGEST / max(picture.height, picture.width)
    return max(2, round(picture.height * scale / 2) * 2), max(2, round(picture.width * scale / 2) * 2)
