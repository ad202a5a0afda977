"""A language model as judge of open-ended answers: is a reply a paraphrase of the reference?

Only questions without options and without a list of answers are judged, only where the words differ, and only when a
judge is named. Its verdicts are kept under question, reference, reply and judge, and are never asked for twice; a
request that failed is no verdict.
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

Ask = Callable[[Sequence[str]], Sequence[str]]  # prompts in, replies out; an empty one where none came
QUESTION = "Does the reply give the right answer? Answer yes or no."
TOGETHER = 16  # prompts asked at once


def judged(
    examples: Sequence[Example], answers: Sequence[Answer], ask: Ask, name: str, verdicts: Ledger
) -> tuple[list[Answer], dict[str, Any]]:
    """The answers, of which those judged right say the reference's words, and what the judge `name` did.

    An answer keeps its own words in `raw`, and a note says who judged it. An unread verdict changes nothing.
    """
    places = [i for i, (e, a) in enumerate(zip(examples, answers, strict=True)) if _free(e, a)]
    prompts = {i: prompt(examples[i], answers[i]) for i in places}
    keys = {i: key_of("judge", name, prompts[i]) for i in places}
    new = [i for i in places if keys[i] not in verdicts]
    for start in range(0, len(new), TOGETHER):
        some = new[start : start + TOGETHER]
        for i, reply in zip(some, ask([prompts[i] for i in some]), strict=True):
            if reply:  # what failed is asked again by the next run
                found = reader.name(reply, ("yes", "no"), QUESTION, "yes_no").text
                verdicts.once(keys[i], partial(dict, reply=reply, verdict=found))
    result, said = list(answers), []
    for i in places:
        verdict = str((verdicts.get(keys[i]) or {}).get("verdict", ""))
        said.append(verdict)
        reference = examples[i].reference
        if verdict == "yes" and reference is not None:
            notes = (*answers[i].notes, f"judged right by {name}: {answers[i].text!r}")
            result[i] = replace(answers[i], text=reference.text, notes=notes)
    return result, {"model": name, "asked": len(said), "right": said.count("yes"), "unread": said.count("")}


def prompt(example: Example, answer: Answer) -> str:
    """What the judge is asked; the reply stands between marks, as it is."""
    reference = example.reference.text if example.reference else ""
    said = answer.text.replace("<reply>", "").replace("</reply>", "")[:2000]
    return f"Question: {example.question}\nRight answer: {reference}\n<reply>{said}</reply>\n{QUESTION}"


def identity(name: str, llm: Any) -> str:
    """What verdicts are kept under: the name, and for a model on this machine the weights behind it too."""
    if isinstance(llm, Endpoint):
        return name
    return f"{name} of weights {sha256(llm.model)[:16]}"


def asking(llm: Any) -> Ask:
    """Asks a language model of `lookhear.llms` in words alone, with nothing to see or hear."""
    import numpy as np

    seen = llm.watch([Media(None, np.zeros(0), None, 16_000, 0.0)])

    def ask(prompts: Sequence[str]) -> list[str]:
        replies = llm.answer(seen, [0] * len(prompts), prompts, 16)
        return ["" if reply.ended == "failed" else reply.text for reply in replies]

    return ask


def _free(example: Example, answer: Answer) -> bool:
    closed = example.meta.get("options") or example.meta.get("labels") or example.meta.get("items")
    asked = example.task == "question_answering" and not closed and example.reference is not None
    return asked and bool(answer.text) and not correct(answer, example.reference or Answer())
