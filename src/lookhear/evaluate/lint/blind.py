"""Blind floors of every kind of question: those with options, yes/no questions, and open answers.

    by_kind(examples) ─▶ "event_localisation/ave" ─▶ "constant_reply" ─▶ Floor

Open answers that are right or wrong are guessed from the other videos: the most frequent answer, the most frequent one
of the same template or question, and a classifier on the question's words. Answers that are good by degrees (captions,
events, boxes, masks) have one floor: the reference of another video that scores best on the training folds, given to
every question. Folds are those of `words`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lookhear import statistics, tasks
from lookhear.evaluate import floors as frequent
from lookhear.evaluate import scores
from lookhear.evaluate.lint import floors
from lookhear.evaluate.lint.floors import Floor
from lookhear.evaluate.lint.words import FOLDS, folds, guessed
from lookhear.evaluate.videos import clusters_of, video_of
from lookhear.pooled import Pooled
from lookhear.types import Answer, Example

OPTIONS, YES_NO, OPEN = "options", "yes or no", "open answers"
LEARNED = 20_000  # most questions for which classifiers are fitted
CANDIDATES, JUDGES = 40, 100  # replies tried as the constant one, and questions that they are tried on


def form_of(example: Example) -> str:
    """How a question is answered: by one of its options, by yes or no, or openly."""
    if len(example.meta.get("options", ())) > 1:
        return OPTIONS
    return YES_NO if tuple(example.meta.get("labels", ())) == ("yes", "no") else OPEN


def by_kind(examples: Sequence[Example], resamples: int = 1000, seed: int = 0) -> dict[str, dict[str, Floor]]:
    """Kind of task -> floor -> score; a kind with several forms has one entry for each, `KIND, options`.

    If several kinds have options, or yes and no, all of these together have an entry of their own.
    """
    asked = [e for e in examples if e.reference is not None]
    forms = [form_of(e) for e in asked]
    floors_by_kind: dict[str, dict[str, Floor]] = {}
    names: dict[str, list[str]] = {OPTIONS: [], YES_NO: [], OPEN: []}
    for kind, places in scores.kinds(asked).items():
        mixed = len({forms[i] for i in places}) > 1
        for form in dict.fromkeys(forms[i] for i in places):
            name = f"{kind}, {form}" if mixed else kind
            floor = _of_form(form, kind, [asked[i] for i in places if forms[i] == form], resamples, seed)
            if floor:
                floors_by_kind[name] = floor
                names[form].append(name)
    for form in (OPTIONS, YES_NO):
        if len(names[form]) > 1:
            some = [e for e, mine in zip(asked, forms, strict=True) if mine == form]
            floors_by_kind[form] = _of_form(form, "", some, resamples, seed)
    return floors_by_kind


def _of_form(form: str, kind: str, examples: Sequence[Example], resamples: int, seed: int) -> dict[str, Floor]:
    learned = len(examples) <= LEARNED
    if form == OPTIONS:
        return floors.choices(examples, resamples, seed, learned)
    if form == YES_NO:
        return floors.yes_no(examples, resamples, seed, learned)
    return open_answers(kind, examples, resamples, seed)


def open_answers(kind: str, examples: Sequence[Example], resamples: int = 1000, seed: int = 0) -> dict[str, Floor]:
    """The floors of questions of one kind that have no options.

    Empty with fewer than FOLDS videos, and if the main metric cannot be computed (J of references without masks).
    """
    if len({video_of(e) for e in examples}) < FOLDS:
        return {}
    if tasks.main_metric(kind) not in scores.pooled(kind, examples[:1], [Answer()]):
        return {}
    if not tasks.judged(kind):
        return {"constant_reply": constant(kind, examples, resamples, seed)}
    by = {"same_template": "template"} if any(e.meta.get("template") for e in examples) else {}
    by |= {"same_question": "question"}
    guesses = {name: [Answer()] * len(examples) for name in ("frequent_answer", *by)}
    for train, test in folds(examples):
        known, asked = [examples[i] for i in train], [examples[i] for i in test]
        said = {name: frequent.most_frequent(known, asked, key) for name, key in by.items()}
        said["frequent_answer"] = [_most_frequent(known)] * len(asked)
        for name, some in said.items():
            for i, answer in zip(test, some, strict=True):
                guesses[name][i] = answer
    if len(examples) <= LEARNED and len({e.truth.text for e in examples}) > 1:
        guesses["question_words"] = [Answer(text) for text in guessed(examples)]
    return {name: _scored(kind, examples, some, resamples, seed) for name, some in guesses.items()}


def empty(examples: Sequence[Example], resamples: int = 1000, seed: int = 0) -> Floor:
    """What an empty reply to every question scores on the main metric of the first one's kind of task."""
    return _scored(scores.kind_of(examples[0]), examples, [Answer()] * len(examples), resamples, seed)


def constant(kind: str, examples: Sequence[Example], resamples: int = 1000, seed: int = 0) -> Floor:
    """The score of one reply for all questions: the reference of other videos that scores best on their questions.

    The empty reply is tried too. At most CANDIDATES references are tried on at most JUDGES questions, drawn from
    all over the set.
    """
    predicted = [Answer()] * len(examples)
    for train, test in folds(examples):
        some = [examples[i] for i in train[statistics.drawn(len(train), JUDGES)]]
        best, top = Answer(), -1.0
        for reply in [Answer(), *(examples[i].truth for i in train[statistics.drawn(len(train), CANDIDATES)])]:
            value = _main(kind, some, [reply] * len(some))[1].total
            if value > top:  # never for nan
                best, top = reply, value
        for i in test:
            predicted[i] = best
    return _scored(kind, examples, predicted, resamples, seed)


def _scored(kind: str, examples: Sequence[Example], said: Sequence[Answer], resamples: int, seed: int) -> Floor:
    metric, measured = _main(kind, examples, said)
    (edges,) = statistics.intervals([measured], clusters_of(examples), resamples, seed)
    return Floor(measured.total, edges, {}, metric)


def _main(kind: str, examples: Sequence[Example], said: Sequence[Answer]) -> tuple[str, Pooled]:
    metrics = scores.pooled(kind, examples, said)
    name = scores.main_of(kind, metrics)
    return name, metrics[name]


def _most_frequent(known: Sequence[Example]) -> Answer:
    return Answer(Counter(e.truth.text for e in known).most_common(1)[0][0])
