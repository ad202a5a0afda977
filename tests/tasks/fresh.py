"""Batches of replies whose right readings were written down before the reader was run on them, and what it reads.

A batch is a list of groups: `task`, `question`, `options` or `vocabulary`, `meta`, and `replies`, each
`[reply, right]` or `[reply, right, also]`. `right` is the answer's text, its events as [label, start, end(, stream)],
its regions as [label, left, top, right, bottom] or [label, x, y] in pixels of 224 ("*": any label), or its classes.
null and [] stand for unread. `also` lists readings that are as acceptable.
"""

import json
import sys
from collections import Counter
from pathlib import Path

from lookhear import tasks
from lookhear.datasets import music_avqa
from lookhear.tasks.reading import boxes
from lookhear.types import Answer, Clip, Example

FOLDER = Path(__file__).parent
MANY = ("event_localisation", "localisation", "tagging")  # tasks whose answers have parts


def judged(batch: str):
    """(outcome, task, question, reply, right, read) of each reply; cautious: rightly unread."""
    for group in json.loads((FOLDER / f"{batch}.json").read_text("utf-8")):
        vocabulary = music_avqa.VOCABULARY if group["vocabulary"] == "music_avqa" else group["vocabulary"] or ()
        meta = dict(group["meta"]) | ({"options": tuple(group["options"])} if group["options"] else {})
        example = Example("1", group["task"], Clip(None, None), group["question"], meta=meta)
        for reply, right, *also in group["replies"]:
            answer = tasks.find(group["task"]).parse(reply, example, tuple(vocabulary))
            said = read(group["task"], answer)
            some = [right, *(also[0] if also else ())]
            outcome = "wrong"
            if any(same(said, one) for one in some):
                outcome = "right" if said else "cautious"
            elif not said:
                outcome = "unread"
            yield outcome, group["task"], group["question"], reply, right, said


def read(task: str, answer: Answer):
    """What was read, in the form of the batch; None or [] where nothing was."""
    if task == "event_localisation":
        return [[s.label, s.start, s.end, s.stream] for s in answer.segments if not strange(answer, s.label)]
    if task == "tagging":
        return [s.label for s in answer.segments]
    if task == "localisation":
        some = [(r.label, r.box[:2] if r.box[:2] == r.box[2:] else r.box) for r in answer.regions if r.box]
        return [[label, *(round(edge * boxes.SIZE, 3) for edge in box)] for label, box in some]
    return None if tasks.unread([answer]) else answer.text


def strange(answer: Answer, label: str) -> bool:
    """Whether a label is marked as unread."""
    return any(note.startswith(tasks.UNREAD) and repr(label) in note for note in answer.notes)


def same(said, right) -> bool:
    """Whether what was read is `right`; a stream that `right` leaves out may be any."""
    if not isinstance(said, list) or not isinstance(right, list):
        return (said or None) == (right or None)
    if said and isinstance(said[0], str):
        return set(said) == set(right)
    return (
        len(said) == len(right)
        and all(a[0] == b[0] or b[0] == "*" for a, b in zip(said, right, strict=True))
        and all(a[1 : len(b)] == b[1:] for a, b in zip(said, right, strict=True))
    )


def counted(batch: str) -> Counter[str]:
    """Outcome -> count."""
    return Counter(outcome for outcome, *_ in judged(batch))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for outcome, task, question, reply, right, said in judged(name):
            if outcome in ("wrong", "unread"):
                sys.stdout.write(
                    f"{outcome:7} {task[:12]:12} {question[:30]!r}: {reply!r}\n        right {right!r}, read {said!r}\n"
                )
        sys.stdout.write(f"{name} {dict(counted(name))}\n")
