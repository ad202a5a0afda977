"""Blind floors of open answers: what is known of them from other videos alone."""

import numpy as np
import pytest

from lookhear.evaluate import beside, many
from lookhear.evaluate.lint import blind
from lookhear.evaluate.report import report
from lookhear.types import Answer, Clip, Example, Region, Segment, Source
from tests.conftest import shared


def example(n, reference, task="question_answering", question="Who?", **meta):
    source = Source(f"v{n}")
    return Example(str(n), task, Clip(source, source), question, reference, meta={"video_id": f"v{n}", **meta})


def test_answers_that_the_question_gives_away():
    words = ("violin", "two")
    questions = ("Which instrument is it?", "How many are there?")
    rows = [example(n, Answer(words[n % 2]), question=questions[n % 2]) for n in range(40)]
    found = blind.by_kind(rows)["question_answering"]
    assert found["question_words"].value == found["same_question"].value == 100
    assert found["frequent_answer"].value <= 50 and "same_template" not in found


def test_the_same_template():
    rows = [
        example(n, Answer(("yes", "no")[n % 2]), question=f"Is there a {n}?", template=f"T{n % 2}") for n in range(20)
    ]
    found = blind.by_kind(rows)["question_answering"]
    assert found["same_template"].value == 100 and found["same_question"].value == 100, "an unseen question falls back"


def test_no_answer_is_guessed_from_its_own_video():
    """Every video has an answer of its own, to the same question: nothing can be known."""
    rows = [example(n // 4, Answer(f"name {n // 4}")) for n in range(40)]
    assert {floor.value for floor in blind.by_kind(rows)["question_answering"].values()} == {0}


def test_one_reply_for_all():
    """Nine of ten barks are in the first half: its reference scores best wherever it is given."""
    when = [(0, 5)] * 18 + [(5, 10)] * 2
    rows = [
        example(n, Answer("Bark", segments=(Segment("Bark", *w),)), "event_localisation", form="ave", labels=("Bark",))
        for n, w in enumerate(when)
    ]
    floor = blind.by_kind(rows)["event_localisation/ave"]["constant_reply"]
    assert floor.metric == "accuracy" and floor.value == pytest.approx(90)
    card = beside.of(rows, [Answer()] * 20, "ave")
    found = report(rows, [Answer()] * 20, card)
    assert "blind floor, without picture and sound (constant_reply): 90.00 (" in found.table()
    row = many.rows({many.Asked("ave", "test", None): found}, "mine")
    assert set(row[many.BLIND].values()) == {"90.00"} and set(row[many.MUTE].values()) == {"50.00"}


def test_captions_and_boxes():
    captions = [example(n, Answer("A dog barks."), "captioning") for n in range(10)]
    assert blind.by_kind(captions)["captioning"]["constant_reply"].metric == "cider_d"
    box = (0.25, 0.25, 0.75, 0.75)
    boxes = [example(n, Answer("dog", regions=(Region("dog", box),)), "localisation", form="arig") for n in range(10)]
    assert blind.by_kind(boxes)["localisation/arig"]["constant_reply"].value == pytest.approx(100)


def test_forms_of_one_kind_are_apart_and_those_of_several_kinds_together():
    rng = np.random.default_rng(0)
    some = [example(n, Answer(str(rng.choice(("a", "b")))), options=("a", "b")) for n in range(10)]
    closed = [
        example(n, Answer("yes"), labels=("yes", "no"), question=f"{k}?", form=f"yes_no {k}")
        for n in range(10)
        for k in "ab"
    ]
    found = blind.by_kind([*some, *closed, *(example(n, Answer("x")) for n in range(10))])
    assert list(found) == [
        *("question_answering, options", "question_answering, open answers"),
        *("question_answering/yes_no a", "question_answering/yes_no b", "yes or no"),
    ]
    assert found["yes or no"]["always_yes"].value == 100


def test_too_few_videos_have_no_floor():
    rows = [example(n, Answer("two")) for n in range(4)]
    card = beside.of(rows, [Answer()] * 4, "x")
    assert blind.by_kind(rows) == card["blind"] == {}
    assert (
        "no blind floor: fewer than 5 videos, or references without masks" in report(rows, [Answer()] * 4, card).table()
    )


def test_lint_prints_the_empty_reply_and_the_constant_one(lookhear):
    ran = lookhear("lint", "ave", "--root", shared("data/ave"), "--resamples", 20)
    rows = {line.split()[0]: float(line.split()[1]) for line in ran.out.splitlines() if "_reply" in line}
    assert "event_localisation/ave  accuracy" in ran.out and rows["empty_reply"] == 17.79
    assert rows["constant_reply"] == 17.79, "no event named for all clips scores more than naming none"


def test_references_without_masks_have_no_floor():
    rows = [example(n, Answer("dog"), "localisation", form="s4") for n in range(10)]
    assert blind.by_kind(rows) == {}
