"""Faults planted into true texts, by kind: what a careless or confused writer of reasons does."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from lookhear import tasks
from lookhear.types import Example

TOLD = (
    "The annotation lists this thing.", "As given in the label, this is clear.", "You told me what happens here.",
    "According to the provided information, it sounds first.", "The correct answer was supplied beforehand.",
    "Based on the metadata, that is what sounds.", "I was told that this is the one.", "The reference answer says so.",
    "As specified in the prompt, it sounds.", "Since the answer is known, the reasoning is simple.",
    "The ground truth confirms this.", "The dataset marks this as the event.", "I must end with the required words.",
    "From the given facts it follows.", "The provided label makes it plain.",
)  # fmt: skip
REFUSALS = (
    "I'm sorry, but I can't help with that.", "As an AI language model, I am unable to watch videos.",
    "I cannot view the clip you mention.", "Unfortunately, no video was attached to this message.",
    "I do not have access to the audio.", "Please upload the video so that I can look at it.",
    "I won't assist with identifying this.", "My apologies, I am not able to process media.",
    "There is no video in your message.", "I’m afraid I can’t analyze this clip.",
)  # fmt: skip
FIRST = (
    "Sure! ", "Certainly, here is the reasoning. ", "Of course. ", "Here's a careful analysis: ", "Let me think. ",
    "Great question! ", "Okay, so ", "Absolutely! ", "I'd be happy to explain. ", "Understood. ", "Below is the text. ",
)  # fmt: skip
LAST = (
    " I hope this helps!", " Let me know if you need more.", " Feel free to ask.", " Is there anything else I can do?",
    " Thank you for the video!", " Would you like another version?",
)  # fmt: skip
TAGS = (
    "<think>The label must be told.", "</think>", "<|im_end|>", "<|endoftext|>", "[INST]", "</s>", "<reasoning>", "```",
    "<|im_start|>assistant\n", "[/INST]", "<thought>", "<answer>hm</answer>", "<event>hm</event>", "\\boxed{1}",
    "<obj>",    "<start_of_turn>", "◁think▷", "{{answer}}", "<video>", "</reason>",
)  # fmt: skip
LATE = (
    "At {t} seconds it stops.", "It goes on until {t} s.", "From {t} to {u} seconds it is quiet.",
    "At 0:{t} it stops.", "In the {t}th second it fades.", "It sounds for {t} sec in all.",
)  # fmt: skip
FOREIGN = (
    "chainsaw",
    "tuba",
    "ambulance",
    "elephant",
    "motorcycle",
    "saxophone",
    "rooster",
    "bagpipes",
    "truck",
    "horse",
)
NAMED = (
    "A {x} is seen at the side.",
    "Behind it a {x} can be heard.",
    "The {x} starts a little later.",
    "Next to it stands a {x}.",
)
PLACES = (
    "It is at [300,20,340,60].",
    "Its box is [120,80,60,200].",
    "A point on it is [10,240].",
    "It lies at [-5,10,40,50].",
)


def tagged(example: Example, rng: random.Random, text: str) -> str:
    """A mark left over somewhere before the ending."""
    return _before(text, rng.choice(TAGS), example)


def other_answer(example: Example, rng: random.Random, text: str) -> str:
    """Another conclusion than the label."""
    bare = tasks.find(example.task).target(example, explain=False)
    label = example.reference.text
    known = [one for one in example.meta.get("labels", ("yes", "no")) if one != label] or ["one", "two"]
    if example.meta.get("form") == "pair":
        known = ["no" if label == "yes" else "yes"]
    changed = (
        bare.replace(label, rng.choice(known)) if example.task != "localisation" else re.sub(r"\[(\d+)", _more, bare)
    )
    return text.replace(bare, changed)


def other_time(example: Example, rng: random.Random, text: str) -> str:
    """A sentence that dates the event where it is not: a second of another film, well away from its own."""
    thing = example.reference.segments[0].label
    told = ("The {x} is heard from 5 to 9 s.", "Between 6 and 8 seconds the {x} sounds.", "The {x} begins at 7 s.",
            "At the 8th second the {x} comes in.")  # fmt: skip
    return _before(text, rng.choice(told).format(x=thing), example)


def _more(found: re.Match[str]) -> str:
    return f"[{int(found[1]) + 9}"


def _before(text: str, sentence: str, example: Example) -> str:
    bare = tasks.find(example.task).target(example, explain=False)
    return text.replace(bare, f"{sentence} {bare}")


def _said(choices: tuple[str, ...]) -> Callable[[Example, random.Random, str], str]:
    return lambda example, rng, text: _before(text, rng.choice(choices), example)


def late(example: Example, rng: random.Random, text: str) -> str:
    """A second that the clip does not have."""
    t = rng.randint(20, 55)
    return _before(text, rng.choice(LATE).format(t=t, u=t + 3), example)


def foreign(example: Example, rng: random.Random, text: str) -> str:
    """A thing that is not there."""
    return _before(text, rng.choice(NAMED).format(x=rng.choice(FOREIGN)), example)


def refusal(example: Example, rng: random.Random, text: str) -> str:
    """A refusal, alone or before the text."""
    said = rng.choice(REFUSALS)
    return said if rng.random() < 0.5 else f"{said} {text}"


def bare(example: Example, rng: random.Random, text: str) -> str:
    """The label alone."""
    return tasks.find(example.task).target(example, explain=False)


def looped(example: Example, rng: random.Random, text: str) -> str:
    """A sentence again and again."""
    return _before(text, "It sounds and it is seen at once. " * rng.randint(3, 9), example)


KINDS: dict[str, tuple[Callable[[Example, random.Random, str], str], str]] = {  # kind -> (planter, of which tasks)
    "told": (_said(TOLD), ""),
    "refusal": (refusal, ""),
    "filler before": (lambda e, rng, text: rng.choice(FIRST) + text, ""),
    "filler after": (lambda e, rng, text: text + rng.choice(LAST), ""),
    "leftover": (tagged, ""),
    "late": (late, ""),
    "outside": (_said(PLACES), ""),
    "another answer": (other_answer, ""),
    "another time": (other_time, "event_localisation"),
    "foreign thing": (foreign, "question_answering event_localisation localisation action_recognition"),
    "no reason": (bare, ""),
    "loop": (looped, ""),
}
