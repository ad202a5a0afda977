"""Run folders of language models: base model, trained weights, and all options of the training.

    lookhear.json            llm, base, options (frames, sound, size, dtype, …), prompts (task -> version), stage
    connectors.safetensors   trained weights outside the adapters, of this run and of the run it started from
    adapter/                 PEFT adapters, if any

`load` uses the stored options and refuses different ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear import files, llms, tasks
from lookhear.errors import ModelError, RecipeError
from lookhear.llms.omni.placement import MACHINE

CARD, CONNECTORS, ADAPTER = "lookhear.json", "connectors.safetensors", "adapter"


def card(run: Path | str) -> Mapping[str, Any]:
    """Contents of a run folder's lookhear.json; empty if `run` is not a run folder."""
    file = Path(run) / CARD
    told: object = files.read_json(file) if file.is_file() else {}
    return told if isinstance(told, Mapping) and "base" in told else {}


def load(run: Path | str, **changes: Any) -> Any | None:
    """Load the language model of a run folder; None if `run` is not a run folder.

    `changes` may set machine options (device, attention, …). Raises RecipeError for an option that differs from
    training, ModelError if prompts have changed since or files do not fit the base model.
    """
    details, run = card(run), Path(run)
    if not details:
        return None
    options = merged(run, changes)
    if details["base"]:
        options["where"] = details["base"]
    for task, version in details.get("prompts", {}).items():
        if version != tasks.find(task).VERSION:
            raise ModelError(
                f"{run}: trained with version {version} of the prompts of {task!r}; here they are of version "
                f"{tasks.find(task).VERSION}. Use the lookhear it was trained with, or train it anew."
            )
    llm = llms.of(details["llm"]).load(**options)
    if (run / CONNECTORS).is_file():
        learned(llm, run / CONNECTORS, f"{details['llm']} of {details['base'] or 'its own base'}")
    if (run / ADAPTER).is_dir():
        llm.load_adapter(run / ADAPTER)
    return llm


def merged(run: Path, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Options of a run with the machine options of `changes`. Raises RecipeError if any other option differs."""
    options = dict(card(run).get("options", {}))
    for name, value in changes.items():
        if name in MACHINE or value in (None, ""):
            continue
        if str(options.get(name, "not set")) != str(value):
            raise RecipeError(
                f"{run} was trained with {name}={options.get(name, 'not set')}, not {value}: what it learned holds for "
                "that alone. Leave the option out, or train with it."
            )
    return options | {k: v for k, v in changes.items() if k in MACHINE and v not in (None, "")}


def learned(llm: Any, file: Path, what: str) -> None:
    """Load the tensors of `file` into the model. Raises ModelError for unknown or non-finite tensors."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file}: not readable ({str(error).splitlines()[0][:120]}).") from None
    own = dict(llm.model.named_parameters())
    for name, tensor in tensors.items():
        if name not in own:
            raise ModelError(f"{file.parent}: {name!r} has no place in {what}.")
        if own[name].shape != tensor.shape:
            raise ModelError(
                f"{file.parent}: {name!r} is {tuple(tensor.shape)}, {what} takes {tuple(own[name].shape)}."
            )
        if not torch.isfinite(tensor).all():
            raise ModelError(f"{file.parent}: {name!r} holds values that are not finite.")
    with torch.no_grad():
        for name, tensor in tensors.items():
            own[name].copy_(tensor)
