"""What stands beside a score: the reply of nothing, the blind floor, the published rule, what was not read; a judge."""

import json
import sys

import pytest
import torch

from lookhear.evaluate import beside, judge
from lookhear.evaluate.report import report
from lookhear.ledger import Ledger
from lookhear.llms import endpoint
from lookhear.types import Answer, Clip, Example, Segment, Source


def example(n, reference, task="question_answering", question="Who?", **meta):
    source = Source(f"v{n}")
    return Example(str(n), task, Clip(source, source), question, reference, meta={"video_id": f"v{n}", **meta})


def test_a_reply_of_nothing_has_its_row():
    """Half of the seconds hold no event: naming none gets these right."""
    references = [Answer("Bark", segments=(Segment("Bark", 0, 5),)) for _ in range(8)]
    examples = [example(n, r, "event_localisation", form="ave", labels=("Bark",)) for n, r in enumerate(references)]
    whole = report(examples, [Answer(raw="qwerty", notes=("not read: the reply names no event",))] * 8)
    measured = whole.metrics["event_localisation/ave"]["accuracy"]
    assert (
        measured.value == measured.mute == 50
        and whole.to_json()["metrics"]["event_localisation/ave"]["accuracy"]["mute"] == 50
    )
    table = whole.table()
    assert "mute" in table and "not read: 8 of 8" in table and "'qwerty'" in table
    right = report(examples, references)
    assert right.metrics["event_localisation/ave"]["accuracy"].value == 100 and "not read" not in right.table()


def test_the_floor_and_the_rule_stand_below_the_table():
    options = ("a dog", "a cat", "a cow", "a hen with much more to say")
    examples = [example(n, Answer(options[3]), options=options, place=3) for n in range(30)]
    answers = [Answer(options[3], raw="The answer is D.")] * 20 + [
        Answer(raw="A or B", notes=("not read: the reply is ambiguous",))
    ] * 10
    card = beside.of(examples, answers, "daily_omni")
    assert (
        card["blind"]["question_answering"]["value"] == 100
        and card["official"][0]["right"] == 0
        and card["official"][0]["counted"] == 30
    )
    table = report(examples, answers, card).table()
    assert (
        "blind floor" in table
        and "daily_omni/api: 0.00 (0 of 30)" in table
        and "10 the reply is ambiguous: 'A or B'" in table
    )
    assert beside.of(examples, [Answer(options[3])] * 30, "daily_omni").keys() == {"blind"}  # no replies, no rule
    assert "each scores as an empty one (question_answering accuracy 0.00)" in table
    assert "blind floor" not in report(examples, answers, card).table("csv")
    assert "\n% blind floor, without picture" in report(examples, answers, card).table("latex")


@pytest.mark.parametrize("meta", [{}, {"options": ("a dog", "a cat"), "place": 0}, {"labels": ("yes", "no")}])
def test_without_scikit_learn_the_scores_stand_and_the_table_says_what_is_missing(monkeypatch, meta):
    for module in ("sklearn", "sklearn.model_selection", "sklearn.linear_model", "sklearn.feature_extraction.text"):
        monkeypatch.setitem(sys.modules, module, None)
    said = ("yes", "no") if "labels" in meta else ("a dog", "a dog")
    examples = [example(n, Answer(said[n % 2]), **meta) for n in range(12)]
    answers = [e.reference for e in examples]
    whole = report(examples, answers, beside.of(examples, answers, "music_avqa"))
    assert whole.overall.accuracy == 100
    assert "no blind floor: A blind floor needs scikit-learn" in whole.table()


def test_a_card_of_an_earlier_version_has_no_floor():
    examples = [example(n, Answer("a dog")) for n in range(3)]
    old = {"blind": {"floor": "shape", "accuracy": 45.0, "interval": [40.0, 50.0]}}
    assert "blind floor" not in report(examples, [Answer("a dog")] * 3, old).table()


@pytest.mark.parametrize("verdict", ["Yes.", "no", "I cannot say."])
def test_verdicts_are_kept(tmp_path, verdict):
    examples = [example(n, Answer("a dog")) for n in range(3)] + [example(9, Answer("a dog"), options=("a dog", "b"))]
    answers = [Answer("the dog", raw="the dog"), Answer("a dog"), Answer(""), Answer("b")]
    asked = []

    def ask(prompts):
        asked.extend(prompts)
        return [verdict] * len(prompts)

    for _ in range(2):
        with Ledger(tmp_path / "judge.jsonl") as verdicts:
            found, card = judge.judged(examples, answers, ask, "judge", verdicts)
    assert len(asked) == 1 and "<reply>the dog</reply>" in asked[0]  # neither the equal, the empty nor the lettered one
    assert (found[0].text == "a dog") == (verdict == "Yes.") and found[0].raw == "the dog" and found[1:] == answers[1:]
    assert card == {"model": "judge", "asked": 1, "right": verdict == "Yes.", "unread": verdict == "I cannot say."}
    assert json.loads((tmp_path / "judge.jsonl").read_text().splitlines()[1])


def test_points_of_a_rubric(tmp_path):
    """0 if the answer is wrong, else the share of the points made, at least one of them; each is asked once."""
    points = ("a bark is heard", "a dog is seen", "it comes first", "it is loud", "no cat is there")
    examples = [example(n, Answer("a dog"), rubric=points) for n in range(3)] + [example(9, Answer("a dog"))]
    answers = [
        Answer("a dog", raw="A bark. A dog."),
        Answer("a dog", raw="It is a dog."),
        Answer("a cat", raw="A cat."),
        Answer("a dog"),
    ]
    asked = []

    def ask(prompts):
        asked.extend(prompts)
        return ["yes" if "A bark." in p and ("bark is" in p or "dog is" in p) else "no" for p in prompts]

    for _ in range(2):
        with Ledger(tmp_path / "judge.jsonl") as verdicts:
            entry = judge.rubrics(examples, answers, ask, "judge", verdicts)
    assert len(asked) == 10 and all("Point: " in prompt for prompt in asked)
    assert entry == {"model": "judge", "questions": 3, "right": 2, "score": pytest.approx(20), "unread": 0}
    assert "points of reasoning, judged by judge: 20.00 (2 of 3 answers right, others 0)" in "\n".join(
        beside.lines({"rubrics": entry}, answers, {})
    )
    with Ledger(tmp_path / "other.jsonl") as verdicts:
        assert judge.rubrics(examples[3:], answers[3:], ask, "judge", verdicts) == {}


def test_verdicts_of_other_weights_are_not_reused():
    """A judge behind an address is known by its name; one on this machine by its weights too."""

    class Local:
        def __init__(self, bias):
            self.model = torch.nn.Linear(2, 2)
            torch.nn.init.constant_(self.model.weight, bias)
            torch.nn.init.constant_(self.model.bias, bias)

    assert judge.identity("runs/mine", Local(0)) == judge.identity("runs/mine", Local(0))
    assert judge.identity("runs/mine", Local(0)) != judge.identity("runs/mine", Local(1))
    server = endpoint.load("http://127.0.0.1:9/v1")
    assert judge.identity("endpoint@http://127.0.0.1:9/v1", server) == "endpoint@http://127.0.0.1:9/v1"
