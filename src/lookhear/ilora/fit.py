"""Check that an adapter file fits a model: names, completeness, shapes, finite values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookhear.errors import ModelError

HINT = "It belongs to another model or was not written whole: give the folder that training wrote for this base."


def check(wanted: Mapping[str, torch.Size], given: Mapping[str, Tensor], where: object) -> None:
    """Compare an adapter's tensors with the shapes by name that the model expects.

    Raises ModelError naming the first tensor that is missing, has no place, has another shape or is not finite.
    """
    if not given:
        raise ModelError(f"{where}: holds no adapter tensor, {len(wanted)} are expected. {HINT}")
    missing, strange = [n for n in wanted if n not in given], [n for n in given if n not in wanted]
    if strange:
        raise ModelError(f"{where}: {strange[0]!r} ({len(strange)} such) has no place in this model. {HINT}")
    if missing:
        raise ModelError(f"{where}: lacks {missing[0]!r} ({len(missing)} of {len(wanted)} tensors). {HINT}")
    for name, shape in wanted.items():
        if given[name].shape != shape:
            raise ModelError(
                f"{where}: {name!r} is {tuple(given[name].shape)}, this model takes {tuple(shape)}. "
                "Is it of another rank, number of heads or base?"
            )
        if given[name].device.type != "meta" and not torch.isfinite(given[name]).all():
            raise ModelError(f"{where}: {name!r} holds values that are not finite. Take an earlier checkpoint.")


def is_adapted(model: Any) -> bool:
    """Whether a model has PEFT adapters of any kind."""
    return hasattr(model, "peft_config")


def unwrapped(model: Any) -> Any:
    """The model without PEFT's wrapper; its layers still contain the adapters."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def load(model: Any, folder: Path, name: str = "default", trainable: bool = False, autocast: bool = True) -> Any:
    """Wrap `model` with the PEFT adapter in `folder` (any method) after checking its file.

    `autocast` keeps half-precision adapters in float32. Raises ModelError if the folder is not a PEFT adapter or its
    tensors do not fit.
    """
    import peft
    from peft.utils import get_peft_model_state_dict, set_peft_model_state_dict

    given = tensors(folder)
    try:
        config = peft.PeftConfig.from_pretrained(folder)
        config.inference_mode = not trainable
        wrapped = peft.get_peft_model(model, config, name, autocast_adapter_dtype=autocast)
    except (ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{folder}: the adapter does not fit ({' '.join(str(error).split())[:160]}). {HINT}") from None
    expected = get_peft_model_state_dict(wrapped, adapter_name=name, save_embedding_layers=False)
    embeddings = {n for n in given if n not in expected and _embedding(n)}  # PEFT saves resized ones beside adapters
    check({n: t.shape for n, t in expected.items()}, {n: t for n, t in given.items() if n not in embeddings}, folder)
    set_peft_model_state_dict(wrapped, given, adapter_name=name)
    return wrapped.train() if trainable else wrapped.eval()


def tensors(folder: Path) -> dict[str, Tensor]:
    """The tensors of a PEFT folder by the names in its file. Raises ModelError where it cannot be read."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        json.loads((folder / "adapter_config.json").read_text("utf-8"))
        if (folder / "adapter_model.safetensors").is_file():
            return load_file(folder / "adapter_model.safetensors")
        return torch.load(folder / "adapter_model.bin", weights_only=True, map_location="cpu")
    except FileNotFoundError as error:
        raise ModelError(f"{folder}: no {Path(error.filename).name} there. {HINT}") from None
    except (OSError, ValueError, RuntimeError, EOFError, SafetensorError) as error:
        raise ModelError(f"{folder}: the adapter is not readable ({str(error).splitlines()[0][:120]}).") from None


def adapters(names: Iterable[str], prefix: str) -> set[str]:
    """The adapters that a model's own tensor names (`….ilora_A.default`) belong to."""
    return {n.rpartition(".")[2] for n in names if f".{prefix}" in n}


def _embedding(name: str) -> bool:
    return any(f".{part}.weight" in name for part in ("embed_tokens", "lm_head"))
