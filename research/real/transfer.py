"""What a net that learned from a Soundstage played by a sound font knows of real instruments.

    lookhear soundstage WORLD --clips 260 --soundfont FluidR3_GM.sf2
    lookhear train soundstage/gated data.root=WORLD out=RUN features.audio=yamnet data.standardize=true
    python -m research.real.transfer WORLD DATA RUN…

Each RUN answers its held-out questions, and "Is there a … sound?" of real clips in which one of the 22 instruments is
heard: of the instrument that is there, and of three that are not. The real clips are given as sound alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from random import Random

from lookhear import datasets
from lookhear.evaluate.report import report
from lookhear.evaluate.run import run
from lookhear.model import clip_of, load
from lookhear.soundstage.scene.scene import INSTRUMENTS
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Example

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


def asked(data: Path) -> list[tuple[Clip, str, str]]:
    """Clip, question, right answer."""
    dice, rows = Random(0), []
    for file, there in HEARD.items():
        whole = clip_of(data / file)
        clip = Clip(None, whole.audio, whole.start, whole.end)
        absent = dice.sample(sorted(set(INSTRUMENTS) - there), ABSENT * len(there))
        rows += [
            (clip, f"Is there a {name} sound?", "yes" if name in there else "no") for name in [*sorted(there), *absent]
        ]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("world", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("runs", nargs="+")
    args = parser.parse_args()
    held = datasets.load("soundstage", args.world, "test")
    store = FeatureStore(args.world / "features")
    for name in args.runs:
        model = load(name)
        overall = report(held, run(model, held, store)).overall
        rows = asked(args.data)
        examples = [Example(str(i), "question_answering", clip, q, None) for i, (clip, q, _) in enumerate(rows)]
        answers = [model.answer(model.watch([e.clip]), [e])[0] for e in examples]
        yes = [a.scores.get("yes", 0) / max(a.scores.get("yes", 0) + a.scores.get("no", 0), 1e-9) for a in answers]
        here = [p for p, (_, _, right) in zip(yes, rows, strict=True) if right == "yes"]
        away = [p for p, (_, _, right) in zip(yes, rows, strict=True) if right == "no"]
        area = sum((p > q) + 0.5 * (p == q) for p in here for q in away) / (len(here) * len(away))
        told = f"{sum(p >= 0.5 for p in here)} of {len(here)} there, {sum(p >= 0.5 for p in away)} of {len(away)} not"
        print(f"{name}: held out {overall.accuracy:.1f} %; said to be there on real clips: {told}; AUC {area:.2f}")


if __name__ == "__main__":
    main()
