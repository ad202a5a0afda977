"""A study trains what is missing, asks everyone the same, and says who is better with paired tests."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lookhear import datasets
from lookhear.errors import RecipeError
from lookhear.evaluate.run import run
from lookhear.evaluate.study import beyond
from lookhear.evaluate.study import rows as study
from lookhear.evaluate.study import table as study_table
from lookhear.evaluate.study.summary import summary
from lookhear.metrics.answers import normal
from lookhear.model import load
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from lookhear.store.features import FeatureStore
from lookhear.train.loop import train
from lookhear.types import Clip, Source

ROWS = """
set: [train.epochs=1, train.clips=0]
seeds: [0, 1]
splits: [test]
rows:
  - {name: Reads, recipe: reads.yaml}
  - {name: Reads less, recipe: reads.yaml, set: [net.hidden=8, train.lr=1e-5], seeds: [0]}
"""
READS = """
data: {name: soundstage}
features: {question: stage_text, words: stage_text}
net: {name: question_only}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    make(root, Settings(train=8, val=2, test=4, questions=10, seed=5), media=False, quiet=True)
    return root


@pytest.fixture(scope="module")
def questions(world):
    return datasets.load("soundstage", world, "test")


@pytest.fixture
def table(tmp_path):
    (tmp_path / "reads.yaml").write_text(READS)
    (tmp_path / "rows.yaml").write_text(ROWS)
    return tmp_path / "rows.yaml"


def test_what_is_missing_is_trained_once_and_all_are_asked(world, table, questions):
    trained, said = [], []

    def once(recipe):
        trained.append(recipe.out)
        return train(recipe, progress=False)

    overrides, out = [f"data.root={world}"], table.parent / "runs"
    nothing = study.run(table, out, once, overrides, minutes=0, say=said.append)
    assert not trained and not nothing["test"].right and all("not begun" in s for s in said)
    found = study.run(table, out, once, overrides, say=said.append)["test"]
    assert [t.removeprefix(f"{out}/") for t in trained] == ["reads/0", "reads_less/0", "reads/1"]
    assert found.right["Reads"].shape == (2, len(questions)) and found.right["Reads less"].shape == (1, len(questions))
    again = study.run(table, out, once, overrides, say=said.append)["test"]
    assert len(trained) == 3 and np.array_equal(again.right["Reads"], found.right["Reads"])
    result = json.loads(json.dumps(study_table.result(study.read(table), {"test": found})))
    bits = study.unpack(result["splits"]["test"]["right"]["Reads"][1], len(questions))
    assert np.array_equal(bits, found.right["Reads"][1])
    answers = run(load(out / "reads" / "0"), questions, FeatureStore(world / "features"))
    assert found.right["Reads"][0].tolist() == [
        normal(a.text) == normal(e.reference.text) for a, e in zip(answers, questions, strict=True)
    ], "as evaluation says"
    for format in ("text", "markdown", "csv"):
        text = study_table.text(result, format)
        assert "Reads less less Reads" in text and "Holm" in text


def test_other_questions_are_asked_anew(tmp_path, questions):
    right = np.arange(len(questions)) % 3 == 0
    study.keep(tmp_path, "test", questions, right)
    assert np.array_equal(study.stored(tmp_path, "test", questions), right)
    assert study.stored(tmp_path, "test", questions[1:]) is None and study.stored(tmp_path, "val", questions) is None


def test_planted_differences_are_found_and_absent_ones_are_not(world):
    asked = datasets.load("soundstage", world, "train")
    rng = np.random.default_rng(0)
    coin = rng.random((2, len(asked))) < 0.5
    better = coin | (rng.random(coin.shape) < 0.6)
    rows = {"plain": coin, "better": better, "same": coin[::-1].copy()}
    found = summary(study.Asked(asked, rows), {"better": "plain", "same": "plain"}, resamples=200)["rows"]
    whole = {name: row["columns"]["Overall"] for name, row in found.items()}
    assert whole["better"]["accuracy"] == round(100 * better.mean(), 2)
    low, high = whole["better"]["difference_interval"]
    assert 0 < low < whole["better"]["difference"] < high and whole["better"]["holm"] < 0.05
    assert whole["same"]["difference"] == 0 and whole["same"]["holm"] == 1 and "p" not in whole["plain"]
    assert all(c["holm"] >= c["p"] for c in found["better"]["columns"].values())
    templates = [c for c in found["plain"]["columns"] if "?" in c or "？" in c]
    assert sum(found["plain"]["columns"][t]["questions"] for t in templates) == len(asked)


def test_a_row_asks_the_nets_of_another_with_other_options(world, table, tmp_path):
    """What changes no weights is asked of the nets that are there; what does change them fails alone."""
    more = "  - {name: Drops, of: Reads, set: [net.dropout=0.7]}\n  - {name: Wide, of: Reads, set: [net.hidden=4]}\n"
    table.write_text(ROWS + more)
    trained, said = [], []

    def once(recipe):
        trained.append(recipe.out)
        return train(recipe, progress=False)

    done = study.run(table, tmp_path / "out", once, [f"data.root={world}"], say=said.append)["test"]
    assert {Path(out).parent.name for out in trained} == {"reads", "reads_less"}
    assert np.array_equal(done.right["Drops"], done.right["Reads"]) and "Wide" not in done.right
    assert any("failed: Wide" in line and "does not fit" in line for line in said)
    table.write_text(ROWS + more.replace("net.dropout=0.7", "train.lr=1"))
    with pytest.raises(RecipeError, match=r"'Drops'.*net.KEY"):
        study.read(table)


def test_an_error_in_the_code_of_one_row_does_not_end_the_others(world, table, tmp_path, lookhear, monkeypatch):
    """A TypeError, say: the other rows are done, it is told at the end with a traceback in a file, and tried again."""

    def breaks(recipe, progress=True):
        if "reads_less" in recipe.out:
            raise TypeError("unsupported operand\nfor +: 'int' and 'str'")
        return train(recipe, progress=progress)

    monkeypatch.setattr("lookhear.train.loop.train", breaks)
    out = tmp_path / "out"
    ran = lookhear("study", str(table), f"data.root={world}", "--out", str(out), "--json")
    assert ran.code == 1
    told = ran.err.strip().splitlines()[-1]
    assert told.startswith("failed and left out: Reads less, seed 0: TypeError: unsupported operand for +")
    (trace,) = out.glob("failed-*.txt")
    assert str(trace) in told and "in breaks" in trace.read_text()
    assert list(json.loads(ran.out)["splits"]["test"]["rows"]) == ["Reads"]
    monkeypatch.undo()
    ran = lookhear("study", str(table), f"data.root={world}", "--out", str(out), "--json")
    assert ran.code == 0 and len(json.loads(ran.out)["splits"]["test"]["rows"]) == 2
    assert not list(out.glob("failed-*.txt")), "what is mended leaves no old traceback"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("name: Reads less", "name: reads"), "name of its own"),
        (("seeds: [0]}", "against: Nobody}"), "'Nobody'"),
        (("seeds: [0, 1]", "sedes: [0]"), "'seeds'"),
    ],
)
def test_mistakes_are_named(table, change, said):
    table.write_text(ROWS.replace(*change))
    with pytest.raises(RecipeError, match=said):
        study.read(table)


def test_a_study_s_own_keys_can_be_changed(world, table, tmp_path):
    own = [f"data.root={world}", "study.seeds=[3]", "study.splits=[val]"]
    changed = study.read(table, own)
    assert changed.seeds == [3] and changed.splits == ["val"] and changed.rows == study.read(table).rows
    jobs = study.recipes(changed, table, tmp_path, own)
    assert set(jobs) == {("Reads", 3), ("Reads less", 0)} and all(r.data.root == str(world) for r in jobs.values())
    with pytest.raises(RecipeError, match="sedes"):
        study.read(table, ["study.sedes=[3]"])


def test_clips_of_another_folder_have_features_of_their_own(world, table, tmp_path):
    """Two worlds name their clips alike; in one store the features of one would be read for the other."""
    other = tmp_path / "other"
    make(other, Settings(train=1, val=1, test=4, questions=10, seed=6), media=False, quiet=True)
    split = {"dataset": "soundstage", "root": str(other), "split": "test"}
    table.write_text(ROWS + f"beyond: [{json.dumps(split)}]\n")
    recipe = study.recipes(study.read(table), table, tmp_path, [f"data.root={world}"])["Reads", 0]
    (further,) = study.read(table).beyond
    assert further.store_for(recipe) == f"{other}/features" != f"{world}/features" == recipe.data.store_folder
    done = study.run(table, tmp_path / "out", partial(train, progress=False), [f"data.root={world}"], say=len)
    assert len(done["soundstage test"].right["Reads"]) == 2
    assert (other / "features/stage_text").is_dir(), "its texts were encoded into its own store"
    same = study.recipes(study.read(table), table, tmp_path, [f"data.root={world}", f"data.store={tmp_path}"])
    assert further.store_for(same["Reads", 0]) == str(tmp_path), "a store that is named holds all"
    given = study.read(table, ["study.beyond.0.store=mine"])
    assert given.beyond[0].store_for(recipe) == "mine"


def test_two_recordings_of_one_id_are_refused_in_one_store(world, tmp_path, questions):
    def at(folder, size):
        (tmp_path / folder).mkdir(exist_ok=True)
        path = tmp_path / folder / "clip.mp4"
        path.write_bytes(b"0" * size)
        source = Source("clip", path)
        return [replace(questions[0], clip=Clip(source, source))]

    known = {}
    beyond.add_recordings(at("a", 3), "store", known)
    beyond.add_recordings(at("b", 3), "store", known)  # a copy
    beyond.add_recordings(at("c", 4), "elsewhere", known)
    with pytest.raises(RecipeError, match=r"two recordings with the id 'clip'.*study\.beyond\.0\.store=DIR"):
        beyond.add_recordings(at("c", 4), "store", known)
