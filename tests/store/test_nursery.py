"""Worker processes: forked from one that has imported what they need, keeps one thread and ends with its parent."""

import os
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from lookhear.store.nursery import nursery

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere workers are new interpreters")


def about_here(_):
    """(the nursery, its threads, is torch there before anyone asked for it, how many threads it would take)"""
    there, threads = "torch" in sys.modules, len(list(Path(f"/proc/{os.getppid()}/task").iterdir()))
    import torch

    return os.getppid(), threads, there, torch.get_num_threads()


def test_workers_find_torch_imported_by_a_process_with_one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with ProcessPoolExecutor(2, nursery()) as pool:
        told = set(pool.map(about_here, range(4)))
    assert os.environ["OMP_NUM_THREADS"] == "2"
    ((parent, *facts),) = told
    assert parent != os.getpid() and facts == [1, True, 1]


def test_it_ends_with_its_parent():
    say = "from lookhear.store import nursery; nursery.NEEDED = (); nursery.nursery(); "
    say += "from multiprocessing import forkserver; print(forkserver._forkserver._forkserver_pid, flush=True); "
    say += "import os; os.kill(os.getpid(), 9)"
    done = subprocess.run([sys.executable, "-c", say], stdout=subprocess.PIPE, text=True)
    until = time.monotonic() + 60
    while alive(int(done.stdout)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(int(done.stdout))


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
