"""Whether a reasoning text may be learnt from: it reasons, concludes with the label, and does not speak of one."""

from __future__ import annotations

import re

from lookhear import tasks
from lookhear.types import Answer, Example, Region

LEAST = 5  # words before the conclusion
MOST = 300  # words in all
TOLD = re.compile(
    r"\b(given|provided|correct|original|annotated|reference|ground[- ]truth)\s+(answer|label|annotation)|\bthe label\b"
    r"|\bmetadata\b|\bannotations?\b",
    re.IGNORECASE,
)  # words of one who was told the answer


THOUGHT = re.compile(r"<(think|thinking|reasoning|scratchpad)>.*?</\1>", re.IGNORECASE | re.DOTALL)
TAG = re.compile(r"</?\|?([A-Za-z_][\w-]*)\|?>|\[/?INST\]|<<SYS>>")
REFUSAL = re.compile(
    r"\b(I(['’]m| am)? (sorry|cannot|can['’]t|can not|unable|not able)|as an AI"
    r"|no (video|audio|clip) (was|is|has been))\b",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"^\W*(sure|certainly|of course|okay|ok|here (is|are)|let me|great question|absolutely)\b", re.IGNORECASE
)
SECONDS = re.compile(r"\b(\d+(?:\.\d+)?)\s*(?:s|sec|seconds?)\b", re.IGNORECASE)
MINUTES = re.compile(r"\b(\d{1,2}):([0-5]\d)\b")


def spoken(reply: str) -> str:
    """What a reply says aloud: whole blocks of thought are taken out, what is left of a torn one stays for `fault`."""
    return THOUGHT.sub("", reply).strip()


def fault(example: Example, text: str) -> str:
    """Why a text about `example` is not to be used, in few words; "" where nothing is wrong."""
    if REFUSAL.search(text):
        return "refuses"
    if FILLER.search(text):
        return "begins with filler"
    if strange := _tags(example, text):
        return f"holds a leftover tag {strange}"
    if late := _late(example, text):
        return f"names {late:g} s, after the clip's end"
    task = tasks.find(example.task)
    bare = task.target(example, explain=False)
    wanted, found = task.parse(bare, example), task.parse(text, example)
    if found.notes:
        return found.notes[0].removeprefix(tasks.UNREAD).partition(":")[0]
    if _said(found) != _said(wanted):
        return "concludes with another answer"
    if example.task == "captioning":
        return ""
    reasons = len(text.split()) - len(bare.split())
    if reasons < LEAST:
        return "gives no reason"
    if len(text.split()) > MOST:
        return f"longer than {MOST} words"
    if TOLD.search(text):
        return "speaks of the label it was told"
    return ""


def _tags(example: Example, text: str) -> str:
    """The first tag that the task's own target does not have."""
    own = {m[1] for m in TAG.finditer(tasks.find(example.task).target(example, explain=False))}
    own |= {"visual", "audio"} if example.task == "event_localisation" else set()
    return next((m[0] for m in TAG.finditer(text) if m[1] not in own), "")


def _late(example: Example, text: str) -> float | None:
    """The first second named that the clip does not have; None where its length is not known."""
    length = float(example.meta.get("seconds") or 0) or (example.clip.end or 0) - example.clip.start
    if length <= 0:
        return None
    named = [float(m[1]) for m in SECONDS.finditer(text)]
    named += [60.0 * int(m[1]) + int(m[2]) for m in MINUTES.finditer(text)]
    return next((one for one in named if one > length + 1), None)


def _said(answer: Answer) -> tuple[object, ...]:
    """Words, times and places."""
    text = answer.text.strip() if answer.segments or answer.regions else answer.text.strip().lower()
    return text, answer.segments, tuple(_place(region) for region in answer.regions)


def _place(region: Region) -> tuple[object, ...]:
    return region.label, region.box
