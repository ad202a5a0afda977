"""Curves go where a recipe says: TensorBoard, trackio and Weights & Biases, all without a network."""

import json
import os
import subprocess
import sys

import pytest

from lookhear.errors import DependencyError, RecipeError
from lookhear.train.log import Log

LINES = [{"loss": 2.0, "lr": 0.1}, {"loss": 1.0, "val": {"accuracy": 50.0}}]
PROGRAM = """
import sys
from pathlib import Path
from lookhear.train.log import Log
log = Log(Path(sys.argv[1]), 0, [sys.argv[2]], {"net": {"name": "x"}})
log.line(1, loss=2.0, lr=0.1)
log.line(2, loss=1.0, val={"accuracy": 50.0})
log.close()
"""


def ran(tracker, run, **environment):
    run.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(run), tracker],
        env=os.environ | {"HOME": str(run)} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        cwd=run,
    )
    assert done.returncode == 0, done.stderr[-1500:]
    assert [json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()] == [2.0, 1.0]


def test_wandb_offline(tmp_path):
    pytest.importorskip("wandb")
    ran("wandb", tmp_path / "run", WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=str(tmp_path / "run"))
    (kept,) = (tmp_path / "run").rglob("*.wandb")
    assert b"val.accuracy" in kept.read_bytes()


def test_trackio_here(tmp_path):
    pytest.importorskip("trackio")
    ran("trackio", tmp_path / "run", TRACKIO_DIR=str(tmp_path / "kept"), HF_HUB_OFFLINE="1")
    kept = [p for p in (tmp_path / "kept").rglob("*") if p.is_file() and p.stat().st_size]
    assert any(b"val.accuracy" in p.read_bytes() for p in kept), kept


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboard")
    log = Log(tmp_path, 0, ["tensorboard"])
    for step, line in enumerate(LINES, 1):
        log.line(step, **line)
    log.close()
    (events,) = (tmp_path / "tensorboard").iterdir()
    assert b"val.accuracy" in events.read_bytes()


def test_none_and_an_unknown_one(tmp_path):
    Log(tmp_path, 0, []).close()
    assert not (tmp_path / "tensorboard").exists()
    with pytest.raises(RecipeError, match="Did you mean"):
        Log(tmp_path, 0, ["wandbb"])


def test_one_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(DependencyError, match="pip install trackio"):
        Log(tmp_path, 0, ["trackio"])
