"""Odd files, drawn by a seed and watched: each gives a timeline or one line, and both are counted.

    python -m tests.timeline.odd --count 200 --seed 1 [--hours 3]

Kinds are silent, black, short, six channels, turned, mirrored, still, without sound, without picture, truncated and
with changed bytes; `--hours` adds one recording of that length. A file counts as wrong where neither a timeline with a
length nor one line of MediaError came back, and is printed with its seed.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
from PIL import Image

from lookhear.errors import MediaError
from lookhear.model import clip_of
from lookhear.timeline.watch import Watcher
from tests.media.clips import beeps, record, repeat
from tests.media.fuzz import mutated
from tests.media.test_shown import MIRROR, TURN, matrix, rewrite

RATE = 16_000
SIZES = ((48, 144), (64, 160), (96, 144), (128, 192))


def silent(rng: random.Random, path: Path) -> Path:
    return record(path, _times(rng), np.zeros(_samples(rng), np.float32))


def black(rng: random.Random, path: Path) -> Path:
    seconds = rng.uniform(0.5, 3)
    from lookhear.media import write

    frames = np.zeros((max(1, round(seconds * 8)), *rng.choice(SIZES), 3), np.uint8)
    write(path, frames, _sound(rng, seconds), fps=8)
    return path


def short(rng: random.Random, path: Path) -> Path:
    return record(path, [k / 25 for k in range(rng.randint(1, 25))], _sound(rng, rng.uniform(0.01, 1.0)))


def six_channels(rng: random.Random, path: Path) -> Path:
    sound = _sound(rng, rng.uniform(0.5, 2))
    return record(path, _times(rng), np.stack([sound * rng.random() for _ in range(6)]))


def turned(rng: random.Random, path: Path) -> Path:
    plain = record(path.with_suffix(".plain.mp4"), _times(rng), size=rng.choice(SIZES))
    return rewrite(plain, path, *matrix(rng.choice([d for d in TURN if d]), "none"))


def mirrored(rng: random.Random, path: Path) -> Path:
    plain = record(path.with_suffix(".plain.mp4"), _times(rng), size=rng.choice(SIZES))
    return rewrite(plain, path, *matrix(rng.choice(list(TURN)), rng.choice([m for m in MIRROR if m != "none"])))


def still(rng: random.Random, path: Path) -> Path:
    path = path.with_suffix(rng.choice([".png", ".jpg", ".webp"]))
    pixels = np.random.default_rng(rng.randrange(2**31)).integers(0, 256, (*rng.choice(SIZES), 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def without_sound(rng: random.Random, path: Path) -> Path:
    return record(path, _times(rng), size=rng.choice(SIZES))


def without_picture(rng: random.Random, path: Path) -> Path:
    return record(path.with_suffix(".m4a"), [], _sound(rng, rng.uniform(0.05, 3)))


def truncated(rng: random.Random, path: Path) -> Path:
    whole = record(path.with_suffix(".whole.mkv"), _times(rng), _sound(rng, 2)).read_bytes()
    path = path.with_suffix(rng.choice([".mkv", ".mp4"]))
    path.write_bytes(whole[: rng.randrange(len(whole))])
    return path


def changed(rng: random.Random, path: Path) -> Path:
    path.write_bytes(mutated(short(rng, path).read_bytes(), rng.randrange(2**31)))
    return path


KINDS = (
    silent,
    black,
    short,
    six_channels,
    turned,
    mirrored,
    still,
    without_sound,
    without_picture,
    truncated,
    changed,
)


def hours(folder: Path, count: float) -> Path:
    """A recording of so many hours: one minute, its packets copied."""
    minute = record(folder / "minute.mp4", [k / 2 for k in range(119)], beeps(59.5, [1.0, 20.0, 40.0]), size=(48, 144))
    return repeat(minute, round(count * 60), folder / "hours.mp4")


def _times(rng: random.Random) -> list[float]:
    return [k / 25 for k in range(rng.randint(2, 60))]


def _samples(rng: random.Random) -> int:
    return round(rng.uniform(0.2, 3) * RATE)


def _sound(rng: random.Random, seconds: float) -> np.ndarray:
    noise = np.random.default_rng(rng.randrange(2**31)).normal(0, 0.1, max(1, round(seconds * RATE)))
    return np.clip(noise, -1, 1).astype(np.float32)


def watched(watcher: Watcher, path: Path) -> str:
    """What became of a file: "timeline", "one line", or what went wrong."""
    try:
        timeline = watcher(clip_of(path))
    except MediaError as error:
        return "one line" if "\n" not in str(error) else f"not one line: {error}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    json.dumps(timeline.to_json(), allow_nan=False)
    return "timeline" if 0 < timeline.duration < 1e6 else f"a length of {timeline.duration}"


def tried(watcher: Watcher, folder: Path, seed: int) -> tuple[str, str]:
    """(Kind of the file that a seed draws, what became of it.)"""
    rng = random.Random(seed)
    make = KINDS[seed % len(KINDS)]
    return make.__name__, watched(watcher, make(rng, folder / f"{make.__name__}-{seed}.mp4"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--hours", type=float, default=0)
    args = parser.parse_args()
    watcher, found = Watcher(), Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed in range(args.seed, args.seed + args.count):
            kind, what = tried(watcher, folder, seed)
            found[kind, what if what in ("timeline", "one line") else "wrong"] += 1
            if what not in ("timeline", "one line"):
                print(f"seed {seed}, {kind}: {what}")
        if args.hours:
            begun = time.process_time()
            what = watched(watcher, hours(folder, args.hours))
            cost = time.process_time() - begun
            print(f"{args.hours:g} hours: {what}, {cost:.0f} CPU seconds")
    for (kind, what), count in sorted(found.items()):
        print(f"{kind:16s} {what:9s} {count}")
    print({what: sum(n for (_, w), n in found.items() if w == what) for what in ("timeline", "one line", "wrong")})
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
