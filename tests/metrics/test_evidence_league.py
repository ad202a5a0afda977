"""Right, at the right time, through the right sense: the league's numbers by hand, and what shuffling is worth."""

import pytest

from lookhear import datasets, tasks
from lookhear.metrics import evidence
from lookhear.pooled import totals
from lookhear.tasks.reading.evidence import parse
from lookhear.types import Answer, Clip, Evidence, Example, Segment
from tests.conftest import shared


def said(text, *segments):
    return Answer(text, segments=tuple(Segment(text, a, b, stream) for a, b, stream in segments))


def test_iou_tells_senses_apart():
    heard, seen = said("x", (2, 6, "audio")).segments, said("x", (2, 6, "visual")).segments
    both = said("x", (4, 8, "audio-visual")).segments
    assert evidence.iou(heard, heard) == 1 and evidence.iou(heard, seen) == 0 and evidence.iou((), heard) == 0
    assert evidence.iou(heard, both) == pytest.approx(2 / (4 + 4 + 4 - 2))
    assert evidence.iou(said("x", (3, 3, "audio")).segments, said("x", (3, 4, "audio")).segments) == 1


def test_a_right_answer_needs_its_evidence():
    references = [said("a", (10 * n, 10 * n + 2, "audio")) for n in range(8)] + [Answer("a")]
    answers = [*references[:4], *(Answer("a"),) * 3, said("b", (70, 72, "audio")), Answer("a")]
    found = totals(evidence.pooled(answers, references))
    assert found["evidence_iou"] == pytest.approx(62.5) and found["grounded"] == 50 and found["sense"] == 62.5
    assert found["grounded_shuffled"] == 0 and found["sense_shuffled"] == 62.5  # all are heard: naming it is worth that
    assert evidence.pooled([Answer("a")], [Answer("a")]) == {}


@pytest.mark.parametrize(
    ("reply", "segments"),
    [
        ("B\nheard 1:39-1:42\nseen 1:42", [("audio", 99, 102), ("visual", 102, 103)]),
        ("B. She is seen at 0:05 and heard from 7 to 9 seconds.", [("visual", 5, 6), ("audio", 7, 9)]),
        ("B at 0:05", []),
        ("<think>heard 0:01</think>B\nheard at 0:30", [("audio", 30, 31)]),
        ("", []),
    ],
)
def test_what_a_reply_says_of_when(reply, segments):
    assert [(s.stream, s.start, s.end) for s in parse(reply)] == segments


def test_questions_with_evidence_ask_for_it_and_read_it():
    meta = {"options": ("a dog", "a cat"), "form": "evidence"}
    example = Example("1", "question_answering", Clip(None, None), "What barks?", Answer("a dog"), meta=meta)
    task = tasks.find("question_answering")
    assert "heard 0:12-0:15" in task.prompt(example)
    answer = task.parse("A\nheard 0:12-0:15", example)
    assert answer.text == "a dog" and answer.segments == (Segment("a dog", 12, 15, "audio"),)
    yes = Example(
        "2", "question_answering", Clip(None, None), "Is it so?", Answer("yes"), meta={"labels": ("yes", "no")}
    )
    assert task.prompt(yes).endswith("Answer yes or no.") and task.parse("Nope", yes, ("yes", "two")).text == "no"
    numbers = task.score([Answer("yes"), Answer("no"), Answer("")], [Answer("yes")] * 3, "yes_no x")
    assert numbers["recall"] == pytest.approx(100 / 3) and numbers["precision"] == 100 and numbers["f1"] == 50


@pytest.mark.parametrize(("name", "split", "asked"), [("ave", "test", 402), ("unav_100", "test", None)])
def test_sets_of_dated_events_ask_for_them(name, split, asked):
    root = shared("data/" + {"ave": "ave", "unav_100": "unav100"}[name])
    plain, dated = datasets.load(name, root, split), datasets.load(f"{name}@evidence", root, split)
    single = [e for e in plain if len({s.label for s in e.reference.segments}) == 1]
    assert [e.reference for e in dated] == [e.reference for e in single] and asked in (None, len(dated))
    example = dated[0]
    prompt = tasks.find(example.task).prompt(example)
    assert example.question in prompt and "heard 0:12-0:15" in prompt
    assert all(label in prompt for label in example.meta["labels"]) and ("; " in prompt) == (name == "ave")
    reply = tasks.find(example.task).target(example)
    answer = tasks.find(example.task).parse(reply, example)
    found = tasks.find(example.task).score([answer], [example.reference], "evidence")
    assert found["accuracy"] == found["evidence_iou"] == found["grounded"] == 100


def test_a_networks_evidence_is_where_it_looks_and_listens_most():
    looked = Answer("a", evidence=Evidence((0.25, 0.25, 0.25, 0.25), (0.1, 0.7, 0.1, 0.1), {}))
    found = totals(evidence.pooled([looked], [said("a", (1, 2, "audio"))]))
    assert found["grounded"] == found["sense"] == 100
