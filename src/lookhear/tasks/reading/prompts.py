"""The prompts of all tasks, for training and test.

The wording is lookhear's own. A model that was trained on other prompts, such as the released Crab and Crab+, should be
asked with those; they are in its file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.errors import DatasetError

REASON = "Say first what you see and hear that tells you"
ANSWER = f"{REASON}, then write the answer as <answer>…</answer>."
PIXELS = "in whole pixels of the picture at 224 x 224"
BOX = f"its bounding box as [left,top,right,bottom] {PIXELS}"

PROMPTS: Mapping[str, str] = {
    "action": f"Which action takes place in this video? {ANSWER}",
    "emotion": f"Which emotion does the person show in this video? {ANSWER}",
    "a2v": f"Which of the two videos, one or two, does the sound belong to? {ANSWER}",
    "v2a": f"Which of the two sounds, one or two, belongs to the video? {ANSWER}",
    "pair": f"Does the sound belong to the video, yes or no? {ANSWER}",
    "ave": "Which event is both seen and heard in this video, and from which second to which? "
    f"{REASON}, then write <event>…</event> and <range>start,end</range>.",
    "unav": "Which events are both seen and heard in this video, and from which second to which does each last? "
    f"{REASON}, then write for each event <event>name, (start end)(start end)</event>.",
    "llp": "Which events are seen in this video, which are heard, and from which second to which? "
    f"{REASON}, then write <visual>name,(start end)</visual> for what is seen and <audio>name,(start end)</audio> for "
    "what is heard.",
    "arig": f"Which object in this picture makes the sound? Write <object>…</object> and {BOX}.",
    "s4": f"Which object in this picture makes the sound? Write <object>…</object>, {BOX}, and three points on it as "
    "[x,y].",
    "avss": "Which objects in this picture make the sound? Write for each "
    f"<object>name, [left,top,right,bottom], [x,y], [x,y], [x,y]</object> {PIXELS}.",
    "ref_avs": "Is there an object in this picture and its sound that fits the words: {question} "
    f"Write <answer>true</answer> or <answer>false</answer>; if true, also <object>…</object>, {BOX}, and three points "
    "on it as [x,y].",
    "tags": "Which of these can be heard or seen in this video? Name every one of them, with a semicolon between, as "
    "<answer>…; …</answer>.",
    "caption": "Describe in one sentence what is seen and heard in this video.",
}
ALIKE = {"ms3": "s4"}  # forms that use the prompt of another form


def prompt(form: str, labels: Sequence[str] = (), question: str = "") -> str:
    """The prompt for `form`, with the allowed answers if there is a closed set."""
    form = ALIKE.get(form, form)
    if form not in PROMPTS:
        raise DatasetError(f"No prompt is called {form!r}. There are: {', '.join((*PROMPTS, *ALIKE))}.")
    asked = PROMPTS[form].replace("{question}", question.strip().rstrip(".?") + ".")
    return f"{asked}\nNames: {'; '.join(labels)}." if labels else asked
