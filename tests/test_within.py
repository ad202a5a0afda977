"""Notes about questions and answers that a trained model was never taught."""

import pytest

from lookhear.model import within

KNOWN = frozenset(within.words_of("Is there a violin in the video How many instruments"))


@pytest.mark.parametrize(
    ("question", "answer", "said"),
    [
        ("Is there a puppy in the video?", "yes", "puppy"),
        ("Is there a violin in the video?", "violin", "yes or no"),
        ("How many instruments", "yes", "a number"),
        ("Why?", "yes", "no such answer"),
    ],
)
def test_said(question, answer, said):
    assert said in " ".join(within.notes(question, answer, KNOWN, ("yes", "no", "two", "violin")))


def test_nothing_is_said_of_what_was_learned():
    assert within.notes("Is there a violin in the video?", "no", KNOWN, ("yes", "no")) == ()
    assert within.notes("How many instruments", "two", KNOWN, ("two",)) == ()


def test_words_are_kept(tmp_path):
    within.write(tmp_path, ["Is there a violin?"])
    assert within.read(tmp_path) == {"is", "there", "a", "violin"}
    assert within.read(tmp_path / "nowhere") == frozenset()
