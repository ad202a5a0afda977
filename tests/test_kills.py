"""Jobs killed twenty times anywhere end in the folder of an undisturbed run; two at once, or no room, likewise."""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests import kills


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    root = tmp_path_factory.mktemp("jobs")
    return root, kills.prepare(root)


@pytest.mark.slow
@pytest.mark.parametrize("kind", kills.KINDS)
def test_twenty_kills_change_nothing(jobs, kind):
    root, words = jobs
    assert kills.killed(words[kind], root / "here" / kind, 20, seed=1) == (20, [])


@pytest.mark.parametrize("kind", ["train"])
def test_three_kills_change_nothing(jobs, kind):
    """The same in short."""
    root, words = jobs
    assert kills.killed(words[kind], root / "short" / kind, 3, seed=2) == (3, [])


@pytest.mark.slow
@pytest.mark.parametrize("kind", kills.KINDS)
def test_two_at_once_change_nothing(jobs, kind):
    """One of them does the work; the other does the same beside it, or is refused in one line."""
    root, words = jobs
    out = root / "pair" / kind
    plain, _ = kills.undisturbed(words[kind], out)
    both = [kills.begin([w.replace("OUT", str(out)) for w in words[kind]]) for _ in range(2)]
    done = [kills.ended(job) for job in both]
    for code, said in done:
        assert code == 0 or (code == 2 and "is being written by process" in said and said.count("\n") == 1), said
    assert 0 in [code for code, _ in done]
    assert kills.differences(out, plain) == []


def explained(done, kind):
    """A job without room ends by itself, in one line, whose reason is the disk."""
    code, said = done
    lines = said.strip().splitlines()
    assert code in (1, 2), said[-500:]
    assert "Traceback" not in said and "please report" not in said, said[-500:]
    assert code == 1 or lines[-1].startswith("lookhear: "), lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("kind", kills.KINDS)
def test_beyond_a_quota_it_is_one_line_and_room_again_is_enough(jobs, kind):
    """Files may not grow beyond some sizes; with room again the same words end as undisturbed."""
    root, words = jobs
    out = root / "quota" / kind
    plain, _ = kills.undisturbed(words[kind], out)
    mine = [w.replace("OUT", str(out)) for w in words[kind]]
    for size in (0, 100, 1000, 5000):
        done = kills.ended(kills.begin(mine, kills.no_file_beyond(size)))
        if done[0]:
            explained(done, kind)
    kills.whole(mine)
    assert kills.differences(out, plain) == []


@contextmanager
def disk(path, kilobytes):
    """A file system of so many kilobytes at `path`; what it gives remounts it."""
    path.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(path)]
    if os.geteuid() != 0 or not shutil.which("mount") or subprocess.run(words, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        yield lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(path)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", kills.KINDS)
def test_a_full_or_read_only_disk_is_one_line_and_room_again_is_enough(jobs, kind):
    root, words = jobs
    plain, _ = kills.undisturbed(words[kind], root / "disk" / kind)
    with disk(root / f"{kind}-mount", 4) as remount:
        out = root / f"{kind}-mount" / kind
        mine = [w.replace("OUT", str(out)) for w in words[kind]]
        for how in ("size=4k", "size=16k", "size=48k", "ro", "rw,size=64k"):
            remount(how)
            done = kills.ended(kills.begin(mine))
            if done[0]:
                explained(done, kind)
            assert done[0] or how != "ro" or out.exists(), "nothing was written, and it says that all is well"
        remount("size=500m")
        kills.whole(mine)
        assert kills.differences(out, plain) == []
