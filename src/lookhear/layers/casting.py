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
    computed = [
        (module, name, buffer)
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if name in module._non_persistent_buffers_set
    ]
    model.to(device=device, dtype=dtype)
    for module, name, buffer in computed:
        setattr(module, name, buffer.to(device=device))
    return model
