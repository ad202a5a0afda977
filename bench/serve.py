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
from lookhear.soundstage.scene.structure import Plan, draw
from lookhear.soundstage.write.render import render

CLIENTS = int(os.environ.get("BENCH_CLIENTS", 64))
REQUESTS = int(os.environ.get("BENCH_REQUESTS", 2_000))
CLIPS, HOUR = 12, 3_600
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
            numbers = {"second_question": _second(url, ids[:8])}
            numbers["load"] = _load(url, ids, process)
            numbers["beside_an_hour"] = _beside(url, ids, _hour(root / "hour.mp4"))
    for name, told in numbers.items():
        print(f"  {name}: {told}")
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


def _second(url: str, ids: list[str]) -> dict[str, float]:
    """CPU time in the worker of watching with a first question, and of one more question, as the server tells them."""
    first, second = [], []
    with httpx.Client(timeout=600) as client:
        for id in ids:
            for question, times in ((QUESTIONS[0], first), (QUESTIONS[1], second)):
                seconds = _ask(client, url, id, question)[2]["seconds"]
                times.append(seconds["watch_cpu"] + seconds["answer_cpu"])
    shares = [b / a for a, b in zip(first, second, strict=True)]
    return {
        "first_cpu_ms": round(1e3 * statistics.median(first), 1),
        "second_cpu_ms": round(1e3 * statistics.median(second), 2),
        "share_percent": round(100 * statistics.median(shares), 2),
    }


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
