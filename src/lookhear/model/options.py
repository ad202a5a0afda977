"""Questions that offer options: a net answers among them, whatever else its vocabulary holds.

    mask   the net's answers are masked to those offered; the vocabulary holds every option of the training questions
    text   every option is put behind the question, the net says yes or no to each, and the surest yes is the answer

`data.options` of a recipe says which. The answer is always one of the question's options: where the vocabulary has none
of them, they are equally likely, the first is given, and a note says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from lookhear.catalog import unknown
from lookhear.errors import ModelError, RecipeError
from lookhear.metrics.answers import normal
from lookhear.store.batch import OFFERED, Batch
from lookhear.types import Answer, Example

MODES = ("mask", "text", "off")
YES = "yes"
PAIRED = ("no", YES)  # the vocabulary of a net that scores options by their text
NONE_KNOWN = "none of the options is among the answers this net knows: the first was taken"


def check(mode: str) -> None:
    """Raise RecipeError for a mode that does not exist."""
    if mode not in MODES:
        raise RecipeError(unknown("way to answer among options (data.options)", mode, MODES))


def options_of(example: Example) -> tuple[str, ...]:
    """The options a question offers, each once; empty where it offers none."""
    return tuple(dict.fromkeys(str(option) for option in example.meta.get("options", ())))


def vocabulary(examples: Sequence[Example]) -> tuple[str, ...]:
    """Every answer and every option of `examples`, in order of appearance; of two that differ in case the first."""
    texts = (t for e in examples for t in (*((e.reference.text,) if e.reference else ()), *options_of(e)))
    found: dict[str, str] = {}
    for text in texts:
        found.setdefault(normal(text), text)
    return tuple(found.values())


def offered(examples: Sequence[Example], words: Sequence[str], labelled: bool = False) -> Tensor | None:
    """bool (question, answer): which of `words` each question offers; None where none of them offers any.

    A question without options, and one of whose options the net knows none, offers every answer. `labelled` adds the
    reference: some rows of AVQA have an answer that is not among their options.
    """
    if not any(options_of(e) for e in examples):
        return None
    place = {normal(word): i for i, word in enumerate(words)}
    rows = torch.zeros(len(examples), len(words), dtype=torch.bool)
    for row, example in enumerate(examples):
        texts = [*options_of(example), *([example.reference.text] if labelled and example.reference else [])]
        known = [place[normal(text)] for text in texts if normal(text) in place]
        rows[row, known if options_of(example) and known else slice(None)] = True
    return rows


def with_options(
    streams: Batch,
    examples: Sequence[Example],
    words: Sequence[str],
    mode: str,
    labelled: bool = False,
    ordered: bool = False,
) -> Batch:
    """`streams` with the stream `options`, where questions offer any and `mode` masks, or where the net orders it."""
    rows = offered(examples, words, labelled) if mode == "mask" else None
    if rows is None and ordered:
        rows = torch.ones(len(examples), len(words), dtype=torch.bool)
    return streams if rows is None else replace(streams, ask={**streams.ask, OFFERED: rows})


def among(
    logits: Float[Tensor, "question answer"], rows: Bool[Tensor, "question answer"] | None
) -> Float[Tensor, "question answer"]:
    """Logits in which what is not offered is impossible."""
    return logits if rows is None else logits.masked_fill(~rows.to(logits.device), -torch.inf)


def pairs(examples: Sequence[Example]) -> list[Example]:
    """A yes/no question for each option of each example: the question, and behind it the option.

    Ids end in `/0`, `/1`, …; `meta["pair_of"]` is the id of the question. Raises ModelError for one without options.
    """
    questions = []
    for example in examples:
        options = options_of(example)
        if not options:
            raise ModelError(f"Question {example.id!r} offers no options, and this net scores options by their text.")
        right = normal(example.reference.text) if example.reference else None
        for n, option in enumerate(options):
            said = Answer(YES if normal(option) == right else "no") if right is not None else None
            meta = {k: v for k, v in example.meta.items() if k != "options"} | {"pair_of": example.id}
            question = f"{example.question.rstrip('?？ ')}? {option}"
            questions.append(replace(example, id=f"{example.id}/{n}", question=question, reference=said, meta=meta))
    return questions


def chosen(answer: Answer, example: Example) -> Answer:
    """`answer` with its scores over the example's options alone, and one of them as its text.

    Probabilities are of the options against each other. Where the net knows none of them, all are equally likely.
    """
    options = options_of(example)
    if not options:
        return answer
    known = {normal(word): score for word, score in answer.scores.items()}
    scores = {option: known.get(normal(option), 0.0) for option in options}
    total = sum(scores.values())
    if total <= 0:
        even = {option: 1 / len(options) for option in options}
        return replace(answer, text=options[0], scores=even, raw=options[0], notes=(*answer.notes, NONE_KNOWN))
    ranked = dict(sorted(((o, s / total) for o, s in scores.items()), key=lambda pair: -pair[1]))
    text = next(iter(ranked))
    return replace(answer, text=text, scores=ranked, raw=text)


def by_text(answers: Sequence[Answer], examples: Sequence[Example]) -> list[Answer]:
    """From the answers to `pairs(examples)`, one for each example: the option with the surest yes."""
    chosen, at = [], 0
    for example in examples:
        options = options_of(example)
        some = answers[at : at + len(options)]
        at += len(options)
        sure = {o: a.scores.get(YES, 0.0) for o, a in zip(options, some, strict=True)}
        total = sum(sure.values()) or 1.0
        ranked = dict(sorted(((o, s / total) for o, s in sure.items()), key=lambda pair: -pair[1]))
        text = next(iter(ranked))
        best = some[options.index(text)]
        chosen.append(replace(best, text=text, scores=ranked, raw=text))
    return chosen


def right_pairs(sure: Sequence[float], examples: Sequence[Example]) -> tuple[int, int]:
    """(right, asked) of questions, from how sure a net is of yes for each of their pairs."""
    best: dict[str, tuple[float, bool]] = {}
    for score, example in zip(sure, examples, strict=True):
        name = str(example.meta["pair_of"])
        right = example.reference is not None and example.reference.text == YES
        if name not in best or score > best[name][0]:
            best[name] = (score, right)
    return sum(right for _, right in best.values()), len(best)
