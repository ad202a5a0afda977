"""From video files to features: CPU-seconds of the decode side against the way the published scripts work; workers.

The scripts have ffmpeg write every second's frame as a full-size JPEG, read each back and scale it; here the same
frames come scaled out of the decoder. Both give 224x224 frames at one a second of the same drawn minutes.
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image

from bench.media import _minute
from lookhear.media import Sampling, decode
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.store.names import build_encoder
from lookhear.types import Clip, Source

COPIES = 6  # of each minute, for the runs with workers


def main() -> dict:
    """Time everything, print it, return it."""
    torch.set_num_threads(1)
    result: dict = {"decode side, CPU-seconds a minute of video": {}, "minutes of video per core-minute": {}}
    with tempfile.TemporaryDirectory() as folder:
        for name, size in (("720p", (720, 1280)), ("360p", (360, 640))):
            path = _minute(Path(folder), size, 250)
            clip = Clip(Source(name, path), None)
            ours = _cpu(lambda clip=clip: decode(clip, Sampling(size=(224, 224))))
            full = _cpu(lambda clip=clip: decode(clip, Sampling()))
            theirs = _cpu(lambda path=path: _as_scripts_do(path))
            row = {"ours": round(ours, 2), "ours, full size": round(full, 2), "as the scripts": round(theirs, 2)}
            result["decode side, CPU-seconds a minute of video"][name] = row | {"ratio": round(theirs / ours, 2)}
            for encoder in ("stage_vision", "stage_audio"):
                both = Clip(Source(name, path), Source(name, path))
                built, store = build_encoder(encoder), FeatureStore(Path(folder) / f"{name}-{encoder}")
                spent = _cpu(lambda b=built, c=both, s=store: extract([c], [b], s))
                result["minutes of video per core-minute"][f"{name} {encoder}"] = round(60 / spent)
        clips = [Clip(Source(f"{i}", path), Source(f"{i}", path)) for i in range(COPIES)]
        walls = {}
        for workers in (1, 2):
            start = time.perf_counter()
            built = [build_encoder("stage_vision"), build_encoder("stage_audio")]
            extract(clips, built, FeatureStore(Path(folder) / f"w{workers}"), workers)
            walls[workers] = time.perf_counter() - start
        result["two workers against one, wall time, start-up included"] = round(walls[1] / walls[2], 2)
        result["load while that ran"] = os.getloadavg()[0]
    for title, rows in result.items():
        print(f"{title}: {rows}")
    return result


def _as_scripts_do(path: Path) -> list[np.ndarray]:
    """Decode every frame, write each second's as a full-size JPEG, read it back and scale it with Pillow."""
    frames, files = [], []
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.codec_context.thread_count = 1
        rate = float(stream.average_rate)
        for number, frame in enumerate(container.decode(stream)):
            if int((number + 0.5) / rate) >= len(files):
                files.append(io.BytesIO())
                frame.to_image().save(files[-1], "JPEG", quality=75)
    for file in files:
        frames.append(np.asarray(Image.open(file).convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)))
    return frames


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    main()
