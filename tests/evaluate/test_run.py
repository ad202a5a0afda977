"""Evaluation: in order, clip by clip, and what cannot be read is counted."""

import pytest

from lookhear.errors import MediaError
from lookhear.evaluate.run import run, unanswered
from lookhear.types import Answer, Clip, Example, Source

CLIPS = [Clip(Source(f"v{i}"), Source(f"v{i}")) for i in range(5)]
EXAMPLES = [Example(f"q{i}", "question_answering", CLIPS[i * 2 % 5], f"what {i}", Answer("x")) for i in range(13)]


class Parrot:
    """Answers with clip and question; chokes on some clips."""

    name = "parrot"

    def __init__(self, broken=(), together=99):
        self.broken, self.together, self.watched = broken, together, []

    def watch(self, clips):
        if len(clips) > self.together:
            raise MediaError("they differ in length")
        for clip in clips:
            if clip.id in self.broken:
                raise MediaError(f"{clip.id} is broken")
        self.watched += [c.id for c in clips]
        return tuple(clips)

    def answer(self, watched, examples):
        assert all(e.clip in watched for e in examples)
        return [Answer(f"{e.clip.id} {e.question}") for e in examples]


@pytest.mark.parametrize("clips", [1, 2, 16])
def test_every_question_in_order_every_clip_once(clips):
    model, seen = Parrot(), []
    answers = run(model, EXAMPLES, clips=clips, progress=lambda done, total: seen.append((done, total)))
    assert [a.text for a in answers] == [f"{e.clip.id} {e.question}" for e in EXAMPLES]
    assert sorted(model.watched) == sorted(c.id for c in CLIPS)
    assert seen[-1] == (13, 13)
    assert unanswered(EXAMPLES, answers) == {}


def test_a_broken_clip_is_counted_and_the_rest_is_done():
    answers = run(Parrot(broken=["v2"]), EXAMPLES, clips=3)
    assert unanswered(EXAMPLES, answers) == {"v2": "v2 is broken"}
    for example, answer in zip(EXAMPLES, answers, strict=True):
        assert (answer.text == "") == (example.clip.id == "v2")


def test_clips_that_cannot_be_watched_together_are_watched_alone():
    model = Parrot(together=1)
    assert unanswered(EXAMPLES, run(model, EXAMPLES, clips=4)) == {}
    assert sorted(model.watched) == sorted(c.id for c in CLIPS)


def test_where_nothing_can_be_read_the_error_is_raised():
    with pytest.raises(MediaError, match="is broken"):
        run(Parrot(broken=[c.id for c in CLIPS]), EXAMPLES)


def test_no_questions_no_answers():
    assert run(Parrot(), []) == []
