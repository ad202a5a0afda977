"""Localisation and segmentation: where what sounds, or what is meant, is (ARIG, S4, MS3, AVSS, Ref-AVS).

`meta["form"]` of an example says what is asked for: `arig` the box, `s4` and `ms3` the box and three points on the
object, `avss` the same for each of several objects, `ref_avs` the same or that there is no such object. A mask is made
from box and points by a segmenter; `parse` gives regions without masks. Coordinates are in pixels of 224 x 224.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lookhear.datasets import _replies
from lookhear.errors import DatasetError
from lookhear.metrics.localisation import box_of, localisation
from lookhear.metrics.segmentation import mask_of, masks
from lookhear.tasks import UNREAD, _boxes, _prompts, _reading
from lookhear.types import Answer, Example, Region

VERSION = 1
FORMS = ("arig", "s4", "ms3", "avss", "ref_avs")
SAID = re.compile(r"object[^.]*?\b(?:is|in the video is)\s+(?:an?\s+|the\s+)?([^\W\d][\w -]*)", re.IGNORECASE)


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The words a model is asked with; of Ref-AVS with the example's expression."""
    return _prompts.prompt(_form(example), vocabulary, example.question)


def target(example: Example, explain: bool = True) -> str:
    """The reply to learn: object and coordinates in the example's form, after a sentence or (`explain=False`) alone.

    Box and points come from the reference's regions, what lacks from their mask. Raises DatasetError where neither is.
    """
    reference, form = _reading.reference(example), _form(example)
    if form == "ref_avs" and not reference.text:
        bare, own = "<answer>false</answer>", "Nothing that is seen and heard fits the words: <answer>false</answer>."
    else:
        if not reference.regions:
            raise DatasetError(f"Example {example.id!r} has no box and no mask, so there is no target for it.")
        bare = _objects(reference) if form == "avss" else _object(reference.text, reference.regions, form != "arig")
        verdict = "<answer>true</answer> " if form == "ref_avs" else ""
        own = f"{verdict}What is heard comes from the {reference.text}, which is in the picture: {bare}."
        bare = verdict + bare
    return _reading.explained(example, own, parse) if explain else bare


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """The object a reply names, and its box and points as regions; a point is a box without extent.

    What lies outside the picture or is inside out is left out and noted, and so is a reply without any coordinates,
    unless (`ref_avs`) it says false.
    """
    form = _form(example)
    verdict = (_replies.answer(reply) or "").strip(" .").lower()
    if form == "ref_avs" and verdict == "false":
        return Answer(raw=reply)
    if form == "avss":
        parts = [(content.split("[")[0].strip(" ,:"), content) for _, content in _replies.tagged(reply, "object")]
    else:
        parts = [(_named(reply, verdict), reply)]
    found, problems = list[Region](), list[str]()
    labels = [_reading.canonical(label, vocabulary) for label, _ in parts]
    for label, (_, content) in zip(labels, parts, strict=True):
        some, wrong = _boxes.regions(content, label, corners=form == "arig")
        found += some
        problems += wrong
    if not found and not problems:
        problems.append("no coordinates")
    text = ", ".join(dict.fromkeys(label for label in labels if label))
    return Answer(text, regions=tuple(found), raw=reply, notes=tuple(UNREAD + problem for problem in problems))


def score(answers: Sequence[Answer], references: Sequence[Answer]) -> Mapping[str, float]:
    """J, F and S (convention `crab_plus`) where references have masks, IoU and AUC where they have boxes, and `unread`.

    J and F need answers with masks. Percent, but for S and the number of `null` references.
    """
    scores: dict[str, float] = {}
    boxed = [(a, r) for a, r in zip(answers, references, strict=True) if box_of(r)]
    if boxed:
        scores |= localisation(*zip(*boxed, strict=True))
    if any(mask_of(r) is not None for r in references) and any(mask_of(a) is not None for a in answers):
        scores |= masks(answers, references)
    return scores | _reading.share(answers)


def _form(example: Example) -> str:
    form = example.meta.get("form")
    if form not in FORMS:
        raise DatasetError(f"Example {example.id!r} is of form {form!r}, which is none of {', '.join(FORMS)}.")
    return form


def _object(label: str, regions: Sequence[Region], points: bool) -> str:
    written = _boxes.written(regions, points)
    return f"<object>{label}</object> {written}"


def _objects(reference: Answer) -> str:
    labels = dict.fromkeys(region.label for region in reference.regions)
    return " ".join(
        f"<object>{label}, {_boxes.written([r for r in reference.regions if r.label == label], True)}</object>"
        for label in labels
    )


def _named(reply: str, verdict: str) -> str:
    """The object: between its tags, in <answer>, or in "the object … is a dog"."""
    tagged = [content for _, content in _replies.tagged(reply, "object") if content]
    if tagged:
        return tagged[-1].split("[")[0].strip(" ,:")
    if verdict and verdict not in ("true", "false"):
        return (_replies.answer(reply) or "").strip()
    said = SAID.search(reply)
    return said[1].strip() if said else ""
