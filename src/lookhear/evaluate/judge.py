"""A language model as judge of open-ended answers: is a reply a paraphrase of the reference?

A judge is used only if one is named, and only for questions without options or a list of answers whose reply differs
from the reference. A verdict is a ledger entry with the key (question, reference, reply, judge), so it is never
requested twice; a failed request makes no entry.
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
TOGETHER = 16  # prompts per batch


def judged(
    examples: Sequence[Example], answers: Sequence[Answer], ask: Ask, name: str, verdicts: Ledger
) -> tuple[list[Answer], dict[str, Any]]:
    """The answers, with the reference's text if judged right, and the card's entry on the judge `name`.

    The model's reply stays in `raw`, and a note says who judged it. A verdict that cannot be read changes nothing.
    """
    places = [i for i, (e, a) in enumerate(zip(examples, answers, strict=True)) if _needs_judge(e, a)]
    prompts = {i: prompt(examples[i], answers[i]) for i in places}
    keys = {i: key_of("judge", name, prompts[i]) for i in places}
    new = [i for i in places if keys[i] not in verdicts]
    for start in range(0, len(new), TOGETHER):
        some = new[start : start + TOGETHER]
        for i, reply in zip(some, ask([prompts[i] for i in some]), strict=True):
            if reply:  # a failed request is repeated by the next run
                found = reader.name(reply, ("yes", "no"), QUESTION, "yes_no").text
                verdicts.once(keys[i], partial(dict, reply=reply, verdict=found))
    result, read = list(answers), []
    for i in places:
        verdict = str((verdicts.get(keys[i]) or {}).get("verdict", ""))
        read.append(verdict)
        reference = examples[i].reference
        if verdict == "yes" and reference is not None:
            notes = (*answers[i].notes, f"judged right by {name}: {answers[i].text!r}")
            result[i] = replace(answers[i], text=reference.text, notes=notes)
    return result, {"model": name, "asked": len(read), "right": read.count("yes"), "unread": read.count("")}


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
