"""Device, precision and quantisation of a language model's weights; the same options for every model.

dtype       auto (as in the checkpoint), float32, bfloat16, float16; bf16, fp16 and fp32 mean the same
device      cuda:1, cpu, …; "" means the GPU if there is one
attention   sdpa, eager, flash_attention_2; "" means transformers' default
device_map  auto, balanced, … distributes the language model over devices with accelerate
quantize    4bit or 8bit: the language model's linear layers with bitsandbytes; adapters stay in full precision
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
MACHINE = ("device", "device_map", "attention")  # options that may differ between training and use


@dataclass(frozen=True)
class Placement:
    """Placement options. Raises RecipeError for invalid ones, DependencyError if bitsandbytes is needed and missing."""

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
        """The torch dtype; None means the checkpoint's."""
        return None if self.dtype == "auto" else getattr(torch, self.dtype)

    @property
    def place(self) -> torch.device | None:
        """The device to move a model to; None if it is placed while loading."""
        if self.device_map or self.quantize:
            return None
        return torch.device(self.device or ("cuda" if torch.cuda.is_available() else "cpu"))

    def loading(self) -> dict[str, Any]:
        """Keyword arguments of transformers' `from_pretrained`."""
        arguments: dict[str, Any] = {"dtype": self.dtype}
        if self.attention:
            arguments["attn_implementation"] = self.attention
        if self.device_map or self.quantize:
            arguments["device_map"] = self.device_map or {"": self.device or "cuda"}
        if self.quantize:
            from transformers import BitsAndBytesConfig

            four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": torch.bfloat16}
            arguments["quantization_config"] = BitsAndBytesConfig(
                **(four if self.quantize == "4bit" else {"load_in_8bit": True})
            )
        return arguments


def split(options: Mapping[str, Any]) -> tuple[Placement, dict[str, Any]]:
    """(placement, all other options) of a model's options."""
    names = Placement.__dataclass_fields__
    mine = {k: str(v) for k, v in options.items() if k in names and v is not None}
    return Placement(**mine), {k: v for k, v in options.items() if k not in names}


AS_IT_IS = Placement()
