"""From video files to features: CPU-seconds of the decode side against the way the published scripts work; workers.

The scripts have ffmpeg write every second's frame as a full-size JPEG and the sound as wav, and read them back; here
both come out of one pass over the file, frames scaled in the decoder. Both give frames at one a second and 16 kHz.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from bench._scripts import as_the_scripts, cpu, ffmpeg
from bench.media import REAL, REAL_FILES, _minute, _texture
from lookhear.media import Sampling, decode, probe, write
from lookhear.types import Clip, Source

CLIPS = 1000  # for the runs with workers, 10 s each


def main() -> dict:
    """Time everything, print it, return it."""
    with tempfile.TemporaryDirectory() as folder:
        files = {name: _minute(Path(folder), size, 250) for name, size in (("720p", (720, 1280)), ("360p", (360, 640)))}
        return {"workers": _workers(Path(folder)), "decode side": _decode_side(files)}


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


def _workers(folder: Path) -> dict:
    """The same clips by `lookhear extract` with one worker, with two, in two halves at once, and on Ray.

    The two halves (`--shard`) know nothing of each other: no two workers can be faster on this machine.
    """
    _dataset(folder)
    ways = {"one": [["--workers", "1"]], "two": [["--workers", "2"]], "halves": [["--shard", f"{i}/2"] for i in (0, 1)]}
    ways |= {"ray, two": [["--workers", "2", "--engine", "ray"]]} if find_spec("ray") else {}
    rows: dict = {"clips": CLIPS} | {name: _commands(folder, name, each) for name, each in ways.items()}
    for name in ("two", "halves"):
        rows[f"{name} against one, wall"] = round(rows["one"]["wall_s"] / rows[name]["wall_s"], 2)
        print(f"{name} against one, wall: {rows[f'{name} against one, wall']}")
    return rows


def _dataset(folder: Path) -> None:
    """CLIPS names of one drawn file of 10 s, in the layout of a Soundstage."""
    (folder / "json").mkdir()
    (folder / "videos").mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, 160_000).astype(np.float32)
    write(folder / "one.mp4", _texture((128, 128), 80), noise, fps=8)
    for i in range(CLIPS):
        (folder / "videos" / f"{i}.mp4").symlink_to(folder / "one.mp4")
    asked = {"type": '["Audio", "Counting"]', "question_content": "How many?", "templ_values": "[]", "anser": "one"}
    rows = [asked | {"video_id": str(i), "question_id": i} for i in range(CLIPS)]
    (folder / "json" / "avqa-train.json").write_text(json.dumps(rows))


def _commands(folder: Path, name: str, each: list[list[str]]) -> dict[str, float]:
    """Seconds until commands that begin at once have all ended; CPU-seconds of the whole machine meanwhile."""
    store = folder / f"features {name}"
    command = [sys.executable, "-m", "lookhear.cli", "extract", "stage_vision", "stage_audio", "--json", "--out", store]
    command += ["--dataset", "soundstage", "--root", folder, "--split", "train"]
    begin, spent = time.time(), _machine()
    jobs = [subprocess.Popen([*command, *more], stdout=subprocess.DEVNULL) for more in each]
    assert all([job.wait() == 0 for job in jobs]), name  # noqa: C419  (all of them end)
    row = {"wall_s": time.time() - begin, "machine_cpu_s": _machine() - spent}
    written = sorted(path.stat().st_mtime for path in (store / "stage_audio/audio").iterdir())
    tenth = len(written) // 10
    middle = written[tenth:-tenth]
    row |= {"first_s": written[0] - begin, "clips_a_second": (len(middle) - 1) / (middle[-1] - middle[0])}
    row = {key: round(number, 1) for key, number in row.items()}
    print(f"workers: {name}: {row}", flush=True)
    return row


def _machine() -> float:
    """Seconds that all cores together have worked; 0 where the system does not tell."""
    stat = Path("/proc/stat")
    numbers = stat.read_text().split()[1:9] if stat.exists() else ["0"] * 8
    return sum(map(int, (*numbers[:3], *numbers[5:7]))) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
