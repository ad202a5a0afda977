"""Prompts that ask a model to write the reasoning of an example with a known answer, and to judge a reasoning.

A request has the question, the known facts of the clip, examples of its form (`shots`) and the ending. LLP's training
labels have events without times; there the model is also asked for the times (Crab, section 3.1).
"""

from __future__ import annotations

from lookhear import tasks
from lookhear.curate.instruct import shots
from lookhear.curate.instruct.check import kind_of, undated
from lookhear.tasks.reading import prompts
from lookhear.types import Example, Region, Segment

VERSION = 2  # increase it with every change of a prompt
ASK = """You write the reasoning that a careful viewer and listener would give before answering a question about a
video. Below are the question, what is known of the video, and how the reply has to end.
{shots}
Question: {question}
{known}
Write two to five plain sentences that lead from what is seen and what is heard to the answer. Name the times and
places that matter, and only what follows from what is known. Write as one who watches and listens: do not say that
anything was given to you. End the reply with exactly this, letter for letter:
{ending}"""
DATE = """Watch and listen to this video. These events are known to occur in it: {events}. Find out from which second to
which each is seen, and from which to which it is heard; an event may be seen only, heard only or both, and more than
once. Other events do not count. {length}
{shots}
Write two to five plain sentences on what is seen and heard and when, as one who watches and listens, without saying
that anything was given to you. Then end the reply with one <visual>name,(start end)</visual> for each event that is
seen and one <audio>name,(start end)</audio> for each that is heard, the names spelled as above, times in seconds."""
AGAIN = "That reply cannot be used: it {fault}. Write it anew, and end it {ending}"
JUDGE = """Watch and listen to this video. Somebody wrote about it:

{text}

Is everything that the text says of the video true, and does what it concludes follow? If something is wrong, say in
one sentence what. Then end your reply with <answer>yes</answer> if all of it is true, else with <answer>no</answer>."""


def message(example: Example, seconds: float = 0.0) -> str:
    """The request to write the reasoning of `example`; `seconds` is its clip's length, 0 if unknown."""
    task = tasks.find(example.task)
    some = [_shown(shot) for shot in shots.of(example)]
    examples = "\n".join(["", "This is how it is done for other videos:", *some]) if some else ""
    if undated(example):
        length = f"The video lasts {seconds:g} seconds." if seconds else ""
        return DATE.format(events=", ".join(events(example)), length=length, shots=examples)
    return ASK.format(
        shots=examples,
        question=_asked(example),
        known=_fact_lines(example),
        ending=task.target(example, explain=False),
    )


def again(example: Example, fault: str) -> str:
    """The request to correct a reply with a fault."""
    if undated(example):
        ending = f"in the form asked for, with each of these events: {', '.join(events(example))}."
    else:
        ending = f"with exactly:\n{tasks.find(example.task).target(example, explain=False)}"
    return AGAIN.format(fault=fault if kind_of(fault) != fault else fault.replace("concludes", "ends"), ending=ending)


def opinion(text: str) -> str:
    """The request to a second model to judge whether a text is true of the clip."""
    return JUDGE.format(text=text)


def events(example: Example) -> list[str]:
    """The events of an example whose events have no times."""
    assert example.reference is not None
    return list(example.meta.get("events") or example.reference.text.split(", "))


def facts(example: Example) -> list[str]:
    """The annotations besides the answer: events with their times, objects with their places, a caption."""
    reference = example.reference
    lines = [_event(segment) for segment in (reference.segments if reference else ())]
    lines += [_object(region) for region in (reference.regions if reference else ()) if _boxed(region)]
    for key in ("caption", "reasoning", "because", "description"):
        if told := str(example.meta.get(key) or "").split("<")[0].strip():
            lines.append(told)
    return list(dict.fromkeys(lines))


def _shown(shot: shots.Shot) -> str:
    example = shot.example
    return f"\nQuestion: {_asked(example)}\n{_fact_lines(example)}Reply: {shot.reply}"


def _asked(example: Example) -> str:
    """The question with its options, without the instructions on the form of the answer."""
    if example.task == "question_answering":
        options = "; ".join(map(str, example.meta.get("options", ())))
        return f"{example.question}{f' Options: {options}' if options else ''}"
    return tasks.find(example.task).prompt(example).splitlines()[0].partition(prompts.REASON)[0].strip()


def _fact_lines(example: Example) -> str:
    known = "\n".join(f"- {line}" for line in facts(example))
    return f"Known of the video:\n{known}\n" if known else ""


def _event(segment: Segment) -> str:
    how = {"audio": "is heard", "visual": "is seen"}.get(segment.stream, "is seen and heard")
    return f"{segment.label.replace('_', ' ')} {how} from {segment.start:g} to {segment.end:g} s"


def _boxed(region: Region) -> bool:
    return region.box is not None and region.box[:2] != region.box[2:]


def _object(region: Region) -> str:
    left, _, right, _ = region.box or (0.0, 0.0, 1.0, 1.0)
    middle = (left + right) / 2
    side = "left" if middle < 0.4 else "right" if middle > 0.6 else "middle"
    return f"{region.label.replace('_', ' ')} is at the {side} of the picture"
