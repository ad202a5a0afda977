"""Core types: recordings, clips, examples, answers, decoded media and outputs of nets.

    Source -> Clip -> Example -> Answer -> (metrics, report)
              Clip -> Media -> features -> Output -> Answer

Time is seconds. Boxes are 0..1 (left, top, right, bottom). Frames are uint8 (time, height, width, 3). Sound is mono
float32 in -1..1. All types are frozen dataclasses with hardly any methods; importing this module imports nothing heavy.
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
    """One recording: its id and media file. `path` is None if the media is missing; its features can still exist."""

    id: str
    path: Path | None = None


@dataclass(frozen=True)
class Blank(Source):
    """Black frames or silence in place of a recording; no recording with the id `blank` is equal to it."""

    zeros: bool = field(default=False, compare=False)  # its stored features are zeros, not those of black or silence


BLANK = Blank("blank")  # black frames or silence; probes use it to replace a stream
MISSING = Blank("blank", zeros=True)  # the same, but a net is served zeros; missing-modality test sets use it


@dataclass(frozen=True)
class Clip:
    """A time span, `start` to `end` in seconds, with pictures from `video` and sound from `audio`.

    `end=None` means the end of the recording; `video=None` or `audio=None` means that this track is missing.
    """

    video: Source | None
    audio: Source | None
    start: float = 0.0
    end: float | None = None

    @property
    def id(self) -> str:
        """An id made of recordings and time span; equal clips have equal ids."""
        sources = [self.video.id if self.video else "none", self.audio.id if self.audio else "none"]
        name = sources[0] if sources[0] == sources[1] else "+".join(sources)
        whole = self.start == 0 and self.end is None
        return name if whole else f"{name}@{self.start:g}-{'' if self.end is None else f'{self.end:g}'}"

    def source(self, reads: str) -> Source | None:
        """The recording that an encoder which reads `frames` or `waveform` needs."""
        return self.video if reads == "frames" else self.audio


@dataclass(frozen=True)
class Segment:
    """An event from `start` to `end` seconds, in the sound, the picture or both (`stream`)."""

    label: str
    start: float
    end: float
    stream: str = "audio-visual"


@dataclass(frozen=True)
class Word:
    """One spoken word with its time in seconds and its probability (`score`)."""

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
    """A region of the frame at `time` seconds: a box (left, top, right, bottom in 0..1), a mask, or both."""

    label: str
    box: tuple[float, float, float, float] | None = None
    mask: Any | None = None  # bool (height, width)
    time: float | None = None


@dataclass(frozen=True)
class Evidence:
    """The evidence of an answer: one weight per second for the picture (`seen`) and for the sound (`heard`).

    Each sums to 1. `opinions` are the probabilities of the model's unimodal heads: stream -> answer -> probability.
    `words` are the words of the question with their weights, in order: by the attention of the picture (`seen`), of the
    sound (`heard`), of both together (`both`), or of the question itself (`question`). Each list sums to 1. Tokens that
    are no words are in brackets: [CLS], [padding].
    """

    seen: tuple[float, ...] = ()
    heard: tuple[float, ...] = ()
    opinions: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # stream -> answer -> probability
    words: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)  # sense -> (word, weight)


@dataclass(frozen=True)
class Answer:
    """An answer with scores, segments, regions and evidence. References and predictions are both Answers."""

    text: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)  # answer -> probability, most likely first
    segments: tuple[Segment, ...] = ()  # when
    regions: tuple[Region, ...] = ()  # where
    evidence: Evidence | None = None
    raw: str = ""  # the model's reply before parsing
    notes: tuple[str, ...] = ()  # warnings: "no sound track: answered from silence"

    def __repr__(self) -> str:
        first, *others = [f"{text!r} {score:.0%}" for text, score in list(self.scores.items())[:3]] or [repr(self.text)]
        facts = [f"then {', '.join(others)}"] * bool(others)
        facts += [f"{len(things)} {name}" for name in ("segments", "regions") if (things := getattr(self, name))]
        facts += [repr(note) for note in self.notes]
        return f"<Answer {first}{': ' if facts else ''}{'; '.join(facts)}>"

    def _repr_html_(self) -> str:
        """HTML for notebooks: the answers with their probabilities, then the weight of each second."""
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
    """The reply of a language model, and how it ended.

    `ended` is one of ENDINGS: `finished` normally; `cut` at the token limit; `filtered` by the server; `refused` by the
    model (and marked so by the server); `empty`, only reasoning or whitespace; `failed`, no reply. `why` quotes the
    server if the reply is not finished. `score` is the mean log-probability of the tokens, nan if unknown; `masks` are
    bool (height, width).
    """

    text: str
    score: float = 0.0
    tokens: tuple[int, ...] = ()
    masks: tuple[Any, ...] = ()
    ended: str = "finished"
    why: str = ""


@dataclass(frozen=True)
class Example:
    """One question about one clip, with its reference answer if known.

    `kind` is the question type, by which results are grouped; `meta` holds further fields of the annotation.
    """

    id: str
    task: str  # a name in tasks/, which defines prompt, parser and metrics
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
    """A decoded clip. A missing track is None, which differs from silence or black frames.

    `frames` uint8 (time, height, width, 3) are shown at `times` (time,), in seconds after the clip's start. `waveform`
    float32 (sample,) is the sound of the same time span at `sample_rate` Hz. `duration` is the decoded length in
    seconds.
    """

    frames: np.ndarray | None
    times: np.ndarray
    waveform: np.ndarray | None
    sample_rate: int
    duration: float
    notes: tuple[str, ...] = ()  # warnings: "no sound track", "sound is silent throughout", "truncated at 29.1 s"

    def track(self, reads: str) -> np.ndarray | None:
        """The frames or the waveform, by the name that encoders use in `reads`."""
        return self.frames if reads == "frames" else self.waveform

    @property
    def silent(self) -> bool:
        """True if there is a sound track and every sample of it is below -80 dB full scale."""
        return self.waveform is not None and (not len(self.waveform) or float(abs(self.waveform).max()) < 1e-4)


@dataclass(frozen=True)
class Output:
    """The output of a net for a batch of questions.

    `logits` (question, answer) are the predictions. `opinions` are logits of the net's single heads by name (joint,
    audio, visual). `attention` is the weight of each second by stream, `seen` and `heard`: (question, time). `words` is
    the weight of each row of the net's text stream (`words` or `tokens`) by what attends to it, as in `Evidence`:
    (question, word). `hidden` holds intermediate tensors by name, for `losses` or for inspection.
    """

    logits: Tensor
    opinions: Mapping[str, Tensor] = field(default_factory=dict)
    attention: Mapping[str, Tensor] = field(default_factory=dict)
    hidden: Mapping[str, Tensor] = field(default_factory=dict)
    words: Mapping[str, Tensor] = field(default_factory=dict)


Memory = Mapping[str, "Tensor"]  # result of `watch`: tensors whose first axis is the clip
