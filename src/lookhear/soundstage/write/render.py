"""Render a scene to a file: mp4 with picture and sound, contact sheets, and spectrogram images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lookhear.soundstage.picture.painter import frames
from lookhear.soundstage.scene.scene import Scene
from lookhear.soundstage.sound.mix import sound


def render(scene: Scene, path: Path, size: int = 128, fps: float = 8, sample_rate: int = 16000, font: str = "") -> None:
    """Write the scene as H.264 and AAC in mp4. Raises MediaError if it cannot be written."""
    from lookhear.media.write import write

    write(path, frames(scene, size, fps), sound(scene, sample_rate, font=font), fps, sample_rate)


def contact_sheet(
    scenes: Sequence[Scene], path: Path, size: int = 256, columns: int = 5, time: float | None = None
) -> None:
    """Write an image with one frame of each scene, its name and its players; `time=None` is the middle of each
    scene."""
    rows, strip = -(-len(scenes) // columns), 30
    sheet = Image.new("RGB", (columns * size, rows * (size + strip)), (250, 248, 244))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for k, scene in enumerate(scenes):
        at = scene.seconds / 2 if time is None else time
        shown = next(islice(frames(scene, size, 8), min(int(at * 8), round(scene.seconds * 8) - 1), None))
        x, y = k % columns * size, k // columns * (size + strip)
        sheet.paste(Image.fromarray(shown), (x, y))
        draw.text((x + 4, y + size + 1), scene.id, (30, 26, 40), font)
        names = ", ".join(p.instrument for p in scene.players)
        while names and draw.textlength(names, font) > size - 8:
            names = names[:-2].rstrip(" ,.") + "…"
        draw.text((x + 4, y + size + 14), names, (110, 100, 110), font)
    sheet.save(path)


def spectrogram(waveform: np.ndarray, sample_rate: int = 16000, height: int = 160, width: int = 400) -> Image.Image:
    """Spectrogram as an image: time to the right, 40 Hz to half the sample rate upwards (logarithmic), range 80 dB."""
    size = 1024
    starts = np.linspace(0, max(0, len(waveform) - size), width).astype(int)
    pieces = np.pad(waveform, (0, size))[starts[:, None] + np.arange(size)] * np.hanning(size)
    power = 20 * np.log10(np.abs(np.fft.rfft(pieces, axis=1)) + 1e-6)
    bins = np.geomspace(40, sample_rate / 2, height) * size / sample_rate
    picture = np.stack([np.interp(bins, np.arange(power.shape[1]), row) for row in power], 1)[::-1]
    level = np.clip((picture - picture.max() + 80) / 80, 0, 1)
    colours = np.stack([level**0.7, level**1.6, np.sin(level * np.pi * 0.8) ** 1.5], 2)
    return Image.fromarray((colours * 255).astype(np.uint8))
