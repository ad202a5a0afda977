"""A server in a process of its own, on a free port of the loopback, for tests that kill or abuse it."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx
import psutil

PATIENCE = 600.0  # seconds in which a busy machine must have loaded the model


class Live:
    def __init__(self, data, *options):
        self.data, self.options = data, options
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        command = [sys.executable, "-m", "lookhear", "serve", "--port", str(self.port), "--data", str(self.data)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self.process = subprocess.Popen([*command, "--model", "stage", "--no-examples", *self.options], env=environment)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/ready", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.2)
        raise AssertionError(f"the server is not ready (exit code {self.process.poll()})")

    def family(self):
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]

    def workers(self, kind="model"):
        return [p for p in self.family()[1:] if kind in p.cmdline()]

    def kill(self):
        """kill -9, and wait until the workers have noticed."""
        family = self.family()
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        _, alive = psutil.wait_procs(family[1:], timeout=20)
        return alive

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)

    def upload(self, data, name="clip.mp4"):
        return httpx.post(f"{self.url}/files", params={"name": name}, content=data, timeout=120)


@contextmanager
def live(data, *options):
    server = Live(data, *options)
    try:
        yield server
    finally:
        server.stop()
