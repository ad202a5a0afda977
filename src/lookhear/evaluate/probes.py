"""Probes: transformations of examples that remove or replace sound, picture or question.

A probe changes the clip or the question, never the reference. It takes examples and a seed and returns the same number
of examples in the same order, so that answers can be paired.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from lookhear.errors import DatasetError
from lookhear.types import BLANK, Clip, Example

Probe = Callable[..., list[Example]]


def silence(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace every sound with silence."""
    return [replace(e, clip=replace(e.clip, audio=BLANK)) for e in examples]


def blindfold(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace every picture with black."""
    return [replace(e, clip=replace(e.clip, video=BLANK)) for e in examples]


def swap_audio(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace the sound by that of another clip."""
    other = _others([e.clip for e in examples], seed)
    return [replace(e, clip=replace(e.clip, audio=other[e.clip].audio)) for e in examples]


def swap_video(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace the picture by that of another clip."""
    other = _others([e.clip for e in examples], seed)
    return [replace(e, clip=replace(e.clip, video=other[e.clip].video)) for e in examples]


def swap_clip(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace the whole clip by another one; the remaining score is the language prior."""
    other = _others([e.clip for e in examples], seed)
    return [replace(e, clip=other[e.clip]) for e in examples]


def shuffle_questions(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace the question by that of another example."""
    texts = sorted({e.question for e in examples})
    if len(texts) < 2:
        raise DatasetError(f"All {len(examples)} examples ask the same; shuffling questions needs two different ones.")
    asked = [e.question for e in examples]
    generator = random.Random(seed)
    generator.shuffle(asked)
    for i, example in enumerate(examples):
        while asked[i] == example.question:
            asked[i] = generator.choice(texts)
    return [replace(e, question=question) for e, question in zip(examples, asked, strict=True)]


PROBES: dict[str, Probe] = {
    probe.__name__: probe for probe in (silence, blindfold, swap_audio, swap_video, swap_clip, shuffle_questions)
}


def _others(clips: Sequence[Clip], seed: int) -> dict[Clip, Clip]:
    """Clip -> another clip: a random cyclic permutation, so that no clip keeps its own."""
    distinct = list(dict.fromkeys(clips))
    if len(distinct) < 2:
        raise DatasetError(f"Swapping needs two different clips; these {len(clips)} examples have {len(distinct)}.")
    random.Random(seed).shuffle(distinct)
    return dict(zip(distinct, distinct[1:] + distinct[:1], strict=True))
