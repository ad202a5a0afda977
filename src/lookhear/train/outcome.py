"""Write the result of language model training: PEFT adapters, other trained weights, and lookhear.json.

Weights are written one tensor at a time, so that saving needs no second copy in memory.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

from lookhear import checkpoints, config, files, tasks
from lookhear.ilora import fit
from lookhear.llms import Trainable
from lookhear.llms.omni.placement import MACHINE
from lookhear.model import tuned
from lookhear.train.learners import named


def bare(name: str) -> str:
    """A parameter name without PEFT's prefixes."""
    return re.sub(r"(^|\.)base_model\.model\.", r"\1", name).replace(".base_layer.", ".")


def of_adapters(name: str) -> bool:
    """Whether PEFT saves this weight."""
    return "lora_" in name or ".modules_to_save." in name


def save(run: Path, recipe: config.LLMRecipe, llm: Trainable, weights: Mapping[str, Tensor], prompts: set[str]) -> None:
    """Write the result into `run`. The card is written last, so its presence implies the other files.

    `weights` are the trained weights by their names in `llm.model`; `prompts` are the trained tasks.
    """
    name, options = named(recipe)
    start = Path(str(options.get("where", "")))
    began = tuned.card(start) if str(start) != "." else {}
    others = {bare(n): t.detach().cpu().contiguous() for n, t in weights.items() if not of_adapters(n)}
    if began and (start / tuned.CONNECTORS).is_file():
        others = load_file(start / tuned.CONNECTORS) | others
    if others:
        checkpoints.save(others, run / tuned.CONNECTORS)
    if fit.is_adapted(llm.spoken):
        inner = next((n for n, module in llm.model.named_modules() if module is llm.spoken), "")
        prefix = f"{inner}." if inner else ""
        state = {n.removeprefix(prefix): t for n, t in weights.items() if n.startswith(prefix) and of_adapters(n)}
        llm.spoken.save_pretrained(run / tuned.ADAPTER, state_dict=state)
    base = began["base"] if began else absolute(str(options.pop("where", "")))
    shaped = tuned.merged(start, {k: v for k, v in options.items() if k != "where"}) if began else options
    told: dict[str, Any] = {"llm": name, "base": base, "stage": recipe.stage}
    told["options"] = {k: v for k, v in shaped.items() if k not in (*MACHINE, "where")}
    told["prompts"] = {task: tasks.find(task).VERSION for task in sorted(prompts)}
    if began:
        told["start"] = absolute(str(start))
    files.write_json(run / tuned.CARD, told)


def absolute(where: str) -> str:
    """The absolute path of a folder; hub names are unchanged."""
    return str(Path(where).resolve()) if where and Path(where).exists() else where
