"""Jobs that are killed twenty times anywhere end in the folder of an undisturbed run; so do two of them at once.

python -m tests.test_kills [KIND…]      the same by hand: kills, and what differs, for each kind of job
"""

import json
import os
import random
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import torch

from lookhear import cli, config
from tests.train import world

KINDS = ("soundstage", "extract", "train", "study", "instruct", "robust", "evaluate")
VOLATILE = ("log.jsonl", "costs.json", "tensorboard", "seconds")  # how long it took is no result
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
    stage, trained, tiny = str(root / "stage"), str(root / "trained"), str(root / "tiny.yaml")
    here = ["soundstage", stage, "--clips", "9", "--size", "64", "--workers", "1"]
    whole(here, root / "told.txt")
    whole(["train", tiny, f"out={trained}", "train.epochs=1", "--quiet"], root / "told.txt")
    data = ["--dataset", "soundstage", "--root", stage]
    packed = root / "packed"
    whole(["extract", "stage_audio", *data, "--out", str(packed)], root / "told.txt")
    return {
        "soundstage": ["soundstage", "OUT", *here[2:]],
        "extract": ["extract", "stage_vision", "stage_audio", *data, "--out", "OUT"],
        "train": ["train", tiny, "out=OUT", "train.checkpoint_every=1", "--quiet"],
        "study": ["study", str(root / "study.yaml"), "--out", "OUT"],
        "instruct": ["instruct", "OUT", *data, "--split", "train"],
        "robust": ["robust", "OUT", *data, "--split", "train"],
        "evaluate": [
            *("evaluate", trained, "--dataset", "tests.train.world", "--root", str(root / "world")),
            *("--split", "val", "--store", str(root / "world" / "features"), "--out", "OUT"),
        ],
    }


def begin(words: list[str], told: Path) -> int:
    """The process id of a job begun in a fork of this process, which has imported torch; what it says is in `told`."""
    pid = os.fork()
    if pid:
        os.setpgid(pid, pid)  # by both, so that there is a group to kill whoever comes first
        return pid
    code = 70
    try:
        os.setpgid(0, 0)
        with told.open("w") as file:
            os.dup2(file.fileno(), 1), os.dup2(file.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
        torch.set_num_threads(1)
        cli.main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


def ended(pid: int, seconds: float = 600.0) -> int | None:
    """The exit code of a job, or None where it still runs after so many seconds."""
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.003)
    return None


def whole(words: list[str], told: Path) -> float:
    """Run a job to its end; how many seconds it took. Raises AssertionError with what it said where it failed."""
    began = time.monotonic()
    code = ended(begin(words, told))
    assert code == 0, told.read_text()[-500:]
    return time.monotonic() - began


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
    plain, told = out.with_name(f"{out.name}-plain"), out.with_name(f"{out.name}-told.txt")
    for _ in range(2):  # the second is timed: files that the first had to fetch are at hand
        shutil.rmtree(plain, ignore_errors=True)
        took = whole([w.replace(str(out), str(plain)) for w in words], told)
    for _ in range(6 * kills):
        if hits == kills:
            break
        job = begin(words, told)
        if ended(job, dice.uniform(0.02, 0.95) * took) is None:
            hits += 1
            os.killpg(job, signal.SIGKILL)
            os.waitpid(job, 0)
        else:
            shutil.rmtree(out, ignore_errors=True)
    whole(words, told)
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


@pytest.mark.parametrize("kind", ["train"])
def test_three_kills_change_nothing(jobs, kind):
    """The same in short."""
    root, words = jobs
    assert killed(words[kind], root / f"{kind}-short", 3, seed=2) == 3
    assert differences(root / f"{kind}-short") == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_two_at_once_change_nothing(jobs, kind):
    """One of them does the work; the other waits or is refused in one line."""
    root, words = jobs
    out = root / f"{kind}-pair"
    killed(words[kind], out, 0, seed=1)
    shutil.rmtree(out)
    told = [root / f"{kind}-{n}.txt" for n in range(2)]
    both = [begin([w.replace("OUT", str(out)) for w in words[kind]], file) for file in told]
    codes = [ended(job) for job in both]
    assert set(codes) <= {0, 2}
    assert all("is being written by process" in t.read_text() for t, code in zip(told, codes, strict=True) if code)
    assert differences(out) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_is_full_is_one_line_and_room_again_is_enough(jobs, kind):
    """Files may not grow beyond some sizes (as under a quota); with room again the same words end as undisturbed."""
    root, words = jobs
    out, told = root / f"{kind}-quota", root / f"{kind}-quota.txt"
    killed(words[kind], out, 0, seed=1)
    shutil.rmtree(out)
    mine = [w.replace("OUT", str(out)) for w in words[kind]]
    for most in (0, 100, 1000, 5000):
        job = begin_within(most, mine, told)
        code = ended(job)
        assert code in (0, 1, 2), told.read_text()[-500:]
        last = told.read_text().strip().splitlines()[-1:]
        assert code == 0 or not last or last[0].startswith("lookhear: ") or kind == "extract", last
    whole(mine, told)
    assert differences(out) == []


def begin_within(most: int, words: list[str], told: Path) -> int:
    """`begin`, with no file growing beyond `most` bytes: writing more fails as on a full disk (EFBIG)."""
    pid = os.fork()
    if pid:
        return pid
    with told.open("w") as file:
        os.set_inheritable(file.fileno(), True)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    reader, writer = os.pipe()  # what is said goes through a pipe, which has no size
    if os.fork() == 0:
        os.close(writer)
        with os.fdopen(reader) as said:
            told.write_text(said.read())
        os._exit(0)
    os.close(reader)
    os.dup2(writer, 1), os.dup2(writer, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    code = 70
    try:
        torch.set_num_threads(1)
        cli.main(words)
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


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
