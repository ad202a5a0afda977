"""Jobs that are killed twenty times anywhere end in the folder of an undisturbed run; so do two of them at once.

python -m tests.test_kills [KIND…]      the same by hand: kills, and what differs, for each kind of job
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lookhear import config
from tests.train import world

KINDS = ("soundstage", "extract", "train", "study", "instruct", "robust", "evaluate")
VOLATILE = ("log.jsonl", "tensorboard", "seconds")  # how long it took is no result
STUDY = """
base: {tiny}
seeds: [0]
splits: [val]
rows:
  one: {{}}
  two: {{train.lr: 0.01}}
"""


def prepare(root: Path) -> dict[str, list[str]]:
    """A world to work in, and the words of each kind of job with `OUT` for its folder."""
    world.make(root / "world")
    config.dump(world.recipe(root / "world", root / "unused"), root / "tiny.yaml")
    (root / "study.yaml").write_text(STUDY.format(tiny=root / "tiny.yaml"))
    run = [sys.executable, "-m", "lookhear"]
    stage, trained = str(root / "stage"), str(root / "trained")
    here = [*run, "soundstage", stage, "--clips", "9", "--size", "64", "--workers", "1"]
    subprocess.run(here, check=True, capture_output=True, env=environment())
    once = [*run, "train", str(root / "tiny.yaml"), f"out={trained}", "train.epochs=1", "--quiet"]
    subprocess.run(once, check=True, capture_output=True, env=environment())
    data = ["--dataset", "soundstage", "--root", stage]
    return {
        "soundstage": [*here[:4], "OUT", *here[5:]],
        "extract": [*run, "extract", "stage_vision", "stage_audio", *data, "--out", "OUT"],
        "train": [*run, "train", str(root / "tiny.yaml"), "out=OUT", "train.checkpoint_every=1", "--quiet"],
        "study": [*run, "study", str(root / "study.yaml"), "--out", "OUT"],
        "instruct": [*run, "instruct", "OUT", *data, "--split", "train"],
        "robust": [*run, "robust", "OUT", *data, "--split", "train"],
        "evaluate": [
            *(*run, "evaluate", trained, "--dataset", "tests.train.world", "--root", str(root / "world")),
            *("--split", "val", "--store", str(root / "world" / "features"), "--out", "OUT"),
        ],
    }


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."]), "OMP_NUM_THREADS": "1"}


def tree(root: Path) -> dict[str, object]:
    """Every file under `root` and what is in it, claims' folders and times of the clock left out."""
    found: dict[str, object] = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = path.relative_to(root).as_posix()
        if any(word in name for word in VOLATILE):
            continue
        content = path.read_bytes().replace(str(root).encode(), b"ROOT")
        if path.suffix == ".json":
            value = json.loads(content)
            content = json.dumps({k: v for k, v in value.items() if k != "card"} if isinstance(value, dict) else value)
        found[name] = content
    return found


def killed(words: list[str], out: Path, kills: int, seed: int) -> int:
    """Run a job to its end, killed `kills` times on the way at random moments; how many kills hit it alive.

    Where it ends before the kill, it is begun anew in an empty folder.
    """
    dice, hits = random.Random(seed), 0
    words = [word.replace("OUT", str(out)) for word in words]
    plain = out.with_name(f"{out.name}-plain")
    for _ in range(2):  # the second is timed: files that the first had to fetch are at hand
        shutil.rmtree(plain, ignore_errors=True)
        began = time.monotonic()
        undisturbed = [w.replace(str(out), str(plain)) for w in words]
        subprocess.run(undisturbed, check=True, capture_output=True, env=environment())
        whole = time.monotonic() - began
    for _ in range(4 * kills):
        if hits == kills:
            break
        job = subprocess.Popen(
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment(), start_new_session=True
        )
        try:
            job.wait(dice.uniform(0.3, 0.9) * whole)
            shutil.rmtree(out, ignore_errors=True)
        except subprocess.TimeoutExpired:
            hits += 1
        os.killpg(job.pid, signal.SIGKILL) if job.poll() is None else None
        job.wait()
    ended = subprocess.run(words, capture_output=True, text=True, env=environment())
    assert ended.returncode == 0, ended.stderr
    return hits


def differences(out: Path) -> list[str]:
    """Names of files that are not as in the undisturbed run beside it."""
    ours, plain = tree(out), tree(out.with_name(f"{out.name}-plain"))
    return sorted(name for name in {*ours, *plain} if ours.get(name) != plain.get(name))


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    root = tmp_path_factory.mktemp("jobs")
    return root, prepare(root)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_kills_change_nothing(jobs, kind):
    root, words = jobs
    assert killed(words[kind], root / kind, 20, seed=1) == 20
    assert differences(root / kind) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_at_once_change_nothing(jobs, kind):
    """One of them does the work; the other waits or is refused in one line."""
    root, words = jobs
    out = root / f"{kind}-pair"
    killed(words[kind], out, 0, seed=1)
    both = [
        subprocess.Popen(
            [w.replace("OUT", str(out)) for w in words[kind]], stderr=subprocess.PIPE, text=True, env=environment()
        )
        for _ in range(2)
    ]
    said = [job.communicate()[1] for job in both]
    assert {job.returncode for job in both} <= {0, 2}
    assert all("is being written by process" in s for job, s in zip(both, said, strict=True) if job.returncode)
    assert differences(out) == []


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        asked = prepare(Path(folder))
        for kind in sys.argv[1:] or KINDS:
            try:
                hits = killed(asked[kind], Path(folder) / kind, 20, seed=1)
                print(kind, f"{hits} kills hit it alive; differs: {differences(Path(folder) / kind)}", flush=True)  # noqa: T201
            except AssertionError as error:
                print(kind, "failed:", str(error)[-300:], flush=True)  # noqa: T201
