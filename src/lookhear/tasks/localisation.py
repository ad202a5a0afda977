"""Localisation and segmentation of sounding or referred objects (ARIG, S4, MS3, AVSS, Ref-AVS).

`meta["form"]` of an example defines the target: `arig` a box, `s4` and `ms3` a box and three points on the object,
`avss` the same for each of several objects, `ref_avs` the same or that there is no such object. A segmenter makes masks
from box and points; `parse` returns regions without masks. Coordinates are in pixels of 224 x 224.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from lookhear.datasets import avsbench
from lookhear.datasets.reading import replies
from lookhear.errors import DatasetError
from lookhear.metrics import localisation, segmentation
from lookhear.metrics.answers import normal
from lookhear.metrics.localisation import box_of
from lookhear.metrics.segmentation import mask_of
from lookhear.pooled import Pooled, Ratio, totals
from lookhear.tasks import UNREAD
from lookhear.tasks.reading import boxes, prompts, reader, unwrap
from lookhear.types import Answer, Example, Region

VERSION = 1
MAIN = {"": "J", "arig": "iou"}
right = None  # answers are graded
FORMS = ("arig", "s4", "ms3", "avss", "ref_avs")
SAID = re.compile(r"\bobject\b[^.\n]{0,80}?\bis\s{1,4}(?:an?\s{1,4}|the\s{1,4})?([^\W\d][\w -]{0,60})", re.IGNORECASE)
KEYED = re.compile(
    r"[\"'](?:label|object|name|class|category)[\"']\s{0,4}:\s{0,4}[\"']([^\"'\[\]{}\n]{1,60})[\"']", re.IGNORECASE
)
AFTERWARDS = re.compile(
    r"(?<!\s)\s+(?:at|in|on|with|within|located|positioned|which|whose|that|near|from|around|bounded|box|bbox)\b.*$",
    re.IGNORECASE,
)


def prompt(example: Example, vocabulary: Sequence[str] = ()) -> str:
    """The prompt; for Ref-AVS with the example's expression."""
    return prompts.prompt(_form(example), vocabulary, example.question)


def target(example: Example, explain: bool = True) -> str:
    """The training target: object and coordinates in the example's form, after a sentence or (`explain=False`) alone.

    Box and points come from the reference's regions, or from their mask. Raises DatasetError if both are missing.
    """
    reference, form = reader.reference(example), _form(example)
    if form == "ref_avs" and not reference.text:
        bare, own = "<answer>false</answer>", "Nothing that is seen and heard fits the words: <answer>false</answer>."
    else:
        if not reference.regions:
            raise DatasetError(f"Example {example.id!r} has no box and no mask, so there is no target for it.")
        bare = _objects(reference) if form == "avss" else _object(reference.text, reference.regions, form != "arig")
        verdict = "<answer>true</answer> " if form == "ref_avs" else ""
        own = f"{verdict}What is heard comes from the {reference.text}, which is in the picture: {bare}."
        bare = verdict + bare
    return reader.explained(example, own, parse) if explain else bare


def parse(reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
    """Parse the object of a reply, and its box and points as regions; a point is a box without extent.

    Coordinates outside the picture and inverted boxes are dropped and noted. A reply without coordinates is noted too,
    unless (`ref_avs`) it says false.
    """
    form = _form(example)
    text, why = unwrap.spoken(reply)
    if why:
        return Answer(raw=reply, notes=(UNREAD + why,))
    verdict = (replies.answer(text) or "").strip(" .").lower()
    if form == "ref_avs" and verdict == "false":
        return Answer(raw=reply)
    if form == "avss":
        parts = [(content.split("[")[0].strip(" ,:"), content) for _, content in replies.tagged(text, "object")]
    else:
        parts = [(_named(text, verdict), text)]
    regions, problems = list[Region](), list[str]()
    labels = [reader.canonical(label, vocabulary) for label, _ in parts]
    for label, (_, content) in zip(labels, parts, strict=True):
        some, wrong = boxes.regions(content, label, corners=form == "arig")
        regions += some
        problems += wrong
    if not regions and not problems:
        problems.append("no coordinates")
    text = ", ".join(dict.fromkeys(label for label in labels if label))
    return Answer(text, regions=tuple(regions), raw=reply, notes=tuple(UNREAD + problem for problem in problems))


def score(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
    """IoU and AUC for references with boxes, J, F and S (convention `crab_plus`) for those with masks, and `unread`.

    For `avss` also mIoU and F over its 71 classes. All in percent except S. An answer without a required box or mask
    scores 0; `no_box` and `no_mask` give the share of such answers.
    """
    return totals(pooled(answers, references, form))


def pooled(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
    """The numbers of `score` as sums over pictures."""
    scores: dict[str, Pooled] = {}
    boxed = np.array([box_of(r) is not None for r in references], dtype=bool)
    if boxed.any():
        some = [[answer for answer, there in zip(side, boxed, strict=True) if there] for side in (answers, references)]
        for name, part in localisation.pooled(*some).items():
            rows = np.zeros((len(references), 2))
            rows[boxed] = part.rows
            scores[name] = Ratio(rows, part.value)
    shapes = [mask.shape for mask in map(mask_of, references) if mask is not None]
    if shapes:
        scores |= segmentation.pooled(answers, references)
    if form == "avss" and len(shapes) == len(references):
        given, true = (
            [class_map(answer, s) for answer, s in zip(side, shapes, strict=True)] for side in (answers, references)
        )
        of_classes = segmentation.pooled_semantic(given, true)
        scores |= {{"F": "F_classes"}.get(name, name): answer for name, answer in of_classes.items()}
    return scores | reader.share(answers)


def by_class(answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, dict[str, float]]:
    """Object -> the scores over its pictures, and `support`, their number."""
    places: dict[str, list[int]] = {}
    for place, reference in enumerate(references):
        if reference.text:
            places.setdefault(reference.text, []).append(place)
    wanted = ("iou", "J", "F")
    table = {}
    for label, some in sorted(places.items()):
        scores = score([answers[i] for i in some], [references[i] for i in some])
        table[label] = {name: scores[name] for name in wanted if name in scores} | {"support": len(some)}
    return table


def class_map(answer: Answer, shape: tuple[int, int]) -> np.ndarray:
    """uint8 (height, width) class map of AVSS, with 0 for the background; later regions overwrite earlier ones.

    A region whose class is not in AVSS is background.
    """
    numbers = {normal(label): number for number, label in enumerate(avsbench.CLASSES)}
    drawn = np.zeros(shape, dtype=np.uint8)
    for region in answer.regions:
        if region.mask is not None and normal(region.label) in numbers:
            drawn[segmentation.fitted(np.asarray(region.mask) > 0, shape)] = numbers[normal(region.label)]
    return drawn


def _form(example: Example) -> str:
    form = example.meta.get("form")
    if form not in FORMS:
        raise DatasetError(f"Example {example.id!r} is of form {form!r}, which is none of {', '.join(FORMS)}.")
    return form


def _object(label: str, regions: Sequence[Region], points: bool) -> str:
    written = boxes.written(regions, points)
    return f"<object>{label}</object> {written}"


def _objects(reference: Answer) -> str:
    labels = dict.fromkeys(region.label for region in reference.regions)
    return " ".join(
        f"<object>{label}, {boxes.written([r for r in reference.regions if r.label == label], True)}</object>"
        for label in labels
    )


def _named(reply: str, verdict: str) -> str:
    """The object of a reply: in its tags, in <answer>, under a key of JSON, or in "the object … is a dog"."""
    tagged = [content for _, content in replies.tagged(reply, "object") if content]
    if tagged:
        return tagged[-1].split("[")[0].strip(" ,:")
    if verdict and verdict not in ("true", "false"):
        return (replies.answer(reply) or "").strip()
    keyed = KEYED.search(reply)
    if keyed:
        return keyed[1].strip()
    said = SAID.search(reply)
    return AFTERWARDS.sub("", said[1].strip()) if said else ""
