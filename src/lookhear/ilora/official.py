"""The names under which Crab and Crab+ publish I-LoRA, and where those layers are in transformers' models.

    base_model.model.model.layers.3.mlp.up_proj.lora_B2.weight       the language model
    base_model.model.audio_tower.layers.3.self_attn.q_proj.lora_A.weight        Crab+ adapts the towers too
    base_model.model.visual.blocks.3.mlp.up_proj.lora_route.weight

transformers 5 calls the parts of Qwen2.5-Omni's thinker `model.language_model`, `model.audio_tower` and `model.visual`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from lookhear.errors import ModelError

WRAP = "base_model.model."
MOVED = (  # published -> transformers 5
    ("model.layers.", "model.language_model.layers."),
    ("audio_tower.", "model.audio_tower."),
    ("visual.", "model.visual."),
)
TENSOR = re.compile(r"(.+)\.lora_(A|route|B(\d+))\.weight")


def sizes(state: Mapping[str, Tensor]) -> tuple[int, int]:
    """(rank, heads) of a published checkpoint."""
    ranks: set[int] = set()
    heads: dict[str, int] = {}
    for name, tensor in state.items():
        if match := TENSOR.fullmatch(name):
            if match[2] == "A":
                ranks.add(tensor.shape[0])
            elif match[3]:
                heads[match[1]] = max(heads.get(match[1], 0), int(match[3]) + 1)
    if len(ranks) != 1 or len(set(heads.values())) != 1:
        found = f"ranks {sorted(ranks)}, heads {sorted(set(heads.values()))}"
        raise ModelError(
            f"Not an I-LoRA checkpoint of Crab or Crab+: one rank and one number of heads expected, {found}."
        )
    return ranks.pop(), set(heads.values()).pop()


def modules(state: Mapping[str, Tensor], linears: Collection[str]) -> dict[str, str]:
    """Published name of a layer -> its name among `linears`. Raises ModelError if one has no place."""
    places, lost = {}, []
    for old in dict.fromkeys(match[1] for name in state if (match := TENSOR.fullmatch(name))):
        plain = old.removeprefix("module.").removeprefix(WRAP)
        moved = [new + plain.removeprefix(was) for was, new in MOVED if plain.startswith(was)]
        place = next((name for name in (plain, *moved) if name in linears), None)
        if place is None:
            lost.append(old)
        else:
            places[old] = place
    if lost:
        raise ModelError(f"{len(lost)} adapted layers of the checkpoint are not in this model, first {lost[0]!r}.")
    return places


def tensors(state: Mapping[str, Tensor], layer: str, heads: int) -> tuple[Tensor, Tensor, Tensor]:
    """(A, B as (out, head, r), router) of one layer."""
    wanted = [f"{layer}.lora_A.weight", f"{layer}.lora_route.weight"]
    wanted += [f"{layer}.lora_B{k}.weight" for k in range(heads)]
    missing = [name for name in wanted if name not in state]
    if missing:
        raise ModelError(f"The checkpoint lacks {missing[0]!r}.")
    return state[wanted[0]], torch.stack([state[n] for n in wanted[2:]], dim=1), state[wanted[1]]


def published(name: str) -> str:
    """Our name of a layer in a PEFT model -> the published one."""
    plain = name.removeprefix(WRAP)
    for was, new in MOVED:
        if plain.startswith(new):
            plain = was + plain.removeprefix(new)
    return WRAP + plain
