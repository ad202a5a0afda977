"""Whether a reasoning text may be learnt from: it reasons, agrees with what is known, concludes with the label.

`fault` says what is wrong as "kind: words", the kind being one of KINDS; `kind_of` takes the kind out.
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
NAMING = ("question_answering", "event_localisation", "localisation", "action_recognition")  # they have sets of labels
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
    """The kind of a fault, without the words that show it."""
    return fault.partition(": ")[0]


def undated(example: Example) -> bool:
    """Whether the example says which events there are but not when, as LLP's training labels do."""
    reference = example.reference
    events = example.task == "event_localisation" and example.meta.get("form") in ("llp", "unav")
    return bool(events and reference and reference.text and not reference.segments)


def fault(
    example: Example, text: str, seconds: float = 0.0, vocabulary: Sequence[str] = (), certified: Sequence[str] = ()
) -> str:
    """What is wrong with a text about `example`; "" where nothing is.

    `seconds` is the clip's length, 0 where neither it nor the example tells; `vocabulary` the answers there can be;
    `certified` what else is seen or heard in the clip, by whoever has watched it.
    """
    if len(text) > LONGEST:
        return f"longer than {MOST} words"
    if said := phrases.refusal(text):
        return f"refuses: {said!r}"
    where, said = phrases.filler(text)
    if said:
        return f"{where} with filler: {said!r}"
    if example.task == "captioning":
        return "" if text.strip() else "cannot be read: the reply is empty"
    bare = text if undated(example) else tasks.find(example.task).target(example, explain=False)
    if said := _unbalanced(text) if undated(example) else phrases.leftover(text, bare):
        return f"holds a leftover tag: {said}"
    if said := phrases.repeated(text):
        return f"repeats itself: {said}"
    if said := facts.outside(text):
        return f"places something outside the picture: {said}"
    if said := facts.late(text, seconds or _length(example)):
        return f"names a time after the clip's end: {said}"
    return (
        _conclusion(example, text, seconds or _length(example))
        or _reasons(text, bare, undated(example))
        or _contradiction(example, text, vocabulary, certified)
    )


def _conclusion(example: Example, text: str, length: float) -> str:
    """The conclusion is read by the task's own parser."""
    task = tasks.find(example.task)
    found = task.parse(text, example)
    if found.notes:
        return f"cannot be read: {found.notes[0].removeprefix(tasks.UNREAD)}"
    if not undated(example):
        wanted = task.parse(task.target(example, explain=False), example)
        return "" if _said(found) == _said(wanted) else "concludes with another answer"
    assert example.reference is not None
    wanted_labels = set(example.meta.get("events") or example.reference.text.split(", "))
    labels = {segment.label for segment in found.segments}
    if labels != wanted_labels:
        return f"concludes with another answer: {', '.join(sorted(labels ^ wanted_labels))}"
    wrong = next((s for s in found.segments if s.end <= s.start), None)
    if wrong is not None:
        return f"cannot be read: {wrong.label} from {wrong.start:g} to {wrong.end:g} lasts no time"
    beyond = next((s for s in found.segments if length > 0 and s.end > length + facts.SLACK), None)
    return f"names a time after the clip's end: {beyond.end:g} s" if beyond else ""


def _reasons(text: str, bare: str, free: bool) -> str:
    """There are some, not too many, and none after the conclusion."""
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
    if said := phrases.told(text):
        return f"speaks of the label it was told: {said!r}"
    return ""


def _contradiction(example: Example, text: str, vocabulary: Sequence[str], certified: Sequence[str]) -> str:
    """Times of known events, and things that nobody knows of."""
    segments = example.reference.segments if example.reference else ()
    if undated(example):
        segments = tasks.find(example.task).parse(text, example).segments  # its own
    if said := facts.untrue_time(text, segments, whole=example.task == "event_localisation"):
        return f"contradicts a known time: {said}"
    if _names_things(example, vocabulary) and (
        said := facts.strange(text, [*facts.known(example, vocabulary), *certified])
    ):
        return f"names what is not known of the clip: {said}"
    return ""


def _names_things(example: Example, vocabulary: Sequence[str]) -> bool:
    """Whether the example's labels are, or tell of, things, so that a thing that is none of them is suspicious."""
    if example.task != "question_answering":
        return example.task in NAMING
    labels = (*vocabulary, *example.meta.get("labels", ()), *example.meta.get("options", ()))
    return any(True for _ in facts.things(" ; ".join(map(str, labels)).replace("_", " ")))


def _unbalanced(text: str) -> str:
    """The first mark that is no tag of a stream, or a tag that is not closed."""
    counts = [text.count(tag) for tag in ("<visual>", "</visual>", "<audio>", "</audio>")]
    if counts[0] != counts[1] or counts[2] != counts[3]:
        return "a tag that is not closed"
    return phrases.leftover(text, "<visual></visual>" * counts[0] + "<audio></audio>" * counts[2])


def _length(example: Example) -> float:
    """The clip's length where the example tells."""
    told = float(example.meta.get("seconds") or 0)
    return told or max(0.0, (example.clip.end or 0) - example.clip.start)


def corrected(example: Example, text: str) -> Answer | None:
    """What a person's text concludes with, where it can be read; None where not."""
    try:
        found = tasks.find(example.task).parse(text, example)
    except DatasetError:
        return None
    return None if found.notes else found


def same(one: Answer, other: Answer) -> bool:
    """Whether two answers say the same of words, times and places."""
    return _said(one) == _said(other)


def _said(answer: Answer) -> tuple[object, ...]:
    text = answer.text.strip() if answer.segments or answer.regions else answer.text.strip().lower()
    return text, answer.segments, tuple(_place(region) for region in answer.regions)


def _place(region: Region) -> tuple[object, ...]:
    return region.label, region.box
