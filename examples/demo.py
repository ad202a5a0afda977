"""The whole way once: a world, features, a network, an honest table, answers with evidence. Run it with `make demo`.

Everything is made under demo/: nothing is downloaded. Interrupted, it goes on where it stopped when run again.
`make demo VIDEO=my.mp4` adds a clip of yours.
Leaves demo/report.html to look at and demo/result.json to read by machine.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from lookhear import config, datasets, model
from lookhear.evaluate import answered, evidence, floors, tables
from lookhear.evaluate.draw import charts as drawn
from lookhear.evaluate.draw import own_clip, page, picture
from lookhear.evaluate.report import Report, report
from lookhear.evaluate.run import run
from lookhear.media.decode import decode
from lookhear.soundstage.scene import splits
from lookhear.soundstage.write.folder import make
from lookhear.store.extract import extract, extract_texts
from lookhear.store.features import FeatureStore
from lookhear.store.fill import build_encoder
from lookhear.train.loop import train
from lookhear.types import Answer, Example

ROOT = Path(__file__).resolve().parents[1]
OUT, WORLD = ROOT / "demo", ROOT / "demo" / "world"
NETS = ("av_master", "gated", "pooled_mlp", "question_only")
say = Console(highlight=False).print
seconds: dict[str, float] = {}


@contextmanager
def step(name: str, what: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    say(f"\n[bold]{what}[/bold]")
    start = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - start, 1)
    say(f"  [dim]{seconds[name]:.0f} s[/dim]")


def trained() -> dict[str, model.NetModel]:
    """AV-Master, trained on one core, and the baselines, one after the other on the other core."""
    runs = {name: OUT / "runs" / name for name in NETS}
    recipes = {name: f"soundstage/{name}" for name in NETS}
    train_command = [sys.executable, "-m", "lookhear.cli", "train"]
    commands = [
        shlex.join([*train_command, recipes[name], f"data.root={WORLD}", f"out={runs[name]}", "--quiet"])
        for name in NETS[1:]
    ]
    one_core = os.environ | {"OMP_NUM_THREADS": "1"}
    beside = subprocess.Popen(" && ".join(commands), shell=True, env=one_core)
    torch.set_num_threads(1)
    first = NETS[0]
    train(replace(config.load(recipes[first], [f"data.root={WORLD}"]), out=str(runs[first])))
    if beside.wait():
        raise SystemExit("A baseline did not finish; what it said is above.")
    torch.set_num_threads(2)
    return {name: model.load(run) for name, run in runs.items()}


def pick(test: list[Example]) -> list[Example]:
    """Three kinds of question about one unseen clip, one of order: the first test clip asked for all of them."""
    kinds = (("Audio",), ("Visual",), ("Audio-Visual", "Temporal"))
    for clip in dict.fromkeys(e.clip for e in test):
        asked = [e for e in test if e.clip == clip]
        found = [next((e for e in asked if e.kind[: len(kind)] == kind), None) for kind in kinds]
        if None not in found:
            return [e for e in found if e is not None]
    return test[:3]


def known(card: dict[str, Any]) -> dict[str, float]:
    """Percent right by column, to expect of guessing evenly among those who are seen and heard: the set guess."""
    sums: dict[str, list[float]] = {}
    for facts in card["splits"]["test"]["templates"].values():
        for column in ("Overall", facts["kind"][0], "/".join(facts["kind"])):
            total = sums.setdefault(column, [0.0, 0.0])
            total[0] += facts["questions"] * facts["set_guess"]
            total[1] += facts["questions"]
    return {column: right / count for column, (right, count) in sums.items()}


def by_type(reports: dict[str, Report], floors: dict[str, dict[str, float]]) -> tuple[list[str], list[list[str]]]:
    """A head and rows: one row a question type, one column a net, the floors last."""
    measured = {name: tables.columns(one) for name, one in reports.items()}
    rows = [
        [column, *(f"{scores[column].accuracy:.1f}" for scores in measured.values())]
        + [f"{floor[column]:.1f}" for floor in floors.values()]
        for column in measured["av_master"]
    ]
    edges = ["95 % interval", *("{:.1f} to {:.1f}".format(*one.overall.interval) for one in reports.values())]
    return ["", *reports, *floors], [*rows, edges + [""] * len(floors)]


def main() -> None:
    began = time.perf_counter()
    torch.set_num_threads(2)
    OUT.mkdir(exist_ok=True)
    settings = splits.named("demo")
    clips = sum(settings.clips.values())

    with step(
        "world", f"1  A world: {clips} clips of {settings.seconds:.0f} s, musicians on a stage, as real mp4 files"
    ):
        card = make(WORLD, settings)
    with step("features", "2  Watch and listen: each clip decoded once, one vector a second for picture and sound"):
        parts = {split: datasets.load("soundstage", WORLD, split) for split in ("train", "val", "test")}
        store = FeatureStore(WORLD / "features")
        encoders = [build_encoder(name) for name in ("stage_vision", "stage_audio")]
        tally = extract({e.clip: None for part in parts.values() for e in part}, encoders, store, workers=2)
        texts = [e.question for part in parts.values() for e in part]
        extract_texts(list(dict.fromkeys(texts)), build_encoder("stage_text"), store)
        say(f"  {tally.made} clips encoded, {tally.kept} there already, {len(tally.failed)} failed")
    with step("train", f"3  Train AV-Master on {len(parts['train'])} questions, and three baselines beside it"):
        nets = trained()

    test = parts["test"]
    with step("evaluate", f"4  Ask {len(test)} questions about {settings.test} clips that no net has seen"):
        answers = {name: run(net, test, store) for name, net in nets.items()}
        answers["majority"] = floors.most_frequent(parts["train"], test)
        reports = {name: report(test, given, {"model": name}) for name, given in answers.items()}
        chance = floors.chance(parts["train"], test)
        floor = {"who is there": known(card), "chance": chance}
        say(tables.lay_out(*by_type(reports, floor), "text"), soft_wrap=True)
    with step("evidence", "5  Does the evidence hold? Take away the seconds that the model points to"):
        reference = evidence.means(nets["av_master"], parts["train"][:2000], store)
        held = evidence.deletion(nets["av_master"], test, store, reference)
        say("  " + held.sentence())
    with step("ask", "6  Three questions about one unseen clip"):
        asked = pick(test)
        video = asked[0].clip.video.path
        given = nets["av_master"].ask(video, *(e.question for e in asked))
        pictures = [OUT / "evidence" / f"{i}.svg" for i in range(1, len(asked) + 1)]
        media = decode(asked[0].clip)
        for example, answer, path in zip(asked, given, pictures, strict=True):
            picture.picture(media, f"{example.question}?", answer, path)
            picture.picture(media, f"{example.question}?", answer, narrow(path), narrow=True)
            sure = answer.scores[answer.text]
            say(f"  {example.question}?  [bold]{answer.text}[/bold] ({sure:.0%}; truth: {example.reference.text})")

    seconds["total"] = round(time.perf_counter() - began, 1)
    result = {name: found.to_json() for name, found in reports.items()} | {
        "floors": {name: {c: round(v, 2) for c, v in values.items()} for name, values in floor.items()},
        "evidence_test": held.to_json(),
        "seconds": seconds,
        "answers": [
            answered.as_json(e.question, a, "av_master") | {"truth": e.reference.text, "video": str(video.name)}
            for e, a in zip(asked, given, strict=True)
        ],
    }
    (OUT / "result.json").write_text(json.dumps(result, indent=1))
    (OUT / "report.html").write_text(collected(reports, floor, held, asked, given, pictures, video), "utf-8")
    say(f"\n[bold]Done in {seconds['total']:.0f} s.[/bold] Look at demo/report.html; numbers are in demo/result.json.")


def narrow(path: Path) -> Path:
    """Where the same drawing for a phone is."""
    return path.with_name(f"{path.stem}-narrow{path.suffix}")


def charts(reports: dict[str, Report]) -> tuple[Path, Path]:
    """Scores by type, and the learning curves."""
    rows = {name: tables.columns(one) for name, one in reports.items()}
    logs = {name: OUT / "runs" / name / "log.jsonl" for name in NETS}
    return drawn.scores(rows, OUT / "scores.svg"), drawn.curves(logs, OUT / "curves.svg")


def next_steps(video: Path) -> list[tuple[str, str]]:
    """What to type next: what it does, the command."""
    run, world = "demo/runs/av_master", "--dataset soundstage --root demo/world"
    clip = video.relative_to(ROOT)
    return [
        ("Ask this clip, or a video of yours", f'lookhear ask {clip} "Who plays first?" --model {run} --evidence out'),
        ("In the browser: take the sound away and see the answer change", f"lookhear serve --model {run}"),
        ("Does it listen, does it look, or does it only read?", f"lookhear audit {run} {world}"),
        ("Browse every answer of an evaluation", f"lookhear evaluate {run} {world} --out demo/evaluated"),
        ("Change something, and compare", "lookhear train soundstage/av_master data.root=demo/world net.variant=paper"),
        ("Published features and checkpoints of MUSIC-AVQA", "lookhear adopt --help; lookhear convert --help"),
    ]


def collected(
    reports: dict[str, Report],
    floor: dict[str, dict[str, float]],
    held: evidence.Deletion,
    asked: list[Example],
    given: list[Answer],
    pictures: list[Path],
    video: Path,
) -> str:
    """The report page."""
    head, rows = by_type(reports, floor)
    bars, curve = charts(reports)
    parts = [
        page.text(
            "A network that looks and listens, trained on a small world made on this machine a few minutes ago. "
            "Every number below was measured in this run.",
            soft=True,
        ),
        page.heading("What a score means"),
        page.text(
            "Accuracy in percent on clips that no net has seen. gated and pooled_mlp are plain baselines: in the "
            "first the question weighs what is seen and heard, in the second it stands beside it. question_only never "
            "looks or listens, majority gives the commonest training answer to each question template. Who is there "
            "guesses evenly among those seen and heard, chance among all answers of the template. Intervals are "
            "95 %, clustered by video."
        ),
        page.table(head, rows, strong=[len(rows) - 2]),
        page.drawing(bars, "The same by type, with 95 % intervals."),
        page.heading("How they learned"),
        page.drawing(curve, "Loss on the training questions, and accuracy on the validation questions, by epoch."),
        page.heading("Does the evidence hold?"),
        page.text(held.sentence()),
        page.heading("One clip, three kinds of question"),
        page.clip(
            video,
            f"{video.name}: a test clip, chosen because it is the first one asked by ear, by eye and about order.",
        ),
    ]
    for example, answer, path in zip(asked, given, pictures, strict=True):
        parts += [
            page.question(f"{example.question}?", answer.text, answer.scores[answer.text]),
            page.drawing(path, f"{' / '.join(example.kind)}. The truth is: {example.reference.text}.", narrow(path)),
        ]
    for own in sys.argv[1:]:
        parts += own_clip.parts(Path(own).expanduser(), OUT / "own")
    parts += [page.heading("What next"), page.commands(next_steps(video))]
    took = [[name, f"{value:.1f}"] for name, value in seconds.items()]
    parts += [page.heading("How long it took"), page.table(["step", "seconds"], took)]
    parts += [page.picture(WORLD / "contact_sheet.png", "Twenty clips of the world this was trained and tested in.")]
    return page.page("lookhear: look, hear, and answer", parts)


if __name__ == "__main__":
    sys.exit(main())
