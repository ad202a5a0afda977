"""What a model is asked with to write the reasoning of an example whose answer is known."""

from __future__ import annotations

from lookhear import tasks
from lookhear.types import Example, Region, Segment

ASK = """You write the reasoning that a careful viewer and listener would give before answering a question about a
video. Below are the question, what is known of the video, and how the reply has to end.

Question: {question}
{known}
Write two to five plain sentences that lead from what is seen and what is heard to the answer. Name the times and
places that matter, and only what follows from what is known. Write as one who watches and listens: do not say that
anything was given to you. End the reply with exactly this, letter for letter:
{ending}"""
AGAIN = "That reply cannot be used: it {fault}. Write it anew, and end it with exactly:\n{ending}"
FAULTS = {  # what `check.fault` says, as part of a sentence
    "concludes with another answer": "does not end with the words asked for",
    "gives no reason": "gives no reason before its end",
    "speaks of the label it was told": "speaks of an answer or a label that was given",
}


def message(example: Example) -> str:
    """The request to write the reasoning of `example`."""
    task = tasks.find(example.task)
    known = "\n".join(f"- {line}" for line in facts(example))
    return ASK.format(
        question=task.prompt(example).splitlines()[0],
        known=f"Known of the video:\n{known}\n" if known else "",
        ending=task.target(example, explain=False),
    )


def again(example: Example, fault: str) -> str:
    """The request to mend a reply that could not be used."""
    ending = tasks.find(example.task).target(example, explain=False)
    return AGAIN.format(fault=FAULTS.get(fault, f"could not be read ({fault})"), ending=ending)


def facts(example: Example) -> list[str]:
    """What the annotations say beyond the answer: events with their times, objects with their places, a caption."""
    reference = example.reference
    found = [_event(segment) for segment in (reference.segments if reference else ())]
    found += [_object(region) for region in (reference.regions if reference else ()) if _boxed(region)]
    for key in ("caption", "reasoning", "description"):
        if told := str(example.meta.get(key) or "").split("<")[0].strip():
            found.append(told)
    return list(dict.fromkeys(found))


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
