"""Ask a model about groups of clips that differ in one modality: synthetic test clips and Soundstage clips.

drawn(folder, kinds, rng) ─┐
                           ├─▶ [Trials] ─ ask(model) ─▶ [Group] ─▶ verdict
staged(root, sense, n, rng)┘    pairs: one Soundstage question, with the sound (or picture) of two clips
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lookhear.datasets import soundstage
from lookhear.evaluate.doctor import clips
from lookhear.evaluate.doctor.verdict import Group
from lookhear.media.write import write
from lookhear.metrics.answers import normal
from lookhear.model import Model
from lookhear.tasks import NO_REPLY
from lookhear.types import Answer, Clip, Example, Source

TASK = "question_answering"
VOICE = "Is there a voiceover?"
GROUPS = {"Audio": "heard", "Visual": "seen"}  # groups of questions about one sense


@dataclass(frozen=True)
class Trials:
    """Examples with the same question. `truth` are the correct answers, `other` those if time were reversed."""

    kind: str
    examples: tuple[Example, ...]
    truth: tuple[str, ...]
    other: tuple[str, ...] = ()


def drawn(
    folder: Path, kinds: Mapping[str, clips.Kind], rng: np.random.Generator, own_words: bool = False
) -> list[Trials]:
    """One group per kind, with its clips written into `folder`; `own_words` puts a random number in each question."""
    groups = []
    for name, kind in kinds.items():
        question, options, media = kind(rng)
        truth = tuple(str(one) for one in rng.permutation(list(media)))
        examples = []
        for option in truth:
            path = folder / f"{name.replace(' ', '_')}-{int(rng.integers(10**9))}.mp4"
            write(path, *media[option], clips.FPS, clips.RATE)
            source = Source(path.stem, path)
            asked = f"Clip {int(rng.integers(10**6))}. {question}" if own_words else question
            meta = {"options": options}
            examples.append(Example(f"{path.stem}", TASK, Clip(source, source), asked, Answer(option), (), meta))
        last = {option: options[place - 1] for place, option in enumerate(options)}  # see clips._turns
        groups.append(Trials(name, tuple(examples), truth, tuple(last[option] for option in truth)))
    return groups


def staged(root: Path, sense: str, count: int, rng: np.random.Generator) -> list[Trials]:
    """`count` pairs from the Soundstage folder `root` (split test) that differ in sound (`heard`) or picture (`seen`).

    The answer to a question about sound alone depends only on the sound, that to a question about the picture only on
    the picture. The two answers of a pair differ. Questions about a voice come first.
    """
    asked: dict[str, list[Example]] = defaultdict(list)
    for example in soundstage.load(root, "test"):
        about = "heard" if example.meta["template"] == VOICE else GROUPS.get(example.kind[0])
        if about == sense and example.kind[1] != "Comparative":
            asked[example.question].append(example)
    pairs = []
    for examples in asked.values():
        examples = [examples[i] for i in rng.permutation(len(examples))]
        while examples:
            first = examples.pop()
            second = next((e for e in examples if e.truth.text != first.truth.text), None)
            if second is None:
                break
            examples.remove(second)
            seen, heard = (first, second) if sense == "heard" else (second, first)
            clip = Clip(seen.clip.video, heard.clip.audio)
            swapped = replace(second, id=f"{second.id}-swapped", clip=clip)
            truth = (first.truth.text, second.truth.text)
            pairs.append(Trials(f"Soundstage, {first.kind[0]}", (first, swapped), truth))
    pairs = [pairs[i] for i in rng.permutation(len(pairs))]
    return sorted(pairs, key=lambda pair: pair.examples[0].meta["template"] != VOICE)[:count]


def ask(model: Model, trials: Sequence[Trials], again: bool = True) -> list[Group]:
    """The model's replies by group; with `again`, each group's first clip is asked a second time."""
    rows = [example for group in trials for example in group.examples]
    repeats = [replace(group.examples[0], id=f"{group.examples[0].id}-again") for group in trials] if again else []
    answers = iter(model.answer(model.watch([e.clip for e in rows]), [*rows, *repeats]))
    said = [[next(answers) for _ in group.examples] for group in trials]
    repeated = list(answers)
    groups = []
    for place, (group, replies) in enumerate(zip(trials, said, strict=True)):
        lost = [note for answer in replies for note in answer.notes if note.startswith(NO_REPLY)]
        groups.append(
            Group(
                group.kind,
                group.examples[0].question,
                tuple(map(normal, group.truth)),
                tuple(normal(answer.text) for answer in replies),
                tuple(_words(answer) for answer in replies),
                tuple(map(normal, group.other)),
                (_words(repeated[place]),) if again else (),
                lost[0].removeprefix(NO_REPLY).removeprefix(": ") if len(lost) == len(replies) else "",
            )
        )
    return groups


def _words(answer: Answer) -> str:
    """The raw reply; for a net, its answer with the three highest scores."""
    return answer.raw or f"{answer.text} {dict(list(answer.scores.items())[:3])}"
