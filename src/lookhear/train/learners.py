"""Select the trained parameters of a language model: connectors, adapters, or both; all others are frozen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from lookhear import catalog, config, llms
from lookhear.catalog import unknown
from lookhear.errors import ModelError, RecipeError
from lookhear.ilora import fit
from lookhear.llms import Trainable
from lookhear.model import tuned
from lookhear.model.names import SERVED

STAGES = ("align", "instruct", "prefer", "reinforce")
METHODS = ("ilora", "lora", "lora_moe", "none")
CHECKPOINTING = ("activation_checkpointing_enable", "gradient_checkpointing_enable")  # the latter before 5.23


def check(recipe: config.LLMRecipe) -> None:
    """Check a recipe before anything is loaded. Raises RecipeError."""
    settings = recipe.train
    if recipe.stage not in STAGES:
        raise RecipeError(unknown("stage", recipe.stage, STAGES))
    if settings.schedule not in ("cosine", "constant"):
        raise RecipeError(unknown("schedule", settings.schedule, ("cosine", "constant")))
    for name in ("val_every", "patience", "workers"):
        if getattr(settings, name) < 0:
            raise RecipeError(f"train.{name}={getattr(settings, name)}: must not be negative.")
    if settings.patience and not settings.val_every:
        raise RecipeError(f"train.patience={settings.patience} counts validations: give train.val_every as well.")
    if settings.val_every and not any(wanted.val for wanted in recipe.tasks.values()):
        raise RecipeError("train.val_every needs a split to validate on: tasks.NAME.val=val.")
    for name in ("steps", "batch", "asks", "accumulate", "checkpoint_every"):
        if getattr(settings, name) < 1:
            raise RecipeError(f"train.{name}={getattr(settings, name)}: must be 1 or more.")
    if settings.epochs < 0:
        raise RecipeError(f"train.epochs={settings.epochs:g}: must not be negative; 0 leaves it to train.steps.")
    if not 0 <= settings.warmup < 1:
        raise RecipeError(f"train.warmup={settings.warmup:g}: a part of the steps, from 0 to below 1.")
    method = method_of(recipe)
    if recipe.stage == "align" and method != "none":
        raise RecipeError(f"Stage align trains connectors alone; adapter.name={method!r} belongs to stage instruct.")
    if method == "none" and not recipe.connectors:
        raise RecipeError("Nothing would be trained: no adapter, and connectors=false.")
    if not recipe.tasks:
        raise RecipeError("The recipe names no tasks. For one: tasks={qa: {dataset: soundstage, root: world}}.")


def method_of(recipe: config.LLMRecipe) -> str:
    """The name of the adapter method, or `none`."""
    name = str(recipe.adapter.get("name", "none"))
    if name not in METHODS:
        raise RecipeError(unknown("adapter", name, METHODS))
    return name


def model_of(recipe: config.LLMRecipe, draws: bool = False) -> Trainable:
    """Load the model of a recipe and set which parameters require gradients.

    `llm.where` may be the run folder of an earlier stage, whose trained weights are then the initial ones. With
    `draws` (the data has masks) the model's mask decoder is trained too, and in stage instruct its tokens.
    """
    name, options = named(recipe)
    where = str(options.get("where", ""))
    if tuned.card(where):
        llm = _started(where, name, options)
    else:
        known = {} if name == SERVED else {"adapter": "none"}
        llm = llms.of(name).load(**known | options)
    if not isinstance(llm, Trainable):
        raise ModelError(f"{llm.needs()} It cannot be trained from here; train crab_plus or tiny_omni.")
    if fit.is_adapted(llm.spoken):
        raise ModelError(f"{where or name} has adapters already. Merge them first: lookhear export RUN FOLDER.")
    torch.manual_seed(recipe.seed)
    names = llm.connectors
    if draws and not llm.draws:
        draws = False  # the model generates boxes and points; a segmenter makes the masks
    method = method_of(recipe)
    if method == "none":
        llm.model.requires_grad_(False)
    else:
        llm.adapt(adapter(recipe, [n for n in names if _inside(llm.spoken, n)]))
    for part, tensor in llm.model.named_parameters():
        if connects(part, names) and "original_module" not in part:
            tensor.requires_grad_(recipe.connectors)
        elif (draws and part.startswith("segment.")) or (
            draws and method != "none" and ("embed_tokens" in part or "lm_head" in part)
        ):
            tensor.requires_grad_(True)
    if recipe.train.checkpointing:
        enable = next((getattr(m, n) for m in llm.model.modules() for n in CHECKPOINTING if hasattr(m, n)), None)
        if enable is None:
            raise ModelError(f"{name} cannot recompute activations: train.checkpointing=false.")
        enable({"use_reentrant": False})
    if not any(p.requires_grad for p in llm.model.parameters()):
        raise ModelError(f"Nothing of {name} learns: it has no weights called {', '.join(names)}.")
    return llm


def named(recipe: config.LLMRecipe) -> tuple[str, dict[str, Any]]:
    """The model's name and the recipe's options of its `load`."""
    options = {k: v for k, v in recipe.llm.items() if v not in (None, "")}
    name = options.pop("name", None)
    if not name:
        raise RecipeError(f"Section 'llm' needs a name. There are: {', '.join(catalog.names('llms'))}.")
    return str(name), options


def _started(run: str, name: str, options: dict[str, Any]) -> Any:
    """The model of an earlier stage's run folder."""
    told = tuned.card(run)
    if told["llm"] != name:
        raise RecipeError(f"{run} is of {told['llm']}, not of {name}: llm={{name: {told['llm']}, where: {run}}}.")
    return tuned.load(run, **{k: v for k, v in options.items() if k != "where"})


def _inside(part: Any, name: str) -> bool:
    """Whether a module name lies inside the part that PEFT wraps."""
    return any(path == name or path.endswith(f".{name}") for path, _ in part.named_modules())


def adapter(recipe: config.LLMRecipe, names: Sequence[str]) -> Any:
    """The PEFT configuration of a recipe's `adapter`, with the connectors in `modules_to_save`."""
    from lookhear.ilora import method as ilora

    asked = {k: v for k, v in recipe.adapter.items() if k != "name"}
    known = {"rank": "r", "alpha": "alpha", "heads": "heads", "dropout": "dropout", "scope": "scope"}
    wrong = next((k for k in asked if k not in known), None)
    if wrong is not None:
        raise RecipeError(unknown("key of adapter", wrong, known))
    made: Any = ilora.rows(method_of(recipe), **{known[k]: v for k, v in asked.items()})
    made.modules_to_save = (list(names) or None) if recipe.connectors else None
    return made


def connects(part: str, names: Sequence[str]) -> bool:
    """Whether a weight belongs to a connector."""
    return any(re.search(rf"(^|\.){re.escape(name)}\.", part) for name in names)
