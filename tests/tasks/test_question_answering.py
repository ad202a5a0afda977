"""How a model is asked, and what counts as its answer."""

import pytest

from lookhear.datasets import music_avqa
from lookhear.tasks import question_answering as task
from lookhear.types import Answer, Clip, Example

OPEN = Example("1", "question_answering", Clip(None, None), "How many instruments are sounding in the video")
CHOICE = Example(
    "2", "question_answering", Clip(None, None), "What is it?", meta={"options": ("a dog", "a cat", "cat hair")}
)


def test_the_question_gets_one_question_mark_and_its_answers():
    assert task.prompt(OPEN, ("yes", "no")) == (
        "How many instruments are sounding in the video?\nAnswer with one of: yes, no."
    )
    assert task.prompt(CHOICE).splitlines()[:3] == ["What is it?", "A. a dog", "B. a cat"]


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("two", "two"),
        ("Two.", "two"),
        ("2", "two"),
        ("There are 2 instruments.", "two"),
        ("First there is one, then another, so <answer> two </answer>.", "two"),
        ("More than ten", "more than ten"),
        ("ten", "ten"),
        ("an acoustic guitar", ""),  # the wrong kind
        ("I know nothing", ""),
        ("", ""),
    ],
)
def test_replies_with_a_vocabulary(reply, answer):
    found = task.parse(reply, OPEN, music_avqa.VOCABULARY)
    assert found.text == answer and found.raw == reply
    assert bool(found.notes) == (answer not in music_avqa.VOCABULARY)


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("B", "a cat"),
        ("(b)", "a cat"),
        ("B. a cat", "a cat"),
        ("Option C.", "cat hair"),
        ("It is a cat", "a cat"),
        ("cat hair", "cat hair"),
        ("<answer>A</answer>", "a dog"),
        ("A cat", "a cat"),
        ("D", ""),
    ],
)
def test_replies_with_options(reply, answer):
    assert task.parse(reply, CHOICE).text == answer


def test_what_cannot_be_read_says_why():
    assert task.parse("Two or three", OPEN, music_avqa.VOCABULARY).notes == ("not read: the reply is ambiguous",)
    assert task.parse("<think>two", OPEN, music_avqa.VOCABULARY).notes == (
        "not read: the reply ends inside its reasoning",
    )


def test_an_open_question_takes_the_reply():
    assert task.parse(" A bird sings. ", OPEN).text == "A bird sings"
    assert task.score([Answer("a"), Answer("b")], [Answer("a"), Answer("a")]) == {"accuracy": 50.0, "unread": 0.0}
