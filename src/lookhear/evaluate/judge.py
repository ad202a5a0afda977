"""A language model as judge: is an open-ended reply a paraphrase of the reference, does its reasoning make a point?

A judge is used only if one is named: for questions without options or a list of answers whose reply differs from the
reference (`judged`), and for questions with a rubric, such as MMAR's (`rubrics`). A verdict is a ledger entry with the
key (judge, prompt), so it is never requested twice; a failed request makes no entry.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lookhear.checkpoints import sha256
from lookhear.ledger import Ledger, key_of
from lookhear.llms.endpoint import Endpoint
from lookhear.metrics.answers import correct
from lookhear.tasks.reading import reader
from lookhear.types import Answer, Example, Media

Ask = Callable[[Sequence[str]], Sequence[str]]  # prompts -> replies; "" for a failed request
QUESTION = "Does the reply give the right answer? Answer yes or no."
POINT = "Does the reasoning make this point? Answer yes or no."
TOGETHER = 16  # prompts per batch


def judged(
    examples: Sequence[Example], answers: Sequence[Answer], ask: Ask, name: str, verdicts: Ledger
) -> tuple[list[Answer], dict[str, Any]]:
    """The answers, with the reference's text if judged right, and the card's entry on the judge `name`.

    The model's reply stays in `raw`, and a note says who judged it. A verdict that cannot be read changes nothing.
    """
    places = [i for i, (e, a) in enumerate(zip(examples, answers, strict=True)) if _needs_judge(e, a)]
    found = _verdicts([prompt(examples[i], answers[i]) for i in places], QUESTION, ask, name, verdicts)
    result = list(answers)
    for i, verdict in zip(places, found, strict=True):
        reference = examples[i].reference
        if verdict == "yes" and reference is not None:
            notes = (*answers[i].notes, f"judged right by {name}: {answers[i].text!r}")
            result[i] = replace(answers[i], text=reference.text, notes=notes)
    return result, {"model": name, "asked": len(found), "right": found.count("yes"), "unread": found.count("")}


def rubrics(
    examples: Sequence[Example], answers: Sequence[Answer], ask: Ask, name: str, verdicts: Ledger
) -> dict[str, Any]:
    """The card's entry on the reasoning of replies to questions with `meta["rubric"]`; empty without any.

    `score` is MMAR-Rubrics' scale in percent: 0 for a wrong answer, else the share of points that the reply makes, at
    least one. MMAR's authors ask for the number of points at once, five times, and take the mean of the middle three;
    here each point has one verdict.
    """
    marked = [(e, a) for e, a in zip(examples, answers, strict=True) if _points(e)]
    right = [correct(a, e.truth) for e, a in marked]
    asked = [(e, a) for (e, a), good in zip(marked, right, strict=True) if good]
    prompts = [_of_point(e, a, point) for e, a in asked for point in _points(e)]
    found = _verdicts(prompts, POINT, ask, name, verdicts)
    total, at = 0.0, 0
    for e, _ in asked:
        count = len(_points(e))
        total += max(1, found[at : at + count].count("yes")) / count
        at += count
    if not marked:
        return {}
    score = 100 * total / len(marked)
    return {"model": name, "questions": len(marked), "right": len(asked), "score": score, "unread": found.count("")}


def _verdicts(prompts: Sequence[str], question: str, ask: Ask, name: str, verdicts: Ledger) -> list[str]:
    """The verdict on each prompt, "yes", "no" or "" (unread); those that are not in the ledger are requested."""
    keys = [key_of("judge", name, text) for text in prompts]
    new = {key: text for key, text in zip(keys, prompts, strict=True) if key not in verdicts}
    waiting = list(new)
    for start in range(0, len(waiting), TOGETHER):
        some = waiting[start : start + TOGETHER]
        for key, reply in zip(some, ask([new[key] for key in some]), strict=True):
            if reply:  # a failed request is repeated by the next run
                said = reader.name(reply, ("yes", "no"), question, "yes_no").text
                verdicts.once(key, partial(dict, reply=reply, verdict=said))
    return [str((verdicts.get(key) or {}).get("verdict", "")) for key in keys]


def _points(example: Example) -> list[str]:
    """The points of a question's rubric: a list, or one text with a point on each line."""
    rubric = example.meta.get("rubric") or ()
    points = rubric.split("\n") if isinstance(rubric, str) else [str(point) for point in rubric]
    return [point.strip() for point in points if point.strip()]


def _of_point(example: Example, answer: Answer, point: str) -> str:
    reasoning = answer.raw.replace("<reasoning>", "").replace("</reasoning>", "")[:8000]
    return f"Question: {example.question}\n<reasoning>{reasoning}</reasoning>\nPoint: {point}\n{POINT}"


def prompt(example: Example, answer: Answer) -> str:
    """The prompt to the judge, with the reply between tags."""
    reference = example.reference.text if example.reference else ""
    said = answer.text.replace("<reply>", "").replace("</reply>", "")[:2000]
    return f"Question: {example.question}\nRight answer: {reference}\n<reply>{said}</reply>\n{QUESTION}"


def identity(name: str, llm: Any) -> str:
    """What verdicts are kept under: the name, and for a model on this machine the weights behind it too."""
    if isinstance(llm, Endpoint):
        return name
    return f"{name} of weights {sha256(llm.model)[:16]}"


def asking(llm: Any) -> Ask:
    """A function that asks a language model of `lookhear.llms` with text only, without picture and sound."""
    import numpy as np

    seen = llm.watch([Media(None, np.zeros(0), None, 16_000, 0.0)])

    def ask(prompts: Sequence[str]) -> list[str]:
        replies = llm.answer(seen, [0] * len(prompts), prompts, 16)
        return ["" if reply.ended == "failed" else reply.text for reply in replies]

    return ask


def _needs_judge(example: Example, answer: Answer) -> bool:
    closed = example.meta.get("options") or example.meta.get("labels") or example.meta.get("items")
    asked = example.task == "question_answering" and not closed and example.reference is not None
    return asked and bool(answer.text) and not correct(answer, example.reference or Answer())
