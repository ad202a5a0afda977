"""Studies: train several recipes over several seeds, evaluate them on the same questions, and compare in pairs.

    rows x seeds ─ train ─▶ run folders ─ ask every split ─▶ right.json (one bit per question) ─ summary ─▶ table

A row's score is the mean over its seeds; its interval is a bootstrap of that mean over videos. Differences are paired
by question and tested clustered by video, with Holm's correction within families: `Overall` over all rows; types within
a row; templates within a row.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from lookhear import config, datasets, files
from lookhear.errors import LookhearError, RecipeError
from lookhear.evaluate.study.beyond import Beyond, add_recordings
from lookhear.metrics.answers import correct, normal
from lookhear.model import NetModel, costs, says
from lookhear.model.runs import load_run
from lookhear.store.batch import orders
from lookhear.store.features import FeatureStore
from lookhear.store.fill import fill
from lookhear.types import Clip, Example

CLIPS = 32  # clips per batch when asking
OWN = "study."  # prefix of an override of the study itself
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One line of the table: a recipe with overrides."""

    name: str = ""
    recipe: str = ""
    """path relative to the study's file, or the name of a recipe"""
    set: list[str] = field(default_factory=list)
    """overrides such as `net.variant=paper`"""
    seeds: list[int] | None = None
    """seeds of this row; default: those of the study"""
    against: str = ""
    """name of the row that it is tested against; empty: the first row"""
    of: str = ""
    """name of the row whose trained nets are evaluated, with `set` overriding their options; empty: train this row"""


@dataclass(frozen=True)
class Study:
    """The rows to compare. `set` are overrides of every row, applied before the row's own."""

    rows: list[Row] = field(default_factory=list)
    set: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=lambda: [0])
    splits: list[str] = field(default_factory=lambda: ["test"])
    """splits of the recipes' dataset that are asked"""
    beyond: list[Beyond] = field(default_factory=list)
    """test sets of other datasets that are also asked"""


@dataclass(frozen=True, eq=False)
class Asked:
    """The questions of one split, correctness (row -> bool (seed, question)), and errors of failed (row, seed)."""

    examples: Sequence[Example]
    right: Mapping[str, np.ndarray]
    failed: Mapping[tuple[str, int], str] = field(default_factory=dict)


def read(path: Path | str, overrides: Sequence[str] = ()) -> Study:
    """The study in a YAML file. Overrides `study.KEY=VALUE` change the study's keys; others belong to the rows.

    Raises RecipeError for a row without a unique name, and for `against` with an unknown row.
    """
    own = [one.removeprefix(OWN) for one in overrides if one.startswith(OWN)]
    study = config.load(path, own, Study)
    names = [row.name for row in study.rows]
    if not names or not all(names) or len({folder_of(n) for n in names}) < len(names):
        raise RecipeError(f"{path}: every row needs a name of its own; there are {names}.")
    for row in study.rows:
        if row.against and row.against not in names:
            raise RecipeError(f"{path}: row {row.name!r} is against {row.against!r}, which is no row: {names}.")
        if row.of and (row.of not in names or row.recipe or not all(one.startswith("net.") for one in row.set)):
            raise RecipeError(
                f"{path}: row {row.name!r} asks the nets of {row.of!r}: a row's name, and `set` of net.KEY."
            )
    return study


def recipes(study: Study, path: Path, out: Path, overrides: Sequence[str] = ()) -> dict[tuple[str, int], config.Recipe]:
    """(row, seed) -> recipe, ordered by seed, so that an interrupted study has every row for its first seeds.

    Raises RecipeError for a recipe that cannot be built.
    """
    by_run: dict[tuple[str, int], config.Recipe] = {}
    overrides = [one for one in overrides if not one.startswith(OWN)]
    order = sorted((place, n) for n, row in enumerate(study.rows) for place in range(len(row.seeds or study.seeds)))
    for place, n in order:
        row = study.rows[n]
        seed = (row.seeds or study.seeds)[place]
        late = [f"seed={seed}", f"out={out / folder_of(row.name) / str(seed)}"]
        trained = next((one for one in study.rows if one.name == row.of), row)
        beside = config.recipe_file(path).parent / trained.recipe
        recipe = beside if beside.is_file() else trained.recipe
        own = [] if trained is row else row.set
        try:
            by_run[row.name, seed] = config.load(recipe, [*study.set, *trained.set, *overrides, *own, *late])
            _buildable(by_run[row.name, seed])
        except RecipeError as error:
            raise RecipeError(f"Row {row.name!r}: {error}") from None
    return by_run


def _buildable(recipe: config.Recipe) -> None:
    """Raises RecipeError if the net or the debiasing wrapper of the recipe cannot be built."""
    with torch.device("meta"):
        net = config.build("nets", {k: v for k, v in recipe.net.items() if k != "pretrained"})
        if recipe.debias:
            config.build("debias", recipe.debias)(net)


def folder_of(name: str) -> str:
    """The folder name of a row."""
    return re.sub(r"[^\w.+-]+", "_", name.lower()).strip("_")


def run(
    path: Path,
    out: Path,
    train: Callable[[config.Recipe], Path],
    overrides: Sequence[str] = (),
    minutes: float = float("inf"),
    say: Say = print,
) -> dict[str, Asked]:
    """Train and ask the runs that are missing; returns split -> Asked. After `minutes` no further run is started.

    `train` gets each recipe and returns its run folder; complete runs are not trained again. Every row is built before
    any is trained (RecipeError). A row whose training or asking fails is reported and left out, and the next call tries
    it again; if the error is not one of `lookhear.errors`, its traceback is written to OUT/failed-ROW-SEED.txt. If all
    fail, RecipeError is raised with the first error.
    """
    failed: dict[tuple[str, int], str] = {}
    study, began = read(path, overrides), time.perf_counter()
    jobs = recipes(study, path, out, overrides)
    kept: dict[str, Sequence[Example]] = {}
    further, asks = (
        {split_of.name: split_of for split_of in study.beyond},
        {row.name: row.of for row in study.rows if row.of},
    )
    splits = [*study.splits, *further]
    recordings: dict[tuple[str, str], Path] = {}
    right: dict[str, dict[str, dict[int, np.ndarray]]] = {split: {} for split in splits}
    stores: dict[str, FeatureStore] = {}
    for (name, seed), recipe in jobs.items():
        for split in (s for s in splits if s not in kept):
            split_of = further.get(split) or Beyond(recipe.data.name, recipe.data.root, split)
            kept[split] = datasets.load(split_of.dataset, split_of.root or recipe.data.root, split_of.split)
            add_recordings(kept[split], split_of.store_for(recipe), recordings)
        known = {s: bits for s in splits if (bits := stored(Path(recipe.out), s, kept[s])) is not None}
        if len(known) < len(splits):
            if time.perf_counter() - began > 60 * minutes:
                say(f"not begun: {name}, seed {seed}")
                continue
            start, traces = time.perf_counter(), out / f"failed-{folder_of(name)}-{seed}.txt"
            try:
                run = train(jobs[asks.get(name, name), seed])
                model = load_run(run, net=recipe.net if name in asks else None)
                took = time.perf_counter() - start
                for split in (s for s in splits if s not in known):
                    where = further[split].store_for(recipe) if split in further else recipe.data.store_folder
                    store = stores.setdefault(where, FeatureStore(where, cache=True))
                    known[split] = asked(model, kept[split], store)
                    keep(Path(recipe.out), split, kept[split], known[split])
            except Exception as error:  # also an error in the code of one row must not end the others
                failed[name, seed] = _reason(error, traces)
                say(f"failed: {name}, seed {seed}: {failed[name, seed]}")
                continue
            traces.unlink(missing_ok=True)
            scores = ", ".join(f"{s} {100 * bits.mean():.2f} %" for s, bits in known.items())
            say(f"{name}, seed {seed}: {scores} (trained in {took:.0f} s, {time.perf_counter() - start - took:.0f} s)")
            if told := costs.read(run):
                say(f"  {', '.join(f'{n} {c}' for n, c in zip(costs.HEAD, costs.cells(told), strict=True))}")
        for split, bits in known.items():
            right[split].setdefault(name, {})[seed] = bits
    if failed and not any(right.values()):
        raise RecipeError(f"No row could be trained. The first: {next(iter(failed.values()))}")
    return {
        split: Asked(kept.get(split, ()), {n: np.stack([b[s] for s in sorted(b)]) for n, b in rows.items()}, failed)
        for split, rows in right.items()
    }


def _reason(error: Exception, traces: Path) -> str:
    """Why a row failed, in one line; the traceback of an error that is not lookhear's own is written to `traces`."""
    words = " ".join(str(error).split())
    if isinstance(error, LookhearError):
        return words
    files.write(traces, "".join(traceback.format_exception(error)))
    return f"{type(error).__name__}: {words[:200]} (traceback in {traces})"


@torch.inference_mode()
def asked(model: NetModel, examples: Sequence[Example], store: FeatureStore) -> np.ndarray:
    """bool (question,): which of `examples` the model answers correctly. Each clip is watched once, without evidence.

    Questions with options are answered by `model.answer`, which chooses among the options.
    """
    streams = [*orders(model.net.watch), *orders(model.net.answer)]
    fill(store, model.recipe.features, streams, examples, model.encoder)
    vocabulary = [normal(answer) for answer in model.vocabulary]
    among = model.recipe.data.options != "off" and any("options" in e.meta for e in examples)
    model = model.using(store)
    groups: dict[Clip, list[int]] = {}
    for i, example in enumerate(examples):
        groups.setdefault(example.clip, []).append(i)
    clips, right = list(groups), np.zeros(len(examples), bool)
    for start in range(0, len(clips), CLIPS):
        places = [i for clip in clips[start : start + CLIPS] for i in groups[clip]]
        if among:
            some = [examples[i] for i in places]
            answers = model.answer(model.watch(clips[start : start + CLIPS]), some)
            right[places] = [
                e.reference is not None and correct(a, e.reference) for a, e in zip(answers, some, strict=True)
            ]
            continue
        predicted = says(model.net, model.batch([examples[i] for i in places], streams, store)).logits.argmax(-1)
        for i, answer in zip(places, predicted.tolist(), strict=True):
            reference = examples[i].reference
            right[i] = reference is not None and vocabulary[answer] == normal(reference.text)
    return right


def keep(run: Path, split: str, examples: Sequence[Example], right: np.ndarray) -> None:
    """Write correctness into the run folder: one bit per question, with a hash of the questions."""
    text = json.dumps({"questions": len(examples), "digest": digest(examples), "right": pack(right)})
    files.write(_bits_of(run, split), text)


def stored(run: Path, split: str, examples: Sequence[Example]) -> np.ndarray | None:
    """What `keep` wrote, or None if the run was not asked exactly these questions."""
    path = _bits_of(run, split)
    if not path.is_file():
        return None
    facts = files.read_json(path, dict)
    with files.read_from(path, "Delete it: the run is asked again."):
        return unpack(facts["right"], len(examples)) if facts["digest"] == digest(examples) else None


def _bits_of(run: Path, split: str) -> Path:
    name = re.sub(r"[^\w.+-]+", "-", split)
    return run / f"right-{name}.json"


def digest(examples: Sequence[Example]) -> str:
    """A hash of the questions, their clips and their references."""
    lines = (f"{e.id}\t{e.clip.id}\t{e.question}\t{e.reference and e.reference.text}\n" for e in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def pack(right: np.ndarray) -> str:
    """bool (question,) as base64 text, 4 characters per 24 questions."""
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def unpack(text: str, count: int) -> np.ndarray:
    """bool (count,) from the text that `pack` made."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(bool)
