"""Jobs that are killed, doubled and starved: run the command line in forks of one process that has imported torch.

python -m tests.kills [KIND…] [--kills 20]      kills, and what differs from an undisturbed run, for each kind of job
"""

import argparse
import importlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import TypeVar

import torch
import yaml

from lookhear import cli, config
from tests.llms.small import plus
from tests.train import films, world

KINDS = ("train", "evaluate", "robust", "instruct", "study", "llm", "watch", "extract", "soundstage")
VOLATILE = ("log.jsonl", "costs.json", "tensorboard", "seconds")  # how long it took is no result
TIMED = ("card", "costs")  # entries of JSON files that say it
T = TypeVar("T")
STUDY = """
seeds: [0]
splits: [val]
rows:
  - {name: one, recipe: TINY, set: [train.epochs=1]}
  - {name: two, recipe: TINY, set: [train.epochs=1, train.lr=0.02]}
"""


def kept(root: Path, prepare: Callable[[Path], T]) -> T:
    """What `prepare(root)` returns, JSON, or has returned before for this folder."""
    place = root / "prepared.json"
    if not place.is_file():
        root.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(prepare(root)))
    return json.loads(place.read_text())


def prepare(root: Path) -> dict[str, list[str]]:
    """A world to work in, and the words of each kind of job with `OUT` for its folder."""
    world.make(root / "world")
    config.dump(world.recipe(root / "world", root / "unused"), root / "tiny.yaml")
    (root / "study.yaml").write_text(STUDY.replace("TINY", str(root / "tiny.yaml")))
    films.make(root / "films")
    plus().save(root / "base")
    (root / "llm.yaml").write_text(yaml.safe_dump(llm_recipe(root)))
    stage, trained, tiny = str(root / "stage"), str(root / "trained"), str(root / "tiny.yaml")
    here = ["soundstage", stage, "--clips", "9", "--size", "64", "--workers", "2"]
    whole(here)
    whole(["train", tiny, f"out={trained}", "train.epochs=1", "--quiet"])
    data = ["--dataset", "soundstage", "--root", stage]
    return {
        "soundstage": ["soundstage", "OUT", *here[2:]],
        "extract": ["extract", "stage_vision", "stage_audio", *data, "--out", "OUT", "--workers", "2"],
        "train": ["train", tiny, "out=OUT", "train.checkpoint_every=1", "--quiet"],
        "llm": ["train", str(root / "llm.yaml"), "out=OUT", "--quiet"],
        "study": ["study", str(root / "study.yaml"), "--out", "OUT"],
        "instruct": ["instruct", "OUT", *data, "--split", "train"],
        "robust": ["robust", "OUT", *data, "--split", "train"],
        "evaluate": [
            *("evaluate", trained, "--dataset", "tests.train.world", "--root", str(root / "world")),
            *("--split", "val", "--store", str(root / "world" / "features"), "--out", "OUT"),
        ],
        "watch": ["watch", str(root / "films"), "--out", "OUT", "--workers", "2"],
    }


def llm_recipe(root: Path) -> dict:
    """A tiny thinker learns from six films."""
    told = {
        "llm": {"name": "crab_plus", "where": str(root / "base")},
        "adapter": {"name": "ilora", "rank": 4, "alpha": 8, "heads": 3, "dropout": 0.2},
        "tasks": {"qa": {"dataset": "tests.train.films"}, "caption": {"dataset": "tests.train.films@caption"}},
        "root": str(root / "films"),
        "mix": "equal",
        "train": {"steps": 6, "batch": 2, "asks": 2, "lr": 0.01, "checkpoint_every": 1},
        "out": str(root / "unused"),
    }
    config.parse(config.LLMRecipe, told, "kills")
    return told


def begin(words: list[str], limit: Callable[[], None] = lambda: None, learned: Path | None = None) -> int:
    """The process id of a job begun in a fork of this process; `limit` is called there before the work.

    `words` are those after `lookhear`; before them may stand variables of the environment, `NAME=value`.
    At its end it writes the names of imported modules into `learned`. What it says goes into a pipe, which neither a
    full disk nor a limit on files reaches; `ended` reads it.
    """
    reader, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(writer)
        os.setpgid(pid, pid)  # by both, so that there is a group to kill whoever comes first
        _said[pid] = reader
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        os.set_blocking(writer, True)
        os.dup2(writer, 1), os.dup2(writer, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        torch.set_num_threads(1)
        sys.modules["__main__"] = ModuleType("__main__")  # or spawned workers would import this file and torch
        limit()
        while "=" in words[0]:
            os.environ.__setitem__(*words.pop(0).split("=", 1))
        cli.main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        if learned is not None:
            learned.write_text("\n".join(sys.modules))
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


_said: dict[int, int] = {}  # process id -> pipe of what it says


def ended(pid: int, seconds: float = 600.0) -> tuple[int, str] | None:
    """The exit code of a job and what it said, or None where it still runs after so many seconds."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            reader = _said.pop(pid)
            try:
                said = os.read(reader, 2**16).decode("utf-8", "replace")
            except BlockingIOError:  # it said nothing, and somebody else still holds the pipe
                said = ""
            os.close(reader)
            return os.waitstatus_to_exitcode(status), said
        time.sleep(0.003)
    return None


def whole(words: list[str]) -> float:
    """Run a job to its end; how many seconds it took. Raises AssertionError with what it said where it failed.

    What it has imported is imported here as well: the next forks need not, and are killed at their work.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        learned = Path(folder) / "modules"
        done = ended(begin(words, learned=learned))
        took = time.monotonic() - began
        assert done is not None, f"{words} did not end"
        assert done[0] == 0, done[1][-500:]
        for name in learned.read_text().split("\n"):
            if name.partition(".")[0] not in ("__main__", "__mp_main__"):
                with suppress(Exception):
                    importlib.import_module(name)
    return took


def kill(job: int, all_of_it: bool) -> None:
    """kill -9 of a job's whole group, or of its first process alone, whose workers must end by themselves."""
    (os.killpg if all_of_it else os.kill)(job, signal.SIGKILL)
    ended(job)
    for _ in range(6000):
        try:
            os.killpg(job, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    os.killpg(job, signal.SIGKILL)
    raise AssertionError("a worker outlived its job by a minute")


def tree(root: Path) -> dict[str, object]:
    """Every file under `root` and what is in it, but for the times of the clock."""
    found: dict[str, object] = {}
    for path in sorted(p for p in root.rglob("*") if p.is_file()):
        name = path.relative_to(root).as_posix()
        if any(word in name for word in VOLATILE):
            continue
        content: object = path.read_bytes().replace(str(root).encode(), b"ROOT")
        if path.suffix == ".json":
            value = json.loads(path.read_bytes().replace(str(root).encode(), b"ROOT"))
            content = {k: v for k, v in value.items() if k not in TIMED} if isinstance(value, dict) else value
        found[name] = content
    return found


def undisturbed(words: list[str], out: Path) -> tuple[Path, float]:
    """The folder of a run from begin to end, and how many seconds it took; made once."""
    plain = out.parent.with_name("plain") / out.name  # of one name and one depth: a card says both
    took = 0.0
    for _ in range(2):  # the second is timed: files that the first had to fetch are at hand
        shutil.rmtree(plain, ignore_errors=True)
        took = whole([w.replace("OUT", str(plain)) for w in words])
    return plain, took


def killed(words: list[str], out: Path, kills: int, seed: int) -> tuple[int, list[str]]:
    """How many kills hit a job alive, at random moments up to its end, and which files then differ once it has ended.

    Every second kill is of the first process alone. Where the job ends before a kill, it begins anew in no folder.
    """
    dice, hits = random.Random(seed), 0
    plain, took = undisturbed(words, out)
    words = [word.replace("OUT", str(out)) for word in words]
    for _ in range(6 * kills):
        if hits == kills:
            break
        job = begin(words)
        done = ended(job, dice.uniform(0.02, 0.95) * took)
        if done is None:
            kill(job, all_of_it=bool(hits % 2))
            hits += 1
        else:
            assert done[0] == 0, done[1][-500:]
            shutil.rmtree(out)
    whole(words)
    return hits, differences(out, plain)


def differences(out: Path, plain: Path) -> list[str]:
    """Names of files that are not alike in two folders."""
    one, other = tree(out), tree(plain)
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def no_file_beyond(size: int) -> Callable[[], None]:
    """A limit of `begin`: writing more than `size` bytes into one file fails, as beyond a quota."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit


if __name__ == "__main__":
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("kinds", nargs="*", default=KINDS)
    asked.add_argument("--kills", type=int, default=20)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--root", type=Path, help="folder to keep what the jobs start from")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        jobs = kept(given.root or Path(folder) / "root", prepare)
        for kind in given.kinds:
            start = time.monotonic()
            try:
                hits, differs = killed(jobs[kind], Path(folder) / "here" / kind, given.kills, given.seed)
                said = f"{hits} kills hit it alive; differs: {differs}"
            except AssertionError as error:
                said = f"failed: {error}"
            print(f"{kind}: {said} ({time.monotonic() - start:.0f} s)", flush=True)  # noqa: T201
