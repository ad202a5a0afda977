"""Set-up of Accelerate's engines: single process and DDP, FSDP2, DeepSpeed."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DeepSpeedPlugin, DistributedDataParallelKwargs, DistributedType, PartialState
from accelerate.utils import FullyShardedDataParallelPlugin
from torch import Tensor, nn

from lookhear import config
from lookhear.catalog import unknown
from lookhear.errors import DependencyError, RecipeError
from lookhear.train.files import drop

SHARDED = ("FSDP", "DEEPSPEED", "MEGATRON_LM")


def accelerator(settings: config.Tuning) -> Accelerator:
    """The Accelerator of a recipe. Raises RecipeError, or DependencyError if DeepSpeed is not installed."""
    options: dict[str, Any] = {
        "mixed_precision": settings.precision,
        "gradient_accumulation_steps": settings.accumulate,
        "kwargs_handlers": [DistributedDataParallelKwargs(find_unused_parameters=False)],
    }
    if settings.shard not in ("", "fsdp2", "zero2"):
        raise RecipeError(unknown("engine of train.shard", settings.shard, ("fsdp2", "zero2")))
    if settings.shard == "zero2":
        if importlib.util.find_spec("deepspeed") is None:
            raise DependencyError("train.shard=zero2 needs DeepSpeed: pip install deepspeed")
        options["deepspeed_plugin"] = DeepSpeedPlugin(
            zero_stage=2, gradient_accumulation_steps=settings.accumulate, gradient_clipping=settings.clip_norm or 0.0
        )
    if settings.shard == "fsdp2":
        options["fsdp_plugin"] = FullyShardedDataParallelPlugin(
            fsdp_version=2, auto_wrap_policy="transformer_based_wrap", state_dict_type="sharded_state_dict",
            cpu_ram_efficient_loading=False,
        )  # fmt: skip
    cpu = bool(settings.shard) and not torch.cuda.is_available()
    made = Accelerator(cpu=cpu, **options)
    if cpu and made.distributed_type == DistributedType.MULTI_CPU:
        _on_cpus(made, options)
    return made


def _on_cpus(made: Accelerator, options: dict[str, Any]) -> None:
    """Enable sharding over gloo on CPUs, which Accelerate silently disables without an accelerator."""
    state, precision = made.state, made.mixed_precision
    kind = DistributedType.FSDP if "fsdp_plugin" in options else DistributedType.DEEPSPEED
    state.distributed_type = PartialState().distributed_type = kind  # the first is refreshed from the second
    if kind == DistributedType.FSDP:
        state.fsdp_plugin = options["fsdp_plugin"]
        return
    import deepspeed.ops
    from deepspeed import comm

    # gloo is used for everything: DeepSpeed would compile the shared-memory extension first, which hangs if an earlier
    # compilation was killed
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    comm.init_distributed(dist_backend="gloo", auto_mpi_discovery=False)
    plugin = options["deepspeed_plugin"]
    plugin.set_mixed_precision(precision)
    plugin.select(_from_accelerator_state=True)
    state.deepspeed_plugins = {"default": plugin}


def settle(accelerator: Accelerator, settings: config.Tuning, model: nn.Module) -> None:
    """Set FSDP's block classes if they are unset, and DeepSpeed's batch size, accumulation and clipping.

    DeepSpeed needs the micro-batch size before it starts, and its own values would override the recipe's.
    """
    plugin = accelerator.state.deepspeed_plugin
    if (
        str(accelerator.distributed_type).endswith("FSDP")
        and not accelerator.state.fsdp_plugin.transformer_cls_names_to_wrap
    ):
        accelerator.state.fsdp_plugin.transformer_cls_names_to_wrap = blocks(model)
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


def blocks(model: nn.Module) -> list[str]:
    """Class names of the model's repeated blocks (transformers' `_no_split_modules`) that occur in it."""
    told = {name for module in model.modules() for name in (getattr(module, "_no_split_modules", None) or ())}
    return sorted(told & {type(module).__name__ for module in model.modules()})


def clips(accelerator: Accelerator) -> bool:
    """Whether the engine clips gradients itself."""
    return accelerator.state.deepspeed_plugin is not None


def save(accelerator: Accelerator, folder: Path) -> None:
    """Write every process's part of weights and optimizer to `folder`; must be called in every process.

    DeepSpeed's files leave out frozen weights, which the base model has.
    """
    if accelerator.is_main_process:
        drop(folder)
    accelerator.wait_for_everyone()
    accelerator.save_state(str(folder), **({"exclude_frozen_parameters": True} if clips(accelerator) else {}))


def load(accelerator: Accelerator, folder: Path) -> None:
    """Read what `save` wrote; must be called in every process."""
    accelerator.load_state(str(folder), **({"load_module_strict": False} if clips(accelerator) else {}))


def weights(accelerator: Accelerator, step: nn.Module, learning: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The full trained weights by name, in the main process only; must be called in every process."""
    kind = str(accelerator.distributed_type)
    if "FSDP" in kind:
        found = {}
        for name, tensor in learning.items():  # one tensor at a time, so that no process holds the whole model
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
