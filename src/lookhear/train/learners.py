"""What of a language model learns: its connectors, adapters put into it, or both; all else is frozen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from lookhear import catalog, config
from lookhear.catalog import unknown
from lookhear.errors import ModelError, RecipeError
from lookhear.llms import LLM

STAGES = ("align", "instruct")
CONNECTORS = ("visual.merger", "audio_tower.proj")  # of Qwen-Omni; other models tell their own as `connectors`
METHODS = ("ilora", "lora", "lora_moe", "none")


def check(recipe: config.LLMRecipe) -> None:
    """Refuse what makes no sense, before anything is loaded. Raises RecipeError."""
    settings = recipe.train
    if recipe.stage not in STAGES:
        raise RecipeError(unknown("stage", recipe.stage, STAGES))
    if settings.schedule not in ("cosine", "constant"):
        raise RecipeError(unknown("schedule", settings.schedule, ("cosine", "constant")))
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
        raise RecipeError("Nothing would learn: no adapter, and connectors=false.")
    if not recipe.tasks:
        raise RecipeError("The recipe names no tasks. For one: tasks={qa: {dataset: soundstage, root: world}}.")


def method_of(recipe: config.LLMRecipe) -> str:
    """The name of the adapters, `none` where there are none."""
    name = str(recipe.adapter.get("name", "none"))
    if name not in METHODS:
        raise RecipeError(unknown("adapter", name, METHODS))
    return name


def model_of(recipe: config.LLMRecipe) -> LLM:
    """The model a recipe names, with what learns ready to learn and all else frozen."""
    options = dict(recipe.llm)
    name = options.pop("name", None)
    if not name:
        raise RecipeError(f"Section 'llm' needs a name. There are: {', '.join(catalog.names('llms'))}.")
    llm = catalog.find("llms", str(name)).load(**{k: v for k, v in options.items() if v not in (None, "")})
    torch.manual_seed(recipe.seed)
    names = tuple(getattr(llm, "connectors", CONNECTORS))
    method = method_of(recipe)
    if method == "none":
        llm.model.requires_grad_(False)
        for part, tensor in llm.model.named_parameters():
            tensor.requires_grad_(connects(part, names))
    else:
        if not hasattr(llm.model, "save_pretrained"):
            raise ModelError(f"{name} keeps adapters in a form of its own. This trains its connectors: stage=align.")
        llm.adapt(adapter(recipe, names))
    if recipe.train.checkpointing:
        parts = [part for part in llm.model.modules() if hasattr(part, "activation_checkpointing_enable")]
        if not parts:
            raise ModelError(f"{name} cannot work activations out again: train.checkpointing=false.")
        parts[0].activation_checkpointing_enable({"use_reentrant": False})
    if not any(p.requires_grad for p in llm.model.parameters()):
        raise ModelError(f"Nothing of {name} learns: it has no weights called {', '.join(names)}.")
    return llm


def adapter(recipe: config.LLMRecipe, names: Sequence[str]) -> Any:
    """The configuration of PEFT that a recipe's `adapter` asks for, connectors among what it saves."""
    from lookhear.ilora import method as ilora

    asked = {k: v for k, v in recipe.adapter.items() if k != "name"}
    known = {"rank": "r", "alpha": "alpha", "heads": "heads", "dropout": "dropout", "scope": "scope"}
    wrong = next((k for k in asked if k not in known), None)
    if wrong is not None:
        raise RecipeError(unknown("key of adapter", wrong, known))
    made = ilora.rows(method_of(recipe), **{known[k]: v for k, v in asked.items()})
    made.modules_to_save = list(names) if recipe.connectors else None
    return made


def connects(part: str, names: Sequence[str]) -> bool:
    """Whether a weight belongs to a connector."""
    return any(re.search(rf"(^|\.){re.escape(name)}\.", part) for name in names)
