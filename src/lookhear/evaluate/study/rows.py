"""Studies: train several recipes over several seeds, evaluate them on the same questions, and compare in pairs.

    rows x seeds ─ train ─▶ run folders ─ ask every split ─▶ right.json (one bit a question) ─ summary ─▶ table

A row's score is the mean over its seeds; its interval comes from a bootstrap over videos of that mean. A difference is
tested question by question with each video's questions together, and corrected (Holm) over what is looked at together:
`Overall` over all rows; types within a row; templates within a row.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from lookhear import config, datasets, files
from lookhear.errors import LookhearError, RecipeError
from lookhear.metrics.answers import correct, normal
from lookhear.model import NetModel, costs, load, says
from lookhear.store.batch import orders
from lookhear.store.features import FeatureStore
from lookhear.store.fill import fill
from lookhear.types import Clip, Example

CLIPS = 32  # watched at a time when asking
OWN = "study."  # what an override of the study itself begins with
Say = Callable[[str], None]


@dataclass(frozen=True)
class Row:
    """One line of the table: a recipe with overrides."""

    name: str = ""
    recipe: str = ""
    """path, from the study's file"""
    set: list[str] = field(default_factory=list)
    """overrides, as `net.variant=paper`"""
    seeds: list[int] | None = None
    """in place of the study's"""
    against: str = ""
    """the row it is tested against; empty means the first"""


@dataclass(frozen=True)
class Beyond:
    """A test set of another dataset that every row is asked: MUSIC-AVQA-R, for nets that learn on MUSIC-AVQA."""

    dataset: str = ""
    root: str = ""
    """empty means that of the recipes"""
    split: str = "test"

    @property
    def name(self) -> str:
        return f"{self.dataset} {self.split}"


@dataclass(frozen=True)
class Study:
    """What is compared. `set` is laid over every row before the row's own overrides."""

    rows: list[Row] = field(default_factory=list)
    set: list[str] = field(default_factory=list)
    seeds: list[int] = field(default_factory=lambda: [0])
    splits: list[str] = field(default_factory=lambda: ["test"])
    """of the recipes' own dataset"""
    beyond: list[Beyond] = field(default_factory=list)
    """of other datasets, asked as well"""


@dataclass(frozen=True, eq=False)
class Asked:
    """The questions of one split, and who was right: row -> bool (seed, question); rows and seeds that failed."""

    examples: Sequence[Example]
    right: Mapping[str, np.ndarray]
    failed: Mapping[tuple[str, int], str] = field(default_factory=dict)


def read(path: Path | str, overrides: Sequence[str] = ()) -> Study:
    """The study written in a YAML file. Overrides `study.KEY=VALUE` change its own keys; others are the rows'.

    Raises RecipeError for a row without a name of its own, or an unknown one.
    """
    own = [one.removeprefix(OWN) for one in overrides if one.startswith(OWN)]
    study = config.load(path, own, Study)
    names = [row.name for row in study.rows]
    if not names or not all(names) or len({folder_of(n) for n in names}) < len(names):
        raise RecipeError(f"{path}: every row needs a name of its own; there are {names}.")
    for row in study.rows:
        if row.against and row.against not in names:
            raise RecipeError(f"{path}: row {row.name!r} is against {row.against!r}, which is no row: {names}.")
    return study


def recipes(study: Study, path: Path, out: Path, overrides: Sequence[str] = ()) -> dict[tuple[str, int], config.Recipe]:
    """(row, seed) -> its recipe, seeds in the outer order, so that a study cut short has whole columns."""
    found: dict[tuple[str, int], config.Recipe] = {}
    overrides = [one for one in overrides if not one.startswith(OWN)]
    order = sorted((place, n) for n, row in enumerate(study.rows) for place in range(len(row.seeds or study.seeds)))
    for place, n in order:
        row = study.rows[n]
        seed = (row.seeds or study.seeds)[place]
        late = [f"seed={seed}", f"out={out / folder_of(row.name) / str(seed)}"]
        beside = config.recipe_file(path).parent / row.recipe
        recipe = beside if beside.is_file() else row.recipe
        try:
            found[row.name, seed] = config.load(recipe, [*study.set, *row.set, *overrides, *late])
            _buildable(found[row.name, seed])
        except RecipeError as error:
            raise RecipeError(f"Row {row.name!r}: {error}") from None
    return found


def _buildable(recipe: config.Recipe) -> None:
    """Raises RecipeError where net or debiasing cannot be built with the sizes that the recipe gives."""
    with torch.device("meta"):
        net = config.build("nets", {k: v for k, v in recipe.net.items() if k != "pretrained"})
        if recipe.debias:
            config.build("debias", recipe.debias)(net)


def folder_of(name: str) -> str:
    """A row's name as a folder."""
    return re.sub(r"[^\w.+-]+", "_", name.lower()).strip("_")


def go(
    path: Path,
    out: Path,
    train: Callable[[config.Recipe], Path],
    overrides: Sequence[str] = (),
    minutes: float = float("inf"),
    say: Say = print,
) -> dict[str, Asked]:
    """Train and ask what is missing, then split -> what was asked. After `minutes` no further run is begun.

    `train` is given each recipe and returns its run folder; a run that is complete already costs nothing. Every row is
    built before any is trained (RecipeError); one whose training fails is said and left out, and is tried again by the
    next run. Where all fail, the first error is raised.
    """
    failed: dict[tuple[str, int], str] = {}
    study, began = read(path, overrides), time.perf_counter()
    jobs = recipes(study, path, out, overrides)
    kept: dict[str, Sequence[Example]] = {}
    further = {one.name: one for one in study.beyond}
    splits = [*study.splits, *further]
    right: dict[str, dict[str, dict[int, np.ndarray]]] = {split: {} for split in splits}
    stores: dict[str, FeatureStore] = {}
    for (name, seed), recipe in jobs.items():
        for split in (s for s in splits if s not in kept):
            one = further.get(split) or Beyond(recipe.data.name, recipe.data.root, split)
            kept[split] = datasets.load(one.dataset, one.root or recipe.data.root, one.split)
        known = {s: bits for s in splits if (bits := stored(Path(recipe.out), s, kept[s])) is not None}
        if len(known) < len(splits):
            if time.perf_counter() - began > 60 * minutes:
                say(f"not begun: {name}, seed {seed}")
                continue
            start = time.perf_counter()
            try:
                run = train(recipe)
            except LookhearError as error:
                failed[name, seed] = str(error)
                say(f"failed: {name}, seed {seed}: {error}")
                continue
            took = time.perf_counter() - start
            model = load(run)
            assert isinstance(model, NetModel)
            where = recipe.data.store or f"{recipe.data.root}/features"
            store = stores.setdefault(where, FeatureStore(where, cache=True))
            for split in (s for s in splits if s not in known):
                known[split] = asked(model, kept[split], store)
                keep(run, split, kept[split], known[split])
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


@torch.inference_mode()
def asked(model: NetModel, examples: Sequence[Example], store: FeatureStore) -> np.ndarray:
    """bool (question,): which of `examples` the model answers right. Clips are watched once; no evidence is made.

    Questions that offer options are asked as `model.answer` asks them.
    """
    wanted = [*orders(model.net.watch), *orders(model.net.answer)]
    fill(store, model.recipe.features, wanted, examples, model.encoder)
    vocabulary = [normal(answer) for answer in model.vocabulary]
    among = model.recipe.data.options != "off" and any("options" in e.meta for e in examples)
    model = model.using(store)
    groups: dict[Clip, list[int]] = {}
    for i, example in enumerate(examples):
        groups.setdefault(example.clip, []).append(i)
    clips, found = list(groups), np.zeros(len(examples), bool)
    for start in range(0, len(clips), CLIPS):
        places = [i for clip in clips[start : start + CLIPS] for i in groups[clip]]
        if among:
            some = [examples[i] for i in places]
            said_ = model.answer(model.watch(clips[start : start + CLIPS]), some)
            found[places] = [
                e.reference is not None and correct(a, e.reference) for a, e in zip(said_, some, strict=True)
            ]
            continue
        said = says(model.net, model.batch([examples[i] for i in places], wanted, store)).logits.argmax(-1)
        for i, answer in zip(places, said.tolist(), strict=True):
            reference = examples[i].reference
            found[i] = reference is not None and vocabulary[answer] == normal(reference.text)
    return found


def keep(run: Path, split: str, examples: Sequence[Example], right: np.ndarray) -> None:
    """Write who was right into the run folder: one bit a question, with a hash of the questions."""
    text = json.dumps({"questions": len(examples), "digest": digest(examples), "right": pack(right)})
    files.write(_bits_of(run, split), text)


def stored(run: Path, split: str, examples: Sequence[Example]) -> np.ndarray | None:
    """What `keep` wrote, or None where the run was not asked these very questions."""
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
    """Changes when a question, its clip or its reference does."""
    lines = (f"{e.id}\t{e.clip.id}\t{e.question}\t{e.reference and e.reference.text}\n" for e in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def pack(right: np.ndarray) -> str:
    """bool (question,) as text, 4 characters for 24 questions."""
    return base64.b64encode(np.packbits(right).tobytes()).decode()


def unpack(text: str, count: int) -> np.ndarray:
    """What `pack` packed."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8), count=count).astype(bool)
