"""Crab+'s Table 2 in small: three paradigms through both stages, out of their run folders, and into every column.

    WORLD, a Soundstage with --formats ─ layouts ─▶ 17 test sets
    random weights ─ language ─▶ base ─ train align ─▶ ─ train instruct ─▶ ─ export ─▶ elsewhere ─ evaluate ─▶ Table 2

Run:   lookhear soundstage WORLD --clips 600 --seed 7 --size 112 --musicians 3 --questions 8 --formats
       python -m research.crab.table2 WORLD --out OUT --json results/crab_small.json
Cost:  see docs/results/crab.md; what is done is in OUT and not done again, so it may be stopped and run again
Score: docs/results/crab.md. The models are far too small to know anything: what is shown is that every column is filled

`same` asks the run folder, and the exported folder in a process of its own after the run's base was moved away, the
same questions of all sets: replies must be equal to the letter, masks to the pixel.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from lookhear import config, model
from lookhear.cli import main as main_of_lookhear
from lookhear.errors import DatasetError
from lookhear.evaluate import many
from lookhear.llms.crab.text import MASKED
from lookhear.train import lessons
from research.crab import floor, layouts, paradigms

SEVEN = {  # name -> task of AV-UIE v2, dataset, its folder in formats, split, training clips
    "music": ("question answering", "music_avqa", "music_avqa", "train", 120),
    "choices": ("question answering", "avqa", "avqa", "train", 60),
    "ave": ("event localisation", "ave", "ave", "train", 60),
    "llp": ("event localisation", "llp", "llp", "val", 60),  # LLP's train has no times
    "arig": ("localisation", "arig", "avsbench", "train", 60),
    "s4": ("localisation", "avsbench@s4", "avsbench", "train", 60),
    "ms3": ("localisation", "avsbench@ms3", "avsbench", "train", 60),
    "ref_avs": ("localisation", "ref_avs", "ref_avs", "train", 60),
    "crema_d": ("emotion recognition", "crema_d", "crema_d", "train", 80),
    "dfew": ("emotion recognition", "dfew", "dfew", "train", 40),
    "mafw": ("emotion recognition", "mafw", "mafw", "train", 40),
    "meld": ("emotion recognition", "meld", "meld", "train", 40),
    "kinetics": ("action recognition", "kinetics_sounds", "kinetics_sounds", "train", 60),
    "ucf51": ("action recognition", "ucf51", "ucf51", "train", 60),
    "a2v": ("cross-modal matching", "vgg_cm@a2v", "vgg_cm", "train", 60),
    "v2a": ("cross-modal matching", "vgg_cm@v2a", "vgg_cm", "train", 60),
    "caption": ("captioning", "valor", "valor", "train", 120),
}
TOKENS = 96  # longest reply


class Small:
    """One paradigm's folders and steps."""

    def __init__(self, name: str, given: argparse.Namespace):
        self.name, self.given, self.out = name, given, given.out / name
        self.formats, self.hidden = given.world / "formats", self.out / "base.away"
        self.out.mkdir(parents=True, exist_ok=True)
        if self.hidden.is_dir():  # killed while the base was away
            self.hidden.rename(self.out / "base")

    def tasks(self, names: Any) -> dict[str, Any]:
        """The recipe's section of tasks."""
        return {
            name: {"dataset": SEVEN[name][1], "root": str(self.formats / SEVEN[name][2])}
            | {"split": SEVEN[name][3], "limit": SEVEN[name][4]}
            for name in names
        }

    def recipe(self, stage: str) -> dict[str, Any]:
        """Stage 1 learns captions, stage 2 all tasks."""
        where = self.out / ("base" if stage == "align" else "align")
        options = {"frames": paradigms.FRAMES} | ({} if self.name == "crab" else {"size": [paradigms.SIDE] * 2})
        steps = self.given.align if stage == "align" else self.given.instruct
        recipe: dict[str, Any] = {
            "llm": {"name": self.name, "where": str(where)} | (options if stage == "align" else {}),
            "stage": stage,
            "tasks": self.tasks(["caption"] if stage == "align" else SEVEN),
            "explain": False,
            "seed": self.given.seed,
            "out": str(self.out / stage),
            "train": {"steps": steps, "batch": 6, "asks": 4, "lr": 2e-3, "checkpoint_every": 40, "report_to": []}
            | {"prepared": str(self.given.out / "prepared")},
        }
        if stage == "instruct":
            recipe["adapter"] = {"name": "ilora", "rank": 8, "alpha": 16, "heads": 3}
            recipe["connectors"] = self.name == "crab"  # as the papers: Crab's are trained on, the others' are frozen
        return recipe

    def base(self) -> None:
        """Random weights and a language model that can write."""
        recipe = config.parse(config.LLMRecipe, self.recipe("instruct"), "table2")
        curriculum = lessons.read(recipe, MASKED if self.name == "crab" else "")
        asks = [ask for some in curriculum.lessons.values() for one in some for ask in one.asks]
        llm = paradigms.base(self.name, asks, self.given.language, self.given.seed)
        llm.save(self.out / "base")

    def train(self, stage: str) -> None:
        """`lookhear train`."""
        file = self.out / f"{stage}.yaml"
        file.write_text(yaml.safe_dump(self.recipe(stage), sort_keys=False), "utf-8")
        command("train", file)

    def same(self) -> None:
        """The run folder's and the exported folder's answers, the latter elsewhere and without the base."""
        here = asked(self.out / "instruct", self.formats)
        elsewhere = self.given.out / "elsewhere" / self.name
        elsewhere.parent.mkdir(exist_ok=True)
        shutil.copytree(self.out / "exported", elsewhere, dirs_exist_ok=True)
        (self.out / "base").rename(self.hidden)
        try:
            line = [sys.executable, "-m", "research.crab.table2", str(self.given.world), "--out", str(self.given.out)]
            told = subprocess.run([*line, "--ask", str(elsewhere)], check=True, capture_output=True, text=True).stdout
        finally:
            self.hidden.rename(self.out / "base")
        there = json.loads(told.splitlines()[-1])
        equal = sum(here[name] == there[name] for name in here)
        found = {"questions": len(here), "equal": equal, "differ": [n for n in here if here[n] != there[n]]}
        found["masks"] = sum(bool(one[1]) for one in here.values())
        (self.out / "same.json").write_text(json.dumps(found) + "\n", "utf-8")
        print(f"{self.name}: {equal} of {len(here)} answers equal, {found['masks']} with masks", flush=True)

    def evaluate(self) -> None:
        """`lookhear evaluate --tasks all`, of the folder elsewhere."""
        where = self.given.out / "elsewhere" / self.name
        more = [] if self.name == "crab" else ["--segmenter", self.given.out / "sam"]
        command(
            "evaluate", f"{self.name}@{where}", "--tasks", "all", "--root", self.formats, "--limit", self.given.limit,
            "--max-tokens", TOKENS, "--out", self.out / "report", "--json", *more, into=self.out / "table.json",
        )  # fmt: skip

    def go(self) -> None:
        """All steps that are not done yet."""
        steps = (
            ("base/lookhear.json", self.base),
            ("align/lookhear.json", lambda: self.train("align")),
            ("instruct/lookhear.json", lambda: self.train("instruct")),
            ("exported/README.md", lambda: command("export", self.out / "instruct", self.out / "exported")),
            ("same.json", self.same),
            ("table.json", self.evaluate),
        )
        spent = self.out / "spent.json"
        for done, step in steps:
            if not (self.out / done).is_file():
                before = used()
                step()
                told = json.loads(spent.read_text("utf-8")) if spent.is_file() else {}
                key = done.split("/")[0].removesuffix(".json")
                told[key] = round(told.get(key, 0) + used() - before, 1)
                spent.write_text(json.dumps(told) + "\n", "utf-8")
                if self.given.one:
                    return

    def told(self) -> dict[str, Any]:
        """What this paradigm's steps gave."""
        read = {k: json.loads((self.out / f"{k}.json").read_text("utf-8")) for k in ("same", "table", "spent")}
        logs = {stage: (self.out / stage / "log.jsonl").read_text("utf-8") for stage in ("align", "instruct")}
        losses = {
            k: [line["loss"] for line in map(json.loads, v.splitlines()) if "loss" in line] for k, v in logs.items()
        }
        columns = {}
        for asked in many.test_sets("all", self.formats):
            report = read["table"]["datasets"].get(f"{asked.dataset} {asked.split}")
            for column in many.columns() if report else ():
                if (column.dataset, column.split) == (asked.dataset, asked.split):
                    metrics = report["metrics"][column.kind]
                    columns[column.column] = metrics[column.metric] | {"unread": metrics["unread"]["value"]}
        return {
            "same": read["same"], "cpu_seconds": read["spent"], "columns": columns,
            "missing": read["table"]["missing"],
            "losses": {k: [round(v[0], 3), round(v[-1], 3)] for k, v in losses.items()},
        }  # fmt: skip


def asked(folder: Path, formats: Path, each: int = 2) -> dict[str, list[str]]:
    """Question -> reply and digest of the mask, of `each` examples of every set."""
    loaded = model.load(str(folder), max_tokens=TOKENS)
    found = {}
    for one in many.test_sets("all", formats):
        try:
            examples = many.examples_of(one, each)
        except DatasetError:
            continue  # `evaluate` tells which sets are not there
        for example in examples:
            (answer,) = loaded.answer(loaded.watch([example.clip]), [example])
            masks = [r.mask.tobytes() for r in answer.regions if r.mask is not None]
            digest = hashlib.sha256(b"".join(masks)).hexdigest() if masks else ""
            found[f"{one.dataset} {one.split} {example.id}"] = [answer.raw, digest]
    return found


def command(*words: Any, into: Path | None = None) -> None:
    """A command of lookhear, in this process; its output goes to `into`."""
    print("lookhear", *words, flush=True)
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said) if into else contextlib.nullcontext():
            main_of_lookhear([*map(str, words)])
    except SystemExit as ended:
        if ended.code:
            raise
    if into:
        into.write_text(said.getvalue(), "utf-8")


def used() -> float:
    """CPU seconds of this process and its finished children."""
    return sum(
        r.ru_utime + r.ru_stime for r in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    """Every paradigm, then the table."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("world", type=Path)
    options.add_argument("--out", type=Path, required=True)
    options.add_argument("--paradigms", nargs="+", default=list(paradigms.NAMES), choices=paradigms.NAMES)
    options.add_argument("--language", type=int, default=200, help="steps of the language model alone")
    options.add_argument("--align", type=int, default=24, help="steps of stage 1")
    options.add_argument("--instruct", type=int, default=48, help="steps of stage 2")
    options.add_argument("--limit", type=int, default=12, help="most questions of each test set")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--json", type=Path, help="file for the results")
    options.add_argument("--one", action="store_true", help="end after one step of each paradigm")
    options.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    given.world, given.out = given.world.resolve(), given.out.resolve()
    if given.ask:
        print(json.dumps(asked(given.ask, given.world / "formats")))
        return
    layouts.write(given.world)
    if not (given.out / "sam").is_dir():
        paradigms.segmenter(given.out / "sam")
    for name in given.paradigms:
        Small(name, given).go()
    if given.one:
        return
    result = {
        "settings": {k: str(v) for k, v in vars(given).items() if k not in ("ask", "json", "one")},
        "clips": {k: f"{v[1]} {v[3]}, at most {v[4]}" for k, v in SEVEN.items()},
        "floor": floor.measured(given.world / "formats", given.limit),
        "models": {name: Small(name, given).told() for name in given.paradigms},
    }
    if given.json:
        given.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(floor.page(result))


if __name__ == "__main__":
    main()
