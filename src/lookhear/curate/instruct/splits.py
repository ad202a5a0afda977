"""Splits by recording: all examples of one recording, of any task, are on the same side."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from lookhear.types import Example, Source


def held_out(examples: Sequence[Example], share: float, seed: int = 0) -> list[bool]:
    """Whether each example is held out; about `share` of the recordings are.

    Examples that share a recording (as picture, sound or second clip) stay together. The side is a hash of the
    recording's name, so several datasets of the same clips agree unless their examples connect recordings differently.
    """
    owner: dict[str, str] = {}

    def root(name: str) -> str:
        while owner.setdefault(name, name) != name:
            owner[name] = owner[owner[name]]
            name = owner[name]
        return name

    for example in examples:
        first, *others = _recordings(example)
        for other in (first, *others):
            one, two = sorted((root(first), root(other)))
            owner[two] = one
    sides = {name: _number(root(name), seed) < share for name in list(owner)}
    return [sides[_recordings(example)[0]] for example in examples]


def _recordings(example: Example) -> list[str]:
    """Names of the recordings of an example; frames and sound of one video have the video's name."""
    second = example.meta.get("second")
    sources = [example.clip.video, example.clip.audio, second if isinstance(second, Source) else None]
    names = [str(example.meta["video_id"])] if example.meta.get("video_id") else []
    return list(dict.fromkeys([*names, *(source.id for source in sources if source)])) or [example.id]


def _number(name: str, seed: int) -> float:
    return int(sha256(f"{seed}\t{name}".encode()).hexdigest()[:8], 16) / 16**8
