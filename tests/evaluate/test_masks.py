"""Masks in an evaluation: drawn from words by a segmenter, or by the model itself; what knows the truth scores 100."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lookhear import tasks
from lookhear.datasets import avsbench
from lookhear.evaluate import masks, scores
from lookhear.evaluate.run import run
from lookhear.media.sampling import Sampling
from lookhear.media.write import write
from lookhear.model.llm import LLMModel
from lookhear.segmenters import sam2
from lookhear.types import Answer, Clip, Example, Region, Reply, Source

FORMS = ("s4", "ms3", "ref_avs", "avss")
LABELS = ("dog", "cat", "guitar", "piano")


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    """Each form four times, its truth a rectangle (two of AVSS) at the size of coordinates."""
    folder, found = tmp_path_factory.mktemp("clips"), []
    for n in range(4):
        frames = np.random.default_rng(n).integers(0, 255, (5, 64, 64, 3), dtype=np.uint8)
        path = folder / f"{n}.mp4"
        write(path, frames, np.zeros(16000, np.float32), fps=5)
        clip = Clip(Source(str(n), path), Source(str(n), path))
        for form in FORMS:
            regions = []
            for k in range(2 if form == "avss" else 1):
                mask = np.zeros((224, 224), bool)
                mask[20 + 9 * n : 90, 10 + 100 * k : 60 + 100 * k + n] = True
                label = LABELS[(n + k) % 4]
                box = sam2.prompts(mask, label)[0].box
                regions.append(Region(label, box, mask))
            text = ", ".join(r.label for r in regions)
            reference = Answer(text, regions=tuple(regions))
            found.append(Example(f"{form}-{n}", "localisation", clip, "it", reference, meta={"form": form}))
    return found


class Oracle:
    """A language model that replies with the target, in the order it is asked; `draws`: with the mask as well."""

    name, model, report = "oracle", torch.nn.Linear(1, 1), ()
    sampling = Sampling(rule="uniform", count=2)

    def __init__(self, examples, draws=False):
        self.examples, self.draws = {prompt_of(e): e for e in examples}, draws

    def prepare(self, media, pair=""):
        return {"media": media}

    def watch(self, media):
        return SimpleNamespace(notes=())

    def answer(self, seen, rows, prompts, max_tokens=64, semantic=False):
        replies = []
        for prompt in prompts:
            e = self.examples[prompt]
            drawn = ()
            if self.draws:
                truth = [r.mask for r in e.reference.regions]
                drawn = (np.where(truth[0], 1.0, -1.0),)
                if semantic:
                    drawn = (np.zeros((71, 224, 224)),)
                    for region in e.reference.regions:
                        drawn[0][avsbench.CLASSES.index(region.label)][region.mask] = 5
                    drawn[0][0] += 1
            replies.append(Reply(tasks.find(e.task).target(e), masks=drawn))
        return replies


def prompt_of(example):
    return tasks.find(example.task).prompt(example)


class Filler(sam2.Segmenter):
    """A segmenter that knows: an object is its box, whole."""

    def _drawn(self, features, regions, size):
        left, top, right, bottom = next(r.box for r in regions if r.box[:2] != r.box[2:])
        mask = np.zeros((size, size), bool)
        mask[round(top * size) : round(bottom * size) + 1, round(left * size) : round(right * size) + 1] = True
        return mask


def columns(examples, answers):
    clusters = np.arange(len(examples))
    return {k: {n: m.value for n, m in v.items()} for k, v in scores.measured(examples, answers, clusters, 2).items()}


def asked(examples, draws, segmenter=None, folder=None):
    """Answers of an oracle; only Ref-AVS has the example's words in its prompt, so each is asked by itself."""
    found, drawing = [], None
    for e in examples:
        model = LLMModel(Oracle([e], draws))
        if segmenter is not None:
            drawing = drawing or masks.Drawing(model, segmenter, folder)
            drawing.model = model
            model = drawing
        found += run(model, [e])
    return found, drawing


def small(kind=sam2.Segmenter):
    from transformers import Sam2Model

    torch.manual_seed(0)
    return kind(Sam2Model(sam2.small()))


def test_a_perfect_oracle_scores_100_in_every_mask_column(examples):
    bare, _ = asked(examples, draws=False)
    assert masks.masks_missing(examples, bare)
    assert {columns(examples, bare)[f"localisation/{form}"]["J"] for form in FORMS} == {0.0}, "words alone are no mask"
    for answers in (asked(examples, False, small(Filler))[0], asked(examples, True)[0]):
        assert not masks.masks_missing(examples, answers)
        found = columns(examples, answers)
        for form in FORMS:
            assert found[f"localisation/{form}"]["J"] == found[f"localisation/{form}"]["F"] == 100, form
        assert found["localisation/avss"]["mIoU_present"] == 100


def test_a_frame_is_looked_at_once(examples, tmp_path):
    first, drawing = asked(examples, False, small(), tmp_path)
    assert drawing.embeddings.made == 4, "four clips, four questions each"
    again, second = asked(examples, False, small(), tmp_path)
    assert second.embeddings.made == 0, "all from disk"
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one.regions, other.regions, strict=True):
            assert (a.mask is None) == (b.mask is None) and (a.mask is None or np.array_equal(a.mask, b.mask))
    media = masks.decode(replace(examples[0].clip, audio=None), masks.MIDDLE)
    bare = replace(first[0], regions=tuple(replace(r, mask=None) for r in first[0].regions))
    direct = small().drawn(bare, media.frames[0])
    assert np.array_equal(direct.regions[0].mask, first[0].regions[0].mask)


def test_other_weights_have_other_embeddings(examples, tmp_path):
    asked(examples[:1], False, small(), tmp_path)
    other = small()
    with torch.no_grad():
        next(other.model.parameters()).add_(1)
    assert masks.digest(other) != masks.digest(small())
    assert asked(examples[:1], False, other, tmp_path)[1].embeddings.made == 1
