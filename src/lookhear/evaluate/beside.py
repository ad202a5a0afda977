"""Context of a score: the blind floor of the questions, the official parsing rule, and unread replies."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from lookhear import tasks
from lookhear.errors import not_installed, quote
from lookhear.evaluate import scores
from lookhear.evaluate.lint import blind, floors
from lookhear.evaluate.lint.floors import place
from lookhear.metrics import official
from lookhear.types import Answer, Example

NAMES = ("blind", "official", "judge", "rubrics")  # entries of the card that are computed from questions and answers
RULES: Mapping[str, Sequence[str]] = {  # dataset -> the rules by which its authors, or toolkits, score a reply
    "daily_omni": ["daily_omni/api"], "omnivideobench": ["omnivideobench/default"],
    "omnibench": ["omnibench/official"], "av_speakerbench": ["av_speakerbench/official"],
    "xmodbench": ["xmodbench/equality"], "avqa_r1_6k": ["echoink/eval"], "jointavbench": ["jointavbench/official"],
    "worldsense": ["videomme_worldsense/lmms_eval", "videomme_worldsense/vlmevalkit"],
    "dave": ["dave/official"], "avhbench": ["avhbench/avcd_eval_acc"],
}  # fmt: skip
QUOTES, QUOTE = 3, 60  # replies quoted per reason, characters per quote


def of(examples: Sequence[Example], answers: Sequence[Answer], dataset: str) -> dict[str, Any]:
    """The entries `blind` (by kind of task) and `official` of a report's card, if they apply to the dataset."""
    entries: dict[str, Any] = {"blind": {}}
    try:
        floors_of = blind.by_kind(examples)
    except ModuleNotFoundError as error:
        floors_of, entries["blind"] = {}, {"missing": str(not_installed(error, "A blind floor"))}
    for kind, some in floors_of.items():
        name, floor = floors.best(some)
        edges = [scores.plain(edge) for edge in floor.interval]
        entry = {"floor": name, "metric": floor.metric, "value": scores.plain(floor.value), "interval": edges}
        entries["blind"][kind] = entry
    rules = RULES.get(dataset.partition("@")[0], ()) if any(answer.raw for answer in answers) else ()
    asked = {rule: rows for rule in rules if (rows := _asked(examples, answers, rule))}
    if asked:
        entries["official"] = [
            {"rule": rule, **official.score(rule, *zip(*rows, strict=True))} for rule, rows in asked.items()
        ]
    return entries


def lines(
    card: Mapping[str, Any], answers: Sequence[Answer], metrics: Mapping[str, Mapping[str, scores.Measured]]
) -> list[str]:
    """Notes below a table, one line each. `metrics`: kind of task -> metric -> its score and that of empty replies."""
    notes = []
    if card.get("blind") == {}:
        notes.append("no blind floor: fewer than 5 videos, or references without masks")
    if isinstance(card.get("blind", {}).get("missing"), str):
        notes.append(f"no blind floor: {card['blind']['missing']}")
    known = {kind: one for kind, one in card.get("blind", {}).items() if isinstance(one, Mapping)}
    for kind, one in known.items():
        of = f" of {kind}" if len(known) > 1 else ""
        what = one["floor"] if one["metric"] == "accuracy" else f"{one['floor']}, {one['metric']}"
        notes.append(f"blind floor{of}, without picture and sound ({what}): {_number(one['value'])}{_edges(one)}")
    for rule in card.get("official") or ():
        left = f", {rule['left_out']} left out" if rule["left_out"] else ""
        value = f"{rule['accuracy']:.2f} ({rule['right']} of {rule['counted']}{left})"
        notes.append(f"by the published rule {rule['rule']}: {value}")
    if judge := card.get("judge"):
        value = f"{judge['right']} of {judge['asked']} right, {judge['unread']} verdicts unread"
        notes.append(f"free answers judged by {judge['model']}: {value}")
    if rubrics := card.get("rubrics"):
        value = f"{rubrics['score']:.2f} ({rubrics['right']} of {rubrics['questions']} answers right, others 0)"
        notes.append(f"points of reasoning, judged by {rubrics['model']}: {value}, {rubrics['unread']} verdicts unread")
    return notes + unread(answers, nothing(metrics))


def nothing(metrics: Mapping[str, Mapping[str, scores.Measured]]) -> str:
    """What an empty reply scores on the main metric of each kind of task, as "ave accuracy 17.79"."""
    main = {kind: tasks.main_metric(kind) for kind in metrics}
    worth = {kind: some[main[kind]].mute for kind, some in metrics.items() if main[kind] in some}
    known = {kind: scores.plain(value) for kind, value in worth.items()}
    return ", ".join(f"{kind.rpartition('/')[2]} {main[kind]} {_number(value)}" for kind, value in known.items())


def unread(answers: Sequence[Answer], worth: str) -> list[str]:
    """Replies that could not be read, counted by reason and quoted, and what each of them scores."""
    cases: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        if reason := next(iter(tasks.unread([answer])), ""):
            cases[reason].append(answer.raw)
    counts = Counter({reason: len(some) for reason, some in cases.items()})
    if not counts:
        return []
    total = f"not read: {sum(counts.values())} of {len(answers)} replies; each scores as an empty one ({worth})"
    return [total, *(f"  {n} {reason}: {_quoted(cases[reason])}" for reason, n in counts.most_common(8))]


def floor(card: Mapping[str, Any], kind: str, metric: str) -> float | None:
    """The blind floor of a kind of task under a metric, from a report's card; None where there is none."""
    one = card.get("blind", {}).get(kind)
    return one["value"] if isinstance(one, Mapping) and one["metric"] == metric else None


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _edges(one: Mapping[str, Any]) -> str:
    low, high = one["interval"]
    return "" if low is None or high is None else f" ({low:.2f} to {high:.2f})"


def _quoted(some: Sequence[str]) -> str:
    quotes = [quote(text, QUOTE) for text in dict.fromkeys(some)]
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
