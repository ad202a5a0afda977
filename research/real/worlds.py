"""Fit what `stage` and `tiny_omni` know of their world, and count the clips that models take to be of another one.

    lookhear soundstage WORLD --clips 300 --seed 512
    lookhear soundstage MORE --clips 45 --seed 521 --size 96 --seconds 6     # and other sizes, lengths, voices
    lookhear soundstage HELD --clips 220 --seed 1613
    python -m research.real.worlds WORLD MORE… --held HELD… [--data DATA] [--runs RUN…]

Writes world.safetensors and questions.json beside the weights of the two, fitted to training and validation clips of
the worlds and to the questions of the first. With --runs nothing is written, and run folders of your own are tried
instead. Then it counts how many are flagged of the worlds' test clips, of all clips of each HELD, of the labelled files
that DATA/real_truth.json names, and of all other media under DATA that are no test signals.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Sequence
from pathlib import Path

from lookhear import datasets
from lookhear.errors import LookhearError
from lookhear.media.decode import decode
from lookhear.model import SHIPPED, Model, clip_of, load, within
from lookhear.store import world as worlds
from lookhear.store.names import build_encoder
from lookhear.types import Clip, Example
from research.tiny_omni import wordings

NAMES = ("stage", "tiny_omni")
LEARNED = 400  # most clips that a shipped model's world is fitted to
SAMPLINGS = {  # how each looks at a clip
    "stage": lambda: build_encoder("stage_vision").sampling,
    "tiny_omni": lambda: load("tiny_omni").llm.sampling,  # type: ignore[attr-defined]
}
STRANGE = "out of this model's world"
REAL = ("labelled real files", "other real files")


MEDIA = (".mp4", ".wav", ".webm", ".mkv", ".avi", ".flac", ".mp3", ".mov", ".flv", ".mpg", ".gif")
SIGNALS = ("sine_", "testsrc")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("worlds", type=Path, nargs="+")
    parser.add_argument("--held", type=Path, nargs="*", default=[])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--names", nargs="+", default=list(NAMES))
    parser.add_argument("--runs", nargs="+", default=[])
    args = parser.parse_args()
    learned = [clip for world in args.worlds for split in ("train", "val") for clip in _clips(world, split)]
    random.Random(0).shuffle(learned)  # folds of the fit hold clips of every world
    for name in [] if args.runs else args.names:
        sampling = SAMPLINGS[name]()
        fitted = worlds.fit([worlds.of_media(decode(clip, sampling)) for clip in learned], LEARNED)
        assert fitted is not None, "a hundred clips are enough"
        worlds.write(SHIPPED / name, fitted)
        others = wordings.sentences() if name == "tiny_omni" else ()
        within.write(SHIPPED / name, [*(e.question for e in _examples(args.worlds[0], "train")), *others])
    clips = {"test": [clip for world in args.worlds for clip in _clips(world, "test")]}
    for held in args.held:
        clips[str(held)] = [clip for split in ("train", "val", "test") for clip in _clips(held, split)]
    clips |= _real(args.data) if args.data else {}
    for name in args.runs or args.names:
        model = load(name)
        for kind, some in clips.items():
            print(name, kind, *_flagged(model, some, shown=args.data is not None and kind in REAL), flush=True)


def _examples(world: Path, split: str) -> list[Example]:
    return datasets.load("soundstage", world, split)


def _clips(world: Path, split: str) -> list[Clip]:
    return list(dict.fromkeys(example.clip for example in _examples(world, split)))


def _real(data: Path) -> dict[str, list[Clip]]:
    """The files that the truth names, and the other media."""
    truth = json.loads((data / "real_truth.json").read_text())
    named = {data / one["file"] for stream in ("heard", "seen") for one in truth[stream]}
    every = {path for path in data.rglob("*") if path.suffix in MEDIA and not path.name.startswith(SIGNALS)}
    parts = sorted(path for path in named if path.is_file()), sorted(every - named)
    return {kind: [clip_of(path) for path in some] for kind, some in zip(REAL, parts, strict=True)}


def _flagged(model: Model, clips: Sequence[Clip], shown: bool) -> tuple[str, list[str]]:
    """How many clips are flagged, and with `shown` the ids of the others; unreadable files are left out."""
    flags, missed = [], []
    for clip in clips:
        try:
            flags.append(any(STRANGE in note for note in model.watch([clip]).notes[0]))
        except LookhearError as error:
            missed.append(str(error)[:80])
            continue
        missed += [] if flags[-1] else [clip.id[-30:]]
    return f"{sum(flags)} of {len(flags)} flagged", missed if shown else []


if __name__ == "__main__":
    main()
