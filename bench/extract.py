"""From video files to features: CPU-seconds of the decode side against the way the published scripts work; workers.

The scripts have ffmpeg write every second's frame as a full-size JPEG and the sound as wav, and read them back; here
both come out of one pass over the file, frames scaled in the decoder. Both give frames at one a second and 16 kHz.
"""

from __future__ import annotations

import os
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import torch

from bench._scripts import as_the_scripts, cpu, ffmpeg
from bench.media import REAL, REAL_FILES, _minute
from lookhear.media import Sampling, decode, probe
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.store.names import build_encoder
from lookhear.types import Clip, Source

CLIPS = 200  # for the runs with workers, a third of a minute each


def main() -> dict:
    """Time everything, print it, return it."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        files = {name: _minute(Path(folder), size, 250) for name, size in (("720p", (720, 1280)), ("360p", (360, 640)))}
        result = {"decode side": _decode_side(files), "workers": _workers(Path(folder), files["360p"])}
    return result


def _decode_side(drawn: dict[str, Path]) -> dict:
    """CPU-seconds for frames and sound of each file, and how many times ours the scripts take."""
    program, rows = ffmpeg(), {}
    files = {f"{name}, drawn minute": path for name, path in drawn.items()}
    files |= {f"real {name}": REAL / name for name in REAL_FILES if (REAL / name).exists()}
    ways = {
        "scaled": Sampling(size=(224, 224)),
        "full size": Sampling(),
        "scaled, no loop filter": Sampling(size=(224, 224), loop_filter=False),
    }
    for name, path in files.items():
        picture, clip = probe(path).picture, Clip(Source(name, path), Source(name, path))
        row = {"size": f"{picture.width}x{picture.height}", "seconds": round(probe(path).duration, 1)}
        row["scripts"] = round(cpu(lambda path=path: as_the_scripts(path, program), 2), 3)
        row |= {way: round(cpu(lambda c=clip, s=s: decode(c, s), 3), 3) for way, s in ways.items()}
        rows[name] = row | {f"scripts / {way}": round(row["scripts"] / row[way], 1) for way in ways}
        print(f"decode side: {name}: {rows[name]}", flush=True)
    real = [row for name, row in rows.items() if name.startswith("real")]
    for way in ways if real else ():
        ratio = sum(r["scripts"] for r in real) / sum(r[way] for r in real)
        rows[f"all real files together, scripts / {way}"] = round(ratio, 2)
    print({k: v for k, v in rows.items() if k.startswith("all")})
    return rows


def _workers(folder: Path, path: Path) -> dict:
    """Wall and CPU seconds of the same job by one process, by two, and on Ray with two actors."""
    clips = [Clip(s, s, 0.0, 20.0) for s in (Source(f"{i}", path) for i in range(CLIPS))]
    ways = {"one": (1, "local"), "two": (2, "local")} | ({"ray, two": (2, "ray")} if find_spec("ray") else {})
    rows: dict = {"clips": CLIPS}
    for name, (workers, engine) in ways.items():
        for count in (1, CLIPS):
            built = [build_encoder("stage_vision"), build_encoder("stage_audio")]
            store, wall, load = FeatureStore(folder / f"{name}-{count}"), time.perf_counter(), os.getloadavg()[0]
            spent = cpu(lambda b=built, s=store, n=count, w=workers, e=engine: extract(clips[:n], b, s, w, engine=e))
            row = {"wall_s": round(time.perf_counter() - wall, 1), "cpu_s": round(spent, 1), "load": round(load, 1)}
            rows[f"{name}, {count} clips"] = row
            print(f"workers: {name}, {count} clips: {row}", flush=True)
    rows["two against one, wall"] = round(
        rows[f"one, {CLIPS} clips"]["wall_s"] / rows[f"two, {CLIPS} clips"]["wall_s"], 2
    )
    print(f"two against one, wall: {rows['two against one, wall']}")
    return rows


if __name__ == "__main__":
    main()
