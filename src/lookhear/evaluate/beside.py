"""Context of a score: the blind floor of the questions, the official parsing rule, and unread replies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lookhear import tasks
from lookhear.evaluate.lint import floors
from lookhear.evaluate.lint.floors import place
from lookhear.metrics import official
from lookhear.types import Answer, Example

NAMES = ("blind", "official", "judge")  # entries of the card that are computed from questions and answers
LEARNED = 20_000  # most questions for which blind classifiers are fitted in folds
RULES: Mapping[str, str] = {  # dataset -> the rule by which its authors score a reply
    "daily_omni": "daily_omni/api", "omnivideobench": "omnivideobench/default", "omnibench": "omnibench/official",
    "av_speakerbench": "av_speakerbench/official", "xmodbench": "xmodbench/equality", "avqa_r1_6k": "echoink/eval",
    "dave": "dave/official", "avhbench": "avhbench/avcd_eval_acc",
}  # fmt: skip
QUOTES, QUOTE = 3, 60  # replies quoted per reason, characters per quote


def of(examples: Sequence[Example], answers: Sequence[Answer], dataset: str) -> dict[str, Any]:
    """The entries `blind` and `official` of a report's card, if they apply to the dataset."""
    entries: dict[str, Any] = {}
    learned = len(examples) <= LEARNED
    blind = {**floors.yes_no(examples, learned=learned), **floors.choices(examples, learned=learned)}
    if blind:
        name, floor = floors.best(blind)
        entries["blind"] = {"floor": name, **floor.to_json()}
    rule = RULES.get(dataset.partition("@")[0], "")
    if rule and any(answer.raw for answer in answers) and (rows := _asked(examples, answers, rule)):
        entries["official"] = {"rule": rule, **official.score(rule, *zip(*rows, strict=True))}
    return entries


def lines(card: Mapping[str, Any], answers: Sequence[Answer]) -> list[str]:
    """Notes below a table, one line each."""
    notes = []
    if blind := card.get("blind"):
        low, high = blind["interval"]
        value = f"{blind['accuracy']:.2f} ({low:.2f} to {high:.2f})"
        notes.append(f"blind floor, without picture and sound ({blind['floor']}): {value}")
    if rule := card.get("official"):
        left = f", {rule['left_out']} left out" if rule["left_out"] else ""
        value = f"{rule['accuracy']:.2f} ({rule['right']} of {rule['counted']}{left})"
        notes.append(f"by the published rule {rule['rule']}: {value}")
    if judge := card.get("judge"):
        value = f"{judge['right']} of {judge['asked']} right, {judge['unread']} verdicts unread"
        notes.append(f"free answers judged by {judge['model']}: {value}")
    return notes + unread(answers)


def unread(answers: Sequence[Answer]) -> list[str]:
    """Replies that could not be read, counted by reason and quoted."""
    cases: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        if reason := next(iter(tasks.unread([answer])), ""):
            cases[reason].append(answer.raw)
    counts = Counter({reason: len(some) for reason, some in cases.items()})
    if not counts:
        return []
    total = f"not read: {sum(counts.values())} of {len(answers)} replies; each counts as a reply of nothing"
    return [total, *(f"  {n} {reason}: {_quoted(cases[reason])}" for reason, n in counts.most_common(8))]


def _quoted(some: Sequence[str]) -> str:
    quotes = [" ".join(text[: 4 * QUOTE].split())[:QUOTE] for text in dict.fromkeys(some)]
    return ", ".join(repr(text) for text in quotes[:QUOTES])


def _asked(examples: Sequence[Example], answers: Sequence[Answer], rule: str) -> list[tuple[str, list[str], str]]:
    """(reply, options, truth) of each question to which the rule applies."""
    rows: list[tuple[str, list[str], str]] = []
    for example, answer in zip(examples, answers, strict=True):
        if rule in official.YES_NO:
            if example.reference is not None and example.reference.text in ("yes", "no"):
                rows.append((answer.raw, [], example.reference.text))
        elif (at := place(example)) is not None:
            rows.append((answer.raw, [str(option) for option in example.meta["options"]], official.LETTERS[at]))
    return rows
