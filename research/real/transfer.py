"""What a net that learned from a Soundstage played by a sound font knows of real instruments.

    lookhear soundstage WORLD --clips 320 --seed 731 --seconds 6 --size 64 --questions 30 --soundfont FluidR3_GM.sf2
    lookhear train soundstage/gated data.root=WORLD out=RUN features.audio=yamnet data.standardize=true
    python -m research.real.transfer WORLD DATA RUN… [--out results/real_transfer.json]

Each RUN answers its held-out questions, and "Is there a … sound?" both of the held-out clips and of real clips in which
one of the 22 instruments is heard: of the instruments that are there, and of three times as many that are not. The real
clips are given as sound alone. The model `real`, which is not trained here, answers these as well.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from random import Random

from lookhear import datasets
from lookhear.evaluate.report import report
from lookhear.evaluate.run import run
from lookhear.model import Model, clip_of, load
from lookhear.soundstage.scene.scene import INSTRUMENTS
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Clip, Example

HEARD = {  # real clip -> the instruments of Soundstage that are heard in it
    "ave/media/-67UNKFmRLk.mp4": {"violin"},
    "vggsound/media/FwVYUHKoLtQ_000034.wav": {"violin"},
    "vggsound/media/-Qowmc0P9ic_34000_44000.mp4": {"drum"},
    "vas/media/drum_video_02480.mp4": {"drum"},
    "avsbench/media/avss/audio.wav": {"clarinet"},
    "avsbench/media/demo/6DR8dA9TDOc1.mp4": {"xylophone", "piano"},
    "avsbench/media/demo/GrqTKuk8x4.mp4": {"drum", "congas"},
    "avsbench/media/demo/O7xnnBye7RM.mp4": {"ukulele", "acoustic_guitar", "violin"},
    "music_avqa/media/00006835.mp3": {"saxophone", "cello", "clarinet"},
}
ABSENT = 3
PRESENT = re.compile(r"Is there a \w+ sound\??")


def real_examples(data: Path) -> list[Example]:
    """Questions about the real clips, with their right answers."""
    dice = Random(0)
    rows: list[Example] = []
    for file, there in HEARD.items():
        whole = clip_of(data / file)
        clip = Clip(None, whole.audio, whole.start, whole.end)
        absent = dice.sample(sorted(set(INSTRUMENTS) - there), ABSENT * len(there))
        for name in [*sorted(there), *absent]:
            truth = Answer("yes" if name in there else "no")
            rows.append(Example(str(len(rows)), "question_answering", clip, f"Is there a {name} sound?", truth))
    return rows


def affirmed(examples: Sequence[Example], answers: Sequence[Answer]) -> dict[str, float | str]:
    """How many present and absent instruments are affirmed, and the area under the curve of the probability of yes."""
    yes = [a.scores.get("yes", 0) / max(a.scores.get("yes", 0) + a.scores.get("no", 0), 1e-9) for a in answers]
    sides = {truth: [p for p, e in zip(yes, examples, strict=True) if e.truth.text == truth] for truth in ("yes", "no")}
    here, away = sides["yes"], sides["no"]
    area = sum((p > q) + 0.5 * (p == q) for p in here for q in away) / (len(here) * len(away))
    counts = {f"{truth} affirmed": f"{sum(p >= 0.5 for p in some)} of {len(some)}" for truth, some in sides.items()}
    return {**counts, "area under the curve": round(area, 3)}


def asked(model: Model, examples: Sequence[Example]) -> list[Answer]:
    return [model.answer(model.watch([e.clip]), [e])[0] for e in examples]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    held = datasets.load("soundstage", args.world, "test")
    store = FeatureStore(args.world / "features")
    there, rows = real_examples(args.data), {}
    for name in args.runs:
        model = load(name)
        answers = run(model, held, store)
        overall = report(held, answers).overall
        assert overall is not None, "questions of a Soundstage are right or wrong"
        some = [(e, a) for e, a in zip(held, answers, strict=True) if PRESENT.fullmatch(e.question)]
        rows[Path(name).name] = {
            "held out": round(overall.accuracy, 1),
            "held-out sounds": affirmed(*zip(*some, strict=True)),
            "real clips": affirmed(there, asked(model, there)),
        }
    rows["real"] = {"real clips": affirmed(there, asked(load("real"), there))}
    for name, row in rows.items():
        print(name, row)
    if args.out:
        args.out.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
