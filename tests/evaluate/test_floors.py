"""The floors: what the question alone gives away."""

import pytest

from lookhear.errors import LookhearError
from lookhear.evaluate import floors
from lookhear.types import Answer, Clip, Example


def asked(template: str, said: str, question: str = "", kind: tuple[str, ...] = ("Audio", "Counting")) -> Example:
    return Example("q", "t", Clip(None, None), question or template, Answer(said), kind, {"template": template})


TRAIN = [
    asked("Is there a <Object> sound?", "yes", "Is there a cello sound"),
    asked("Is there a <Object> sound?", "yes", "Is there a drum sound"),
    asked("Is there a <Object> sound?", "no", "Is there a tuba sound"),
    asked("How many?", "two"),
]


def test_by_template_and_by_question():
    test = [asked("Is there a <Object> sound?", "no", "Is there a tuba sound")]
    assert floors.most_frequent(TRAIN, test)[0].text == "yes"
    assert floors.most_frequent(TRAIN, test, by="question")[0].text == "no"
    assert floors.most_frequent(TRAIN, test)[0].scores == pytest.approx({"yes": 2 / 3, "no": 1 / 3})


def test_what_was_never_asked_falls_back():
    unseen = asked("What is it?", "flute")
    assert floors.most_frequent(TRAIN, [unseen])[0].text == "yes"
    other = asked("What is it?", "flute", kind=("Visual", "Location"))
    assert floors.most_frequent(TRAIN, [other])[0].text == "yes"


def test_chance_counts_the_answers_a_template_has():
    test = [asked("Is there a <Object> sound?", "no"), asked("How many?", "three")]
    assert floors.chance(TRAIN, test) == {"Overall": 25.0, "Audio": 25.0, "Audio/Counting": 25.0}


def test_nothing_to_learn_from_is_an_error():
    with pytest.raises(LookhearError, match="No training question"):
        floors.most_frequent([], TRAIN)
    with pytest.raises(LookhearError, match="Did you mean 'template'"):
        floors.most_frequent(TRAIN, TRAIN, by="templates")
