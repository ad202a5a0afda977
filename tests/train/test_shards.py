"""A step is the same whatever shares it out (one process, two over gloo, FSDP2, DeepSpeed ZeRO-2), and after a kill."""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from lookhear import config, model
from lookhear.train import llm
from tests.llms.small import plus
from tests.train import films

pytestmark = pytest.mark.slow
HERE = Path(__file__).parents[2]
STEPS = 10


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("shards")
    plus().save(root / "base")
    films.make(root / "films")
    options = {
        "llm": {"name": "crab_plus", "where": str(root / "base")},
        "stage": "instruct",
        "adapter": {"name": "ilora", "rank": 4, "alpha": 8},
        "tasks": {"qa": {"dataset": "tests.train.films"}, "caption": {"dataset": "tests.train.films@caption"}},
        "root": str(root / "films"),
        "train": {"steps": STEPS, "batch": 4, "accumulate": 2, "asks": 2, "lr": 0.01, "checkpoint_every": 2,
                  "clip_norm": 1.0},
    }  # fmt: skip
    config.dump(config.parse(config.LLMRecipe, options, "test"), root / "mine.yaml")
    return root


def start(root, out, processes, shard="", port=29531):
    """A training by so many processes."""
    if shard == "zero2":
        if importlib.util.find_spec("deepspeed") is None:
            pytest.skip("DeepSpeed is not installed: DS_BUILD_OPS=0 pip install --no-build-isolation deepspeed")
        if shutil.which("c++") is None:
            pytest.skip("DeepSpeed builds its shared-memory communication with a C++ compiler, which is not here")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE), "ACCELERATE_USE_CPU": "true"}
    command = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", f"--master-port={port}"]
    command += ["-m", "lookhear.cli", "train", str(root / "mine.yaml"), f"out={out}", "--quiet"]
    command += [f"train.shard={shard}"] if shard else []
    with (root / f"{out.name}.txt").open("a") as told:
        return subprocess.Popen([sys.executable, *command], env=environment, cwd=HERE, stdout=told, stderr=told)


def kill(going):
    """SIGKILL to the launcher and all its workers (which have sessions of their own)."""
    if going.poll() is None:
        launcher = psutil.Process(going.pid)
        family = [launcher, *launcher.children(recursive=True)]
        for one in family:
            one.kill()
        psutil.wait_procs(family, 20)


def trained(root, name, processes, shard="", port=29531, seconds=400):
    """The run folder of a training by so many processes; one that exists is gone on with."""
    out = root / name
    going = start(root, out, processes, shard, port)
    try:
        assert going.wait(seconds) == 0, (root / f"{name}.txt").read_text()[-3000:]
    finally:
        kill(going)
    return out


@pytest.fixture(scope="module")
def whole(world):
    """Runs that were not stopped, by (processes, shard)."""
    runs = {}

    def of(processes, shard=""):
        if (processes, shard) not in runs:
            port = 29532 + processes + len(shard)
            runs[processes, shard] = trained(world, f"{shard or 'ddp'}{processes}", processes, shard, port)
        return runs[processes, shard]

    return of


def adapter(run):
    return load_file(run / "adapter" / "adapter_model.safetensors")


@pytest.mark.parametrize(("processes", "shard"), [(2, ""), (2, "fsdp2"), (1, "zero2"), (2, "zero2")])
def test_every_engine_makes_the_steps_of_one_process(world, whole, processes, shard):
    run, one = whole(processes, shard), whole(1)
    assert llm.curve(run) == pytest.approx(llm.curve(one), rel=1e-4)
    mine, theirs = adapter(run), adapter(one)
    assert mine.keys() == theirs.keys()
    assert all((mine[name] - theirs[name]).abs().max() < 2e-3 for name in mine)
    clip, asked = model.clip_of(world / "films" / "0.mp4"), ("what is seen", "what is heard")
    said = [[a.raw for a in model.load(folder).ask(clip, *asked)] for folder in (run, one)]
    assert said[0] == said[1], "loaded by a process that has trained nothing"


def stopped(world, name, shard, port, after):
    """Kill two processes at once (SIGKILL) as soon as their checkpoint is of step `after` or later; its step."""
    last = world / name / "checkpoint" / "last.pt"
    going = start(world, world / name, 2, shard, port)
    ends = time.monotonic() + 400
    try:
        while True:
            step = torch.load(last, weights_only=True, map_location="meta")["step"] if last.is_file() else 0
            if step >= after:
                return step
            assert going.poll() is None, f"it ended: {(world / f'{name}.txt').read_text()[-3000:]}"
            assert time.monotonic() < ends, "no checkpoint in time"
            time.sleep(0.02)
    finally:
        kill(going)
        going.wait()


@pytest.mark.parametrize("shard", ["", "fsdp2", "zero2"])
def test_two_processes_killed_twice_end_as_if_they_had_not_been(world, whole, shard):
    port = 29552 + len(shard)
    first = stopped(world, f"killed-{shard}", shard, port, 2)
    second = stopped(world, f"killed-{shard}", shard, port, first + 2)
    assert 2 <= first < second < STEPS and not (world / f"killed-{shard}" / "lookhear.json").exists()
    run = trained(world, f"killed-{shard}", 2, shard, port)
    mine, theirs = adapter(run), adapter(whole(2, shard))
    assert mine.keys() == theirs.keys() and all(torch.equal(mine[name], theirs[name]) for name in mine)
    assert not (run / "checkpoint").exists()
