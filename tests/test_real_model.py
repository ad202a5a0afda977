"""The model real at the waist: options, tasks, a reader of timelines, and what it says of what it cannot do."""

import pytest

from lookhear.errors import ModelError
from lookhear.model import readers
from lookhear.model.real import RealModel
from lookhear.tasks import UNREAD
from lookhear.timeline import reading
from lookhear.types import Clip, Example, Reply, Source
from tests.timeline.test_answers import clip as timeline  # noqa: F401  a fixture

HERE = Clip(Source("a"), Source("a"))


def asking(timeline, reader=None) -> RealModel:  # noqa: F811
    model = RealModel(reader=reader, name="real+test" if reader else "real")
    model.timeline = lambda clip: timeline
    return model


def example(question: str, task: str = "question_answering", **meta) -> Example:
    return Example("1", task, HERE, question, meta=meta)


def test_options_and_tasks(timeline):  # noqa: F811
    model = asking(timeline)
    watched = model.watch([HERE])
    (one,) = model.answer(watched, [example("What is heard?", options=("a cat", "a dog"))])
    assert one.text == "a dog"
    (other,) = model.answer(watched, [example("", "captioning")])
    assert other.text == ""
    assert other.notes[0].startswith(UNREAD)  # counted as not read, not scored as words
    with pytest.raises(ModelError, match="not watched"):
        model.answer(watched, [Example("2", "question_answering", Clip(None, None), "What?")])


def test_a_reader_answers_what_programs_cannot(timeline):  # noqa: F811
    asked = []

    def reader(prompts):
        asked.extend(prompts)
        return [Reply("It guards the house [1]")]

    model = asking(timeline, reader)
    watched = model.watch([HERE])
    (why,) = model.answer(watched, [example("Why does the dog bark")])
    assert why.text == "It guards the house"
    assert len(why.segments) == 1
    assert "violin" in asked[0]
    (known,) = model.answer(watched, [example("Do you hear a dog")])
    assert known.text == "yes"
    assert len(asked) == 1


def test_a_reader_that_does_not_know_leaves_the_reason(timeline):  # noqa: F811
    model = asking(timeline, lambda prompts: [Reply("Cannot say.")])
    (answer,) = model.answer(model.watch([HERE]), [example("Why does the dog bark")])
    assert answer.text == "cannot say"
    assert len(answer.notes) >= 2


def test_citations_become_events(timeline):  # noqa: F811
    segments, _ = reading.cited(timeline, "Answer: a dog [1] [99] [1]")
    assert len(segments) == 1
    assert reading.without_citations("Answer: a dog [1].\nBecause …") == "a dog"


def test_no_reader_of_that_name():
    with pytest.raises(ModelError, match="No reader"):
        readers.reader("nobody")
