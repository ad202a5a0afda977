"""A step is the same whatever shares it out: one process, two over gloo, FSDP2, DeepSpeed ZeRO-2."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

from lookhear import config, model
from lookhear.train import llm
from tests.llms.small import plus
from tests.train import films

pytestmark = pytest.mark.slow
HERE = Path(__file__).parents[2]
STEPS = 6


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


def trained(root, name, processes, shard="", port=29531, seconds=400):
    """The run folder of a training by so many processes."""
    out = root / name
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE), "ACCELERATE_USE_CPU": "true"}
    command = ["-m", "torch.distributed.run", f"--nproc-per-node={processes}", f"--master-port={port}"]
    command += ["-m", "lookhear.cli", "train", str(root / "mine.yaml"), f"out={out}", "--quiet"]
    command += [f"train.shard={shard}"] if shard else []
    ran = subprocess.run(
        [sys.executable, *command], env=environment, cwd=HERE, capture_output=True, text=True, timeout=seconds
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    return out


@pytest.fixture(scope="module")
def one(world):
    return trained(world, "one", 1)


@pytest.mark.parametrize(("processes", "shard"), [(2, ""), (2, "fsdp2"), (1, "zero2"), (2, "zero2")])
def test_every_engine_makes_the_steps_of_one_process(world, one, processes, shard):
    if shard == "zero2":
        if importlib.util.find_spec("deepspeed") is None:
            pytest.skip("DeepSpeed is not installed: DS_BUILD_OPS=0 pip install --no-build-isolation deepspeed")
        if shutil.which("c++") is None:
            pytest.skip("DeepSpeed builds its shared-memory communication with a C++ compiler, which is not here")
    run = trained(world, f"{shard or 'ddp'}{processes}", processes, shard, 29532 + processes + len(shard))
    assert llm.curve(run) == pytest.approx(llm.curve(one), rel=1e-4)
    mine, theirs = (load_file(folder / "adapter" / "adapter_model.safetensors") for folder in (run, one))
    assert mine.keys() == theirs.keys()
    assert all((mine[name] - theirs[name]).abs().max() < 2e-3 for name in mine)
    clip, asked = model.clip_of(world / "films" / "0.mp4"), ("what is seen", "what is heard")
    said = [[a.raw for a in model.load(folder).ask(clip, *asked)] for folder in (run, one)]
    assert said[0] == said[1], "loaded by a process that has trained nothing"
