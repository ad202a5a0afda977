"""Two at once: every folder that a command writes has one writer; the second is told who; the dead hold nothing."""

import multiprocessing

import pytest

from lookhear import config, files
from lookhear.errors import ModelError
from lookhear.train.files import check_processes
from tests.train import world


def _hold(folder, ready):
    with files.claim(folder):
        ready.set()
        multiprocessing.Event().wait(120)


@pytest.fixture
def holder():
    """`holder(folder)` is another process that writes `folder`, until it is killed."""
    context, started = multiprocessing.get_context("fork"), []

    def hold(folder):
        ready = context.Event()
        started.append(context.Process(target=_hold, args=(folder, ready)))
        started[-1].start()
        assert ready.wait(60)
        return started[-1]

    yield hold
    for process in started:
        process.kill()
        process.join()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A world and a trained run."""
    folder = tmp_path_factory.mktemp("claims")
    world.make(folder / "world")
    config.dump(world.recipe(folder / "world", folder / "run"), folder / "tiny.yaml")
    return folder


def commands(tiny, out):
    return {
        "train": ("train", tiny / "tiny.yaml", "train.epochs=1", f"out={out}", "--quiet"),
        "soundstage": ("soundstage", out, "--clips", 3, "--no-media", "--json"),
        "robust": ("robust", out, "--dataset", "soundstage", "--root", tiny / "world", "--split", "val", "--json"),
        "instruct": ("instruct", out, "--dataset", "soundstage", "--root", tiny / "stage", "--split", "val", "--json"),
    }


@pytest.mark.parametrize("command", ["train", "soundstage", "robust", "instruct"])
def test_the_second_is_refused_and_goes_once_the_first_is_dead(tiny, holder, lookhear, tmp_path, command):
    if command in ("instruct", "robust") and not (tiny / "stage").exists():
        assert lookhear("soundstage", tiny / "stage", "--clips", 12, "--no-media", "--json").code == 0
    words = commands(tiny, tmp_path / "out")[command]
    words = tuple(tiny / "stage" if word == tiny / "world" else word for word in words)
    first = holder(tmp_path / "out")
    ran = lookhear(*words)
    assert ran.code == 2, ran.err
    assert f"process {first.pid}" in ran.err
    assert ran.err.count("\n") == 1
    first.kill()
    first.join()
    ran = lookhear(*words)
    assert ran.code == 0, ran.err
    assert not list((tmp_path / "out").glob(".lock*"))


def test_another_number_of_processes_is_refused(tmp_path):
    check_processes(tmp_path, 2, 2)
    with pytest.raises(ModelError, match="begun by 2 processes and cannot go on with 1"):
        check_processes(tmp_path, 2, 1)


def test_a_claimed_folder_is_still_unused(tmp_path):
    assert files.unused(tmp_path / "nothing")
    with files.claim(tmp_path / "new"):
        assert files.unused(tmp_path / "new")
    assert not (tmp_path / "new").exists(), "made for nothing"
    with files.claim(tmp_path / "new"):
        (tmp_path / "new" / "thing").touch()
        assert not files.unused(tmp_path / "new")
