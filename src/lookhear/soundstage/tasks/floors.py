"""Floors of the tasks: scores of constant or random replies.

chance      a random word of those there are
majority    the commonest word, event, box or sentence of training (of the examples themselves where none is given)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from lookhear.errors import DatasetError
from lookhear.metrics.answers import accuracy
from lookhear.metrics.av_parsing import event_accuracy, parsing
from lookhear.metrics.captions import captions
from lookhear.metrics.localisation import box_of, localisation
from lookhear.types import Answer, Example, Region, Segment

Floors = dict[str, dict[str, float]]
SAMPLE = 200  # number of sentences among which the most typical one is searched


def floors(task: str, examples: Sequence[Example], train: Sequence[Example] = ()) -> Floors:
    """The floor `majority`, and `chance` if answers are words, each with the task's main numbers in percent.

    `task` is a task's name (`localisation`). The most frequent answers are learned from the examples `train`.
    """
    if task not in TASKS:
        raise DatasetError(f"No floors for task {task!r}. There are: {', '.join(TASKS)}.")
    if not examples:
        raise DatasetError(f"No examples of task {task!r}, so it has no floor.")
    return TASKS[task](examples, train or examples)


def _references(examples: Sequence[Example]) -> list[Answer]:
    return [example.reference or Answer() for example in examples]


def _words(examples: Sequence[Example], train: Sequence[Example]) -> Floors:
    given: dict[str, Counter[str]] = {}
    for example, reference in zip(train, _references(train), strict=True):
        given.setdefault(_key(example), Counter())[reference.text] += 1
    said = [Answer(_commonest(given.get(_key(e), Counter()))) for e in examples]
    words = [len(e.meta.get("labels", ())) or len(given.get(_key(e), ())) or 1 for e in examples]
    return {
        "majority": {"accuracy": accuracy(said, _references(examples))},
        "chance": {"accuracy": 100 * float(np.mean([1 / count for count in words]))},
    }


def _key(example: Example) -> str:
    """Key by which answers are counted: the template of a question, one key for everything else."""
    return str(example.meta.get("template", ""))


def _commonest(counts: Counter[str]) -> str:
    """The most frequent word; of equally frequent ones the first in alphabetical order."""
    return max(sorted(counts), key=counts.__getitem__, default="")


def _events(examples: Sequence[Example], train: Sequence[Example]) -> Floors:
    references = _references(examples)
    length = max((s.end for r in references for s in r.segments), default=10.0)
    if all(example.meta.get("form") == "ave" for example in examples):
        label = _commonest(Counter(r.text for r in _references(train)))
        said = [Answer(label, segments=(Segment(label, 0.0, length),))] * len(references)
        return {"majority": {"accuracy": event_accuracy(said, references)}}
    told = []
    for stream in sorted({s.stream for r in references for s in r.segments}):
        labels = Counter(s.label for r in _references(train) for s in r.segments if s.stream == stream)
        told.append(Segment(_commonest(labels), 0.0, length, stream))
    scores = parsing([Answer(segments=tuple(told))] * len(references), references)
    return {"majority": {name: scores[name] for name in ("segment/type", "segment/event", "event/type", "event/event")}}


def _places(examples: Sequence[Example], train: Sequence[Example]) -> Floors:
    """The box with the median edges of all boxes; for expressions, whether there is a referent."""
    boxes = [box for r in _references(train) if (box := box_of(r))]
    if not boxes:
        raise DatasetError("No example has a box, so there is no box to guess.")
    left, top, right, bottom = (float(edge) for edge in np.median(np.array(boxes), axis=0))
    wanted = [r for r in _references(examples) if box_of(r)]
    scores = localisation([Answer(regions=(Region("", (left, top, right, bottom)),))] * len(wanted), wanted)
    found = {name: scores[name] for name in ("iou", "success")}
    if any(example.meta.get("form") == "ref_avs" for example in examples):
        found["there"] = 100 * len(wanted) / len(examples)
    return {"majority": found}


def _captions(examples: Sequence[Example], train: Sequence[Example]) -> Floors:
    """The training sentence that shares most words with the others."""
    some = [set(r.text.lower().split()) for r in _references(train)][:SAMPLE]
    shared = [sum(len(one & other) / len(one | other) for other in some) for one in some]
    typical = _references(train)[int(np.argmax(shared))]
    scores = captions([Answer(typical.text)] * len(examples), _references(examples))
    return {"majority": {name: scores[name] for name in ("cider_d", "rouge_l", "bleu_4")}}


TASKS: dict[str, Callable[[Sequence[Example], Sequence[Example]], Floors]] = {
    **dict.fromkeys(
        ("question_answering", "action_recognition", "emotion_recognition", "cross_modal_matching"), _words
    ),
    "event_localisation": _events,
    "localisation": _places,
    "captioning": _captions,
}
