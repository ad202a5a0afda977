"""Fifty sampled questions as sheets to answer by eye: ten frames, a spectrogram, the questions, and no answers.

    python -m research.base.sheets world sheets --split test --seed 2026
    python -m research.base.sheets world sheets --score answers.json     # {"question id": "answer"}

All templates are asked at least once, up to three questions about a clip. Needs a world made with media.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lookhear.datasets.reading.templates import fill
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.types import Clip, Source

FRAME, WIDTH, HEIGHT, MARGIN = 266, 1280, 420, 45
LOWEST, HIGHEST, RANGE = 50, 8000, 65  # Hz, Hz, dB from white to black


def choose(questions: list[dict[str, Any]], count: int, seed: int) -> list[dict[str, Any]]:
    """`count` questions about clips in random order, templates that were asked less first."""
    rng = random.Random(seed)
    clips: dict[str, list[dict[str, Any]]] = {}
    for q in questions:
        clips.setdefault(q["video_id"], []).append(q)
    order = sorted(clips)
    rng.shuffle(order)
    templates = {q["question_content"] for q in questions}
    asked: Counter[str] = Counter()
    chosen: list[dict[str, Any]] = []
    for clip in order:
        pool = clips[clip][:]
        rng.shuffle(pool)
        pool.sort(key=lambda q: asked[q["question_content"]])
        taken: dict[str, dict[str, Any]] = {}
        for q in pool:
            text = q["question_content"]
            new = len([t for t in taken if not asked[t]])
            room = count - len(chosen) - len(taken)
            if text not in taken and len(taken) < 3 and (not asked[text] or room > len(templates) - len(asked) - new):
                taken[text] = q
        asked.update(taken.keys())
        chosen += taken.values()
        if len(chosen) >= count:
            break
    return chosen


def spectrogram(sound: np.ndarray) -> Image.Image:
    """Time to the right, frequency upwards on a logarithmic scale."""
    size = 2048
    starts = np.linspace(0, len(sound), WIDTH).astype(int) + size // 2
    pieces = np.pad(sound, size)[starts[:, None] + np.arange(size)] * np.hanning(size)
    power = 20 * np.log10(np.abs(np.fft.rfft(pieces, axis=1)) + 1e-6)
    bins = np.geomspace(LOWEST, HIGHEST, HEIGHT) * size / 16000
    picture = np.stack([np.interp(bins, np.arange(power.shape[1]), row) for row in power], 1)[::-1]
    level = np.clip((picture - picture.max() + RANGE) / RANGE, 0, 1)
    colours = np.stack([level**0.7, level**1.6, np.sin(level * np.pi * 0.8) ** 1.5], 2)
    return Image.fromarray((colours * 255).astype(np.uint8))


def sheet(video: Path, asked: list[dict[str, Any]], path: Path) -> None:
    """One picture of a clip and the questions about it."""
    source = Source(video.stem, video)
    media = decode(Clip(source, source), Sampling(fps=1.0, offset=0.5))
    font, top = ImageFont.load_default(15), 2 * FRAME + 4
    picture = Image.new("RGB", (5 * FRAME, top + HEIGHT + 40 + 22 * len(asked)), "white")
    draw = ImageDraw.Draw(picture)
    for k, frame in enumerate(media.frames[:10]):
        x, y = k % 5 * FRAME, k // 5 * FRAME
        picture.paste(Image.fromarray(frame).resize((FRAME - 6, FRAME - 6), Image.Resampling.LANCZOS), (x, y))
        draw.text((x + 4, y + 2), f"{k + 0.5:.1f} s", "yellow", font)
    picture.paste(spectrogram(media.waveform), (MARGIN, top))
    for second in range(int(media.duration) + 1):
        draw.text((MARGIN - 5 + second * WIDTH / media.duration, top + HEIGHT + 4), str(second), "black", font)
    for hertz in (100, 200, 400, 800, 1600, 3200, 6400):
        y = top + HEIGHT * (1 - np.log(hertz / LOWEST) / np.log(HIGHEST / LOWEST))
        draw.text((2, y - 8), str(hertz), "black", font)
    for k, q in enumerate(asked):
        text = f"[{q['question_id']}] {fill(q['question_content'], q['templ_values'])}"
        draw.text((8, top + HEIGHT + 30 + 22 * k), text, "black", font)
    picture.save(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("world", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--count", type=int, default=50)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--score", type=Path)
    given = parser.parse_args()
    questions = json.loads((given.world / "json" / f"avqa-{given.split}.json").read_text("utf-8"))
    if given.score:
        truth = {str(q["question_id"]): q["anser"] for q in questions}
        answers = json.loads(given.score.read_text("utf-8"))
        wrong = {i: (a, truth[i]) for i, a in answers.items() if a != truth[i]}
        print(f"{len(answers) - len(wrong)} of {len(answers)} agree; given and true: {wrong}")
        return
    given.out.mkdir(parents=True, exist_ok=True)
    chosen = choose(questions, given.count, given.seed)
    for clip in dict.fromkeys(q["video_id"] for q in chosen):
        about = [q for q in chosen if q["video_id"] == clip]
        sheet(given.world / "videos" / f"{clip}.mp4", about, given.out / f"{clip}.png")
    print(f"{len(chosen)} questions about {len({q['video_id'] for q in chosen})} clips in {given.out}")


if __name__ == "__main__":
    main()
