"""Models that need no weights: one that knows, one that always says the same, one that garbles what it knows."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np

from lookhear import tasks
from lookhear.datasets import ave, llp
from lookhear.tasks.reading import boxes
from lookhear.types import Answer, Clip, Example, Region, Segment, Source


@dataclass
class Talker:
    """Replies in words, which the task's own parser reads."""

    name: str = "talker"

    def watch(self, clips):
        return tuple(clips)

    def says(self, example: Example) -> str:
        raise NotImplementedError

    def answer(self, watched, examples):
        return [tasks.find(e.task).parse(self.says(e), e) for e in examples]


class Oracle(Talker):
    """Says the target; its masks are the reference's."""

    def says(self, example):
        return tasks.find(example.task).target(example)

    def answer(self, watched, examples):
        answers = super().answer(watched, examples)
        drawn = [tuple(r for r in e.reference.regions if r.mask is not None) for e in examples]
        return [replace(a, regions=(*a.regions, *some)) for a, some in zip(answers, drawn, strict=True)]


@dataclass
class Constant(Talker):
    """Says one thing, whatever is asked."""

    words: str = "I cannot tell."

    def says(self, example):
        return self.words


class Mutant(Oracle):
    """Says the target with letters lost and doubled, more of them from example to example."""

    def says(self, example):
        said, draw = list(super().says(example)), random.Random(example.id)
        for _ in range(draw.randint(0, 12)):
            at = draw.randrange(len(said) + 1)
            said[at:at] = draw.choice(["", "<", "]", "7", "none", said[at : at + 5]])
            del said[at + 1 : at + 1 + draw.randint(0, 3)]
        return "".join(said)

    def answer(self, watched, examples):
        return Talker.answer(self, watched, examples)


def drawn(count: int = 12) -> list[Example]:
    """`count` examples of every kind of task, four to a video."""
    found = []
    for kind, make in KINDS.items():
        task, _, form = kind.partition("/")
        for n in range(count):
            source = Source(f"v{n // 4}")
            reference, meta = make(n)
            meta = {**meta, **({"form": form} if form else {})}
            found.append(Example(f"{kind}-{n}", task, Clip(source, source), "which", reference, meta=meta))
    return found


def one_of(*labels: str):
    return lambda n: (Answer(labels[n % len(labels)]), {"labels": labels})


def event(n: int):
    label = ave.LABELS[n % 3]
    return Answer(label, segments=(Segment(label, n % 5, n % 5 + 4),)), {"labels": ave.LABELS}


def events(n: int):
    label, other = llp.LABELS[n % 4], llp.LABELS[(n + 1) % 4]
    some = (Segment(label, 0, 1 + n % 9, "audio"), Segment(other, n % 5, 9, "visual"))
    some = tuple(sorted(some, key=lambda s: (s.start, s.end, s.label, s.stream)))
    return Answer(", ".join(dict.fromkeys(s.label for s in some)), segments=some), {"labels": llp.LABELS}


def dense(n: int):
    some = (Segment("dog barking", 0, 3 + n), Segment("dog barking", 20, 30))
    return Answer("dog barking", segments=some), {"labels": ("dog barking", "man speaking")}


def boxed(n: int):
    return Answer("dog", regions=(Region("dog", boxes.unit((n, 5, 100 + n, 120))),)), {}


def masked(n: int):
    """A rectangle with its box and three points."""
    mask = np.zeros((224, 224), bool)
    mask[20:120, 10 + n : 90 + n] = True
    places = [(10 + n, 20, 90 + n, 120), *((x, 60, x, 60) for x in (30 + n, 50 + n, 70 + n))]
    some = [Region("dog", boxes.unit(p)) for p in places]
    return Answer("dog", regions=(replace(some[0], mask=mask), *some[1:])), {}


KINDS = {
    "question_answering": one_of("yes", "no", "two"),
    "action_recognition": one_of("playing cello", "playing tuba"),
    "emotion_recognition": one_of("happy", "sad", "angry"),
    "cross_modal_matching/a2v": one_of("one", "two"),
    "cross_modal_matching/v2a": one_of("one", "two"),
    "event_localisation/ave": event,
    "event_localisation/llp": events,
    "event_localisation/unav": dense,
    "localisation/arig": boxed,
    "localisation/s4": masked,
    "localisation/avss": masked,
    "captioning": lambda n: (Answer(f"A dog barks {n} times at the cat."), {}),
}
