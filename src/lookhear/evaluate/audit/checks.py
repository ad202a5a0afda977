"""Lines of the card without removed inputs: floors, leaks, head and tail, rephrasing, calibration, mirroring."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from lookhear import statistics
from lookhear.errors import DatasetError
from lookhear.evaluate import floors
from lookhear.evaluate.audit.edits import MIRRORED
from lookhear.evaluate.audit.lines import UNSURE, Line, Words, decide, paired, plus_minus, rightness
from lookhear.evaluate.audit.proofs import Asked, edited
from lookhear.evaluate.report import video_of
from lookhear.evaluate.run import UNANSWERED
from lookhear.metrics import answers as metric
from lookhear.metrics.answers import normal
from lookhear.types import Answer, Example

FLOOR = Words("below the floor", "above the floor", "at the floor")
RARE = Words("leans on frequent answers", "better at rare answers", "even")
LEAK = Words("leaks flatter", "leaks do not flatter", "leaks do not flatter")
WORDING = Words("depends on the wording", "better in other words", "steady")
CONSISTENT = 95.0  # percent of pairs of wordings that must get equal answers
CALIBRATED = 5.0  # percent of expected calibration error
SIDES = {"left": "right", "right": "left"}
SIDED = re.compile(r"\b(left|right)", re.IGNORECASE)


def chance(asked: Asked, train: Sequence[Example]) -> Line:
    """Accuracy against uniform guessing among the training answers of the same template."""
    rate = floors.chance(_needed(train), asked.examples)["Overall"] / 100
    guess = np.full(len(asked.right), rate)
    return _above(asked, "chance", "chance", guess, "Guessing evenly among the answers of the template")


def floor(asked: Asked, train: Sequence[Example], by: str, title: str) -> Line:
    """Accuracy against the most frequent training answer to the same template, or to the same filled question."""
    said = floors.most_frequent(_needed(train), asked.examples, by)
    same = "template of the question" if by == "template" else "same question"
    what = f"The commonest training answer to the {same}"
    return _above(asked, f"by_{by}", title, rightness(asked.examples, said), what)


def leaks(asked: Asked, train: Sequence[Example]) -> Line:
    """Accuracy on videos outside the training split against that on videos in it."""
    seen = {video_of(e) for e in _needed(train)}
    known = {(e.clip.id, normal(e.question)) for e in train}
    leaked = np.array([video_of(e) in seen for e in asked.examples], dtype=bool)
    asked_before = sum((e.clip.id, normal(e.question)) in known for e in asked.examples)
    facts = ("leaks", "floors", "leak-free questions")
    free = ~leaked
    count, total = int(leaked.sum()), len(leaked)
    if not free.any():
        raise DatasetError(f"All {total} questions are about videos of the training split: none is free of leaks.")
    clean = 100 * float(asked.right[free].mean())
    if not count:
        sentence = f"No question is about a video of the training split: all {total} are free of leaks."
        return Line(*facts, "no leak", sentence, total, clean, clean, 0.0, (0.0, 0.0))
    whole = 100 * float(asked.right.mean())
    low, high = _difference_interval(asked, free, leaked)
    change = clean - 100 * float(asked.right[leaked].mean())
    verdict = decide((low, high), LEAK, asked.margin)
    sentence = (
        f"{count} of {total} questions are about videos of the training split, {asked_before} of them were asked "
        f"there; on the others accuracy is {clean:.1f}, {_than(change, (low, high))} on the leaked ones: {verdict}."
    )
    return Line(*facts, verdict, sentence, int(free.sum()), whole, clean, change, (low, high))


def head_tail(asked: Asked, part: Callable[[Sequence[Example]], Sequence[str]] | None) -> Line:
    """Accuracy on the tail (questions with rare answers) against that on the head."""
    own = [str(e.meta.get("part", "")) for e in asked.examples]
    if not any(own) and part is None:
        raise DatasetError("Nothing says which questions are head and which tail. Give audit() a `part`.")
    parts = own if any(own) else part(asked.examples)  # type: ignore[misc]
    head, tail = (np.array([p == name for p in parts], dtype=bool) for name in ("head", "tail"))
    if not (head.any() and tail.any()):
        raise DatasetError("The answers of every group are balanced, so there is no head and no tail to compare.")
    before, after = (100 * float(asked.right[side].mean()) for side in (head, tail))
    interval = _difference_interval(asked, tail, head)
    verdict = decide(interval, RARE, asked.margin)
    sentence = (
        f"Questions with rare answers are {_than(after - before, interval)} those with frequent ones "
        f"({after:.1f} against {before:.1f}, {int(tail.sum())} and {int(head.sum())} questions): {verdict}."
    )
    facts = ("head_tail", "answers", "head against tail")
    return Line(*facts, verdict, sentence, int((head | tail).sum()), before, after, after - before, interval)


def rephrasing(asked: Asked, rephrase: Callable[[Example], Sequence[str]] | None) -> list[Line]:
    """Accuracy on rephrased questions, and agreement between rephrasings."""
    if rephrase is None:
        raise DatasetError("Other wordings were not asked for (as with --ways 0).")
    ways = [(i, text) for i, e in enumerate(asked.examples) for text in rephrase(e) if text != e.question]
    if not ways:
        raise DatasetError("No question can be asked in other words.")
    replies = asked.again([replace(asked.examples[i], question=text) for i, text in ways])
    others: dict[int, list[Answer]] = {}
    for answer, (i, _) in zip(replies, ways, strict=True):
        others.setdefault(i, []).append(answer)
    reworded = asked.about(list(others))
    after, agree = [], []
    for example, first, again in zip(reworded.examples, reworded.answers, others.values(), strict=True):
        after.append(float(rightness([example] * len(again), again).mean()))
        together = [first, *again]
        agree.append(metric.consistency(together, together, [0] * len(together))["agreement"] / 100)
    return [_reworded(reworded, np.array(after)), _consistency_line(reworded, np.array(agree))]


def _reworded(asked: Asked, after: np.ndarray) -> Line:
    change, low, high = map(float, paired(asked.right, after, asked.videos, _all_questions(asked))[0])
    verdict = decide((low, high), WORDING, asked.margin)
    sentence = f"Asked in other words, the questions are answered {_than(change, (low, high))} in their own: {verdict}."
    facts = ("rephrasing", "answers", "asked in other words")
    before, mean = 100 * float(asked.right.mean()), 100 * float(after.mean())
    return Line(*facts, verdict, sentence, len(after), before, mean, change, (low, high))


def _consistency_line(asked: Asked, agree: np.ndarray) -> Line:
    low, high = (100 * float(edge) for edge in statistics.bootstrap(agree, asked.videos, _all_questions(asked))[0])
    share = 100 * float(agree.mean())
    verdict = "consistent" if low >= CONSISTENT else "inconsistent" if high < CONSISTENT else UNSURE
    sentence = (
        f"Of pairs of wordings of one question {share:.1f} % get one answer ({low:.1f} to {high:.1f}): {verdict}."
    )
    return Line(
        *("consistency", "answers", "one answer in all words", verdict, sentence, len(agree)),
        after=share,
        interval=(low, high),
    )


def calibration(asked: Asked) -> Line:
    """Expected calibration error of the answers' probabilities."""
    scored = [i for i, a in enumerate(asked.answers) if a.text in a.scores]
    if not scored:
        raise DatasetError("The answers carry no probabilities, so there is nothing to calibrate.")
    confident = asked.about(scored)
    sure = np.array([a.scores[a.text] for a in confident.answers])
    error, edges = statistics.calibration_error(sure, confident.right, confident.videos)
    low, high = (100 * edge for edge in edges)
    gap = paired(confident.right, sure, confident.videos, _all_questions(confident))[0]
    if high <= CALIBRATED:
        verdict = "calibrated"
    else:
        other = "miscalibrated" if low > CALIBRATED else UNSURE
        verdict = "over-confident" if gap[1] > 0 else "under-confident" if gap[2] < 0 else other
    sentence = (
        f"Expected calibration error {100 * error:.1f} % ({low:.1f} to {high:.1f}): mean confidence is "
        f"{100 * sure.mean():.1f} %, accuracy {100 * confident.right.mean():.1f} %: {verdict}."
    )
    return Line(
        *("calibration", "answers", "calibration error", verdict, sentence, len(scored)),
        after=100 * error,
        interval=(low, high),
    )


def mirror(asked: Asked, films: int) -> Line:
    """Accuracy on mirrored clips with exchanged left and right, for questions whose answer is a side."""
    places = [
        i for i, e in enumerate(asked.examples) if _normal_text(e.reference) in SIDES and not SIDED.search(e.question)
    ]
    if not places:
        raise DatasetError("No question is answered by left or right, so there is nothing to mirror.")
    before, examples, after = edited(asked.about(places), MIRRORED, films)
    if any(note.startswith(UNANSWERED) for a in after for note in a.notes):
        raise DatasetError("Some mirrored clips could not be read.")
    flipped = [replace(e, reference=Answer(SIDES[_normal_text(e.reference)])) for e in examples]
    right = rightness(flipped, after)
    old, new = [_normal_text(a) for a in before.answers], [_normal_text(a) for a in after]
    follows = np.array([a in SIDES and b == SIDES[a] for a, b in zip(old, new, strict=True)], dtype=float)
    stays = np.array([a in SIDES and a == b for a, b in zip(old, new, strict=True)], dtype=float)
    change, low, high = map(float, paired(before.right, right, before.videos, _all_questions(before))[0])
    turned = paired(stays, follows, before.videos, _all_questions(before))[0]
    verdict = "follows the mirror" if turned[1] > 0 else "does not follow" if turned[2] < 0 else UNSURE
    sided = int((follows + stays).sum())
    sentence = (
        f"Of {sided} answers of a side that were given again, {int(follows.sum())} changed sides in the mirror and "
        f"{int(stays.sum())} stayed; accuracy is {_than(change, (low, high))} before: {verdict}."
    )
    facts = ("mirror", "time", "mirror left and right")
    ours, theirs = 100 * float(before.right.mean()), 100 * float(right.mean())
    return Line(*facts, verdict, sentence, len(right), ours, theirs, change, (low, high))


def _above(asked: Asked, name: str, title: str, guess: np.ndarray, what: str) -> Line:
    change, low, high = map(float, paired(guess, asked.right, asked.videos, _all_questions(asked))[0])
    verdict = decide((low, high), FLOOR, asked.margin)
    floor, ours = 100 * float(guess.mean()), 100 * float(asked.right.mean())
    sentence = f"{what} scores {floor:.1f}; the model is {_than(change, (low, high))} that: {verdict}."
    return Line(name, "floors", title, verdict, sentence, len(guess), floor, ours, change, (low, high))


def _difference_interval(asked: Asked, one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    low, high = statistics.difference(asked.right > 0.5, asked.videos, one, other)
    return 100 * low, 100 * high


def _than(change: float, interval: tuple[float, float]) -> str:
    return f"{plus_minus(change, interval)} {'better' if change > 0 else 'worse'} than"


def _all_questions(asked: Asked) -> np.ndarray:
    return np.ones((len(asked.examples), 1), dtype=bool)


def _normal_text(answer: Answer | None) -> str:
    return normal(answer.text) if answer else ""


def _needed(train: Sequence[Example]) -> Sequence[Example]:
    if not train:
        raise DatasetError("No training questions were given, so there is no prior and no leak to compare with.")
    return train
