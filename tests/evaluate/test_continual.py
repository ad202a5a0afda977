"""Continual learning: sessions, what each is trained on and starts from, accuracies, average and forgetting."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from lookhear import config
from lookhear.errors import ModelError, RecipeError
from lookhear.evaluate import columns, continual
from lookhear.model.runs import load_run
from lookhear.train.loop import train
from tests.evaluate import instruments

RECIPE = """
data: {name: tests.evaluate.instruments, val: ''}
features: {audio: stage_audio, patches: stage_patches}
net: {name: cign, hidden: 32, heads: 2, depth: 1}
train: {epochs: 12, batch: 8, clips: 0, lr: 3e-3, warmup: 0}
"""
PLAN = """
recipe: recipe.yaml
by: answers
parts: 3
"""
quiet = partial(train, progress=False)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return instruments.make(tmp_path_factory.mktemp("world"))


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    (tmp_path / "plan.yaml").write_text(PLAN)
    return tmp_path / "plan.yaml"


def test_sessions_are_learned_one_after_another_and_forgotten(world, plan, tmp_path):
    said, out = [], tmp_path / "out"
    found = continual.run(plan, out, quiet, [f"data.root={world}"], say=said.append)
    sizes = [len(session) for session in found["sessions"]]
    assert len(sizes) == 3 and max(sizes) - min(sizes) <= 1 and len(said) == 4
    assert [len(row["of"]) for row in found["after"]] == [1, 2, 3] and len(found["joint"]["of"]) == 3
    second = config.load(out / "0" / "2" / "recipe.yaml")
    assert second.data.answers == found["sessions"][1]
    assert second.data.vocabulary == [*found["sessions"][0], *found["sessions"][1]]
    assert second.train.start == str(out / "0" / "1") and second.net["stage"] == 1
    first, last = (load_run(out / "0" / str(n)).net for n in (1, 3))
    assert len(last.av_token) == 3
    assert (first.av_token[0] == load_run(out / "0" / "2").net.av_token[0]).all(), "frozen in stage 1, as released"
    assert found["joint"]["accuracy"] > found["after"][-1]["accuracy"], "all classes at once are easier"
    own = [row["of"][-1] for row in found["after"]]
    assert min(own) > 50, "the newest classes are learned"
    assert found["forgetting"][0] > 20, "and older ones forgotten"
    shown = continual.text(found)
    assert "after session 3" in shown and "forgetting" in shown and "joint" in shown


def test_a_net_of_questions_learns_types_in_order(world, tmp_path):
    (tmp_path / "recipe.yaml").write_text(
        "data: {name: tests.evaluate.instruments, val: ''}\nfeatures: {question: stage_text, words: stage_text}\n"
        "net: {name: question_only}\ntrain: {epochs: 1, clips: 0}\n"
    )
    sessions = [["Strings"], ["Others"]]
    plan = {"recipe": "recipe.yaml", "by": "types", "sessions": sessions, "seeds": [0, 1], "joint": False}
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    found = continual.run(tmp_path / "plan.json", tmp_path / "out", quiet, [f"data.root={world}"], say=lambda _: None)
    one, two = (config.load(tmp_path / "out" / "1" / str(n) / "recipe.yaml") for n in (1, 2))
    assert one.data.types == sessions[0] and one.data.vocabulary == two.data.vocabulary and "stage" not in one.net
    assert found["joint"] is None and len(found["forgetting"]) == 2 and "(" in continual.text(found).splitlines()[-1]


def test_average_and_forgetting_by_hand(world):
    """Two sessions of four and two questions, two seeds."""
    split = instruments.load(world, "test")[:7]
    of = np.array([0, 0, 0, 0, 1, 1, -1])
    bits = lambda text: np.array([c == "1" for c in text])  # noqa: E731
    right = [[bits("1111000"), bits("1000110")], [bits("1100000"), bits("1000100")]]
    found = continual.result(
        continual.Continual(by="answers", seeds=[0, 1], joint=False), [["a"], ["b"]], split, of, right
    )
    assert [row["of"] for row in found["after"]] == [[75.0], [25.0, 75.0]]
    assert found["forgetting"] == [75.0, 25.0]
    assert found["average"] == pytest.approx([(100 + 50) / 2, (50 + 100 / 3) / 2])


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (["by=words"], "answers"),
        (["parts=1"], "parts=1: there are"),
        (["parts=99"], "parts=99: there are"),
        (["sessions=[[lute],[tuba]]"], "lute"),
        (["sessions=[[tuba],[tuba]]"], "two or more, none empty"),
    ],
)
def test_sessions_that_cannot_be_taught_are_refused_before_training(world, plan, tmp_path, own, message):
    with pytest.raises(RecipeError, match=message) as caught:
        continual.run(plan, tmp_path / "out", None, [f"data.root={world}"], own)
    assert "\n" not in str(caught.value) and not (tmp_path / "out").exists()


def test_a_start_that_is_no_run_or_another_network_is_refused(world, plan, tmp_path):
    recipe = config.load(plan.parent / "recipe.yaml", [f"data.root={world}", f"out={tmp_path / 'run'}"])
    with pytest.raises(ModelError, match="no finished run"):
        quiet(replace(recipe, train=replace(recipe.train, start=str(tmp_path / "nothing"))))
    other = replace(
        recipe,
        net={"name": "question_only"},
        features=dict.fromkeys(("question", "words"), "stage_text"),
        out=str(tmp_path / "q"),
    )
    quiet(replace(other, train=replace(other.train, epochs=1)))
    with pytest.raises(ModelError, match="not a run of this network"):
        quiet(replace(recipe, train=replace(recipe.train, start=str(tmp_path / "q"))))


def test_the_shipped_sessions_are_of_recipes_that_exist():
    for name in (n for n in config.recipes() if n.startswith("continual/")):
        plan = continual.read(name)
        recipe = config.load(config.recipe_file(name).parent / plan.recipe, plan.set)
        assert recipe.net["name"] and recipe.data.name.startswith("soundstage")
        if plan.by == "types":
            assert {kind for session in plan.sessions for kind in session} == {
                f"{group}/{kind}" for group, kinds in columns.ORDER.items() for kind in kinds
            }


def test_the_command(world, plan, tmp_path, lookhear):
    out = tmp_path / "runs"
    given = (
        "continual",
        str(plan),
        f"data.root={world}",
        "train.epochs=1",
        "continual.parts=2",
        "continual.joint=false",
    )
    ran = lookhear(*given, "--out", str(out), "--json")
    assert ran.code == 0
    found = json.loads(ran.out)
    assert found == json.loads((out / "continual.json").read_text()) and len(found["sessions"]) == 2
    assert "is a recipe of sessions. Run it with: lookhear continual" in lookhear("train", str(plan)).err
