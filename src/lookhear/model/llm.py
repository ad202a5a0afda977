"""Model interface for language models: decode and encode clips once, turn examples into prompts, parse replies.

    clip ─ decode ─ llm.watch ─▶ cache      example ─ task.prompt ─ llm.answer ─▶ reply ─ task.parse ─▶ Answer

Times in a reply become segments, boxes and points become regions.
"""

from __future__ import annotations

import queue
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, isfinite
from typing import Any

import numpy as np

from lookhear import tasks
from lookhear.datasets import avsbench
from lookhear.errors import ModelError
from lookhear.layers.generation import GREEDY, Generation, OnText, placed
from lookhear.layers.packing import scaled
from lookhear.llms import LLM, Reply
from lookhear.media.decode import decode
from lookhear.model import within
from lookhear.model._clips import Video, Watched, about, stamp
from lookhear.store import world as worlds
from lookhear.tasks.reading import boxes
from lookhear.types import Answer, Clip, Example, Media, Region, Segment

TOGETHER = 8  # clips per batch in `watch`
REMEMBERED = 16  # clips whose key-value cache is kept for further questions
FREE = "question_answering"  # task of questions asked without an example
# of a number of digits and blanks, or the time of a search would grow with their number squared
NUMBER, GAP = r"(?<!\d)(\d{1,9}(?:\.\d{1,9})?)", r"\s{0,8}"
UNIT = r"(?:s|sec|seconds?)"
SPAN = re.compile(rf"{NUMBER}{GAP}{UNIT}?{GAP}(?:to|until|-|–|and){GAP}{NUMBER}{GAP}{UNIT}\b", re.I)
MOMENT = re.compile(rf"\b(?:at|around|after)\s{GAP}{NUMBER}{GAP}{UNIT}\b", re.I)
RANGE = re.compile(rf"<range>{GAP}{NUMBER}{GAP},{GAP}{NUMBER}{GAP}</range>", re.I)


@dataclass(frozen=True)
class Remembered:
    """Cached clip: a row of the batch cache `seen`, and the clip's length in seconds."""

    seen: Any
    row: int
    seconds: int
    notes: tuple[str, ...]


class LLMModel:
    """A `Model` around a language model.

    `vocabulary` is the closed list of answers, if the questions have one; examples may bring their own
    (`meta["labels"]`). `max_tokens` limits the reply, `generation` sets decoding
    options. `world` and `words` describe the training clips and questions.
    """

    def __init__(
        self,
        llm: LLM,
        name: str = "",
        vocabulary: Sequence[str] = (),
        max_tokens: int = 256,
        world: worlds.World | None = None,
        words: frozenset[str] = frozenset(),
        generation: Generation = GREEDY,
    ):
        self.llm, self.name = llm, name or llm.name
        self.world, self.words = world, words  # statistics of the training data, if the folder has them
        self.vocabulary, self.max_tokens = tuple(vocabulary), max_tokens
        self.generation = generation
        self.on_text: OnText | None = None  # called with (question, text so far) as replies grow
        self.remembered: OrderedDict[Any, Remembered] = OrderedDict()
        self._tasks: dict[str, Any] = {}

    def __repr__(self) -> str:
        return f"<{self.name}: language model {type(self.llm).__name__}>"

    def watch(self, clips: Sequence[Clip]) -> Watched:
        """Decode and encode `clips`. Raises MediaError."""
        distinct = list(dict.fromkeys(clips))
        keys = {clip: stamp(clip) for clip in distinct}
        new = [clip for clip in distinct if keys[clip] not in self.remembered]
        rows = {clip: self.remembered[keys[clip]] for clip in distinct if keys[clip] in self.remembered}
        for start in range(0, len(new), TOGETHER):
            some = new[start : start + TOGETHER]
            media = [decode(clip, self.llm.sampling) for clip in some]
            rows |= zip(some, self._read(media, media), strict=True)
        for clip in distinct:
            self.remembered[keys[clip]] = rows[clip]
            self.remembered.move_to_end(keys[clip])
        while len(self.remembered) > REMEMBERED:
            self.remembered.popitem(last=False)
        found = tuple(rows[clip] for clip in distinct)
        return Watched(tuple(distinct), found, tuple(r.seconds for r in found), tuple(r.notes for r in found))

    def _read(self, given: Sequence[Any], media: Sequence[Media]) -> list[Remembered]:
        seen = self.llm.watch(given)
        said = seen.notes or [()] * len(media)
        return [
            Remembered(seen, i, round(one.duration), tuple(dict.fromkeys((*one.notes, *said[i], *self._strange(one)))))
            for i, one in enumerate(media)
        ]

    def _strange(self, media: Media) -> tuple[str, ...]:
        """A note if the clip is unlike the training clips."""
        note = self.world.note(worlds.of_media(media)) if self.world else ""
        return (note,) if note else ()

    def _pair(self, example: Example) -> Remembered:
        """Media of a matching example: its clip together with the candidate video or sound."""
        clip, other, way = example.clip, example.meta["second"], str(example.meta.get("form"))
        both = (
            clip,
            (Clip(other, None, clip.start, clip.end) if way == "a2v" else Clip(None, other, clip.start, clip.end)),
        )
        key = tuple(stamp(one) for one in both)
        if key not in self.remembered:
            first, second = (decode(one, self.llm.sampling) for one in both)
            joined = paired_media(first, second, way)
            given = self.llm.prepare(joined, pair=way)
            row = self._read([given], [joined])[0]
            self.remembered[key] = row
        self.remembered.move_to_end(key)
        return self.remembered[key]

    def answer(self, watched: Watched, examples: Sequence[Example]) -> list[Answer]:
        """One answer per example, whose clip must be in `watched`; `raw` is the reply."""
        row = dict(zip(watched.clips, watched.memory, strict=True))
        unseen = next((e.clip.id for e in examples if e.clip not in row), None)
        if unseen is not None:
            raise ModelError(f"Asked about {unseen!r}, which was not watched. Give it to watch() first.")
        paired = {i: self._pair(e) for i, e in enumerate(examples) if "second" in e.meta}
        groups: dict[tuple[int, bool], list[int]] = {}
        held = [paired.get(i) or row[example.clip] for i, example in enumerate(examples)]
        for i, held_row in enumerate(held):
            groups.setdefault((id(held_row.seen), self._semantic(examples[i])), []).append(i)
        answers: dict[int, Answer] = {}
        for (_, semantic), some in groups.items():
            asked = [examples[i] for i in some]
            prompts = [self._task(e).prompt(e, self._closed_vocabulary(e)) for e in asked]
            rows = [held[i] for i in some]
            options = self._how(some) | ({"semantic": True} if semantic else {})
            replies = self.llm.answer(rows[0].seen, [r.row for r in rows], prompts, self.max_tokens, **options)
            for i, example, held_row, reply in zip(some, asked, rows, replies, strict=True):
                answers[i] = self._parsed(example, reply, held_row)
        return [answers[i] for i in range(len(examples))]

    def say(self, watched: Watched, clips: Sequence[Clip], prompts: Sequence[str], max_tokens: int = 0) -> list[Reply]:
        """Reply to each prompt verbatim, about the clip at the same position, which must be in `watched`."""
        row = dict(zip(watched.clips, watched.memory, strict=True))
        groups: dict[int, list[int]] = {}
        for i, clip in enumerate(clips):
            groups.setdefault(id(row[clip].seen), []).append(i)
        replies: dict[int, Reply] = {}
        for some in groups.values():
            rows = [row[clips[i]].row for i in some]
            seen, asked = row[clips[some[0]]].seen, [prompts[i] for i in some]
            replies.update(
                zip(
                    some,
                    self.llm.answer(seen, rows, asked, max_tokens or self.max_tokens, **self._how(some)),
                    strict=True,
                )
            )
        return [replies[i] for i in range(len(clips))]

    def ask(self, video: Video, *questions: str | Sequence[str]) -> list[Answer]:
        """Watch a video once and answer every question about it; see `clip_of` for the forms of `video`."""
        clip, examples = about(video, questions, FREE)
        return self.answer(self.watch([clip]), examples)

    def stream(self, video: Video, *questions: str | Sequence[str]) -> Iterator[tuple[int, str] | list[Answer]]:
        """(which question, the next piece of its reply) as replies grow, and at the end the answers as `ask` has them.

        Pieces put together are the reply, but for blanks at its ends.
        """
        shown: dict[int, str] = {}
        for found in grown(self, lambda: self.ask(video, *questions)):
            if isinstance(found, list):
                yield found
                continue
            which, text = found
            piece, shown[which] = text[len(shown.get(which, "")) :], text
            if piece:
                yield which, piece

    def _how(self, places: Sequence[int]) -> dict[str, Any]:
        """Keyword arguments of the language model for the replies to the questions at `places`."""
        made: dict[str, Any] = {} if self.generation.plain else {"how": self.generation}
        return made if self.on_text is None else made | {"on_text": placed(self.on_text, places)}

    def _task(self, example: Example) -> Any:
        if example.task not in self._tasks:
            self._tasks[example.task] = tasks.find(example.task)
        return self._tasks[example.task]

    def _semantic(self, example: Example) -> bool:
        """Whether the model's mask decoder predicts classes: for AVSS, if the model predicts masks."""
        return self.llm.draws and example.meta.get("form") == "avss"

    def _closed_vocabulary(self, example: Example) -> Sequence[str]:
        """The closed vocabulary for an example; tasks other than question answering use the example's labels."""
        return () if example.task != FREE and "labels" in example.meta else self.vocabulary

    def _parsed(self, example: Example, reply: Reply, row: Remembered) -> Answer:
        answer = tasks.read(example, reply, self._closed_vocabulary(example))
        if example.task == FREE:
            places, _ = boxes.regions(reply.text, answer.text)
            when = answer.segments or seconds(reply.text, answer.text, row.seconds)
            answer = replace(answer, segments=when, regions=places)
        if reply.masks:
            label = next((r.label for r in answer.regions), answer.text)
            drawn = [r for mask in reply.masks for r in regions_of(np.asarray(mask), label)]
            answer = replace(answer, regions=(*answer.regions, *drawn))
        sure = bool(answer.text) and isfinite(reply.score)
        scores = {answer.text: exp(reply.score)} if sure else {}  # the geometric mean over the reply's tokens
        strange = (
            within.notes(example.question, answer.text, self.words, ()) if self.words and example.task == FREE else ()
        )
        return replace(answer, scores=scores, notes=tuple(dict.fromkeys((*row.notes, *answer.notes, *strange))))


def grown(model: LLMModel, ask: Callable[[], list[Answer]]) -> Iterator[tuple[int, str] | list[Answer]]:
    """(question, reply so far) while `ask` runs in a thread, then what it returns; what it raises is raised."""
    events: queue.Queue[tuple[int, str] | list[Answer] | BaseException] = queue.Queue()

    def run() -> None:
        try:
            events.put(ask())
        except BaseException as error:  # handed to the thread that waits
            events.put(error)

    model.on_text = lambda which, text: events.put((which, text))
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        while True:
            one = events.get()
            if isinstance(one, BaseException):
                raise one
            yield one
            if isinstance(one, list):
                return
    finally:
        thread.join()
        model.on_text = None


def regions_of(mask: np.ndarray, label: str) -> list[Region]:
    """Regions from mask logits: one region for (height, width), one per class for (class, height, width)."""
    if mask.ndim == 2:
        return [Region(label, mask=mask)]
    chosen = mask.argmax(axis=0)
    return [Region(avsbench.CLASSES[n], mask=chosen == n) for n in np.unique(chosen) if n]


def paired_media(first: Media, second: Media, way: str) -> Media:
    """Concatenate two candidates: two videos with one sound (`a2v`), or two sounds with one video (`v2a`)."""
    notes = tuple(dict.fromkeys((*first.notes, *second.notes)))
    if way == "a2v":
        if first.frames is None or second.frames is None:
            return replace(first, notes=notes)
        shape = first.frames.shape[1:3]
        frames = np.concatenate([first.frames, scaled(second.frames, shape)])
        return replace(
            first, frames=frames, times=np.concatenate([first.times, second.times + first.duration]), notes=notes
        )
    sounds = [one.waveform for one in (first, second) if one.waveform is not None]
    return replace(first, waveform=np.concatenate(sounds) if sounds else None, notes=notes)


def seconds(text: str, label: str, duration: float) -> tuple[Segment, ...]:
    """Segments for the time spans and times named in a reply, within a clip of `duration` seconds."""
    found = [(float(a), float(b)) for pattern in (RANGE, SPAN) for a, b in pattern.findall(text)]
    found += [(float(a), float(a)) for a in MOMENT.findall(text)]
    inside = sorted({(a, b) for a, b in found if a <= b <= duration + 1})
    return tuple(Segment(label, a, b) for a, b in inside)
