"""The audit: measure whether a model uses sound, picture, order and question, and summarise it in a robustness card.

    audit(model, examples, train) -> Card ── lines, each with interval, verdict and a sentence

All questions are asked again with one input removed or changed, and answers are compared in pairs. The use of sound is
judged on questions that need it (Audio, Audio-Visual), of the picture on Visual and Audio-Visual, of order on Temporal
questions; a dataset without such kinds is used as a whole. The rule of the verdicts is in `lines.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lookhear.errors import DatasetError, LookhearError
from lookhear.evaluate.audit import checks, pairs
from lookhear.evaluate.audit.lines import MARGIN, NOT_DONE, Line, not_done
from lookhear.evaluate.audit.proofs import PROOFS, TIMES, Asked, Beside, out_of_time, without_input
from lookhear.evaluate.report import clusters_of, report
from lookhear.evaluate.run import incomplete, run
from lookhear.evaluate.scores import Score
from lookhear.model import Model, NetModel
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Example

SHIFT = 3  # seconds
FILMS = 100  # most clips that are decoded and edited, per edit


@dataclass(frozen=True)
class Card:
    """The robustness card. `facts` describe the audit; `findings` are the verdicts on sound, picture and question."""

    facts: Mapping[str, Any]
    overall: Score
    lines: Sequence[Line]
    findings: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values, accuracies in percent and changes in points."""
        lines = [line.to_json() for line in self.lines]
        card, overall = dict(self.facts), self.overall.to_json()
        return {"card": card, "overall": overall, "findings": dict(self.findings), "lines": lines}

    def line(self, name: str) -> Line:
        """The line called `name`."""
        return next(line for line in self.lines if line.name == name)


def audit(
    model: Model,
    examples: Sequence[Example],
    train: Sequence[Example] = (),
    store: FeatureStore | None = None,
    rephrase: Callable[[Example], Sequence[str]] | None = None,
    part: Callable[[Sequence[Example]], Sequence[str]] | None = None,
    margin: float = MARGIN,
    shift: int = SHIFT,
    films: int = FILMS,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> Card:
    """Audit `model` on `examples`, all of which need a reference answer.

    `train` are the training questions, for floors and leaks. `store` has a net's features. `rephrase` gives rephrasings
    of a question, `part` separates head from tail (see `curate.robust`). At most `films` clips are decoded per edit.
    `progress` is called with (description, number, total). Questions about unreadable clips are left out and counted in
    `facts["unread"]`.
    """
    if isinstance(model, NetModel):
        store = store or model.store or FeatureStore(None)
    answers = run(model, examples, store)
    lost = incomplete(examples, answers)
    kept = [i for i, e in enumerate(examples) if e.clip.id not in lost]
    overall = _overall(examples, answers)  # as in reports, unreadable clips count as wrong
    asked = Asked(model, store, [examples[i] for i in kept], [answers[i] for i in kept], margin, seed)
    beside: Beside = {}
    twins = any("twin" in e.meta for e in examples)
    jobs: list[tuple[tuple[str, str, str], Callable[[], Line | list[Line]]]] = [
        *(((p.name, p.section, p.title), lambda p=p: without_input(asked, p, beside)) for p in PROOFS),
        *(((p.name, p.section, p.title), lambda p=p: out_of_time(asked, p, shift, films, beside)) for p in TIMES),
        (("mirror", "time", "mirror left and right"), lambda: checks.mirror(asked, films)),
        *([] if twins else [(("edits", "pairs", "real clips and their edits"), lambda: pairs.of_edits(beside))]),
        *_without_asking(asked, train, part),
        (("rephrasing", "answers", "asked in other words"), lambda: checks.rephrasing(asked, rephrase)),
        (("calibration", "answers", "calibration"), lambda: checks.calibration(asked)),
    ]
    lines = _done(jobs, progress)
    card = {**(facts or {}), "model": model.name, "unread": lost, **_facts(examples, margin)}
    return Card(card, overall, lines, _findings(lines))


def audit_answers(
    name: str,
    examples: Sequence[Example],
    answers: Sequence[Answer],
    train: Sequence[Example] = (),
    part: Callable[[Sequence[Example]], Sequence[str]] | None = None,
    margin: float = MARGIN,
    seed: int = 0,
    facts: Mapping[str, Any] | None = None,
) -> Card:
    """Audit a set of answers without a model: floors, priors, leaks, head against tail."""
    overall = _overall(examples, answers)
    asked = Asked(None, None, examples, answers, margin, seed)
    jobs = [*_without_asking(asked, train, part)]
    if any(a.scores for a in answers):
        jobs.append((("calibration", "answers", "calibration"), lambda: checks.calibration(asked)))
    lines = _done(jobs)
    card = {**(facts or {}), "model": name, "unread": {}, **_facts(examples, margin)}
    return Card(card, overall, lines, _findings(lines))


def _overall(examples: Sequence[Example], answers: Sequence[Answer]) -> Score:
    """Overall accuracy. Raises DatasetError for tasks whose answers are not simply right or wrong."""
    overall = report(examples, answers).overall
    if overall is None:
        kinds = ", ".join(sorted({e.task for e in examples}))
        raise DatasetError(f"An audit needs answers that are right or wrong, and {kinds} has others. Audit questions.")
    return overall


def _without_asking(
    asked: Asked, train: Sequence[Example], part: Callable[[Sequence[Example]], Sequence[str]] | None
) -> list[tuple[tuple[str, str, str], Callable[[], Line | list[Line]]]]:
    """The jobs of the lines that need only the given answers."""
    twins = [(("twins", "pairs", "pairs of twins"), lambda: pairs.of_twins(asked))]
    return [
        *(twins if any("twin" in e.meta for e in asked.examples) else []),
        (("chance", "floors", "chance"), lambda: checks.chance(asked, train)),
        *(
            ((f"by_{by}", "floors", title), lambda by=by, title=title: checks.floor(asked, train, by, title))
            for by, title in (("template", "answer prior"), ("question", "question only"))
        ),
        (("leaks", "floors", "leak-free questions"), lambda: checks.leaks(asked, train)),
        (("head_tail", "answers", "head against tail"), lambda: checks.head_tail(asked, part)),
    ]


def _done(
    jobs: Sequence[tuple[tuple[str, str, str], Callable[[], Line | list[Line]]]],
    progress: Callable[[str, int, int], None] | None = None,
) -> list[Line]:
    """The lines of all jobs; a job that fails gives a line with the reason."""
    lines: list[Line] = []
    for number, (what, job) in enumerate(jobs):
        if progress:
            progress(what[2], number, len(jobs))
        try:
            found = job()
            lines += [found] if isinstance(found, Line) else found
        except LookhearError as error:
            lines.append(not_done(*what, str(error)))
    return lines


def _facts(examples: Sequence[Example], margin: float) -> dict[str, Any]:
    return {
        "questions": len(examples),
        "videos": len(np.unique(clusters_of(examples))),
        "margin": margin,
        "interval": "95 %, bootstrap over videos; lines are not corrected for each other",
        "rule": RULE.format(margin),
    }


RULE = (
    "used: the 95 % interval of the change of accuracy lies below zero. hardly used: the same, but less than {0:g} "
    "points are lost. misleads: the interval lies above zero. not used: every answer and score stays the same, or the "
    "interval lies within ±{0:g} points. cannot tell: none of these. Hearing and seeing are decided by the swap, which "
    "leaves a real sound or picture in place, on the questions that need it."
)


def of_videos(examples: Sequence[Example], count: int, seed: int = 0) -> list[Example]:
    """All questions about `count` random videos, in order; all questions if there are no more videos."""
    if count < 2:
        raise DatasetError(f"--limit {count}: an audit compares clips, so it needs at least 2 videos.")
    numbers = clusters_of(examples)
    videos = np.random.default_rng(seed).permutation(np.unique(numbers))[:count]
    return [e for e, number in zip(examples, numbers, strict=True) if number in set(videos.tolist())]


def _findings(lines: Sequence[Line]) -> dict[str, str]:
    """Verdicts on sound, picture and question: from the swap, or from the blank if there was no swap."""
    by = {line.name: line.verdict for line in lines}
    pairs = {
        "sound": ("swap_audio", "silence"),
        "picture": ("swap_video", "blindfold"),
        "question": ("shuffle_questions",),
    }
    return {
        what: next((by[n] for n in names if by.get(n, NOT_DONE) != NOT_DONE), NOT_DONE) for what, names in pairs.items()
    }
