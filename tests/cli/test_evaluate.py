"""lookhear evaluate: the table, the report, probes; what cannot be read is listed and makes exit code 1."""

import json
from itertools import pairwise

import pytest

from lookhear.train.loop import train
from tests.train import world


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return world.make(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def model(root, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "pooled"
    return train(world.recipe(root, out, epochs=15), progress=False)


def asked(root):
    return ("--dataset", world.READER, "--root", root, "--split", "val")


def test_the_report_is_printed_and_saved(model, root, lookhear, tmp_path):
    ran = lookhear("evaluate", model, *asked(root), "--out", tmp_path / "out", "--json")
    assert ran.code == 0, ran.err
    said = json.loads(ran.out)
    assert said["overall"]["total"] == 24 and said["overall"]["accuracy"] > 50
    assert said["card"]["model"] == "pooled" and said["card"]["split"] == "val"
    assert json.loads((tmp_path / "out" / "report.json").read_text()) == said
    assert len((tmp_path / "out" / "answers.jsonl").read_text().splitlines()) == 24
    assert "Audio" in (tmp_path / "out" / "table.md").read_text()
    table = lookhear("evaluate", model, *asked(root)).out
    assert f"{said['overall']['accuracy']:.2f}" in table


def test_a_probe_takes_something_away(model, root, lookhear):
    whole, deaf = (
        json.loads(lookhear("evaluate", model, *asked(root), "--json", *probe).out)
        for probe in ([], ["--probe", "silence"])
    )
    assert deaf["card"]["probe"] == "silence"
    assert deaf["overall"]["accuracy"] < whole["overall"]["accuracy"]


def test_a_clip_that_cannot_be_read_is_listed(model, lookhear, tmp_path):
    root = world.make(tmp_path / "world")
    for path in (root / "features").rglob("val3.npy"):
        path.unlink()
    ran = lookhear("evaluate", model, *asked(root), "--json")
    assert ran.code == 1
    assert "not read: val3:" in ran.err
    assert json.loads(ran.out)["overall"]["total"] == 24


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"--split": "tset"}, "tset"),
        ({"--dataset": "sounstage"}, "Did you mean 'soundstage'"),
        ({"--root": "nowhere"}, "No folder 'nowhere'"),
        ({"--probe": "silense"}, "Did you mean 'silence'"),
    ],
)
def test_bad_arguments_are_one_line(model, root, lookhear, change, message):
    options = dict(zip(asked(root)[::2], asked(root)[1::2], strict=True)) | change
    ran = lookhear("evaluate", model, *[part for pair in options.items() for part in pair])
    assert ran.code == 2
    assert message in ran.err and ran.err.count("\n") == 1


def test_many_sets_in_one_table(model, root, lookhear, tmp_path):
    listed = tmp_path / "sets.yaml"
    listed.write_text(f"- {{dataset: {world.READER}, split: val}}\n- {{dataset: ave}}\n")
    asked = ("evaluate", model, "--tasks", listed, "--root", root, "--out", tmp_path / "out")
    ran = lookhear(*asked, "--json")
    said = json.loads(ran.out)
    assert ran.code == 0 and list(said["missing"]) == ["ave test"] and "not here: ave test" in ran.err
    (report,) = said["datasets"].values()
    (column,) = said["columns"].values()
    assert column == f"{report['overall']['accuracy']:.2f}" and said["published"]["Crab+"]["AVE/ACC"] == "83.58"
    assert "Crab+" in (tmp_path / "out/table.md").read_text()
    again = lookhear(*asked, "--no-beside")
    assert again.code == 0 and "Crab+" not in again.out and column in again.out
    other = lookhear(*asked, "--limit", 5)
    assert other.code == 2 and "holds the report of other settings" in other.err


LETTERS = "abcdefghij"
BOMB = "a: &a [1, 1]\n" + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in pairwise(LETTERS))


@pytest.mark.parametrize("content", ["[" * 3000, "- 1\n- [", '{"a": ' + "9" * 5000 + "}", BOMB, "17", "\x00"])
def test_a_damaged_list_of_sets_is_one_line(model, root, lookhear, tmp_path, content):
    listed = tmp_path / "sets.yaml"
    listed.write_text(content)
    ran = lookhear("evaluate", model, "--tasks", listed, "--root", root)
    assert ran.code == 2 and "sets.yaml: " in ran.err and ran.err.count("\n") == 1


def test_either_a_dataset_or_many(model, root, lookhear):
    for given in ((), ("--dataset", "ave", "--tasks", "all")):
        ran = lookhear("evaluate", model, "--root", root, *given)
        assert ran.code == 2 and "Give either --dataset NAME or --tasks all" in ran.err
