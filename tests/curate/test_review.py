"""Review sheets: read, judged, agreed upon."""

import json

import pytest

from lookhear.curate.review import Review, Sheet, alpha
from lookhear.errors import DatasetError

ITEMS = [
    {"id": "1", "clip": "a.mp4", "task": "qa", "prompt": "Who?", "reply": "The flute.", "label": "flute", "seed": 3},
    {"id": "2", "reply": "Two.", "verdict": "reject", "reviewer": "old", "time": 5},
]


@pytest.fixture
def sheet(tmp_path):
    path = tmp_path / "sheet.jsonl"
    path.write_text("".join(json.dumps(item) + "\n" for item in ITEMS))
    return path


def test_reviews_are_kept_and_read_again(sheet):
    one = Sheet(sheet)
    assert one.items["1"].more == {"seed": 3} and one.outcome("2") == ("reject", "Two.")
    one.add(Review("1", "ann", "accept"))
    one.add(Review("1", "ann", "edit", "The flute plays."))
    one.add(Review("1", "bob", "edit", "It is the flute."))
    again = Sheet(sheet)
    assert again.outcome("1") == ("edit", "It is the flute.") and again.accepted() == {"1": "It is the flute."}
    assert again.reviews["1"]["ann"].verdict == "edit" and again.reviews["1"]["ann"].time > 0


def test_a_torn_line_costs_itself_alone(sheet):
    one = Sheet(sheet)
    one.add(Review("1", "ann", "accept"))
    with one.journal.open("a") as file:
        file.write('{"id": "1", "revie')
    one.add(Review("2", "ann", "reject"))
    assert {id: set(some) for id, some in Sheet(sheet).reviews.items()} == {"1": {"ann"}, "2": {"old", "ann"}}


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[]", "an object"),
        ("{", "not JSON"),
        ('{"reply": "x"}', "no 'id'"),
        ('{"id": "1", "reply": "x"}', "twice"),
        ('{"id": "3", "reply": "x", "verdict": "maybe"}', "none of"),
    ],
)
def test_what_is_no_item_is_said(sheet, line, says):
    with sheet.open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DatasetError, match=says):
        Sheet(sheet)


@pytest.mark.parametrize("review", [("9", "ann", "accept", ""), ("1", "ann", "edit", " "), ("1", " ", "accept", "")])
def test_what_is_no_review_is_refused(sheet, review):
    with pytest.raises(DatasetError):
        Sheet(sheet).add(Review(*review))


def test_agreement_is_krippendorffs():
    # worked by hand: two coders, four items, one disagreement; totals 5 and 3 of 8: 1 - 7 * 2 / (2 * 15)
    assert alpha([["accept"] * 2, ["accept"] * 2, ["reject"] * 2, ["accept", "reject"]]) == pytest.approx(
        1 - 7 * 2 / 30, abs=1e-4
    )
    assert alpha([["accept", "reject"], ["reject", "accept"]]) < 0 and alpha([["accept", "accept"]]) is None
    assert alpha([]) is None
