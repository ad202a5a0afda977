"""Change the number type of a model without rounding its rotary frequencies."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)


def cast(model: Module, dtype: torch.dtype | None, device: torch.device | None = None) -> Module:
    """`model` with parameters and saved buffers of `dtype` on `device`; None leaves either as it is.

    Buffers that no file holds, such as rotary frequencies, keep their type, as `from_pretrained` of transformers leaves
    them: in bfloat16 a frequency is off by up to 0.2 %, which turns the 1,000th position by a radian and more.
    """
    saved = model.state_dict().keys()
    computed = [(n, b) for n, b in model.named_buffers(remove_duplicate=False) if n not in saved]
    model.to(device=device, dtype=dtype)
    for name, buffer in computed:
        module, _, own = name.rpartition(".")
        setattr(model.get_submodule(module), own, buffer.to(device=device))
    return model
