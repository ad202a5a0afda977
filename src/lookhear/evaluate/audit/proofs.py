"""Ablation of inputs: ask again without sound, picture, question or order, and compare the answers in pairs."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from lookhear.evaluate.audit import edits
from lookhear.evaluate.audit.lines import MARGIN, Line, Words, decide, paired, plus_minus, rightness, unchanged
from lookhear.evaluate.probes import PROBES
from lookhear.evaluate.report import clusters_of
from lookhear.evaluate.run import incomplete, run
from lookhear.model import Model, NetModel
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Example

KINDS = {"sound": ("Audio", "Audio-Visual"), "picture": ("Visual", "Audio-Visual"), "order": ("Temporal",)}
USED = Words("used", "misleads", "not used")
HARDLY = "hardly used"
Beside = dict[
    str, tuple[Sequence[Example], Sequence[Answer], Sequence[Answer]]
]  # proof -> examples, answers before and after


@dataclass(frozen=True)
class Proof:
    """An ablation: its probe, texts, and the questions that decide it (a key of KINDS, or all)."""

    name: str
    section: str
    title: str
    subject: str
    doing: str
    needs: str = ""


PROOFS = (
    Proof("silence", "hearing", "mute", "sound", "muting it", "sound"),
    Proof("swap_audio", "hearing", "swap the sound", "sound", "swapping it for another clip's", "sound"),
    Proof("blindfold", "seeing", "blindfold", "picture", "blacking it out", "picture"),
    Proof("swap_video", "seeing", "swap the picture", "picture", "swapping it for another clip's", "picture"),
    Proof("swap_clip", "seeing", "swap the whole clip", "clip", "asking about another one"),
    Proof("shuffle_questions", "reading", "swap the question", "question", "asking another one"),
)
TIMES = (
    Proof("shuffle_time", "time", "shuffle the seconds", "order of the seconds", "shuffling them", "order"),
    Proof("shift_sound", "time", "shift the sound", "timing of sound against picture", "shifting it by {} s", "sound"),
)


@dataclass(frozen=True)
class Asked:
    """A model's answers to the original questions, the baseline of all lines of the card."""

    model: Model | None  # None if only answers are given
    store: FeatureStore | None
    examples: Sequence[Example]
    answers: Sequence[Answer]
    margin: float = MARGIN
    seed: int = 0
    right: np.ndarray = field(init=False)  # (question,) 1.0 or 0.0
    videos: np.ndarray = field(init=False)  # (question,) the video's number

    def __post_init__(self) -> None:
        object.__setattr__(self, "right", rightness(self.examples, self.answers))
        object.__setattr__(self, "videos", clusters_of(self.examples))

    def again(self, examples: Sequence[Example], store: FeatureStore | None = None) -> list[Answer]:
        """The model's answers to other examples."""
        assert self.model is not None, "asked only where the model is at hand"
        return run(self.model, examples, store or self.store)

    def about(self, places: Sequence[int]) -> Asked:
        """A copy with the questions at `places`."""
        some = [[side[i] for i in places] for side in (self.examples, self.answers)]
        return Asked(self.model, self.store, some[0], some[1], self.margin, self.seed)  # type: ignore[arg-type]


def needing(examples: Sequence[Example], what: str) -> np.ndarray:
    """bool (question,): questions whose kind needs `what` (sound, picture or order); all if there is no such kind."""
    found = np.array([bool(set(e.kind) & set(KINDS.get(what, ()))) for e in examples], dtype=bool)
    return found if found.any() else np.ones(len(examples), dtype=bool)


def compared(proof: Proof, before: Asked, examples: Sequence[Example], after: Sequence[Answer]) -> Line:
    """The line of one ablation, from the paired answers `before` and `after`."""
    lost = set(incomplete(examples, after)) | set(incomplete(before.examples, before.answers))
    kept = [
        i for i, (a, b) in enumerate(zip(before.examples, examples, strict=True)) if not {a.clip.id, b.clip.id} & lost
    ]
    before, after = before.about(kept), [after[i] for i in kept]
    right = rightness(before.examples, after)
    groups = list(dict.fromkeys(e.kind[0] for e in before.examples if e.kind))
    decisive = needing(before.examples, proof.needs)
    inside = np.column_stack([decisive, *([e.kind[:1] == (g,) for e in before.examples] for g in groups)]).astype(bool)
    rows = paired(before.right, right, before.videos, inside)
    change, interval = float(rows[0, 0]), (float(rows[0, 1]), float(rows[0, 2]))
    same = unchanged(before.answers, after)
    interval = (0.0, 0.0) if same else interval
    verdict = USED.stays if same else decide(interval, USED, before.margin)
    if verdict == USED.falls and change > -before.margin:
        verdict = HARDLY
    return Line(
        proof.name,
        proof.section,
        proof.title,
        verdict,
        _sentence(proof, verdict, change, interval, len(kept) if same else 0),
        int(decisive.sum()),
        100 * float(before.right[decisive].mean()),
        100 * float(right[decisive].mean()),
        change,
        interval,
        {g: (float(r[0]), float(r[1]), float(r[2])) for g, r in zip(groups, rows[1:], strict=True)},
    )


def without_input(asked: Asked, proof: Proof, beside: Beside) -> Line:
    """The line of a probe: sound, picture or question blanked or swapped. Its answers are added to `beside`."""
    examples = PROBES[proof.name](asked.examples, asked.seed)
    after = asked.again(examples)
    beside[proof.name] = asked.examples, asked.answers, after
    return compared(proof, asked, examples, after)


def out_of_time(asked: Asked, proof: Proof, shift: int, films: int, beside: Beside) -> Line:
    """The line of a change in time: seconds shuffled, or sound shifted by `shift` s. Answers are added to `beside`."""
    edit = edits.shuffled(asked.seed) if proof.name == "shuffle_time" else edits.shifted(shift)
    proof = replace(proof, doing=proof.doing.format(shift))
    before, examples, answers = edited(asked, edit, films)
    beside[proof.name] = before.examples, before.answers, answers
    return compared(proof, before, examples, answers)


def edited(asked: Asked, edit: edits.Edit, films: int) -> tuple[Asked, list[Example], list[Answer]]:
    """(baseline, edited examples, their answers). Models without features get re-encoded files for both."""
    if isinstance(asked.model, NetModel):
        model, features = asked.model, asked.store
        assert features is not None
        if edit.mirror:
            asked = asked.about(first_clips(asked.examples, films))
        examples, store = edits.features(model, asked.examples, edit, features)
        return asked, examples, asked.again(examples, store)
    some = asked.about(first_clips(asked.examples, films))
    with tempfile.TemporaryDirectory() as folder:
        copies = edits.files(some.examples, edits.COPIED, Path(folder))
        examples = edits.files(some.examples, edit, Path(folder))
        before = Asked(asked.model, asked.store, some.examples, asked.again(copies), asked.margin, asked.seed)
        return before, examples, asked.again(examples)


def first_clips(examples: Sequence[Example], clips: int) -> list[int]:
    """Indices of the questions about the first `clips` clips."""
    some = set(list(dict.fromkeys(e.clip for e in examples))[:clips])
    return [i for i, e in enumerate(examples) if e.clip in some]


def _sentence(proof: Proof, verdict: str, change: float, interval: tuple[float, float], same: int) -> str:
    size = plus_minus(change, interval)
    if same:
        return f"The {proof.subject} is not used: {proof.doing} changes not one of {same} answers, nor any score."
    if verdict in (USED.falls, HARDLY):
        return f"The {proof.subject} is {verdict}: {proof.doing} costs {size}."
    if verdict == USED.rises:
        return f"The {proof.subject} misleads: {proof.doing} gains {size}."
    if verdict == USED.stays:
        return f"The {proof.subject} is not used: {proof.doing} changes {size}."
    low, high = interval
    return f"Cannot tell whether the {proof.subject} is used: {proof.doing} changes {low:+.1f} to {high:+.1f} points."
