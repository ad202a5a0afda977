"""What differs between the engines of Accelerate: plain and DDP, FSDP2, DeepSpeed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from accelerate import Accelerator
from torch import Tensor, nn

from lookhear import config

SHARDED = ("FSDP", "DEEPSPEED", "MEGATRON_LM")


def settle(accelerator: Accelerator, settings: config.Tuning) -> None:
    """Give DeepSpeed the recipe's batch, accumulation and clipping in place of its configuration's own.

    DeepSpeed wants the clips a process reads at once before it starts, and would let its own numbers overrule ours.
    """
    plugin = accelerator.state.deepspeed_plugin
    if plugin is None:
        return
    at_once = max(1, math.ceil(settings.batch / (settings.accumulate * accelerator.num_processes)))
    told: dict[str, Any] = plugin.deepspeed_config
    told["train_micro_batch_size_per_gpu"] = at_once
    told["gradient_accumulation_steps"] = settings.accumulate
    told["train_batch_size"] = at_once * settings.accumulate * accelerator.num_processes
    told["gradient_clipping"] = settings.clip_norm or 0.0
    told["zero_allow_untested_optimizer"] = True
    accelerator.gradient_accumulation_steps = settings.accumulate


def clips(accelerator: Accelerator) -> bool:
    """Whether the engine clips gradients by itself."""
    return accelerator.state.deepspeed_plugin is not None


def weights(accelerator: Accelerator, step: nn.Module, learning: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What learned, whole, by its names in the model; every process must call this. Empty in all but the first."""
    kind = str(accelerator.distributed_type)
    if "FSDP" in kind:
        found = {}
        for name, tensor in learning.items():  # one at a time: never the whole model in one process
            whole = tensor.full_tensor() if hasattr(tensor, "full_tensor") else tensor
            if accelerator.is_main_process:
                found[name] = whole.detach().cpu().clone()
        return found
    if any(k in kind for k in SHARDED):
        state = accelerator.get_state_dict(step)
        if state is None:
            return {}
        return {n: state[f"model.{n}"].detach().cpu() for n in learning}
    return {name: tensor.detach() for name, tensor in learning.items()} if accelerator.is_main_process else {}
