"""Check whether a reasoning text is fit for training: it has reasons, no contradiction, and concludes with the label.

`fault` returns what is wrong as "kind: words", where the kind is one of KINDS; `kind_of` returns the kind.
"""

from __future__ import annotations

from collections.abc import Sequence

from lookhear import tasks
from lookhear.curate.instruct import facts, phrases
from lookhear.errors import DatasetError
from lookhear.types import Answer, Example, Region

LEAST = 5  # words before the conclusion
MOST = 300  # words in all
LONGEST = 8000  # characters: no 300 words have so many
AFTER = 3  # words that may follow the conclusion
NAMING = ("question_answering", "event_localisation", "localisation", "action_recognition")  # tasks with sets of labels
KINDS = (
    "refuses",
    "begins with filler",
    "ends with filler",
    "holds a leftover tag",
    "repeats itself",
    "names a time after the clip's end",
    "places something outside the picture",
    "cannot be read",
    "concludes with another answer",
    "gives no reason",
    "goes on after its conclusion",
    f"longer than {MOST} words",
    "speaks of the label it was told",
    "contradicts a known time",
    "names what is not known of the clip",
)


def kind_of(fault: str) -> str:
    """The kind of a fault, without its words."""
    return fault.partition(": ")[0]


def undated(example: Example) -> bool:
    """Whether the example's events have no times, as in LLP's training labels."""
    reference = example.reference
    events = example.task == "event_localisation" and example.meta.get("form") in ("llp", "unav")
    return bool(events and reference and reference.text and not reference.segments)


def fault(
    example: Example, text: str, seconds: float = 0.0, vocabulary: Sequence[str] = (), certified: Sequence[str] = ()
) -> str:
    """The first fault of a text about `example`; "" for a good text.

    `seconds` is the clip's length, 0 if unknown (the example's own length is then used); `vocabulary` are all possible
    answers; `certified` are further labels of what is seen or heard in the clip, from a model or a person.
    """
    if len(text) > LONGEST:
        return f"longer than {MOST} words"
    if words := phrases.refusal(text):
        return f"refuses: {words!r}"
    where, words = phrases.filler(text)
    if words:
        return f"{where} with filler: {words!r}"
    if example.task == "captioning":
        return "" if text.strip() else "cannot be read: the reply is empty"
    bare = text if undated(example) else tasks.find(example.task).target(example, explain=False)
    if words := _unbalanced(text) if undated(example) else phrases.leftover(text, bare):
        return f"holds a leftover tag: {words}"
    if words := phrases.repeated(text):
        return f"repeats itself: {words}"
    if words := facts.outside(text):
        return f"places something outside the picture: {words}"
    if words := facts.late(text, seconds or _length(example)):
        return f"names a time after the clip's end: {words}"
    return (
        _conclusion(example, text, seconds or _length(example))
        or _reasons(text, bare, undated(example))
        or _contradiction(example, text, vocabulary, certified)
    )


def _conclusion(example: Example, text: str, length: float) -> str:
    """The fault of the conclusion, which the task's parser reads; "" without one."""
    task = tasks.find(example.task)
    conclusion = task.parse(text, example)
    if conclusion.notes:
        return f"cannot be read: {conclusion.notes[0].removeprefix(tasks.UNREAD)}"
    if not undated(example):
        target = task.parse(task.target(example, explain=False), example)
        return "" if _answer_key(conclusion) == _answer_key(target) else "concludes with another answer"
    assert example.reference is not None
    true_labels = set(example.meta.get("events") or example.reference.text.split(", "))
    labels = {segment.label for segment in conclusion.segments}
    if labels != true_labels:
        return f"concludes with another answer: {', '.join(sorted(labels ^ true_labels))}"
    wrong = next((s for s in conclusion.segments if s.end <= s.start), None)
    if wrong is not None:
        return f"cannot be read: {wrong.label} from {wrong.start:g} to {wrong.end:g} lasts no time"
    beyond = next((s for s in conclusion.segments if length > 0 and s.end > length + facts.SLACK), None)
    return f"names a time after the clip's end: {beyond.end:g} s" if beyond else ""


def _reasons(text: str, bare: str, free: bool) -> str:
    """The fault of the reasons: too few, too many, after the conclusion, or about the given label; "" without one."""
    words = len(text.split())
    end = max(text.rfind(">"), text.rfind("]"))
    reasons = len(text.partition("<")[0].split()) if free else words - len(bare.split())
    if reasons < LEAST:
        return "gives no reason"
    if words > MOST:
        return f"longer than {MOST} words"
    after = text[end + 1 :].split()
    if end >= 0 and len(after) > AFTER:
        return f"goes on after its conclusion: {' '.join(after[:8])!r}"
    if said := phrases.label_mention(text):
        return f"speaks of the label it was told: {said!r}"
    return ""


def _contradiction(example: Example, text: str, vocabulary: Sequence[str], certified: Sequence[str]) -> str:
    """A contradiction: a wrong time of a known event, or a thing that is not known of the clip; "" without one."""
    segments = example.reference.segments if example.reference else ()
    if undated(example):
        segments = tasks.find(example.task).parse(text, example).segments  # the text's own times
    if words := facts.contradicted_time(text, segments, whole=example.task == "event_localisation"):
        return f"contradicts a known time: {words}"
    if _names_things(example, vocabulary) and (
        words := facts.unsupported_thing(text, [*facts.known(example, vocabulary), *certified])
    ):
        return f"names what is not known of the clip: {words}"
    return ""


def _names_things(example: Example, vocabulary: Sequence[str]) -> bool:
    """Whether the example's labels name things, so that a thing outside the labels is suspicious."""
    if example.task != "question_answering":
        return example.task in NAMING
    labels = (*vocabulary, *example.meta.get("labels", ()), *example.meta.get("options", ()))
    return any(True for _ in facts.things(" ; ".join(map(str, labels)).replace("_", " ")))


def _unbalanced(text: str) -> str:
    """The first markup that is not a stream tag, or a message about a tag that is not closed; "" without one."""
    counts = [text.count(tag) for tag in ("<visual>", "</visual>", "<audio>", "</audio>")]
    if counts[0] != counts[1] or counts[2] != counts[3]:
        return "a tag that is not closed"
    return phrases.leftover(text, "<visual></visual>" * counts[0] + "<audio></audio>" * counts[2])


def _length(example: Example) -> float:
    """The clip's length in seconds from the example, 0 if unknown."""
    told = float(example.meta.get("seconds") or 0)
    return told or max(0.0, (example.clip.end or 0) - example.clip.start)


def corrected(example: Example, text: str) -> Answer | None:
    """The conclusion of a text that a person edited; None if it cannot be read."""
    try:
        found = tasks.find(example.task).parse(text, example)
    except DatasetError:
        return None
    return None if found.notes else found


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers are equal in text, times and places."""
    return _answer_key(one) == _answer_key(other)


def _answer_key(answer: Answer) -> tuple[object, ...]:
    text = answer.text.strip() if answer.segments or answer.regions else answer.text.strip().lower()
    return text, answer.segments, tuple(_place(region) for region in answer.regions)


def _place(region: Region) -> tuple[object, ...]:
    return region.label, region.box
