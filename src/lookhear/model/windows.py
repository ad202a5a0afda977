"""Long videos in windows: each is watched and asked by itself, and what was answered is put together with a note.

0 ─── 30 ─── 60 ─── 75 s      window 30: three windows, the last one shorter
  a      a      b             one answer: the surest, a or b; events and times of all, where they are in the video
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

from lookhear import tasks
from lookhear.datasets.reading import replies
from lookhear.errors import ModelError, RecipeError
from lookhear.media.decode import probe
from lookhear.model._clips import Watched
from lookhear.model.llm import LLMModel
from lookhear.types import Answer, Clip, Example, Segment

JOINED = 0.5  # seconds: events of one name that are nearer go on over the edge of a window
SHORTEST = 1.0  # seconds: what would be left over as a shorter window belongs to the one before


class WindowedModel(LLMModel):
    """A language model that is asked about windows of `window` seconds of any clip that is longer."""

    window = 0.0

    @classmethod
    def of(cls, model: LLMModel, window: float) -> WindowedModel:
        """`model` with windows. Raises RecipeError."""
        if not (window > 0 and math.isfinite(window)):
            raise RecipeError(f"window={window:g}: give the seconds of a window, over 0.")
        settings = (model.vocabulary, model.max_tokens, model.world, model.words, model.generation)
        made = cls(model.llm, model.name, *settings)
        made.window = window
        return made

    def watch(self, clips: Sequence[Clip]) -> Watched:
        """Watch every window of `clips`. Raises MediaError."""
        distinct = tuple(dict.fromkeys(clips))
        parts = {clip: windows(clip, self.window) for clip in distinct}
        seen = super().watch([part for clip in distinct for part in parts[clip]])
        row = {part: (m, s, n) for part, m, s, n in zip(seen.clips, seen.memory, seen.seconds, seen.notes, strict=True)}
        memory = tuple(tuple((part, row[part][0]) for part in parts[clip]) for clip in distinct)
        lengths = tuple(sum(row[part][1] or 0 for part in parts[clip]) for clip in distinct)
        notes = tuple(tuple(dict.fromkeys(n for part in parts[clip] for n in row[part][2])) for clip in distinct)
        return Watched(distinct, memory, lengths, notes)

    def answer(self, watched: Watched, examples: Sequence[Example]) -> list[Answer]:
        """One answer for each example, put together from its windows."""
        of = dict(zip(watched.clips, watched.memory, strict=True))
        unseen = next((e.clip.id for e in examples if e.clip not in of), None)
        if unseen is not None:
            raise ModelError(f"Asked about {unseen!r}, which was not watched. Give it to watch() first.")
        rows = {part: memory for clip in watched.clips for part, memory in of[clip]}
        seen = Watched(tuple(rows), tuple(rows.values()), (None,) * len(rows), ((),) * len(rows))
        asked = [(i, part) for i, example in enumerate(examples) for part, _ in of[example.clip]]
        answers = super().answer(seen, [replace(examples[i], clip=part) for i, part in asked])
        found: list[list[tuple[Clip, Answer]]] = [[] for _ in examples]
        for (i, part), answer in zip(asked, answers, strict=True):
            found[i].append((part, answer))
        return [together(example, some) for example, some in zip(examples, found, strict=True)]


def windows(clip: Clip, length: float) -> list[Clip]:
    """The clip's windows of `length` seconds; itself where it is not longer. Raises MediaError."""
    end = clip.end if clip.end is not None else _end(clip)
    count = max(1, math.ceil((end - clip.start - SHORTEST) / length))
    if count == 1:
        return [clip]
    edges = [clip.start + k * length for k in range(count)]
    return [replace(clip, start=a, end=b) for a, b in zip(edges, [*edges[1:], end], strict=True)]


def _end(clip: Clip) -> float:
    lengths = [probe(s.path).duration for s in (clip.video, clip.audio) if s is not None and s.path is not None]
    return max((length for length in lengths if length), default=clip.start)


def together(example: Example, parts: Sequence[tuple[Clip, Answer]]) -> Answer:
    """One answer from those of windows: the surest that could be read; events of all, at their times in the clip."""
    if len(parts) == 1:
        return parts[0][1]
    began = example.clip.start
    readable = [one for one in parts if one[1].text and not tasks.unread([one[1]])] or list(parts)
    window, best = max(readable, key=lambda one: max(one[1].scores.values(), default=0.0))
    events = joined(
        replace(s, start=s.start + part.start - began, end=s.end + part.start - began)
        for part, answer in parts
        for s in answer.segments
    )
    text, whose = best.text, f"the answer is that of {window.start - began:g} to {(window.end or 0) - began:g} s"
    if example.task == "event_localisation":
        text, whose = replies.names(events), "events of all of them"
    elif example.task == "captioning":
        text, whose = " ".join(answer.text for _, answer in parts if answer.text), "captions of all of them"
    notes = dict.fromkeys(note for _, answer in readable for note in answer.notes)
    said = f"watched in {len(parts)} windows; {whose}"
    raw = "\n".join(answer.raw for _, answer in parts)
    return replace(best, text=text, segments=events, notes=(*notes, said), raw=raw)


def joined(segments: Iterable[Segment]) -> tuple[Segment, ...]:
    """Segments in order of time; those of one event that touch are one."""
    merged: list[Segment] = []
    for segment in replies.in_order(segments):
        alike = [k for k, s in enumerate(merged) if (s.label, s.stream) == (segment.label, segment.stream)]
        last = next((k for k in alike if segment.start <= merged[k].end + JOINED), None)
        if last is None:
            merged.append(segment)
        else:
            merged[last] = replace(merged[last], end=max(merged[last].end, segment.end))
    return replies.in_order(merged)
