"""Lines of the card about pairs: a clip and its twin, the same question, and whether the answer follows the change.

A dataset of twins (`soundstage@twins`) has pairs, and nothing is asked again. For any other dataset, the audit's edits
make twins of real clips: with the sound muted, swapped or shifted, no answer about the picture may change; with the
picture black or swapped, no answer about the sound. A model that affirms a muted sound does not use the sound.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lookhear.errors import DatasetError
from lookhear.evaluate import pairs
from lookhear.evaluate.audit.lines import MARGIN, UNSURE, Line
from lookhear.evaluate.audit.proofs import Asked, Beside
from lookhear.evaluate.pairs import Pairs
from lookhear.metrics.answers import normal
from lookhear.types import Example

STEADY = 95.0  # percent of unchanged answers for the verdict "steady"
EDITS = {  # name of the proof -> its edit in words, and the group of questions that the edit must not change
    "silence": ("the sound is muted", "Visual"),
    "swap_audio": ("the sound is another clip's", "Visual"),
    "shift_sound": ("the sound comes later", "Visual"),
    "blindfold": ("the picture is black", "Audio"),
    "swap_video": ("the picture is another clip's", "Audio"),
}
HEARING = re.compile(
    r"\b(sounds?|sounding|hear[ds]?|heard|audible|audio|voice-?over|voice|playing|plays?|noise|music|speak\w*|sing\w*)\b",
    re.IGNORECASE,
)
COMPARING = re.compile(r"\b(louder|quieter|longer|shorter|more|less|same|first|last|before|after)\b", re.IGNORECASE)
MUTED = "says_muted"


def of_twins(asked: Asked) -> list[Line]:
    """Pair scores of a dataset of twins. Raises DatasetError if the questions have no twins."""
    scores = pairs.scores(asked.examples, asked.answers)
    if not scores:
        raise DatasetError("The questions are not about twins; soundstage@twins are.")
    lines = []
    for name, score in scores.items():
        what, _, kind = name.partition("/")
        constant = scores.get(f"changes/{kind}" if kind else "changes", score).value == 0
        of = f" ({kind})" if kind else ""
        if what == "pairs":
            sentence = (
                f"Of pairs that must change{of}, {_share(score)} are right both times; the same answer twice scores 0."
            )
            lines.append(
                _line(name, f"both right{of}", _floor(score, 0.0, "tells twins apart", constant), sentence, score)
            )
        elif what == "changes" and not kind:
            sentence = f"Where the truth changes, {_share(score)} of the answers do."
            lines.append(_line(name, "changes where it must", _floor(score, 0.0, "changes", constant), sentence, score))
        elif what == "stays" and not kind:
            sentence = f"Where something else changes, {_share(score)} of the answers stay."
            lines.append(_line(name, "stays where it must", _steady(score), sentence, score))
        elif what == "consistency":
            verdict = _floor(score, 50.0, "follows the change", constant)
            sentence = f"Changes followed or rightly ignored{of}: {_share(score)}; the same twice is 50: {verdict}."
            lines.append(_line(name, f"consistency{of}", verdict, sentence, score))
        elif name == MUTED:
            lines.append(_muted(score))
    return lines


def of_edits(beside: Beside) -> list[Line]:
    """Pair scores of real clips and their edits, from the answers of other lines.

    Raises DatasetError if there are no such answers, or no question that an edit must leave unchanged.
    """
    if not beside:
        raise DatasetError("No clip was edited, so there are no pairs.")
    lines = []
    if "silence" in beside:
        examples, before, after = beside["silence"]
        inside = np.array([about_hearing(e) for e in examples], dtype=bool)
        if inside.any():
            still = np.array([normal(a.text) == "yes" for a in after], dtype=bool)
            lines.append(_muted(pairs.share(examples, still, inside)))
    for name, (doing, group) in EDITS.items():
        if name not in beside:
            continue
        examples, before, after = beside[name]
        inside = np.array([e.kind[:1] == (group,) for e in examples], dtype=bool)
        if inside.any():
            same = np.array([normal(a.text) == normal(b.text) for a, b in zip(before, after, strict=True)], dtype=bool)
            score = pairs.share(examples, same, inside)
            sense = "picture" if group == "Visual" else "sound"
            sentence = f"Where {doing}, {_share(score)} of the answers about the {sense} stay, as they must."
            lines.append(_line(f"stays/{name}", f"stays where {doing}", _steady(score), sentence, score))
    if not lines:
        raise DatasetError(
            "No question is of one sense alone or asks what is heard, so no edit must leave it as it is."
        )
    return lines


def about_hearing(example: Example) -> bool:
    """Whether the reference is yes and, for the muted clip, yes would affirm a sound."""
    truth = normal(example.reference.text) if example.reference else ""
    heard = HEARING.search(example.question) and not COMPARING.search(example.question)
    return truth == "yes" and bool(heard) and example.kind[:1] != ("Visual",)


def sentence(lines: Sequence[Line]) -> str:
    """The sentence on how often the model affirms a muted sound; "" if this was not measured."""
    return next((line.sentence for line in lines if line.name == MUTED), "")


def _muted(score: Pairs) -> Line:
    verdict = "does not claim to" if score.interval[1] < 10 else "claims to" if score.interval[0] > 10 else UNSURE
    text = f"It says it hears what was muted in {_share(score)} questions."
    return _line(MUTED, "says it hears what was muted", verdict, text, score)


def _line(name: str, title: str, verdict: str, sentence: str, score: Pairs) -> Line:
    return Line(name, "pairs", title, verdict, sentence, score.total, None, score.value, None, score.interval)


def _floor(score: Pairs, floor: float, words: str, constant: bool) -> str:
    """The verdict against `floor`, the score of a constant answer; `constant`: no answer changed."""
    low, high = score.interval
    if constant or high < floor + MARGIN:
        return "like the same answer twice"
    return words if low > floor + (MARGIN if floor == 0 else 0) else UNSURE


def _steady(score: Pairs) -> str:
    low, high = score.interval
    return "steady" if low >= STEADY else "changes what must stay" if high < STEADY else UNSURE


def _share(score: Pairs) -> str:
    low, high = score.interval
    return f"{score.value:.1f} % ({low:.1f} to {high:.1f}) of {score.total}"
