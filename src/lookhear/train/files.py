"""The files of a run folder, each written atomically.

recipe.yaml  vocabulary.json  features.json     definition of the run, written first
questions.json  world.safetensors               training questions and clips, for out-of-distribution notes
scale.safetensors                               scale of the features, if the recipe standardizes
log.jsonl  tensorboard/  costs.json             progress and cost
checkpoint/last.pt  checkpoint/best.safetensors state, during training
model.safetensors                               the result: exists only after training has ended
"""

from __future__ import annotations

import dataclasses
import pickle
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookhear import checkpoints, config
from lookhear.errors import FileError, LookhearError, ModelError, RecipeError
from lookhear.files import UNLIKE, dumps, unused, whole, write
from lookhear.files import claim as hold
from lookhear.model import SCALE_PARTS
from lookhear.store.scale import Scale

FREE = (
    "out",
    "train.checkpoint_every",
    "train.workers",
    "train.prepared",
    "train.report_to",
    "train.check_memory",
)  # keys that do not change the result
BEFORE_RECIPE = ("vocabulary.json", "features.json", "scale.safetensors")  # `start` writes them, then the recipe


@contextmanager
def writing(run: Path, main: bool) -> Iterator[None]:
    """Context manager: exclusive lock on the run folder, held by the `main` process of the job."""
    if not main:
        yield
        return
    fresh = not run.exists()
    with hold(run):
        try:
            yield
        finally:
            if fresh and unused(run):
                drop(run)


def check_processes(run: Path, began: int, now: int) -> None:
    """Refuse to resume with another number of processes, which would change the batches."""
    if began != now:
        raise ModelError(
            f"{str(run)!r} was begun by {began} processes and cannot go on with {now}. "
            "Start as many, or name another folder with out=FOLDER."
        )


def claim(recipe: config.Recipe | config.LLMRecipe, run: Path, done: str = "model.safetensors") -> bool:
    """Check that folder `run` may be used for `recipe`; True if training has finished. Raises RecipeError otherwise.

    `done` is the file that exists only after training has ended.
    """
    kept = run / "recipe.yaml"
    if kept.is_file():
        if config.of_llm(kept) != isinstance(recipe, config.LLMRecipe):
            raise RecipeError(f"Run folder {str(run)!r} holds a run of another kind. Name another with out=FOLDER.")
        field, there, here = _difference(config.load(kept, (), type(recipe)), recipe)
        if field:
            raise RecipeError(
                f"Run folder {str(run)!r} holds a run with {field}={there}, not {here}. "
                "Name another with out=FOLDER, or delete that one."
            )
        return (run / done).is_file()
    if not unused(run, BEFORE_RECIPE):
        raise RecipeError(f"Run folder {str(run)!r} exists and holds no run. Name another with out=FOLDER.")
    return False


@contextmanager
def unless_refused(run: Path) -> Iterator[None]:
    """Context manager: remove a new run folder if training fails before its first checkpoint (not on Ctrl-C)."""
    fresh = not (run / "recipe.yaml").is_file()
    try:
        yield
    except Exception:
        if fresh and not (run / "checkpoint" / "last.pt").is_file():
            drop(run)
        raise


def start(
    run: Path, recipe: config.Recipe, vocabulary: tuple[str, ...], cards: Mapping[str, Any], scale: Scale
) -> None:
    """Write the definition of the run. The recipe is written last, so its presence implies the other files."""
    write(run / "vocabulary.json", dumps(vocabulary).encode())
    write(run / "features.json", dumps(cards, indent=1, sort_keys=True).encode())
    if scale:
        parts = {f"{n}.{part}": t for n, both in scale.items() for part, t in zip(SCALE_PARTS, both, strict=True)}
        checkpoints.save(parts, run / "scale.safetensors")
    tell(run, recipe)


def tell(run: Path, recipe: config.Recipe | config.LLMRecipe) -> None:
    """Write the recipe."""
    with whole(run / "recipe.yaml") as part:
        config.dump(recipe, part)


def save_checkpoint(run: Path, state: Mapping[str, Any]) -> None:
    """Write the checkpoint for resuming, one tensor at a time, without a second copy in memory."""
    path = run / "checkpoint" / "last.pt"
    with whole(path) as part:
        try:
            torch.save(dict(state), part)
        except RuntimeError:  # raised by torch on a full disk
            raise FileError(f"Cannot write {str(path)!r}. Check permissions and free space.") from None


@contextmanager
def resuming(run: Path) -> Iterator[dict[str, Any] | None]:
    """Context manager with the last checkpoint, or None, whose state is then restored.

    Raises ModelError, one line, for a checkpoint that is damaged, holds NaN, or does not fit the model or optimizer.
    """
    path = run / "checkpoint" / "last.pt"
    try:
        state = None
        if path.is_file():
            state = torch.load(path, map_location="cpu", weights_only=True)
            _check(state, "it")
        yield state
    except LookhearError:
        raise
    except (*UNLIKE, RuntimeError, pickle.UnpicklingError, OSError, EOFError) as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:120]}"
        raise ModelError(f"{path}: damaged ({reason}). Delete it to train from the start.") from None


MOMENTS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer")  # as large as their parameter


def _check(value: Any, where: str) -> None:
    """Refuse a checkpoint that is not a mapping, or has tensors that are not finite."""
    if where == "it" and not isinstance(value, dict):
        raise TypeError(f"it holds a {type(value).__name__}")
    if isinstance(value, Tensor) and value.is_floating_point() and not bool(value.isfinite().all()):
        raise ValueError(f"{where} is not finite")
    if isinstance(value, dict):
        for key, one in value.items():
            _check(one, str(key))


def restore(optimizer: Any, state: Any) -> None:
    """Restore an optimizer's state. Raises ValueError if a moment has another shape than its parameter."""
    optimizer.load_state_dict(state)
    for parameter, kept in optimizer.state.items():
        for name in MOMENTS:
            moment = kept.get(name)
            if moment is not None and moment.shape != parameter.shape:
                raise ValueError(f"{name} has shape {tuple(moment.shape)}, its parameter {tuple(parameter.shape)}")


def finish(run: Path) -> None:
    """Move the best weights to their final place; `Runner.close` removes the checkpoints."""
    (run / "checkpoint" / "best.safetensors").replace(run / "model.safetensors")


def drop(folder: Path) -> None:
    """Remove a folder if it exists."""
    if folder.is_dir():
        shutil.rmtree(folder)


def _difference(there: Any, here: Any) -> tuple[str, Any, Any]:
    """The first key in which two recipes differ and its two values, or empty."""
    a, b = (dict(_flat(dataclasses.asdict(r))) for r in (there, here))
    for name in dict.fromkeys([*a, *b]):
        if name not in FREE and a.get(name) != b.get(name):
            return name, a.get(name, "not set"), b.get(name, "not set")
    return "", None, None


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
