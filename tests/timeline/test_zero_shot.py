"""Label sets of datasets as classes heard and seen: the table is right, gaps are named, tasks are answered."""

import csv
import json

import pytest

from lookhear.datasets import ave, kinetics_sounds, llp, unav_100
from lookhear.encoders import efficientnet_lite
from lookhear.timeline import zero_shot
from lookhear.timeline.ontology import groups, sounds
from lookhear.timeline.scene import Scene
from lookhear.types import Clip, Example
from tests.conftest import shared
from tests.timeline.test_answers import clip  # noqa: F401  a fixture


def test_the_table_names_classes_that_exist():
    names, pictures = set(sounds().names), set(groups())
    if efficientnet_lite.NAMES.is_installed():
        pictures |= set(json.loads(efficientnet_lite.NAMES.path().read_text("utf-8")))
    for known in zero_shot.labels().values():
        assert set(known.heard) <= names, known
        assert set(known.seen) <= pictures or not efficientnet_lite.NAMES.is_installed(), known


@pytest.mark.parametrize(("module", "most"), [(ave, 0), (llp, 0), (unav_100, 7), (kinetics_sounds, 4)])
def test_what_has_no_counterpart_is_known(module, most):
    assert len(zero_shot.missing(module.LABELS)) <= most


@pytest.mark.parametrize("module", [ave, llp, unav_100, kinetics_sounds])
def test_every_label_is_in_the_table(module):
    listed = zero_shot.labels()
    assert [label for label in module.LABELS if label.lower().replace("_", " ") not in listed] == []


def test_every_label_of_vggsound_is_in_the_table():
    rows = csv.reader(shared("data", "vggsounder", "classes.csv").read_text("utf-8").splitlines()[1:])
    names = [row[2] for row in rows]
    assert len(names) == 309
    assert [name for name in names if name not in zero_shot.labels()] == []
    assert len(zero_shot.missing(names)) == 36


def test_tags_of_a_clip(clip):  # noqa: F811
    answer = zero_shot.tagged(Scene(clip), ("dog howling", "playing violin, fiddle", "playing erhu", "dog barking"))
    assert set(answer.scores) == {s.label for s in answer.segments}
    assert "playing violin, fiddle" in answer.text and "erhu" not in answer.text
    assert {s.stream for s in answer.segments} <= {"audio", "visual", "audio-visual"}
    assert list(answer.scores.values()) == sorted(answer.scores.values(), reverse=True)


def test_erhu_has_no_counterpart():
    assert "playing erhu" in zero_shot.missing(unav_100.LABELS)


def example(form: str, labels: tuple[str, ...]) -> Example:
    return Example("1", "event_localisation", Clip(None, None), "", meta={"form": form, "labels": labels})


def test_one_event_with_its_time(clip):  # noqa: F811
    answer = zero_shot.localised(Scene(clip), example("ave", ("Violin, fiddle", "Bark", "Truck")))
    assert answer.text in ("Violin, fiddle", "Bark")
    assert len(answer.segments) == 1


def test_events_of_streams(clip):  # noqa: F811
    answer = zero_shot.localised(Scene(clip), example("llp", ("Dog", "Violin_fiddle", "Car")))
    assert {(s.label, s.stream) for s in answer.segments} == {("Dog", "audio"), ("Violin_fiddle", "audio")}


def test_no_label_is_known():
    from lookhear.timeline.value import Timeline

    answer = zero_shot.classified(Scene(Timeline("x", 1.0)), ("stomping grapes",))
    assert answer.text == "cannot say"
