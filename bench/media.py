"""How fast clips are decoded and written, in seconds of video per CPU-second, and what memory that takes.

The 720p and 360p minutes are drawn on the fly (drifting texture, 30 fps, a key frame every 250 as encoders default to,
and again one a second); real files are timed where ../shared is there. Each number is the best of three, but for the
plain loop, which runs once.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import numpy as np

from lookhear.media import Sampling, decode, probe, write
from lookhear.types import Clip, Source
from tests.media.clips import repeat

REAL = Path(__file__).resolve().parents[2] / "shared" / "data"
REAL_FILES = (
    "misc_media/fortisavqa_demo_1.mp4",
    "avqa_thu/media/0-00uubiDNU_000210.mp4",
    "avqa_thu/media/001BAQ9k3SU_000140.mp4",
    "avqa_thu/media/004NnY1farU_000030.mp4",
    "unav100/media/--HuBNHXu9I.mp4",
    "vggsound/media/ZYc410CE4Rg_0_10000.mp4",
    "ave/media/-en7GAdXAQk.mp4",
)
READ = """
import sys
from pathlib import Path
from lookhear.media import Sampling, stream
from lookhear.types import Clip, Source
source = Source("long", sys.argv[1])
for piece in stream(Clip(source, source), Sampling(size=(224, 224)), 60):
    pass
print(int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024)
"""


def main() -> dict:
    """Time everything, print it, return it."""
    result: dict = {"decode": {}, "write": {}, "peak_megabytes": {}}
    with tempfile.TemporaryDirectory() as folder:
        files = {}
        for name, size in (("720p", (720, 1280)), ("360p", (360, 640))):
            for gop in (250, 30):
                files[f"{name}, key frame every {gop}"] = _minute(Path(folder), size, gop)
        files |= {f"real {name}": REAL / name for name in REAL_FILES if (REAL / name).exists()}
        for name, path in files.items():
            result["decode"][name] = row = _decode(path)
            print(f"{name:45s}", "  ".join(f"{k} {v:.0f}x" for k, v in row.items()))
        frames, sound = list(_texture((128, 128), 80)), np.sin(np.arange(160_000) / 5).astype(np.float32) / 3
        seconds = _best(lambda: write(Path(folder) / "w.mp4", frames, sound))
        result["write"] = {"CPU-seconds per 10 s of 128x128 at 8 fps with sound": round(seconds, 3)}
        print(f"write: {seconds:.3f} CPU-s for 10 s of 128x128 at 8 fps with sound")
        result["grey levels off without loop filter"] = _without_filter(files)
        minute = files["360p, key frame every 250"]
        for minutes in (1, 10, 60):
            path = repeat(minute, minutes, Path(folder) / "long.mp4")
            done = subprocess.run([sys.executable, "-c", READ, str(path)], capture_output=True, text=True, check=True)
            result["peak_megabytes"][f"{minutes} min"] = round(float(done.stdout))
            print(f"peak memory, 360p read in pieces of 60 s, {minutes:2d} min: {float(done.stdout):.0f} MB")
    return result


def _without_filter(files: dict[str, Path]) -> dict[str, dict[str, float]]:
    """How far pixels of 224x224 frames are off, of 255: on average, of all but one in a hundred, at most."""
    rows = {}
    for name, path in files.items():
        clip = Clip(Source(name, path), None)
        exact, rough = (decode(clip, Sampling(size=(224, 224), loop_filter=f)).frames for f in (True, False))
        off = np.abs(exact.astype(np.int16) - rough)
        rows[name] = {"mean": round(float(off.mean()), 2), "99 %": float(np.percentile(off, 99)), "max": int(off.max())}
        print(f"without loop filter: {name}: {rows[name]}")
    return rows


def _texture(size: tuple[int, int], count: int) -> Iterator[np.ndarray]:
    """Soft random texture drifting sideways, with a little noise: neither a still nor incompressible."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 255, (size[0] // 8, size[1] // 8, 3), dtype=np.uint8)
    wide = np.kron(coarse, np.ones((8, 8, 1), np.uint8))
    noise = rng.integers(0, 12, wide.shape, dtype=np.uint8)
    for k in range(count):
        yield np.roll(wide // 2, 3 * k, axis=1) + np.roll(noise, 17 * k, axis=0)


def _minute(folder: Path, size: tuple[int, int], gop: int) -> Path:
    """Ten drawn seconds, six times over, with sound."""
    ten, path = folder / "ten.mp4", folder / f"{size[0]}-{gop}.mp4"
    with av.open(str(ten), "w") as out:
        picture = out.add_stream("libx264", rate=30, options={"preset": "veryfast", "g": str(gop)})
        picture.height, picture.width, picture.pix_fmt = *size, "yuv420p"
        sound = out.add_stream("aac", rate=44_100, layout="stereo")
        for pixels in _texture(size, 300):
            out.mux(picture.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(picture.encode(None))
        noise = np.random.default_rng(1).normal(0, 0.1, (2, 441_000)).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
        frame.sample_rate = 44_100
        out.mux([*sound.encode(frame), *sound.encode(None)])
    return repeat(ten, 6, path)


def _decode(path: Path) -> dict[str, float]:
    source, seconds = Source("x", path), probe(path).duration
    sampling = Sampling(size=(224, 224))
    return {
        "picture and sound": seconds / _best(lambda: decode(Clip(source, source), sampling)),
        "picture": seconds / _best(lambda: decode(Clip(source, None), sampling)),
        "sound": seconds / _best(lambda: decode(Clip(None, source), sampling)),
        "full-size picture": seconds / _best(lambda: decode(Clip(source, None), Sampling())),
        "plain loop over every frame": seconds / _best(lambda: _plain(path), times=1),
    }


def _plain(path: Path) -> list[np.ndarray]:
    """What is usually written: decode and convert every frame, then pick by index."""
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        stream.codec_context.thread_count = 1
        step = float(stream.average_rate)
        frames = [f.to_ndarray(format="rgb24", width=224, height=224) for f in container.decode(stream)]
    return [frames[min(len(frames) - 1, int((k + 0.5) * step))] for k in range(int(len(frames) / step))]


def _best(work: Callable[[], object], times: int = 3) -> float:
    """CPU-seconds of the fastest of `times` runs."""
    spent = []
    for _ in range(times):
        start = time.process_time()
        work()
        spent.append(time.process_time() - start)
    return min(spent)


if __name__ == "__main__":
    main()
