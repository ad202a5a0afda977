"""Training: it learns, it can be killed anywhere, it refuses what cannot be right."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from lookhear import config
from lookhear.errors import DatasetError, LookhearError, ModelError, RecipeError
from lookhear.model import load
from lookhear.train import questions, step
from lookhear.train.loop import train
from tests.train import world

ROOT = Path(__file__).resolve().parents[2]
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return world.make(tmp_path_factory.mktemp("world"))


def weights(run):
    return load_file(run / "model.safetensors")


def same(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[n], two[n]) for n in one)


def lines(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("optimizer", list(step.OPTIMIZERS))
def test_every_optimizer_learns(root, tmp_path, optimizer):
    given = {"epochs": 6, "optimizer": optimizer, "lr": 0.05 if optimizer == "sgd" else 1e-3}
    run = train(world.recipe(root, tmp_path / "run", **given), progress=False)
    losses = [line["loss"] for line in lines(run) if "loss" in line]
    assert losses[-1] < losses[0]


def test_it_learns_and_leaves_a_run_folder(root, tmp_path):
    run = train(world.recipe(root, tmp_path / "run", epochs=30), progress=False)
    assert {p.name for p in run.iterdir()} - {"tensorboard"} == {
        *("recipe.yaml", "vocabulary.json", "features.json", "log.jsonl", "model.safetensors"),
        *(
            "costs.json",
            "questions.json",
            "world.safetensors",
        ),  # what it took, what it was trained on, for notes outside of it
    }
    log = lines(run)
    assert log[-1]["val"]["accuracy"] > 70  # 33 by chance
    losses = [line["loss"] for line in log if "loss" in line]
    assert losses[-1] < losses[0] / 2
    assert json.loads((run / "vocabulary.json").read_text()) == list(world.VOCABULARY)
    assert config.load(run / "recipe.yaml") == world.recipe(root, run, epochs=30)


def test_training_again_does_nothing_and_a_seed_decides(root, tmp_path):
    one = train(world.recipe(root, tmp_path / "one"), progress=False)
    before = (one / "model.safetensors").stat().st_mtime_ns
    assert train(world.recipe(root, tmp_path / "one"), progress=False) == one
    assert (one / "model.safetensors").stat().st_mtime_ns == before
    two = train(world.recipe(root, tmp_path / "two"), progress=False)
    three = train(replace(world.recipe(root, tmp_path / "three"), seed=1), progress=False)
    assert same(weights(one), weights(two))
    assert not same(weights(one), weights(three))


@pytest.mark.parametrize("after", [3, 7, 12])
def test_stopped_anywhere_it_ends_the_same(root, tmp_path, monkeypatch, after):
    """Stopped after a step between checkpoints, at one, and at the end of an epoch."""
    from lookhear.train import loop

    undisturbed = train(world.recipe(root, tmp_path / "undisturbed"), progress=False)
    one_step, done = loop._Run._train_step, []

    def stop(self, examples):
        one_step(self, examples)
        done.append(1)
        if len(done) == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "_train_step", stop)
        with pytest.raises(KeyboardInterrupt):
            train(world.recipe(root, tmp_path / "stopped"), progress=False)
    assert not (tmp_path / "stopped" / "model.safetensors").exists()
    torch.rand(7)  # whatever happened in between
    resumed = train(world.recipe(root, tmp_path / "stopped"), progress=False)
    assert same(weights(undisturbed), weights(resumed))
    steps = [line["step"] for line in lines(resumed) if "loss" in line]
    assert steps == sorted(set(steps)) == [line["step"] for line in lines(undisturbed) if "loss" in line]


def test_killed_hard_it_ends_the_same(root, tmp_path, capfd):
    """kill -9, at whatever moment after the first checkpoint it happens to be."""
    undisturbed = train(world.recipe(root, tmp_path / "undisturbed", epochs=40), progress=False)
    run = tmp_path / "killed"
    config.dump(world.recipe(root, run, epochs=40), tmp_path / "recipe.yaml")
    command = [sys.executable, "-m", "lookhear.cli", "train", str(tmp_path / "recipe.yaml")]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, env=ONE_THREAD)
    while process.poll() is None and not (run / "checkpoint" / "last.pt").exists():
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL, "the run was over before it could be killed"
    assert not (run / "model.safetensors").exists()
    train(world.recipe(root, run, epochs=40), progress=True)
    assert "going on from step" in capfd.readouterr().err
    assert same(weights(undisturbed), weights(run))


def test_the_best_on_validation_is_kept_and_ties_go_to_the_later(root, tmp_path, monkeypatch):
    from lookhear.train import loop

    scores, saved = iter([(5, 10), (9, 10), (9, 10), (2, 10)]), []
    monkeypatch.setattr(loop._Run, "_validate", lambda self: next(scores))
    monkeypatch.setattr(loop._Run, "_checkpoint", lambda self: saved.append(self.best.epoch))
    keep, kept = loop.checkpoints.save, []
    monkeypatch.setattr(loop.checkpoints, "save", lambda w, path: (kept.append(len(saved)), keep(w, path)))
    train(world.recipe(root, tmp_path / "run", epochs=4, checkpoint_every=1000), progress=False)
    assert kept == [0, 1, 2]
    assert saved[-1] == 2


def test_clips_are_watched_once(root, tmp_path, monkeypatch):
    from lookhear.nets.pooled_mlp import PooledMLP

    rows, watch, answer = [], PooledMLP.watch, PooledMLP.answer
    monkeypatch.setattr(
        PooledMLP, "watch", lambda s, audio, frames: (rows.append(len(audio)), watch(s, audio, frames))[1]
    )
    monkeypatch.setattr(
        PooledMLP, "answer", lambda s, memory, question: (rows.append(len(question)), answer(s, memory, question))[1]
    )
    train(world.recipe(root, tmp_path / "run", epochs=1), progress=False)
    assert rows[:2] == [1, 1]  # what one clip and one question cost is counted first
    assert rows[2:8] == [4, 8] * 3  # 8 questions of 4 clips


def test_without_validation_the_last_weights_stay(root, tmp_path):
    recipe = world.recipe(root, tmp_path / "run")
    run = train(replace(recipe, data=replace(recipe.data, val="")), progress=False)
    assert not any("val" in line for line in lines(run))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"train": {"lr": 0.02}}, r"holds a run with train\.lr=0\.01, not 0\.02"),
        ({"net": {"hidden": 32}}, r"holds a run with net\.hidden=24, not 32"),
        ({"seed": 3}, r"holds a run with seed=0, not 3"),
    ],
)
def test_a_folder_of_another_recipe_is_refused(root, tmp_path, change, message):
    recipe = world.recipe(root, tmp_path / "run", epochs=1)
    train(recipe, progress=False)
    other = replace(
        recipe,
        train=replace(recipe.train, **change.get("train", {})),
        net={**recipe.net, **change.get("net", {})},
        seed=change.get("seed", 0),
    )
    with pytest.raises(RecipeError, match=message):
        train(other, progress=False)


def test_a_folder_of_something_else_is_refused(root, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("mine")
    with pytest.raises(RecipeError, match="holds no run"):
        train(world.recipe(root, tmp_path / "run"), progress=False)
    assert (tmp_path / "run" / "thesis.tex").read_text() == "mine"


@pytest.mark.parametrize("there", [("vocabulary.json",), ("vocabulary.json", "features.json", ".lock")])
def test_killed_before_its_recipe_was_written_it_begins_again(root, tmp_path, there):
    (tmp_path / "run").mkdir()
    for name in there:
        (tmp_path / "run" / name).write_text("[]")
    recipe = world.recipe(root, tmp_path / "run", epochs=1)
    load(train(recipe, progress=False))


def test_other_questions_under_the_same_name_are_refused(tmp_path, monkeypatch):
    from lookhear.train import loop

    root = world.make(tmp_path / "world")
    recipe = world.recipe(root, tmp_path / "run")
    with monkeypatch.context() as patch:
        patch.setattr(loop._Run, "_end_of_epoch", lambda self, epoch: exec("raise KeyboardInterrupt"))
        with pytest.raises(KeyboardInterrupt):
            train(recipe, progress=False)
    records = json.loads((root / "train.json").read_text())
    (root / "train.json").write_text(json.dumps(records[1:]))
    with pytest.raises(ModelError, match="not those that"):
        train(recipe, progress=False)


def spoil(root, change):
    records = json.loads((root / "train.json").read_text())
    (root / "train.json").write_text(json.dumps(change(records)))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda records: [], DatasetError, "no question in split 'train'"),
        (lambda records: [*records, records[0]], DatasetError, "'train0-how many heard' occurs twice"),
        (
            lambda records: [{**r, "answer": "purple"} for r in records],
            DatasetError,
            "is among the 5 answers.*'purple'",
        ),
        (lambda records: [{**r, "clip": "gone"} for r in records], LookhearError, "'gone' has no file"),
    ],
)
def test_what_cannot_be_learned_is_said_in_one_line_and_leaves_nothing(tmp_path, change, error, message):
    root = world.make(tmp_path / "world")
    spoil(root, change)
    with pytest.raises(error, match=message) as caught:
        train(world.recipe(root, tmp_path / "run"), progress=False)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_a_few_unknown_answers_are_left_out_and_counted(tmp_path):
    root = world.make(tmp_path / "world")
    spoil(root, lambda records: [{**records[0], "answer": "purple"}, *records[1:]])
    run = train(world.recipe(root, tmp_path / "run", epochs=1), progress=False)
    assert lines(run)[0]["notes"] == ["1 of 24 training questions have an answer outside the vocabulary: left out"]


def test_a_loss_that_is_no_number_ends_the_run(root, tmp_path):
    with pytest.raises(ModelError, match=r"The loss 'answer' is (nan|inf) at step"):
        train(world.recipe(root, tmp_path / "run", lr=1e30, clip_norm=None, epochs=8), progress=False)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adamm"}, "Did you mean 'adam'"),
        ({"schedule": "cosin"}, "Did you mean 'cosine'"),
        ({"batch": 0}, "batch=0"),
    ],
)
def test_settings_are_checked_first(root, tmp_path, settings, message):
    with pytest.raises(RecipeError, match=message):
        train(world.recipe(root, tmp_path / "run", **settings), progress=False)
    assert not (tmp_path / "run").exists()


def test_the_first_clips_alone(root):
    data = world.recipe(root, "run").data
    whole = questions.read(data).train
    clips = list(dict.fromkeys(e.clip for e in whole))
    few = questions.read(replace(data, clips=2)).train
    assert [e for e in whole if e.clip in clips[:2]] == list(few) and len(few) < len(whole)
    assert questions.read(replace(data, clips=10_000)).train == whole
    with pytest.raises(RecipeError, match=r"data\.clips=0"):
        questions.read(replace(data, clips=0))


@pytest.mark.slow
def test_two_processes_agree(root, tmp_path):
    run = tmp_path / "run"
    config.dump(world.recipe(root, run, epochs=20, precision="no"), tmp_path / "recipe.yaml")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "lookhear.cli",
    ]
    done = subprocess.run(
        [*command, "train", str(tmp_path / "recipe.yaml")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**ONE_THREAD, "ACCELERATE_USE_CPU": "true"},
    )
    assert done.returncode == 0, done.stderr
    losses = [line for line in lines(run) if "loss" in line]
    assert losses[-1]["step"] == 40  # 3 batches an epoch, shared by two
    assert losses[-1]["loss"] < losses[0]["loss"] / 2


@pytest.mark.parametrize("name", ["mccd", "coca"])
def test_a_debiased_net_is_trained_resumed_and_saved_without_its_wrapper(root, tmp_path, name):
    plain = world.recipe(root, tmp_path / "plain", epochs=2)
    train(plain, progress=False)
    recipe = replace(plain, out=str(tmp_path / name), debias={"name": name})
    run = train(recipe, progress=False)
    assert weights(run).keys() == weights(tmp_path / "plain").keys(), "what answers is the net alone"
    assert not same(weights(run), weights(tmp_path / "plain"))
    named = {n for line in lines(run) for n in line.get("losses", ())}
    assert named > {"answer"}
    assert load(run).net.state_dict().keys() == weights(run).keys()
    wrong = replace(recipe, out=str(tmp_path / "wrong"), debias={"name": name, "wieght": 1})
    with pytest.raises(RecipeError, match="no key is called 'wieght'"):
        train(wrong, progress=False)


def test_questions_of_some_types_alone(root):
    data = world.recipe(root, "run").data
    whole = questions.read(data)
    kinds = [("Audio", "Counting"), ("Audio", "Comparative"), ("Audio-Visual", "Comparative"), ()]
    asked = [replace(e, kind=kind) for e, kind in zip(whole.train, kinds, strict=False)]
    assert questions.of_types(asked, ["Comparative"]) == asked[1:3]
    assert questions.of_types(asked, ["Audio/Comparative", "Counting"]) == asked[:2]
    assert questions.of_types(asked, []) == asked
    assert questions.read(replace(data, types=["Audio"])) == whole
    with pytest.raises(RecipeError, match=r"No question type is called 'Comparative'\. There are: Audio"):
        questions.read(replace(data, types=["Comparative"]))
