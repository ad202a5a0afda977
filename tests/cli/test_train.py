"""lookhear train: a recipe and overrides in, a run folder out; mistakes are one line and leave nothing behind."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookhear import config
from tests.train import world

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def recipe(tmp_path):
    world.make(tmp_path / "world")
    config.dump(world.recipe(tmp_path / "world", tmp_path / "run"), tmp_path / "tiny.yaml")
    return tmp_path / "tiny.yaml"


def test_the_run_folder_is_printed_and_holds_a_model(recipe, lookhear, tmp_path):
    ran = lookhear("train", recipe, "train.epochs=1", "--quiet")
    assert ran.code == 0, ran.err
    assert ran.out.strip() == str(tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_without_out_the_run_is_named_after_the_recipe(recipe, lookhear, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    ran = lookhear("train", recipe, "train.epochs=1", "out=''", "--quiet")
    assert ran.out.strip() == "runs/tiny", ran.err


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.lrr=3", "Did you mean 'train.lr'"),
        ("net.hiddn=3", "Did you mean 'hidden'"),
        ("net.name=pooled_mpl", "Did you mean 'pooled_mlp'"),
        ("train.lr=fast", "train.lr"),
        ("train.epochs=0", "train.epochs=0"),
        ("data.root=nowhere", "No folder 'nowhere'"),
        ("features.audio=tests.train.nothing", "tests.train.nothing"),
        ("train", "section.key=value"),
    ],
)
def test_a_wrong_recipe_is_one_line_and_leaves_nothing(recipe, lookhear, tmp_path, override, message):
    ran = lookhear("train", recipe, override, "--quiet")
    assert ran.code == 2 and ran.out == ""
    assert message in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def spoil_features(root: Path, change) -> None:
    path = root / "features" / world.EARS / "audio" / "train3.npy"
    np.save(path, change(np.load(path)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values * np.nan, "NaN or infinite"),
        (lambda values: values[:, :4], "expected width 6"),
        (lambda values: values[:3], "'audio' has 3 rows for 'train3' but 5 for"),
    ],
)
def test_bad_features_are_one_line(recipe, lookhear, tmp_path, change, message):
    spoil_features(tmp_path / "world", change)
    ran = lookhear("train", recipe, "--quiet")
    assert ran.code == 2
    assert message in ran.err and "train3" in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda records: [], "no question in split 'train'"),
        (lambda records: [*records, records[0]], "occurs twice"),
    ],
)
def test_bad_annotations_are_one_line(recipe, lookhear, tmp_path, change, message):
    path = tmp_path / "world" / "train.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    ran = lookhear("train", recipe, "--quiet")
    assert ran.code == 2
    assert message in ran.err and ran.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def limited() -> None:
    """No file may grow beyond 20 kB: writing fails as on a full disk."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(recipe, tmp_path):
    command = [sys.executable, "-m", "lookhear.cli", "train", str(recipe), "net.hidden=200", "--quiet"]
    ran = subprocess.run(
        command,
        cwd=ROOT,
        preexec_fn=limited,
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ran.returncode == 2, ran.stderr
    assert "Cannot write" in ran.stderr and "free space" in ran.stderr and ran.stderr.count("\n") == 1
    left = [p for p in (tmp_path / "run").rglob("*") if p.suffix in (".part", ".safetensors", ".pt")]
    assert left == []


def test_a_folder_that_cannot_be_written_is_one_line(recipe, lookhear, tmp_path):
    (tmp_path / "file").write_text("in the way")
    ran = lookhear("train", recipe, f"out={tmp_path}/file/run", "--quiet")
    assert ran.code == 2
    assert f"{tmp_path}/file/run" in ran.err and ran.err.count("\n") == 1
