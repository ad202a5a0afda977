"""The words everything else is written in.

    Source -> Clip -> Example -> Answer -> (metrics, report)
              Clip -> Media -> features -> Output -> Answer

Time is seconds. Boxes are 0..1 (left, top, right, bottom). Frames are uint8 (time, height, width, 3). Sound is mono
float32 in -1..1. Frozen values with no behaviour beyond a property or two; importing this imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookhear.errors import DatasetError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


@dataclass(frozen=True)
class Source:
    """One recording. `path` may be None: features can exist where the media does not."""

    id: str
    path: Path | None = None


class _Blank(Source):
    """Its own class, so that a recording that happens to be called `blank` is not equal to it."""


BLANK = _Blank("blank")  # black frames or silence, asked for on purpose: what a probe puts in place of a stream


@dataclass(frozen=True)
class Clip:
    """A stretch of time, `start` to `end` in seconds, seen through `video` and heard through `audio`."""

    video: Source | None
    audio: Source | None
    start: float = 0.0
    end: float | None = None

    @property
    def id(self) -> str:
        """A name for this stretch of these recordings, equal for equal clips."""
        sources = [self.video.id if self.video else "none", self.audio.id if self.audio else "none"]
        name = sources[0] if sources[0] == sources[1] else "+".join(sources)
        whole = self.start == 0 and self.end is None
        return name if whole else f"{name}@{self.start:g}-{'' if self.end is None else f'{self.end:g}'}"


@dataclass(frozen=True)
class Segment:
    """Something that lasts from `start` to `end` seconds in one stream or both."""

    label: str
    start: float
    end: float
    stream: str = "audio-visual"


@dataclass(frozen=True)
class Word:
    """One spoken word, when it is said, and how sure that is."""

    text: str
    start: float
    end: float
    score: float


@dataclass(frozen=True)
class Sentence:
    """A stretch of speech as text. `score` is the mean probability of its words."""

    text: str
    start: float
    end: float
    score: float
    words: tuple[Word, ...] = ()


@dataclass(frozen=True)
class Region:
    """Somewhere in the frame at `time` seconds: a box (left, top, right, bottom in 0..1), a mask, or both."""

    label: str
    box: tuple[float, float, float, float] | None = None
    mask: Any | None = None  # bool (height, width)
    time: float | None = None


@dataclass(frozen=True)
class Evidence:
    """What an answer rests on: one weight per second for what was seen and what was heard, summing to 1 each."""

    seen: tuple[float, ...] = ()
    heard: tuple[float, ...] = ()
    opinions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # stream -> answer -> probability


@dataclass(frozen=True)
class Answer:
    """What was said and why. References and predictions are both Answers."""

    text: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)  # answer -> probability, most likely first
    segments: tuple[Segment, ...] = ()  # when
    regions: tuple[Region, ...] = ()  # where
    evidence: Evidence | None = None
    raw: str = ""  # the model's own words, before parsing
    notes: tuple[str, ...] = ()  # what a reader must know: "no sound track: answered from silence"

    def __repr__(self) -> str:
        first, *others = [f"{text!r} {score:.0%}" for text, score in list(self.scores.items())[:3]] or [repr(self.text)]
        facts = [f"then {', '.join(others)}"] * bool(others)
        facts += [f"{len(things)} {name}" for name in ("segments", "regions") if (things := getattr(self, name))]
        facts += [repr(note) for note in self.notes]
        return f"<Answer {first}{': ' if facts else ''}{'; '.join(facts)}>"

    def _repr_html_(self) -> str:
        """For notebooks: the answers and how sure, then each second's weight, for the eyes and for the ears."""
        from html import escape

        scores = list(self.scores.items())[:3] or [(self.text, 1.0)]
        rows = "".join(
            f"<tr><td>{escape(text)}</td><td><progress value='{score:.4f}' max='1'></progress> {score:.0%}</td></tr>"
            for text, score in scores
        )
        for name in ("seen", "heard"):
            weights = getattr(self.evidence, name) if self.evidence else ()
            top = max([*weights, 1e-9])
            bars = "".join(
                f"<span title='{i} s: {w:.0%}' style='display:inline-block;width:8px;margin-right:1px;"
                f"background:#4477aa;height:{1 + 23 * w / top:.0f}px'></span>"
                for i, w in enumerate(weights)
            )
            rows += f"<tr><td>{name}</td><td>{bars} 0 to {len(weights)} s</td></tr>" if weights else ""
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return f"<table>{rows}</table>{notes}"


ENDINGS = ("finished", "cut", "filtered", "refused", "empty", "failed")


@dataclass(frozen=True)
class Reply:
    """What a language model said, and how it ended.

    `ended` is one of ENDINGS: `finished` as the model wished; `cut` at its limit of tokens; `filtered` by the server;
    `refused` by the model (a refusal that the server marks as one); `empty`, nothing but reasoning or blanks; `failed`,
    no reply came. `why` quotes the server where it was not finished. `score` is the mean log-probability of the tokens,
    nan where it is not known; `masks` are bool (height, width).
    """

    text: str
    score: float = 0.0
    tokens: tuple[int, ...] = ()
    masks: tuple[Any, ...] = ()
    ended: str = "finished"
    why: str = ""


@dataclass(frozen=True)
class Example:
    """One question about one clip, and its reference answer if known."""

    id: str
    task: str  # a name in tasks/: how to ask, how to read the reply, how to score
    clip: Clip
    question: str
    reference: Answer | None = None
    kind: tuple[str, ...] = ()  # ("Audio-Visual", "Counting")
    meta: Mapping[str, Any] = field(default_factory=dict)

    @property
    def truth(self) -> Answer:
        """The reference answer, where there must be one. Raises DatasetError where it is not known."""
        if self.reference is None:
            raise DatasetError(
                f"Question {self.id!r} has no reference answer. Take a split whose answers are published."
            )
        return self.reference


@dataclass(frozen=True)
class Media:
    """A decoded clip. A track that is not there is None; silence and black are values like any other.

    `frames` uint8 (time, height, width, 3) were shown at `times` (time,) seconds after the clip's start; `waveform`
    float32 (sample,) is the sound of the same stretch at `sample_rate` Hz. `duration` is what could really be read.
    """

    frames: np.ndarray | None
    times: np.ndarray
    waveform: np.ndarray | None
    sample_rate: int
    duration: float
    notes: tuple[str, ...] = ()  # visible facts: "no sound track", "sound is silent throughout", "truncated at 29.1 s"

    @property
    def silent(self) -> bool:
        """There is a sound track and every sample of it is (as good as) zero: below -80 dB full scale."""
        return self.waveform is not None and (not len(self.waveform) or float(abs(self.waveform).max()) < 1e-4)


@dataclass(frozen=True)
class Output:
    """What a net says about a batch of questions.

    `logits` (question, answer) decide. `opinions` are logits of the net's single heads by name (joint, audio, visual).
    `attention` is weight per second by stream, `seen` and `heard` (question, time). `hidden` holds named inner tensors
    that `losses` needs or a reader wants to look at.
    """

    logits: Tensor
    opinions: Mapping[str, Tensor] = field(default_factory=dict)
    attention: Mapping[str, Tensor] = field(default_factory=dict)
    hidden: Mapping[str, Tensor] = field(default_factory=dict)


Memory = Mapping[str, "Tensor"]  # what `watch` keeps of clips: tensors whose first axis is the clip
