"""Questions that compare hearing with seeing, and those about pauses, on a timeline with known times."""

from dataclasses import replace

import numpy as np
import pytest

from lookhear.timeline import decide
from lookhear.timeline.answers import answer
from lookhear.timeline.ontology import groups, sounds
from lookhear.timeline.value import Timeline, Track

STEP, ROWS = 0.48, 42


def made(**heard: slice) -> Timeline:
    """A clip of twenty seconds in which a class is heard in the given rows; a dog is seen in its second half."""
    scores = np.full((ROWS, 521), 1e-4, np.float32)
    for name, rows in heard.items():
        scores[rows, sounds().names.index(name)] = 0.95
    seen = np.full((20, 1000), 1e-6, np.float32)
    seen[:10, 999], seen[10:, min(groups()["dog"].classes)] = 0.98, 0.98
    names = tuple(f"class {i}" for i in range(1000))
    track = Track(sounds().names, np.arange(ROWS) * STEP, 0.96, scores)
    ranked = {"heard": decide.ranked_heard(track)}
    return Timeline("made up", 20.0, loudness=(-20.0,) * 20, frames=20, ranked=ranked, heard=track,
                    seen=Track(names, np.arange(20.0), 1.0, seen))  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "text"), [(slice(0, 16), "no"), (slice(24, 42), "yes"), (slice(0, 0), "no"), (slice(0, 42), "yes")]
)
def test_heard_while_it_is_seen(rows, text):
    assert answer(made(Dog=rows), "Is a dog heard while it is seen?").text == text


def test_what_is_only_seen_does_not_bark():
    silent = made()
    assert answer(silent, "Is there a dog?").text == "yes"
    assert answer(silent, "Does the dog bark?").text == "no"
    assert answer(made(Dog=slice(0, 42)), "Does the dog bark?").text == "yes"


@pytest.mark.parametrize(
    ("question", "text", "sure"),
    [
        ("Do you see a cat?", "no", False),
        ("Is a dog visible but no cat?", "yes", False),
        ("Do you see a horse or a cat?", "neither", False),
        ("Do you hear a cat?", "no", True),
        ("Do you see a dog?", "yes", True),
    ],
)
def test_a_classifier_of_pictures_is_not_sure_of_absence(question, text, sure):
    found = answer(made(Music=slice(0, 42)), question)
    assert found.text == text and (found.scores[text] > 0.8) is sure


@pytest.mark.parametrize(("rows", "text"), [(slice(0, 42), "no"), (slice(0, 20), "yes")])
def test_whether_it_stops(rows, text):
    assert answer(made(Music=rows), "Does the music ever stop?").text == text


@pytest.mark.parametrize(("rows", "text"), [(slice(20, 42), "yes"), (slice(0, 30), "no")])
def test_whether_it_lasts_until_the_end(rows, text):
    assert answer(made(Music=rows), "Does the music go on until the end?").text == text


@pytest.mark.parametrize(
    ("question", "none", "two"),
    [("How many cuts are there?", "zero", "two"), ("Are there any cuts?", "no", "yes"),
     ("When are the cuts?", "cannot say", "5 s, 7.25 s")],
)  # fmt: skip
def test_cuts(question, none, two):
    assert answer(made(), question).text == none
    assert answer(replace(made(), cuts=(5.0, 7.25)), question).text == two


def test_a_choice_of_what_is_done():
    barks = made(Dog=slice(0, 42), Bark=slice(0, 42))
    assert answer(barks, "Is the dog barking or howling?").text == "bark"
    assert answer(barks, "Is the dog singing or howling?").text == "cannot say"
