"""What `tests.brought` damages: folders and files as the commands write them, and a command that reads each."""

import json
import os
import shutil
import signal
from pathlib import Path

import yaml

from lookhear import config
from lookhear.evaluate.doctor.certificate import Certificate
from tests import kills
from tests.evaluate import tiny
from tests.train import films, world

SCORED = ["--dataset", "soundstage", "--split", "test"]


def prepare(root: Path) -> dict[str, tuple[str, list[str]]]:
    """Case name -> a folder, and words in which `HERE` is a copy of it. A first word `NAME=…` is an environment."""
    stage, run = str(root / "stage"), str(root / "run")
    kills.whole(["soundstage", stage, "--clips", "9", "--size", "64", "--workers", "1", "--twins", "mute"])
    bare = root / "bare"
    shutil.copytree(stage, bare, ignore=shutil.ignore_patterns("*.mp4", "*.wav"))
    world.make(root / "world")
    config.dump(world.recipe(root / "world", root / "unused"), root / "tiny.yaml")
    trained = ["train", str(root / "tiny.yaml"), "train.epochs=1", "--quiet"]
    kills.whole([*trained, f"out={run}"])
    told = ["--dataset", "tests.train.world", "--root", str(root / "world"), "--split", "val"]
    store = ["--store", str(root / "world" / "features")]
    for name in ("one", "two"):
        kills.whole(["evaluate", run, *told, *store, "--out", str(root / "reports" / name)])
    films.make(root / "films", 2)
    film, thinker = str(root / "films" / "0.mp4"), str(tiny.folder(root / "thinker"))
    kills.whole(["watch", film, "--out", str(_made(root / "watched"))])
    kills.whole(["robust", str(root / "robust"), "--dataset", "soundstage", "--root", str(bare), "--split", "train"])
    instruct = ["--dataset", "soundstage", "--root", str(bare), "--split", "train"]
    kills.whole(["instruct", str(root / "instruct"), *instruct])
    (root / "study").mkdir()
    (root / "study" / "study.yaml").write_text(kills.STUDY.replace("TINY", str(root / "tiny.yaml")))
    kills.whole(["study", str(root / "study" / "study.yaml"), "--out", str(root / "study" / "out")])
    home = root / "home"
    Certificate(thinker, "", "2026-01-01T00:00:00", "yes", "yes", {"sees": "a", "hears": "b"}).save(
        _made(home / "lookhear" / "certificates")
    )
    kept = ["--dataset", "soundstage", "--root", str(bare)]
    cases = {
        "run, evaluate": (Path(run), ["evaluate", "HERE", *told, *store]),
        "run, export": (Path(run), ["export", "HERE", "HERE/exported"]),
        "store, evaluate": (root / "world" / "features", ["evaluate", run, *told, "--store", "HERE"]),
        "store, pack": (root / "world" / "features", ["pack", "HERE"]),
        "store, train": (
            root / "world",
            [*trained, "data.root=HERE", "out=HERE/new", "data.standardize=true"],
        ),
        "checkpoint": (_checkpoint(root, trained), [*trained, "out=HERE"]),
        "recipe": (_only(root / "tiny.yaml"), ["train", "HERE/tiny.yaml", "out=HERE/new", "--quiet", "train.epochs=1"]),
        "study": (root / "study", ["study", "HERE/study.yaml", "--out", "HERE/out"]),
        "reports": (root / "reports", ["compare", "HERE/one", "HERE/two"]),
        "predictions": (_predictions(root, bare), ["score", "HERE/p.json", *SCORED, "--root", str(bare)]),
        "predictions, csv": (root / "predictions", ["score", "HERE/p.csv", *SCORED, "--root", str(bare)]),
        "predictions, lines": (root / "predictions", ["audit", "HERE/p.jsonl", *SCORED, "--root", str(bare)]),
        "annotations": (bare, ["check", "soundstage", "--root", "HERE"]),
        "annotations, twins": (bare, ["check", "soundstage@twins", "--root", "HERE"]),
        "annotations, lint": (_only(root / "predictions" / "qa.json"), ["lint", "HERE/qa.json"]),
        "soundstage": (
            bare,
            ["soundstage", "HERE", "--clips", "9", "--size", "64", "--workers", "1", "--twins", "mute"],
        ),
        "robust": (root / "robust", ["robust", "HERE", *kept, "--split", "train"]),
        "robust, evaluate": (root / "robust", ["check", "music_avqa_r", "--root", "HERE"]),
        "instruct": (root / "instruct", ["instruct", "HERE", *instruct]),
        "watched": (root / "watched", ["watch", film, "--out", "HERE"]),
        "questions": (
            _questions(root),
            ["ask", film, "--questions", "HERE/q.json", "--model", "stage", "--json"],
        ),
        "thinker": (Path(thinker), ["ask", film, "What is seen?", "--model", "HERE", "--json"]),
        "certificate": (
            home,
            ["XDG_DATA_HOME=HERE", "ask", film, "What is seen?", "--model", thinker, "--json"],
        ),
        "lists": (_lists(root), ["evaluate", run, "--tasks", "HERE/sets.yaml", "--root", str(root), *store]),
    }
    return {name: (str(folder), words) for name, (folder, words) in cases.items()}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _only(file: Path) -> Path:
    """A folder with a copy of one file."""
    folder = _made(file.parent / f"only-{file.stem}")
    shutil.copy(file, folder)
    return folder


def _checkpoint(root: Path, words: list[str]) -> Path:
    """A training that was killed after its first checkpoint."""
    out = root / "killed"
    job = kills.begin([*words, "train.epochs=400", "train.checkpoint_every=1", f"out={out}"])
    while not list(out.glob("checkpoint/*")):
        assert kills.ended(job, 0.02) is None
    os.kill(job, signal.SIGKILL)
    kills.ended(job)
    return out


def _predictions(root: Path, bare: Path) -> Path:
    """Predictions of every question in three formats, and annotations of another kind."""
    from lookhear import datasets

    folder, examples = _made(root / "predictions"), datasets.load("soundstage", bare, "test")
    rows = [{"id": e.id, "answer": e.reference.text} for e in examples]
    (folder / "p.json").write_text(json.dumps({row["id"]: row["answer"] for row in rows}))
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "p.csv").write_text("id,answer\n" + "".join(f"{row['id']},{row['answer']}\n" for row in rows))
    asked = [{"question": e.question, "answer": e.reference.text, "video_id": e.clip.id} for e in examples]
    (folder / "qa.json").write_text(json.dumps(asked))
    return folder


def _questions(root: Path) -> Path:
    folder = _made(root / "questions")
    (folder / "q.json").write_text(json.dumps(["What is seen?", "Is there a violin?"]))
    return folder


def _lists(root: Path) -> Path:
    folder = _made(root / "lists")
    sets = [{"dataset": "tests.train.world", "split": "val", "root": str(root / "world")}]
    (folder / "sets.yaml").write_text(yaml.safe_dump(sets))
    return folder
