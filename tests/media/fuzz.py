"""A seeded fuzzer: real recordings with a few bytes changed, each read in a process of its own under hard limits.

    python -m tests.media.fuzz --count 1000 --seed 1 [--root ../shared/data]

Every mutation must end in frames or sound, or in one line of MediaError, within SECONDS of processor time and MEMORY
bytes at its peak, with no file left open. What did not is printed with its seed; `--keep DIR` keeps those files.
"""

import argparse
import json
import os
import random
import resource
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from lookhear.errors import MediaError
from lookhear.media import Sampling, decode, probe, stream
from lookhear.types import Clip, Source

SECONDS, MEMORY = 10, 10**9
KINDS = {".mp4", ".mkv", ".webm", ".avi", ".mov", ".flv", ".mpg", ".mp3", ".wav", ".flac", ".gif", ".jpg", ".png"}
WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x00010000, 0x3B9ACA00)
LARGEST = 3_000_000  # bytes: longer recordings are left out, they only take longer


def mutated(data: bytes, seed: int) -> bytes:
    """`data` with one to eight changes, most of them near the beginning or the end, where headers are."""
    dice, out = random.Random(seed), bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 4, 8))):
        size = len(out)
        zone = dice.random()
        if zone < 0.6:
            at = dice.randrange(min(size, dice.choice((64, 600, 4000))))
        elif zone < 0.8:
            at = size - 1 - dice.randrange(min(size, 8000))
        else:
            at = dice.randrange(size)
        what = dice.randrange(6)
        if what <= 1:
            out[at] = dice.randrange(256)
        elif what == 2:
            word = dice.choice(WORDS).to_bytes(4, dice.choice(("big", "little")))
            out[at : at + 4] = word[: max(0, size - at)]
        elif what == 3:
            out[at : at + dice.choice((1, 4, 100, 10_000))] = b""
        elif what == 4:
            piece = bytes(out[at : at + dice.choice((1, 8, 500))])
            out[at:at] = piece
        else:
            del out[max(at, 200) :]
        if len(out) < 50:
            return bytes(data[: 50 + at])
    return bytes(out)


def read(path: Path) -> str:
    """What became of the file: `whole`, `noted` or `refused`. Anything but a MediaError goes up."""
    source = Source("fuzz", path)
    clip, before = Clip(source, source), _open_files()
    notes: list[str] = []
    outcome = "whole"
    for work in (
        lambda: probe(path),
        lambda: notes.extend(decode(clip).notes),
        lambda: [notes.extend(piece.notes) for piece in stream(clip, Sampling(size=(64, 64)), 32.0)],
        lambda: decode(clip, Sampling("uniform", count=8, size=(64, 64))),
    ):
        try:
            work()
        except MediaError as error:
            assert "\n" not in str(error), error
            assert len(str(error)) < 500, error
            outcome = "refused"
    assert _open_files() <= before + 1, "a file was left open"
    return "noted" if outcome == "whole" and notes else outcome


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def alone(path: Path) -> tuple[str, float, int]:
    """Outcome, processor seconds, and peak bytes beyond what this process holds, of `read` in a forked process."""
    held = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_CPU, (3 * SECONDS, 3 * SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (6 * MEMORY, 6 * MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            said = read(path)
        except BaseException as error:
            said = f"raised {type(error).__name__}: {error}"[:300]
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status, used = os.wait4(child, 0)
    if os.WIFSIGNALED(status):
        said = f"died of signal {os.WTERMSIG(status)}"
    seconds, peak = used.ru_utime + used.ru_stime, max(0, used.ru_maxrss * 1024 - held)
    if seconds > SECONDS:
        said = f"too slow: {seconds:.1f} s"
    elif peak > MEMORY:
        said = f"too large: {peak / 1e6:.0f} MB"
    return said, seconds, peak


def originals(root: Path) -> list[Path]:
    """Recordings under `root` that are small enough."""
    files = sorted(p for p in root.rglob("*") if p.suffix.lower() in KINDS)
    return [p for p in files if p.stat().st_size <= LARGEST]


def fuzz(files: list[Path], count: int, seed: int, keep: Path | None = None) -> dict:
    """`count` mutations of `files`; how many ended how, and every one that exceeded a limit or raised."""
    outcomes: Counter[str] = Counter()
    faults, slowest, largest = [], 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count):
            original = files[number % len(files)]
            path = Path(folder) / f"mutation{original.suffix}"
            path.write_bytes(mutated(original.read_bytes(), seed * 1_000_003 + number))
            said, seconds, peak = alone(path)
            slowest, largest = max(slowest, seconds), max(largest, peak)
            outcomes[said.split(":")[0] if said not in ("whole", "noted", "refused") else said] += 1
            if said not in ("whole", "noted", "refused"):
                faults.append({"file": original.name, "number": number, "said": said})
                if keep:
                    keep.mkdir(parents=True, exist_ok=True)
                    (keep / f"{number}{original.suffix}").write_bytes(path.read_bytes())
    return {
        "count": count,
        "outcomes": dict(outcomes),
        "slowest": round(slowest, 2),
        "largest_mb": round(largest / 1e6),
        "faults": faults,
    }


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--count", type=int, default=1000)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--root", type=Path, default=Path("../shared/data"))
    words.add_argument("--keep", type=Path)
    asked = words.parse_args()
    np.zeros(1)
    print(json.dumps(fuzz(originals(asked.root), asked.count, asked.seed, asked.keep), indent=1))  # noqa: T201
