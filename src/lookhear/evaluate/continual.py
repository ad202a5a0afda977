"""Continual learning: a net learns the answers or question types of one session after another.

    session 1 ─ train ─▶ run 1 ─ its weights ─▶ session 2 ─ train ─▶ run 2 ─ …      after each: all questions so far

A session trains on its own questions only, from the weights of the session before. After session s the net is asked the
test questions of sessions 1 to s, which gives a matrix of accuracies a[s, j]. Reported are

    average      mean over s of the accuracy on all questions of sessions 1 to s
    forgetting   mean over j < S of (max over s < S of a[s, j]) - a[S, j], in points (Chaudhry et al., ECCV 2018)

A net whose Config has `stages` and `stage` (`cign`) gets an output per class when its class is first taught. Any other
net has outputs for all answers from the first session on. `joint` trains one more net on all sessions at once, an upper
reference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import catalog, config, datasets, statistics
from lookhear.catalog import unknown
from lookhear.errors import RecipeError
from lookhear.evaluate import tables
from lookhear.evaluate.report import clusters_of
from lookhear.evaluate.study.rows import asked
from lookhear.metrics.answers import normal
from lookhear.model.runs import load_run
from lookhear.store.features import FeatureStore
from lookhear.types import Example

JOINT = "joint"
Train = Callable[[config.Recipe], Path]


@dataclass(frozen=True)
class Continual:
    """A recipe and the sessions that it is trained in."""

    recipe: str = ""
    """path relative to this file, or the name of a recipe"""
    set: list[str] = field(default_factory=list)
    """overrides such as `train.epochs=20`; `train.epochs` is per session"""
    by: str = "answers"
    """what a session teaches: `answers` or question `types`"""
    sessions: list[list[str]] = field(default_factory=list)
    """the answers or types of each session; empty: `parts` sessions of the training split's, in order"""
    parts: int = 4
    """number of sessions, of as nearly equal size as possible, where `sessions` is empty"""
    split: str = "test"
    """split that is asked after each session"""
    seeds: list[int] = field(default_factory=lambda: [0])
    """random seeds; each trains all sessions"""
    joint: bool = True
    """also train on all sessions at once"""


def read(path: Path | str, overrides: Sequence[str] = ()) -> Continual:
    """The sessions in a YAML file; overrides are `KEY=VALUE`. Raises RecipeError."""
    made = config.load(path, overrides, Continual)
    if made.by not in ("answers", "types"):
        raise RecipeError(f"{path}: {unknown('session by', made.by, ('answers', 'types'))}")
    if not made.recipe:
        raise RecipeError(f"{path}: no recipe is named. Add: recipe: soundstage/cign")
    return made


def run(
    path: Path, out: Path, train: Train, overrides: Sequence[str] = (), own: Sequence[str] = (), say: Any = print
) -> dict[str, Any]:
    """Train the missing sessions into OUT/seed/session, ask each, and return `result`.

    `overrides` belong to the recipe, `own` to the sessions. `train` gets each recipe and returns its run folder; a run
    that is complete is not trained again. Raises RecipeError before training for sessions that cannot be taught.
    """
    plan = read(path, own)
    beside = config.recipe_file(path).parent / plan.recipe
    recipe = config.load(beside if beside.is_file() else plan.recipe, [*plan.set, *overrides])
    if recipe.net.get("name") is None:
        raise RecipeError(f"{plan.recipe}: its net has no name.")
    taught = datasets.load(recipe.data.name, recipe.data.root, recipe.data.train)
    sessions = sessions_of(plan, taught)
    split = datasets.load(recipe.data.name, recipe.data.root, plan.split)
    of = np.array([place(plan.by, sessions, example) for example in split])
    empty = [number + 1 for number in range(len(sessions)) if not (of == number).any()]
    if empty:
        raise RecipeError(f"Split {plan.split!r} has no question of session {empty[0]}: {sessions[empty[0] - 1]}.")
    store, right = FeatureStore(recipe.data.store_folder, cache=True), dict[int, list[np.ndarray]]()
    for seed in plan.seeds:
        right[seed] = []
        for number, one in enumerate(recipes(plan, recipe, sessions, taught, out / str(seed), seed)):
            folder = train(one)
            seen = np.flatnonzero((of >= 0) & (of <= number))  # all sessions, for `joint`
            bits = np.zeros(len(split), bool)
            bits[seen] = asked(load_run(folder), [split[i] for i in seen], store)
            right[seed].append(bits)
            what = f"session {number + 1}" if number < len(sessions) else JOINT
            say(f"seed {seed}, {what}: {100 * bits[seen].mean():.2f} % of {len(seen)} questions")
    return result(plan, sessions, split, of, [right[seed] for seed in plan.seeds])


def sessions_of(plan: Continual, examples: Sequence[Example]) -> list[list[str]]:
    """The answers or types of each session. Raises RecipeError for unknown or repeated ones, or too many parts."""
    known = sorted({name for e in examples if (name := _name(plan.by, e))})
    if not plan.sessions:
        if not 2 <= plan.parts <= len(known):
            raise RecipeError(f"parts={plan.parts}: there are {len(known)} {plan.by}, so 2 to {len(known)} sessions.")
        return [[str(name) for name in part] for part in np.array_split(known, plan.parts)]
    whole = [name for session in plan.sessions for name in session]
    wrong = next((name for name in whole if name not in known), None)
    if wrong is not None:
        raise RecipeError(unknown(plan.by.removesuffix("s"), wrong, known))
    if len(set(whole)) < len(whole) or len(plan.sessions) < 2 or not all(plan.sessions):
        raise RecipeError(f"sessions={plan.sessions}: two or more, none empty, each of the {plan.by} once.")
    return [list(session) for session in plan.sessions]


def recipes(
    plan: Continual,
    recipe: config.Recipe,
    sessions: Sequence[Sequence[str]],
    examples: Sequence[Example],
    out: Path,
    seed: int,
) -> list[config.Recipe]:
    """The recipe of each session in order, then that of `joint` if it is wanted."""
    schema = config.schema_of(catalog.find("nets", recipe.net["name"]))
    grows = plan.by == "answers" and {"stages", "stage"} <= {f.name for f in dataclasses.fields(schema)}
    whole = [name for session in sessions for name in session]
    words = whole if plan.by == "answers" else sorted({e.reference.text for e in examples if e.reference})
    plans, before = [], ""
    for number, session in enumerate(sessions):
        known = [name for part in sessions[: number + 1] for name in part] if grows else words
        sizes: dict[str, Any] = {"stages": [len(part) for part in sessions], "stage": number} if grows else {}
        run = str(out / str(number + 1))
        data = _taught(recipe.data, plan.by, session, known)
        own: dict[str, Any] = {"data": data, "net": {**recipe.net, **sizes}}
        own["train"] = replace(recipe.train, start=before)
        plans.append(replace(recipe, seed=seed, out=run, **own))
        before = run
    if plan.joint:
        data = _taught(recipe.data, plan.by, whole, words)
        plans.append(replace(recipe, data=data, seed=seed, out=str(out / JOINT)))
    return plans


def _taught(data: config.Data, by: str, names: Sequence[str], vocabulary: list[str]) -> config.Data:
    """The data of a session: its answers or types only, with the given classes."""
    if by == "types":
        return replace(data, types=list(names), vocabulary=vocabulary)
    return replace(data, answers=list(names), vocabulary=vocabulary)


def _name(by: str, example: Example) -> str:
    """The answer of an example, or its question type."""
    if by == "types":
        return "/".join(example.kind)
    return example.reference.text if example.reference else ""


def place(by: str, sessions: Sequence[Sequence[str]], example: Example) -> int:
    """The number of the session that teaches an example, from 0; -1 for none."""
    name = normal(_name(by, example))
    return next((i for i, session in enumerate(sessions) if name in {normal(one) for one in session}), -1)


def result(
    plan: Continual,
    sessions: Sequence[Sequence[str]],
    split: Sequence[Example],
    of: np.ndarray,
    right: Sequence[Sequence[np.ndarray]],
) -> dict[str, Any]:
    """Accuracies in percent: matrix, on all sessions so far with intervals over videos, average and forgetting.

    `of` (question,) is the session of each question; `right` are for each seed, then each run, bools (question,).
    """
    count, clusters = len(sessions), clusters_of(split)
    matrices, rows = [], []
    for seed in right:
        matrix = np.full((count, count), np.nan)
        for s in range(count):
            for j in range(s + 1):
                matrix[s, j] = 100 * seed[s][of == j].mean()
        matrices.append(matrix)
    for s in range(count + plan.joint):
        seen = (of >= 0) & ((of <= s) | (s == count))
        values = np.mean([seed[s] for seed in right], axis=0) if len(right) > 1 else right[0][s]
        low, high = 100 * statistics.bootstrap(values, clusters, seen[:, None])[0]
        cells = [100 * float(values[of == j].mean()) for j in range(count) if j <= s]
        rows.append({"accuracy": 100 * float(values[seen].mean()), "interval": [float(low), float(high)], "of": cells})
    averages = [float(np.mean([100 * seed[s][(of >= 0) & (of <= s)].mean() for s in range(count)])) for seed in right]
    forgotten = [float(np.mean(np.nanmax(m[:-1, :-1], axis=0) - m[-1, :-1])) for m in matrices]
    return {
        "by": plan.by,
        "split": plan.split,
        "seeds": list(plan.seeds),
        "sessions": [list(session) for session in sessions],
        "questions": [int((of == j).sum()) for j in range(count)],
        "after": rows[:count],
        JOINT: rows[count] if plan.joint else None,
        "average": averages,
        "forgetting": forgotten,
    }


def text(found: Mapping[str, Any], format: str = "text") -> str:
    """A table with a line after each session and for `joint`; then average accuracy and forgetting."""
    count = len(found["sessions"])
    lines = [(f"after session {s + 1}", row) for s, row in enumerate(found["after"])]
    lines += [(JOINT, found[JOINT])] if found[JOINT] else []
    cells = []
    for name, row in lines:
        numbers = [f"{value:.1f}" for value in row["of"]] + ["-"] * (count - len(row["of"]))
        cells.append([name, *numbers, f"{row['accuracy']:.2f}", "{:.1f} to {:.1f}".format(*row["interval"])])
    head = ["", *(f"session {j + 1}" for j in range(count)), "so far", "95 % interval"]
    names = [f"session {j + 1}: {', '.join(session)}" for j, session in enumerate(found["sessions"])]
    return "\n".join(
        [
            f"{found['split']}: {sum(found['questions'])} questions in {count} sessions by {found['by']}",
            "",
            *names,
            "",
            tables.lay_out(head, cells, format),
            "",
            f"average over sessions {_spread(found['average'])} %; forgetting {_spread(found['forgetting'])} points",
        ]
    )


def _spread(seeds: Sequence[float]) -> str:
    """Mean over seeds, and the lowest and highest of several."""
    mean = f"{sum(seeds) / len(seeds):.2f}"
    return f"{mean} ({min(seeds):.2f} to {max(seeds):.2f})" if len(seeds) > 1 else mean
