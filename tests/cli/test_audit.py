"""lookhear audit, as a stranger runs it: the table, the card, and one line for every mistake."""

import json

import pytest

from lookhear.train.loop import train
from tests.train import world


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return world.make(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def model(root, tmp_path_factory):
    net = {"name": "video_only", "hidden": 24}
    return train(world.recipe(root, tmp_path_factory.mktemp("runs") / "seer", net, epochs=6), progress=False)


def asked(root):
    return ("--dataset", world.READER, "--root", root, "--split", "val", "--ways", 1)


def test_a_deaf_net_is_caught_and_the_card_is_written(model, root, lookhear, tmp_path):
    ran = lookhear("audit", model, *asked(root), "--out", tmp_path / "card")
    assert ran.code == 0, ran.err
    assert "The sound is not used: swapping it for another clip's changes not one of 24 answers" in ran.out
    assert {p.name for p in (tmp_path / "card").iterdir()} == {"audit.html", "audit.json", "audit.md"}
    card = json.loads((tmp_path / "card" / "audit.json").read_text())
    assert card["findings"]["sound"] == "not used" and card["card"]["model"] == "seer"
    assert card["overall"]["total"] == 24 and card["card"]["train"] == "train"


def test_json_is_one_object_and_limit_takes_whole_videos(model, root, lookhear):
    ran = lookhear("audit", model, *asked(root), "--limit", 4, "--train", "", "--json")
    assert ran.code == 0, ran.err
    card = json.loads(ran.out)
    assert (card["card"]["videos"], card["card"]["questions"]) == (4, 8)
    lines = {line["name"]: line for line in card["lines"]}
    assert lines["by_template"]["verdict"] == "not done" and lines["by_template"]["interval"] is None
    assert lines["swap_audio"]["interval"] == [0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--split", "tset"), "tset"),
        (("--limit", 1), "at least 2 videos"),
        (("--format", "word"), "word"),
        (("--dataset", "sounstage"), "Did you mean 'soundstage'"),
    ],
)
def test_bad_arguments_are_one_line(model, root, lookhear, options, message):
    ran = lookhear("audit", model, *asked(root), *options)
    assert ran.code == 2 and message in ran.err and ran.err.count("\n") == 1


def test_a_model_that_is_not_there(root, lookhear):
    ran = lookhear("audit", "no_such_run", *asked(root))
    assert ran.code == 2 and "No model called 'no_such_run'" in ran.err
