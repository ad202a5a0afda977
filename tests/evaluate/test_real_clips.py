"""Real clips end to end: decode, prompt, generation by tiny_omni, parsing, scoring against the true label."""

import numpy as np
import pytest

from lookhear import tasks
from lookhear.datasets import avsbench
from lookhear.evaluate import report as reports
from lookhear.evaluate import scores
from lookhear.evaluate.run import run, unanswered
from lookhear.metrics.segmentation import mask_of
from lookhear.model import load
from lookhear.tasks.localisation import class_map
from tests.conftest import shared
from tests.evaluate import real_clips
from tests.evaluate.oracles import Oracle

COUNTS = {  # examples about clips that are here
    "ave": 2, "llp": 1, "unav_100": 1, "valor": 2, "s4": 1, "ms3": 1, "avss": 1, "arig": 1, "music_avqa": 2
}  # fmt: skip


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    return real_clips.found(shared("data"), tmp_path_factory.mktemp("avsbench"))


@pytest.fixture(scope="module")
def model():
    talker = load("tiny_omni")
    talker.max_tokens = 24
    return talker


def test_every_real_clip_is_found(clips):
    assert {name: len(clips[name]) for name in COUNTS} == COUNTS
    assert len(clips["valor32k_avqa"]) >= 2
    assert all(e.clip.audio.path.is_file() for some in clips.values() for e in some)


@pytest.mark.parametrize("name", [*COUNTS, "valor32k_avqa"])
def test_the_whole_way(clips, model, name):
    examples = clips[name][:4]
    answers = run(model, examples)
    assert not unanswered(examples, answers) and all(tasks.find(e.task).prompt(e) for e in examples)
    found = reports.report(examples, answers, resamples=20)
    (kind,) = found.metrics
    assert kind == scores.kind_of(examples[0]) and found.metrics[kind]["unread"].total == len(examples)
    best = reports.report(examples, run(Oracle(), examples), resamples=20).metrics[kind]
    main = "rouge_l" if kind == "captioning" else tasks.main_metric(kind)
    assert best[main].value == pytest.approx(100, abs=1) and best["unread"].value == 0  # boxes are told in whole pixels
    assert found.metrics[kind][main].value < 60, "it was taught musicians on a stage, and nothing else"


def test_clips_without_a_label_go_as_far_as_they_can(model):
    examples = real_clips.unlabelled(shared("data"))
    answers = run(model, examples)
    assert len(answers) == 5 and not unanswered(examples, answers) and all(isinstance(a.raw, str) for a in answers)


def test_avss_counts_classes_from_0_in_pictures(clips):
    (one,) = clips["avss"]
    drawn = class_map(one.reference, mask_of(one.reference).shape)
    assert set(np.unique(drawn)) == {0, avsbench.CLASSES.index("clarinet")} and avsbench.CLASSES[14] == "clarinet"
    wrong = one.reference.regions[0]
    wrong = type(wrong)(avsbench.CLASSES[15], wrong.box, wrong.mask)
    by_number = scores.pooled("localisation/avss", [one], [type(one.reference)("x", regions=(wrong,))])
    assert by_number["J"].total == pytest.approx(100) and by_number["mIoU_present"].total < 40, "one off is all wrong"
