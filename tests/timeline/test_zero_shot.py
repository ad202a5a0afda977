"""Label sets of datasets as classes heard and seen: the table is right, gaps are named, tasks are answered."""

import pytest

from lookhear.datasets import ave, kinetics_sounds, llp, unav_100
from lookhear.timeline import zero_shot
from lookhear.timeline.ontology import groups, sounds
from lookhear.timeline.scene import Scene
from lookhear.types import Clip, Example
from tests.timeline.test_answers import clip  # noqa: F401  a fixture


def test_the_table_names_classes_that_exist():
    names, among = set(sounds().names), set(groups())
    for known in zero_shot.labels().values():
        assert set(known.heard) <= names, known
        for seen in known.seen:
            assert seen in among or seen in {
                "basketball",
                "ping-pong ball",
                "volleyball ball",
                "candle",
                "hatchet",
                "shovel",
            }


@pytest.mark.parametrize(("module", "most"), [(ave, 0), (llp, 0), (unav_100, 7), (kinetics_sounds, 4)])
def test_what_has_no_counterpart_is_known(module, most):
    assert len(zero_shot.missing(module.LABELS)) <= most


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
