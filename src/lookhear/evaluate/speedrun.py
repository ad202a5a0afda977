"""The speedrun: points on a fixed Soundstage, and the CPU minutes of training that they took.

    points = the mean of three numbers in percent, on the test split of the world `speedrun`
        questions   (accuracy - floor) / (100 - floor); floor: the most frequent training answer to the same question
        twins       pairs whose true answer changes and whose answers are both right
        evidence    IoU of the seconds named by the model and the reference evidence, per modality

For a model without segments, the named seconds are those with more than a uniform share of its evidence weights, per
modality. Against cheating: the world is made from fixed settings and its files must have the hashes in HASHES; a recipe
trains on the split `train`, in a fresh run folder; the entry records the recipe, the initial weights or features, the
CPU time of all processes, and the robustness card of the scored model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import config, datasets, files
from lookhear.errors import DatasetError, RecipeError
from lookhear.evaluate import floors, pairs
from lookhear.evaluate.audit.card import Card
from lookhear.evaluate.run import run
from lookhear.metrics.answers import accuracy
from lookhear.metrics.evidence import iou, named
from lookhear.model import Model
from lookhear.soundstage.write.card import checksum
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Example

HASHES = {  # sha256 of the files with questions and ground truth
    "scenes.jsonl": "be39f5504e49ae9cd9eaf08fa114a9835ac4faf3b22117645f88ca3a4514ec04",
    "twins.jsonl": "d29c4e539e458a237493de52445456b7801b73611848093a783e5e9873e0961d",
    "json/avqa-test.json": "98fa682bbb48baaaf38752855b071e4fef067dd272ad35d1ca76c7cadaa5ddd3",
    "json/twins-test.json": "c39fea74ff962ecf984391b3079741d099c05b5aac0ad81920cee09c7e126a7d",
    "json/evidence-test.json": "5b8440ea8251678e7992466b2c668dd383bf0eb2d7645eb99fb19d12dc67a6ca",
}
HEAD = (
    "",
    "points",
    "questions",
    "twins",
    "evidence",
    "CPU-minutes",
    "points a minute",
    "starts from",
    "sound",
    "picture",
)


def check_world(root: Path, hashes: Mapping[str, str] = HASHES) -> None:
    """Raises DatasetError if the files in `root` do not have the hashes of the speedrun's world."""
    for name, digest in hashes.items():
        path = root / name
        if not path.is_file():
            raise DatasetError(
                f"No {str(path)!r}. Make the world: lookhear soundstage {root} --split speedrun --twins all"
            )
        if checksum(path) != digest:
            raise DatasetError(f"{str(path)!r} is not that of the speedrun. Make the world again in another folder.")


def points(model: Model, root: Path, store: FeatureStore | None = None) -> dict[str, float]:
    """`points`, its three numbers, and the plain `accuracy`, in percent."""
    asked, train = (datasets.load("soundstage", root, split) for split in ("test", "train"))
    right = accuracy(run(model, asked, store), _references(asked))
    floor = accuracy(floors.most_frequent(train, asked, "question"), _references(asked))
    twins = datasets.load("soundstage@twins", root, "test")
    both = pairs.scores(twins, run(model, twins, store))["pairs"].value
    dated = datasets.load("soundstage@evidence", root, "test")
    said = run(model, dated, store)
    seconds = 100 * float(np.mean([iou(named(a), r.segments) for a, r in zip(said, _references(dated), strict=True)]))
    found = {"questions": max(0.0, 100 * (right - floor) / (100 - floor)), "twins": both, "evidence": seconds}
    return {"points": sum(found.values()) / len(found)} | found | {"accuracy": right}


def entry(
    name: str, scores: Mapping[str, float], cpu_seconds: float, recipe: Any, starts: str, card: Card
) -> dict[str, Any]:
    """The record of a run."""
    minutes = cpu_seconds / 60
    lines = {line.name: line.after for line in card.lines if line.name in ("consistency", "says_muted")}
    return {
        "name": name,
        **{key: round(value, 2) for key, value in scores.items()},
        "cpu_minutes": float(f"{minutes:.3g}"),
        "points_a_minute": round(scores["points"] / max(minutes, 1e-9), 2),
        "starts_from": starts,
        "findings": dict(card.findings),
        "card": {key: None if value is None else round(value, 2) for key, value in lines.items()},
        "recipe": recipe,
        "world": dict(HASHES),
    }


def record(path: Path, made: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Add an entry to the file at `path`, replacing one of the same name; returns all entries, most points first."""
    kept = [one for one in files.read_json(path, list) if one.get("name") != made["name"]] if path.is_file() else []
    every = sorted([*kept, dict(made)], key=lambda one: -one["points"])
    files.write_json(path, every)
    return every


def rows(entries: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """A table row for each entry, with the columns HEAD."""
    return [
        [
            str(entry["name"]),
            *(
                f"{entry[key]:.1f}"
                for key in ("points", "questions", "twins", "evidence", "cpu_minutes", "points_a_minute")
            ),
            str(entry["starts_from"]),
            *(str(entry["findings"].get(sense, "")) for sense in ("sound", "picture")),
        ]
        for entry in entries
    ]


def starting_point(recipe: Any, root: Path) -> str:
    """The initial weights or features of a recipe, as text. Raises RecipeError for training data not allowed."""
    if isinstance(recipe, config.LLMRecipe):
        wrong = next(
            (n for n, t in recipe.tasks.items() if t.split != "train" or Path(t.root or recipe.root) != root), None
        )
        if wrong is not None:
            raise RecipeError(
                f"tasks.{wrong}: an entry of the speedrun learns from the split train of {str(root)!r} alone."
            )
        return f"{recipe.llm.get('name')}, {recipe.llm.get('where') or 'as it ships'}"
    if recipe.data.train != "train" or recipe.data.val not in ("val", "train") or Path(recipe.data.root) != root:
        raise RecipeError(f"An entry of the speedrun learns from the splits train and val of {str(root)!r} alone.")
    return "features of " + ", ".join(dict.fromkeys(recipe.features.values()))


def _references(examples: Sequence[Example]) -> list[Answer]:
    return [e.reference or Answer() for e in examples]
