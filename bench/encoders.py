"""Hours of video that one core encodes in an hour, beside what the hardware allows; and a worker's memory.

Networks have the published shapes and random weights. Each number is CPU-seconds of one thread; of the large networks
a few frames are timed and a minute reckoned from them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench._scripts import cpu
from bench.media import _minute
from lookhear.encoders import clip, vggish
from lookhear.media import Sampling, decode
from lookhear.types import Clip, Media, Source
from tests.media.clips import repeat

SIZES = {
    "CLIP B/32": {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12},
    "CLIP L/14": {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16},
}
PATCH, FRAMES = {"CLIP B/32": 32, "CLIP L/14": 14}, {"CLIP B/32": 32, "CLIP L/14": 8}
WORKER = """
import sys
from pathlib import Path
import torch
from lookhear.encoders import clip
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.store.names import build_encoder
from lookhear.types import Clip, Source
torch.set_num_threads(1)
source = Source("long", Path(sys.argv[1]))
seen = [clip.build(clip.Config(sys.argv[3]))] if sys.argv[3] else [build_encoder("stage_vision")]
extract([Clip(source, source)], [*seen, build_encoder("stage_audio")], FeatureStore(sys.argv[2]))
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024)
"""


def main() -> dict:
    """Time everything, print it, return it."""
    torch.set_num_threads(1)
    result: dict = {"floor": _floor(), "hours per core-hour": {}, "peak_megabytes": {}}
    with tempfile.TemporaryDirectory() as folder:
        files = {name: _minute(Path(folder), size, 250) for name, size in (("360p", (360, 640)), ("720p", (720, 1280)))}
        spent = _networks(Path(folder), result)
        for name, path in files.items():
            row = _rates(path, spent)
            result["hours per core-hour"][name] = row
            print(name, row, flush=True)
        _memory(Path(folder), files["360p"], result["peak_megabytes"])
    return result


def _floor() -> dict:
    """What one core multiplies and adds a second, in thousand million operations."""
    rates = {}
    for kind in (torch.float32, torch.bfloat16):
        a, b = torch.randn(1024, 1024).to(kind), torch.randn(1024, 1024).to(kind)
        rates[f"GFLOP/s {str(kind).removeprefix('torch.')}"] = round(
            2 * 1024**3 / cpu(lambda a=a, b=b: a @ b, 12) / 1e9
        )
    print(rates, flush=True)
    return rates


def _networks(folder: Path, result: dict) -> dict[str, float]:
    """CPU-seconds of each network for a minute of video, without decoding; bfloat16 beside it where it is supported."""
    import transformers

    spent: dict[str, float] = {}
    for name, sizes in SIZES.items():
        torch.manual_seed(0)
        shape = transformers.CLIPVisionConfig(**sizes, image_size=224, patch_size=PATCH[name], projection_dim=512)
        transformers.CLIPVisionModelWithProjection(shape).save_pretrained(folder / name)
        frames = np.random.default_rng(0).integers(0, 255, (FRAMES[name], 224, 224, 3), dtype=np.uint8)
        media, rows = Media(frames, np.arange(len(frames)) + 0.5, None, 16_000, float(len(frames))), {}
        for precision in ("fp32", "bf16"):
            encoder = clip.build(clip.Config(str(folder / name), precision=precision))
            rows[precision] = encoder([media])[0]["frames"]
            taken = cpu(lambda e=encoder, m=media: e([m]), 2)
            spent[f"{name} {precision}"] = taken * 60 / len(frames)
        cosine = torch.nn.functional.cosine_similarity(rows["fp32"], rows["bf16"]).min()
        result[f"{name}: lowest cosine of bf16 to fp32, random weights"] = round(float(cosine), 5)
        print(name, {k: round(v, 2) for k, v in spent.items()}, float(cosine), flush=True)
    torch.save(vggish.VGGish().state_dict(), folder / "vggish.pth")
    encoder = vggish.build(vggish.Config(str(folder / "vggish.pth")))
    wave = np.random.default_rng(0).normal(0, 0.1, 60 * 16_000).astype(np.float32)
    media = Media(None, np.zeros(0), wave, 16_000, 60.0)
    spent["VGGish"] = cpu(lambda: encoder([media]), 2)
    result["CPU-seconds of the networks a minute of video"] = {k: round(v, 2) for k, v in spent.items()}
    return spent


def _rates(path: Path, networks: dict[str, float]) -> dict[str, float]:
    """Hours of video a core-hour: of decoding alone, and with each network behind it."""
    source = Source("x", path)
    both, seen, heard = Clip(source, source), Clip(source, None), Clip(None, source)

    def timed(work: Callable[[], Any]) -> float:
        return cpu(work, 3)

    every = timed(lambda: _every(path))
    picture = timed(lambda: decode(seen, Sampling()))
    sound = timed(lambda: decode(heard, Sampling()))
    row = {
        "floor: decode every frame, keep none": 60 / every,
        "picture, 1 fps, full size": 60 / picture,
        "picture, 1 fps, scaled to 224": 60 / timed(lambda: decode(seen, Sampling(size=(224, 224)))),
        "the same without loop filter": 60 / timed(lambda: decode(seen, Sampling(size=(224, 224), loop_filter=False))),
        "sound": 60 / sound,
        "picture and sound": 60 / timed(lambda: decode(both, Sampling(size=(224, 224)))),
    }
    row |= {f"with {name}": 60 / ((sound if name == "VGGish" else picture) + spent) for name, spent in networks.items()}
    return {name: round(rate, 2) for name, rate in row.items()}


def _every(path: Path) -> None:
    import av

    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.codec_context.thread_count = 1
        for _ in container.decode(stream):
            pass


def _memory(folder: Path, minute: Path, peaks: dict[str, int]) -> None:
    """Peak megabytes of a process that encodes one file of so many minutes; a small CLIP takes full-size frames."""
    import transformers

    small = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1}
    shape = transformers.CLIPVisionConfig(**small, image_size=224, patch_size=32, projection_dim=16)
    transformers.CLIPVisionModelWithProjection(shape).save_pretrained(folder / "small")
    for minutes in (1, 10, 60):
        path = repeat(minute, minutes, folder / "long.mp4")
        for name, weights in (("scaled to 128", ""), ("full size", str(folder / "small"))):
            start = time.perf_counter()
            command = [sys.executable, "-c", WORKER, str(path), str(folder / f"{name}{minutes}"), weights]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            peaks[f"{minutes} min, frames {name}"] = round(float(done.stdout))
            print(f"peak memory {minutes} min, {name}: {done.stdout.strip()} MB, {time.perf_counter() - start:.0f} s")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
