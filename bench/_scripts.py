"""The decode side as the published extraction scripts do it, for comparison: ffmpeg to files, files read back.

`ffmpeg -i video -r 1 %06d.jpg` writes a full-size JPEG for each second (MUSIC-AVQA's extract_frames.py, and every
script that reads its folders), another call the sound as 16 kHz wav; then each picture is opened, scaled and cropped
by itself, and the wav read. The scripts' own detour of the sound through moviepy is left out: it would cost more.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from lookhear.frontends.images import centre, short_side

SIDE = 224


def ffmpeg() -> str:
    """An ffmpeg program: the system's, or the one that the imageio-ffmpeg wheel carries."""
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        import imageio_ffmpeg
    except ImportError:
        raise SystemExit("This benchmark runs ffmpeg. Install it, or: pip install imageio-ffmpeg") from None
    return imageio_ffmpeg.get_ffmpeg_exe()


def as_the_scripts(video: Path, program: str) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Frames (224, 224, 3) at one a second and the sound, by way of files."""
    quiet = [program, "-loglevel", "error", "-y", "-i", str(video)]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*quiet, "-r", "1", f"{folder}/%06d.jpg"], check=True, stdin=subprocess.DEVNULL)
        frames = []
        for path in sorted(Path(folder).glob("*.jpg")):
            with Image.open(path) as picture:
                frames.append(np.asarray(centre(short_side(picture.convert("RGB"), SIDE), SIDE)))
        sound = Path(folder) / "sound.wav"
        done = subprocess.run(
            [*quiet, "-vn", "-ar", "16000", str(sound)], stdin=subprocess.DEVNULL, capture_output=True
        )
        if done.returncode:  # no sound track
            return frames, None
        with wave.open(str(sound)) as read:
            samples = np.frombuffer(read.readframes(read.getnframes()), "<i2").reshape(-1, read.getnchannels())
        return frames, samples.mean(1, dtype=np.float32) / 32768


def cpu(work: Callable[[], object], times: int = 1) -> float:
    """CPU-seconds of this process and of those it starts, the least of `times` runs."""
    spent = []
    for _ in range(times):
        start = _spent()
        work()
        spent.append(_spent() - start)
    return min(spent)


def _spent() -> float:
    children = os.times()
    return time.process_time() + children.children_user + children.children_system
