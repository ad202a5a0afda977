"""Questions for yes or no: what they deny, and what labels cannot confirm."""

import pytest

from lookhear.timeline import wording
from lookhear.timeline.answers import CANNOT, answer
from lookhear.timeline.grammar import read
from tests.timeline.test_answers import clip  # noqa: F401  the made-up timeline: a violin, then a dog


@pytest.mark.parametrize(
    ("question", "plain"),
    [
        ("Could you please tell me whether someone speaks here?", "someone speaks here"),
        ("There is no barking, right?", "is there no barking"),
        ("In this video, what do you hear, please?", "what do you hear"),
        ("Isn't there a dog?", "is there a dog"),
        ("I'd like to know if a dog barks.", "a dog barks"),
    ],
)
def test_politeness_is_taken_off(question, plain):
    assert wording.plain(question).text == plain


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Is there no helicopter?", "yes"),
        ("Is there no dog?", "no"),
        ("Is it a dog and not a helicopter?", "yes"),
        ("Is it a dog or a trumpet?", "dog"),
        ("Do you hear a siren or a helicopter?", "neither"),
        ("Somebody wants to know whether a dog barks", "yes"),
        ("There is a dog, isn't there?", "yes"),
        ("Isn't there a violin?", "yes"),
        ("Is a violinist playing?", "yes"),
        ("Is nobody playing the violin?", "no"),
        ("Can dogs be heard?", "yes"),
        ("Is there a red helicopter?", "no"),
        ("Is the clip 20 seconds long, and is there a dog?", "yes"),
    ],
)
def test_answered(clip, question, text):  # noqa: F811
    assert answer(clip, question).text == text


@pytest.mark.parametrize(
    "question",
    [
        "Is the dog happy?",
        "Is there a small brown dog?",
        "Is the violin out of tune?",
        "Is the violinist a woman?",
        "Is the music too loud?",
        "Is the dog near or far?",
        "Is there a dog on the roof?",
        "How fast is the dog?",
    ],
)
def test_what_a_thing_is_like_is_not_told(clip, question):  # noqa: F811
    assert answer(clip, question).text == CANNOT


def test_or_with_yes_and_no_as_options_is_a_yes(clip):  # noqa: F811
    assert answer(clip, "Do you hear a dog or a helicopter?", ("yes", "no")).text == "yes"
    assert answer(clip, "Do you hear a dog or a helicopter?").text == "dog"


@pytest.mark.parametrize(
    "question", ["", "?", "is", "or or or", "is the", "no no no", "a " * 400, "is it a or b " * 60]
)
def test_odd_questions_are_read(question):
    assert read(question).program is not None
