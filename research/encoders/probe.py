"""How well the shipped encoders see, hear and read: fresh scenes, through real mp4 files and back.

Run:   python -m research.encoders.probe [--clips 100] [--vision FILE --audio FILE --text FILE]
Cost:  about half a CPU-second a clip
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from random import Random

import torch
from torch import Tensor

from lookhear.encoders import stage_audio, stage_text, stage_vision
from lookhear.encoders._stage import INSTRUMENTS as N
from lookhear.media.decode import decode
from lookhear.soundstage.scene.scene import INSTRUMENTS, Scene
from lookhear.soundstage.scene.structure import Plan, draw
from lookhear.soundstage.write.render import render
from lookhear.types import Clip, Source
from research.encoders.scenes import share
from research.encoders.train_text import question
from research.encoders.train_vision import truth

NONE = N


class Score(defaultdict):
    """Name -> list of right (1) and wrong (0), or of errors."""

    def __init__(self) -> None:
        super().__init__(list)

    def table(self) -> dict[str, dict[str, float]]:
        return {k: {"mean": round(sum(v) / len(v), 4), "of": len(v)} for k, v in self.items() if v}


def see(vectors: Tensor, scene: Scene, score: Score) -> None:
    """Vectors (time, 256) of the frames at 0.5, 1.5, … seconds, read by eye."""
    for k, v in enumerate(vectors):
        true = truth(scene, k + 0.5)
        number = len(scene.visible)
        read = {"left": v[44:66], "middle": v[66:88], "right": v[88:110], "second": v[110:132], "third": v[132:154]}
        said = {name: int(p.argmax()) if p.max() > 0.5 else NONE for name, p in read.items()}
        ranks = [said["left"], said["second"], said["third"]]
        for r in range(min(number, 3)):
            score["V who, by rank from the left"].append(ranks[r] == int(true["rank"][r]))
        where = said["left"], said["middle"], said["right"]
        wanted = int(true["rank"][0]), int(true["middle"]), int(true["right"])
        score["V left, middle, right all exact"].append(where == wanted)
        score["V all 22 counts exact"].append(torch.equal((v[:22] * 3).round().long(), true["count"]))
        if (true["count"] > 1).any():
            alike = true["count"] > 1
            score["V count of a group alike"].append(
                torch.equal((v[:22] * 3).round()[alike].long(), true["count"][alike])
            )
        score["V how many are seen"].append(round(float(v[158]) * 5) == number)
        score["V how many types"].append(round(float(v[159]) * 5) == int(true["types"]))
        score["V indoor"].append(bool(v[160] > 0.5) == scene.indoor)
        for r in range(min(number, 4)):
            score["V moves, by rank from the left"].append(bool(v[154 + r] > 0.5) == bool(true["pose"][r]))


def hear(vectors: Tensor, scene: Scene, score: Score) -> None:
    """Vectors (time, 128) of whole seconds, read by ear."""
    levels, alone = (
        {},
        {p.instrument for p in scene.players if sum(q.instrument == p.instrument for q in scene.players) == 1},
    )
    for second, v in enumerate(vectors):
        parts = torch.zeros(N)
        for p in scene.players:
            kind = INSTRUMENTS.index(p.instrument)
            parts[kind] = max(float(parts[kind]), share(p.sounding, second, second + 1))
        clear = (parts < 0.05) | (parts > 0.7)
        said, true = v[:N] > 0.5, parts > 0.5
        if clear.all():
            score["A set exact (1 s)"].append(torch.equal(said, true))
            hits, both = int((said & true).sum()), int(said.sum() + true.sum())
            score["A set F1 (1 s)"].append(2 * hits / both if both else 1.0)
            score["A how many play (1 s)"].append(
                round(float(v[68]) * 5)
                == min(sum(share(p.sounding, second, second + 1) > 0.5 for p in scene.players), 5)
            )
        voice = share((scene.voiceover,), second, second + 1) if scene.voiceover else 0.0
        if voice in (0.0, 1.0):
            score["A voiceover (1 s)"].append(bool(v[66] > 0.5) == bool(voice))
        sounding = [p for p in scene.heard if p.instrument in alone and share(p.sounding, second, second + 1) > 0.95]
        heard = {}
        for p in sounding:
            kind = INSTRUMENTS.index(p.instrument)
            if v[kind] > 0.3:
                level, rate = 12 * float(v[22 + kind] / v[kind] - 1), 2 ** (4 * float(v[44 + kind] / v[kind] - 1))
                heard[p.instrument] = (p, level, rate)
                score["A level within 3 dB (1 s)"].append(abs(level - p.level) < 3)
                score["A level, mean error in dB"].append(abs(level - p.level))
                score["A rate within a factor of 1.41 (1 s)"].append(0.707 < rate / p.rate < 1.414)
        _pairs(list(heard.values()), score, "(1 s)")
        for name, (p, level, rate) in heard.items():
            levels.setdefault(name, (p, [], []))[1].append(level)
            levels[name][2].append(rate)
    _pairs([(p, sum(a) / len(a), sum(b) / len(b)) for p, a, b in levels.values()], score, "(clip)")


def _pairs(heard: list, score: Score, what: str) -> None:
    for i, (p, level, rate) in enumerate(heard):
        for q, other, busy in heard[:i]:
            if abs(p.level - q.level) >= 6:
                score[f"A louder of two {what}"].append((level > other) == (p.level > q.level))
            if max(p.rate, q.rate) >= 2 * min(p.rate, q.rate):
                score[f"A busier of two {what}"].append((rate > busy) == (p.rate > q.rate))


def read(encoder: stage_text.StageText, count: int, rng: Random, score: Score) -> None:
    """Questions as the recipe asks them, some of them in other words."""
    drawn = [question(rng) for _ in range(count)]
    for (_, what), out in zip(drawn, encoder([" ".join(words) for words, _ in drawn]), strict=True):
        parts = encoder.plain("question", out["question"])[:107].split([N, N, 15, 15, 33])
        for name, part, wanted in zip(("first", "second", "slot", "slot", "question"), parts, what, strict=True):
            said = int(part.argmax()) if part.max() > 0.5 else len(part)
            score[f"T {name}"].append(said == wanted)


def main() -> None:
    """Print the probes as one line each, then as JSON."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--clips", type=int, default=100)
    options.add_argument("--seed", type=int, default=1000)
    for name in ("vision", "audio", "text"):
        options.add_argument(f"--{name}", default="")
    given = options.parse_args()
    torch.set_num_threads(1)
    eyes = stage_vision.build(stage_vision.Config(given.vision))
    ears = stage_audio.build(stage_audio.Config(given.audio))
    reader = stage_text.build(stage_text.Config(given.text))
    rng, score = Random(given.seed), Score()
    read(reader, 2000, rng, score)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(given.clips):
            scene = draw(rng, Plan(), 10.0, 4, str(number))
            path = Path(folder) / f"{number}.mp4"
            render(scene, path)
            source = Source(str(number), path)
            media = decode(Clip(source, source), eyes.sampling)
            see(eyes.plain("frames", eyes([media])[0]["frames"]), scene, score)
            hear(ears.plain("audio", ears([media])[0]["audio"]), scene, score)
            path.unlink()
    table = score.table()
    for name, row in table.items():
        print(f"{name:40s} {row['mean']:8.4f}  of {row['of']}")
    print(json.dumps(table))


if __name__ == "__main__":
    main()
