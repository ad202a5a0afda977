"""Ctrl-C ends a command with one line and exit code 130."""

import os
import signal
import subprocess
import sys
import time


def test_ctrl_c_says_that_the_job_can_go_on(tmp_path):
    out = tmp_path / "stage"
    command = [sys.executable, "-m", "lookhear.cli", "soundstage", str(out), "--clips", "200", "--workers", "1"]
    # children of a background job would ignore the signal
    start = "import os, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start += f"os.execv({sys.executable!r}, {command!r})"
    with subprocess.Popen([sys.executable, "-c", start], stdout=-1, stderr=-1, text=True) as job:
        while job.poll() is None and not (out / "videos").is_dir():
            time.sleep(0.05)
        os.kill(job.pid, signal.SIGINT)
        _, said = job.communicate(timeout=60)
    assert job.returncode == 130
    assert said.strip().endswith("lookhear: stopped; long jobs resume where they were when run again.")
    assert "Traceback" not in said
