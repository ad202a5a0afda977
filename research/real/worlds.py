"""Make what `stage` and `tiny_omni` know of their world: run once, when they are trained anew.

    lookhear soundstage WORLD --clips 100 --seed 12
    python -m research.real.worlds WORLD [DATA] [--runs RUN…]

Writes world.safetensors and questions.json beside their weights, and prints how many held-out clips of WORLD, and how
many of DATA's real ones, are flagged. With --runs nothing is written, and run folders of your own are tried instead.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from lookhear import datasets
from lookhear.errors import LookhearError
from lookhear.media.decode import decode
from lookhear.model import SHIPPED, clip_of, load, within
from lookhear.store import world as worlds
from lookhear.store.names import build_encoder

NAMES = ("stage", "tiny_omni")
SAMPLINGS = {  # how each looks at a clip
    "stage": lambda: build_encoder("stage_vision").sampling,
    "tiny_omni": lambda: load("tiny_omni").llm.sampling,
}
STRANGE = "out of this model's world"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("world", type=Path)
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--names", nargs="+", default=list(NAMES))
    parser.add_argument("--runs", nargs="+", default=[])
    args = parser.parse_args()
    parts = {split: datasets.load("soundstage", args.world, split) for split in ("train", "val", "test")}
    learnt = [*parts["train"], *parts["val"]]
    for name in [] if args.runs else args.names:
        sampling = SAMPLINGS[name]()
        fitted = worlds.fit([worlds.of_media(decode(clip, sampling)) for clip in dict.fromkeys(e.clip for e in learnt)])
        assert fitted is not None, "a hundred clips are enough"
        worlds.write(SHIPPED / name, fitted)
        within.write(SHIPPED / name, (e.question for e in parts["train"]))
    for name in args.runs or args.names:
        model = load(name)
        clips = {"held out": list(dict.fromkeys(e.clip for e in parts["test"]))}
        if args.data:
            truth = json.loads((args.data / "real_truth.json").read_text())
            files = sorted({one["file"] for stream in ("heard", "seen") for one in truth[stream]})
            clips["real"] = [clip_of(args.data / file) for file in files]
        for kind, some in clips.items():
            print(name, kind, *_flagged(model, some))


def _flagged(model, clips) -> tuple[str, list[str]]:
    flags, missed = [], []
    for clip in clips:
        try:
            flags.append(any(STRANGE in note for note in model.watch([clip]).notes[0]))
        except LookhearError as error:
            missed.append(str(error)[:80])
            continue
        missed += [] if flags[-1] else [clip.id[-30:]]
    return f"{sum(flags)} of {len(flags)} flagged", missed


if __name__ == "__main__":
    main()
