"""Examples in, examples out with something taken away: does the score fall when it should?

A probe changes what is shown, heard or asked, never the reference. Each takes the examples and a seed and returns as
many in the same order, so that answers before and after pair up one to one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from lookhear.errors import DatasetError
from lookhear.types import BLANK, Clip, Example

Probe = Callable[..., list[Example]]


def silence(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace every sound with silence: what falls was heard."""
    return [replace(e, clip=replace(e.clip, audio=BLANK)) for e in examples]


def blindfold(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Replace every picture with black: what falls was seen."""
    return [replace(e, clip=replace(e.clip, video=BLANK)) for e in examples]


def swap_audio(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Play another clip's sound: confident answers from the wrong sound are guesses."""
    other = _others([e.clip for e in examples], seed)
    return [replace(e, clip=replace(e.clip, audio=other[e.clip].audio)) for e in examples]


def swap_video(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Show another clip's picture under the right sound."""
    other = _others([e.clip for e in examples], seed)
    return [replace(e, clip=replace(e.clip, video=other[e.clip].video)) for e in examples]


def swap_clip(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Ask about another clip altogether: what is left is the prior of the questions."""
    other = _others([e.clip for e in examples], seed)
    return [replace(e, clip=other[e.clip]) for e in examples]


def shuffle_questions(examples: Sequence[Example], seed: int = 0) -> list[Example]:
    """Ask another example's question: a model that keeps its score does not read."""
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
    """Clip -> another clip: one random circle through all of them, so none keeps its own."""
    distinct = list(dict.fromkeys(clips))
    if len(distinct) < 2:
        raise DatasetError(f"Swapping needs two different clips; these {len(clips)} examples have {len(distinct)}.")
    random.Random(seed).shuffle(distinct)
    return dict(zip(distinct, distinct[1:] + distinct[:1], strict=True))
