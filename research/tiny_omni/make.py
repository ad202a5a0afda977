"""Make tiny_omni from nothing: a Soundstage, towers that know what is on stage, a language model that speaks of it.

    world ─ lookhear soundstage --split base
    towers.py vision, audio ─▶ clips.py ─▶ language.py ─▶ src/lookhear/weights/tiny_omni

Run:   python -m research.tiny_omni.make FOLDER [--world WORLD]     what is in FOLDER already is not made again
       With --start MODEL (a folder, such as src/lookhear/weights/tiny_omni) its eyes are kept, its ears get the last of
       their courses, and its language model is gone on from.
Cost:  about two hours on one core, of which 45 minutes are the language model; with --start 50 minutes
Score: docs/results/tiny_omni.md
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

from lookhear.llms import tiny_omni
from research.tiny_omni.course import write

SHIPPED = Path(__file__).parents[2] / "src" / "lookhear" / "weights" / "tiny_omni"
TOWERS = {  # courses, each on other scenes; the ears hear parts of clips only from the second on
    "vision": ("--scenes=8000 --steps=3000", "--scenes=9000 --steps=1900 --seed=50 --lr=0.0014 --go-on"),
    "audio": (
        "--scenes=5000 --steps=4000 --whole",
        "--scenes=3500 --steps=1300 --seed=60 --lr=0.0012 --go-on",
        "--scenes=5000 --steps=8000 --seed=70 --lr=0.0016 --go-on",
    ),
}
STARTED = {"vision": 2, "audio": 2}  # courses that a model which is gone on from has had
GOING_ON = ("--steps=2200", "--lr=0.0014")  # of the language model


def main() -> None:
    """Every step that is not done yet."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("folder", type=Path)
    options.add_argument("--world", type=Path, help="a Soundstage `base`; made where it is not there")
    options.add_argument("--start", type=Path, help="the folder of a tiny_omni to go on from")
    given = options.parse_args()
    folder = given.folder
    world = given.world or folder / "world"
    folder.mkdir(parents=True, exist_ok=True)
    if not (world / "card.json").is_file():
        _run("-m", "lookhear.cli", "soundstage", world, "--split", "base")
    if given.start:
        _start(given.start, folder)
    for tower, courses in TOWERS.items():
        for number, course in enumerate(courses):
            done = folder / f"{tower}.{number}.done"
            if not done.is_file():
                log = folder / f"{tower}{number + 1 if number else ''}.log"
                _run("-m", "research.tiny_omni.towers", tower, folder, *course.split(), log=log)
                done.touch()
    for split in ("train", "val", "pieces"):
        for step in ("media", "tokens"):
            if not (folder / f"{split}.{step}.pt").is_file():
                _run("-m", "research.tiny_omni.clips", step, world, split, folder)
    if not (folder / "tiny_omni" / "lookhear.json").is_file():
        further = (f"--start={given.start}", *GOING_ON) if given.start else ()
        _run("-m", "research.tiny_omni.language", world, folder, "--autocast", *further)
    shutil.copytree(folder / "tiny_omni", SHIPPED, dirs_exist_ok=True)
    print(f"{SHIPPED}: {(SHIPPED / 'model.safetensors').stat().st_size / 1e6:.2f} MB")


def _start(model: Path, folder: Path) -> None:
    """Put the towers of a model where its courses would have left them."""
    towers = tiny_omni.load(model).base.model
    for name, tower in (("vision", towers.visual), ("audio", towers.audio_tower)):
        if not (folder / f"{name}.pt").is_file():
            write(tower, folder / f"{name}.pt")
        for number in range(STARTED[name]):
            (folder / f"{name}.{number}.done").touch()


def _run(*words: object, log: Path | None = None) -> None:
    """A command of this Python; with `log`, its lines go there."""
    print("python", *words, f"> {log}" if log else "", flush=True)
    with log.open("w") if log else nullcontext() as out:
        subprocess.run([sys.executable, *map(str, words)], check=True, stdout=out)


if __name__ == "__main__":
    main()
