"""kill -9 of workers and of the server, a full disk, and an orderly end."""

import os
import random
import shutil
import signal
import subprocess
import threading
import time

import httpx
import pytest

from tests.serve.live import live

QUESTION = "How many instruments are sounding in the video?"
pytestmark = pytest.mark.slow


def ask(server, id, **more):
    return httpx.post(f"{server.url}/ask", json={"clip": id, "question": QUESTION, **more}, timeout=120)


def test_workers_killed_while_they_work_cost_nothing(tmp_path, clip):
    with live(tmp_path, "--workers", "2") as server:
        ids = [server.upload(clip.read_bytes() + bytes(n + 1)).json()["id"] for n in range(12)]  # each its own content
        codes = []

        def client(id):
            codes.append(ask(server, id).status_code)

        threads = [threading.Thread(target=client, args=(id,)) for id in ids]
        for thread in threads:
            thread.start()
        rng = random.Random(0)
        for kind in ("model", "decode", "model"):
            time.sleep(rng.uniform(0.2, 1.0))
            for worker in server.workers(kind)[:1]:
                worker.kill()
        for thread in threads:
            thread.join()
        assert codes.count(200) >= 11 and set(codes) <= {200, 422}  # 422: its worker was killed twice


def test_the_server_killed_in_the_middle_serves_again(tmp_path, clip):
    with live(tmp_path) as server:
        id = server.upload(clip.read_bytes()).json()["id"]
        scores = ask(server, id).json()["answers"][0]["scores"]
        rng = random.Random(1)
        for _ in range(5):
            job = httpx.post(f"{server.url}/ask", json={"clip": id, "question": QUESTION, "background": True}).json()[
                "id"
            ]

            def slowly():
                time.sleep(0.01)
                for _ in range(200):
                    yield b"x" * 1000
                    time.sleep(0.02)

            def uploading(slowly=slowly):
                with pytest.raises(httpx.TransportError):
                    httpx.post(f"{server.url}/files?name=b.mp4", content=slowly(), timeout=60)

            thread = threading.Thread(target=uploading)
            thread.start()
            time.sleep(rng.uniform(0.3, 1.0))
            assert not server.kill(), "a worker outlived its server"
            thread.join()
            server.start()
            assert not list(tmp_path.glob("parts/.*")) and not list(tmp_path.rglob(".*~.part*"))
            assert ask(server, id).json()["answers"][0]["scores"] == scores
            for _ in range(100):
                told = httpx.get(f"{server.url}/jobs/{job}").json()
                if told["state"] == "done":
                    break
                time.sleep(0.2)
            assert told["state"] == "done" and told["result"]["answers"][0]["scores"] == scores
        assert len(httpx.get(f"{server.url}/files").json()["data"]) == 1


def requests_open(server):
    """Requests under way beside this one, and those that are answered already."""
    text = httpx.get(f"{server.url}/metrics", timeout=60).text
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    mine = 'route="/ask"'
    done = sum(float(n) for name, _, n in lines if name.startswith("lookhear_requests_total") and mine in name)
    return done + sum(float(n) for name, _, n in lines if name == "lookhear_requests_open") - 1


def test_a_server_that_is_told_to_end_answers_what_it_accepted(tmp_path, clip):
    with live(tmp_path) as server:
        ids = [server.upload(clip.read_bytes() + bytes(n + 1)).json()["id"] for n in range(6)]
        codes = []
        threads = [threading.Thread(target=lambda id=id: codes.append(ask(server, id).status_code)) for id in ids]
        for thread in threads:
            thread.start()
        while requests_open(server) < 6:  # all are accepted
            time.sleep(0.02)
        server.process.send_signal(signal.SIGTERM)
        for thread in threads:
            thread.join()
        assert server.process.wait(60) == 0 and codes == [200] * 6


@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("mount"), reason="a small file system can be mounted by root only"
)
def test_a_full_disk_is_said_and_nothing_is_left(tmp_path, clip):
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with live(tmp_path) as server:
            id = server.upload(clip.read_bytes()).json()["id"]
            full = server.upload(os.urandom(6_000_000))
            assert full.status_code == 507 and full.json()["error"]["code"] == "disk_full"
            assert not list(tmp_path.glob("parts/.*"))
            assert ask(server, id).status_code == 200
            form = httpx.post(f"{server.url}/files", files={"file": os.urandom(6_000_000)}, timeout=60)
            assert form.status_code == 507
    finally:
        subprocess.run(["umount", tmp_path], check=True)
