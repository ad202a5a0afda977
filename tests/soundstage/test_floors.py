"""What saying one thing of every clip is worth: between nothing and everything, and exactly so on made-up cases."""

import pytest

from lookhear.errors import DatasetError
from lookhear.soundstage.tasks.floors import TASKS, floors
from lookhear.types import Answer, Clip, Example, Region, Segment


def example(text, **meta):
    parts = {"segments": meta.pop("segments", ()), "regions": meta.pop("regions", ())}
    return Example("1", "", Clip(None, None), "", Answer(text, **parts), meta=meta)


def test_words():
    some = [example(word, labels=("yes", "no")) for word in ("yes", "yes", "no", "no", "no")]
    found = floors("cross_modal_matching", some)
    assert found == {"majority": {"accuracy": 60.0}, "chance": {"accuracy": 50.0}}
    other = [example("yes", labels=("yes", "no"))]
    assert floors("cross_modal_matching", some, other)["majority"]["accuracy"] == 40.0, "learnt elsewhere"


def test_questions_are_guessed_by_template():
    some = [
        example(a, template=t) for a, t in (("yes", "Is?"), ("yes", "Is?"), ("two", "How many?"), ("one", "How many?"))
    ]
    assert floors("question_answering", some) == {"majority": {"accuracy": 75.0}, "chance": {"accuracy": 75.0}}


def test_events():
    some = [example("flute", segments=(Segment("flute", 0, end),), form="ave") for end in (10, 5)]
    assert floors("event_localisation", some) == {"majority": {"accuracy": 75.0}}
    streams = [
        example("flute", segments=(Segment("flute", 0, 10, "audio"), Segment("tuba", 0, 10, "visual")), form="llp")
    ]
    assert set(floors("event_localisation", streams)["majority"].values()) == {100.0}


def test_places():
    boxes = [(0.0, 0.0, 0.5, 1.0), (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)]
    some = [example("x", regions=(Region("x", box),), form="arig") for box in boxes]
    assert floors("localisation", some)["majority"] == {
        "iou": pytest.approx(200 / 3),
        "success": pytest.approx(200 / 3),
    }
    null = [*some, example("", form="ref_avs")]
    assert floors("localisation", null)["majority"]["there"] == 75.0


def test_captions_and_what_has_no_floor():
    some = [example("a flute plays"), example("a flute sounds"), example("nobody")]
    assert 0 < floors("captioning", some)["majority"]["rouge_l"] < 100
    assert len(TASKS) == 7
    with pytest.raises(DatasetError, match="No floors for task 'dancing'"):
        floors("dancing", some)
    with pytest.raises(DatasetError, match="no floor"):
        floors("captioning", [])
