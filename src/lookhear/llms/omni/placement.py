"""Where and in what form a language model's weights are held: the same words for every model of the shelf.

dtype       auto (as the checkpoint has it), float32, bfloat16, float16; bf16, fp16 and fp32 mean the same
device      cuda:1, cpu, …; "" is the GPU where there is one
attention   sdpa, eager, flash_attention_2; "" leaves it to transformers
device_map  auto, balanced, … spreads the language model over devices by accelerate
quantize    4bit or 8bit: the language model's linear layers by bitsandbytes; adapters stay in full precision
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from lookhear import catalog
from lookhear.errors import DependencyError, RecipeError

SHORT = {"bf16": "bfloat16", "fp16": "float16", "fp32": "float32"}
DTYPES = ("auto", "float32", "bfloat16", "float16")
ATTENTION = ("", "sdpa", "eager", "flash_attention_2")
QUANTIZE = ("", "4bit", "8bit")
MACHINE = ("device", "device_map", "attention")  # what may differ between the machine of training and that of use


@dataclass(frozen=True)
class Placement:
    """Checked when made: raises RecipeError, or DependencyError where bitsandbytes is wanted and not installed."""

    dtype: str = "auto"
    device: str = ""
    attention: str = ""
    device_map: str = ""
    quantize: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "dtype", SHORT.get(self.dtype, self.dtype))
        for name, known in (("dtype", DTYPES), ("attention", ATTENTION), ("quantize", QUANTIZE)):
            if getattr(self, name) not in known:
                raise RecipeError(catalog.unknown(name, getattr(self, name), [k for k in known if k]))
        if self.device_map and self.device:
            raise RecipeError(f"device={self.device!r} and device_map={self.device_map!r}: give one of them.")
        if self.quantize and importlib.util.find_spec("bitsandbytes") is None:
            raise DependencyError(f"quantize={self.quantize!r} needs bitsandbytes: pip install bitsandbytes")

    @property
    def kind(self) -> torch.dtype | None:
        """The type of numbers; None as the checkpoint has it."""
        return None if self.dtype == "auto" else getattr(torch, self.dtype)

    @property
    def place(self) -> torch.device | None:
        """The device to move a model to; None where it is placed as it is loaded."""
        if self.device_map or self.quantize:
            return None
        return torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def loading(self) -> dict[str, Any]:
        """What `from_pretrained` of transformers takes."""
        found: dict[str, Any] = {"dtype": self.dtype}
        if self.attention:
            found["attn_implementation"] = self.attention
        if self.device_map or self.quantize:
            found["device_map"] = self.device_map or {"": self.device or "cuda"}
        if self.quantize:
            from transformers import BitsAndBytesConfig

            four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch.bfloat16}
            found["quantization_config"] = BitsAndBytesConfig(
                **(four if self.quantize == "4bit" else {"load_in_8bit": True})
            )
        return found


def split(options: Mapping[str, Any]) -> tuple[Placement, dict[str, Any]]:
    """(placement, all other options) of a model's options."""
    names = Placement.__dataclass_fields__
    mine = {k: str(v) for k, v in options.items() if k in names and v is not None}
    return Placement(**mine), {k: v for k, v in options.items() if k not in names}


AS_IT_IS = Placement()
