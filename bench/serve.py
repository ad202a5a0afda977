"""The server under load: 64 clients, 2,000 requests, two workers; the second question; a second user beside an hour.

Starts `lookhear serve` on a free port of the loopback and asks it over HTTP as clients do.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
import numpy as np
import psutil

from lookhear.media.write import write
from lookhear.soundstage.picture.painter import frames
from lookhear.soundstage.scene.structure import Plan, draw
from lookhear.soundstage.sound.mix import sound
from lookhear.soundstage.write.render import render

CLIENTS = int(os.environ.get("BENCH_CLIENTS", 64))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", 2_000))
CLIPS, HOUR = 12, 3_600
LENGTHS = (10, 20, 30, 60)  # seconds of the films for the second question
FILM = (720, 1280, 25.0)  # their height, width and frames a second
MORE = 20  # further questions on each, so that the clock of processes (10 ms) can tell them
QUESTIONS = (
    "How many instruments are sounding in the video?",
    "Which instrument plays first?",
    "Is the left one louder?",
    "Where is the loudest instrument?",
)


@contextmanager
def running(data: Path, *options: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A server of its own, and its address, once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    model = os.environ.get("BENCH_MODEL", "stage")
    command = [sys.executable, "-m", "lookhear", "serve", "--port", str(port), "--data", str(data), "--no-examples"]
    process = subprocess.Popen([*command, "--model", model, *options])
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                if httpx.get(f"{url}/ready").status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        yield url, process
    finally:
        process.terminate()
        process.wait(60)


def main() -> dict[str, Any]:
    """Time it, print it, return it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        clips = _clips(root)
        with running(root / "data", "--workers", "2") as (url, process):
            ids = [_upload(url, clip) for clip in clips]
            numbers: dict[str, Any] = {"second_question": _second(url, ids[:4] + _films(root, url), process)}
            numbers["load"] = _load(url, ids, process)
            numbers["beside_an_hour"] = _beside(url, ids, _hour(root / "hour.mp4"))
    for name, told in numbers.items():
        for one in told if isinstance(told, list) else [told]:
            print(f"  {name}: {one}")
    return numbers


def _clips(root: Path) -> list[Path]:
    rng = Random(0)
    found = []
    for number in range(CLIPS):
        found.append(root / f"{number}.mp4")
        render(draw(rng, Plan(), 10.0, 4, str(number)), found[-1])
    return found


def _hour(path: Path) -> Path:
    """An hour of a moving square and noise."""
    rng = np.random.default_rng(0)
    frames = (np.full((64, 64, 3), i % 200, np.uint8) for i in range(HOUR * 2))
    write(path, frames, 0.1 * rng.standard_normal(HOUR * 8_000).astype(np.float32), fps=2, sample_rate=8_000)
    return path


def _upload(url: str, clip: Path) -> str:
    return str(httpx.post(f"{url}/files?name={clip.name}", content=clip.read_bytes(), timeout=600).json()["id"])


def _ask(client: httpx.Client, url: str, id: str, question: str) -> tuple[int, float, dict[str, Any]]:
    began = time.perf_counter()
    reply = client.post(f"{url}/ask", json={"clip": id, "question": question})
    return reply.status_code, time.perf_counter() - began, reply.json()


def _films(root: Path, url: str) -> list[str]:
    """Soundstage scenes as a telephone films them: wide, 25 frames a second, never quite still."""
    height, width, fps = FILM
    rng, made = Random(1), []
    for seconds in LENGTHS:
        scene = draw(rng, Plan(), float(seconds), 4, f"film {seconds}")
        drawn = (frame for frame in frames(scene, height, fps / 5) for _ in range(5))
        margin = (width - height) // 2
        wide = (
            np.roll(np.pad(frame, ((0, 0), (margin, margin), (0, 0)), "edge"), number % 7, 1)
            for number, frame in enumerate(drawn)
        )
        path = root / f"{seconds}.mp4"
        write(path, wide, sound(scene, 16_000), fps, 16_000)
        made.append(_upload(url, path))
    return made


def _second(url: str, ids: list[str], process: subprocess.Popen[bytes]) -> list[dict[str, float]]:
    """For each clip, what a first question costs and what one more does: CPU time in the worker, as the server tells
    it; CPU time of the server and all its workers, which check the upload before a first answer; seconds waited."""
    told = []
    tree = psutil.Process(process.pid)
    with httpx.Client(timeout=600) as client:
        for id in ids:
            marks = [_cpu(tree)]
            _, waited, first = _ask(client, url, id, QUESTIONS[0])
            marks.append(_cpu(tree))
            more = [_ask(client, url, id, f"{QUESTIONS[1]} {number}") for number in range(MORE)]
            marks.append(_cpu(tree))
            worker = [
                sum(one["seconds"][name] for name in ("watch_cpu", "answer_cpu"))
                for one in (first, *(reply for _, _, reply in more))
            ]
            whole = marks[1] - marks[0], (marks[2] - marks[1]) / MORE
            again = statistics.median(worker[1:])
            told.append({
                "clip_seconds": first["clip"]["seconds"],
                "worker_first_ms": round(1e3 * worker[0], 1),
                "worker_next_ms": round(1e3 * again, 2),
                "worker_percent": round(100 * again / worker[0], 2),
                "server_first_ms": round(1e3 * whole[0], 1),
                "server_next_ms": round(1e3 * whole[1], 2),
                "server_percent": round(100 * whole[1] / whole[0], 2),
                "waited_percent": round(100 * statistics.median(w for _, w, _ in more) / waited, 2),
            })  # fmt: skip
    return told


def _cpu(tree: psutil.Process) -> float:
    """CPU seconds of the server and its workers so far."""
    return sum(sum(one.cpu_times()[:2]) for one in [tree, *tree.children(recursive=True)])


def _load(url: str, ids: list[str], process: subprocess.Popen[bytes]) -> dict[str, Any]:
    codes: Counter[int] = Counter()
    times: list[float] = []
    tree = psutil.Process(process.pid)
    memory: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.wait(0.5):
            memory.append(_memory(tree))

    def client(number: int) -> None:
        rng = Random(number)
        with httpx.Client(timeout=600) as one:
            for _ in range(REQUESTS // CLIENTS + (number < REQUESTS % CLIENTS)):
                status, seconds, _ = _ask(one, url, rng.choice(ids), rng.choice(QUESTIONS))
                codes[status] += 1
                times.append(seconds)

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(client, range(CLIENTS)))
    took = time.perf_counter() - began
    stop.set()
    watcher.join()
    ordered = sorted(times)
    return {
        "clients": CLIENTS,
        "requests": len(times),
        "status": dict(codes),
        "per_second": round(len(times) / took, 1),
        "p50_ms": round(1e3 * ordered[len(ordered) // 2], 1),
        "p95_ms": round(1e3 * ordered[int(0.95 * len(ordered))], 1),
        "worst_ms": round(1e3 * ordered[-1], 1),
        "memory_mb_before": round(memory[0] / 1e6) if memory else None,
        "memory_mb_most": round(max(memory) / 1e6) if memory else None,
    }


def _memory(tree: psutil.Process) -> int:
    """Bytes of the server and its workers that belong to nobody else."""
    total = 0
    for one in [tree, *tree.children(recursive=True)]:
        try:
            total += one.memory_full_info().uss
        except psutil.Error:
            continue
    return total


def _beside(url: str, ids: list[str], hour: Path) -> dict[str, Any]:
    """How long a question about a watched clip takes, alone and while another user sends and watches an hour."""
    with httpx.Client(timeout=600) as client:
        alone = [_ask(client, url, id, f"{QUESTIONS[2]} {i}")[1] for i, id in enumerate(ids)]
        status: list[int] = []

        def first() -> None:
            id = _upload(url, hour)
            status.append(httpx.post(f"{url}/watch", json={"clip": id}, timeout=600).status_code)

        thread = threading.Thread(target=first)
        thread.start()
        beside: list[float] = []
        rounds = 0
        while thread.is_alive():
            beside += [_ask(client, url, id, f"{QUESTIONS[2]} {rounds} {i}")[1] for i, id in enumerate(ids)]
            rounds += 1
        thread.join()
    return {
        "first_user": status,
        "alone_p50_ms": round(1e3 * statistics.median(alone), 1),
        "beside_p50_ms": round(1e3 * statistics.median(beside), 1),
        "beside_worst_ms": round(1e3 * max(beside), 1),
        "asked_beside": len(beside),
    }
