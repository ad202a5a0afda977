"""Workers of every pool end when the process that started them is killed."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

POOLS = {
    "timeline": "from lookhear.timeline.many import _alone as start",
    "soundstage": "from lookhear.soundstage.write.workers import _start_worker as start",
    "processes": "from lookhear.processes import end_with_parent as start",
}
PROGRAM = """
import os, time
from concurrent.futures import ProcessPoolExecutor
from lookhear.store.nursery import nursery
{start}
if __name__ == "__main__":
    pool = ProcessPoolExecutor(1, nursery(), start)
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(100)
"""


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_without_work_ends_with_its_parent(pool, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(start=POOLS[pool]))
    parent = subprocess.Popen([sys.executable, program], stdout=subprocess.PIPE, text=True)
    worker = psutil.Process(int(parent.stdout.readline()))
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    end = time.monotonic() + 60
    while time.monotonic() < end and worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)
    assert time.monotonic() < end, "it waits for work for ever"
