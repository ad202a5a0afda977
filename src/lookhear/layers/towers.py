"""Frozen backbones ("towers") inside a net: loading, saving, activation checkpointing, and the cost of a step."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils.checkpoint import checkpoint

from lookhear import checkpoints
from lookhear.layers.swin import from_transformers

PREFIXES = ("swin.", "htsat.", "sed_model.", "module.", "audio_encoder.")
UNUSED = (
    "head",
    "tscam_conv",
    "attn_mask",
    "relative_position_index",
    "relative_coords_table",
    "spectrogram_extractor",
)


class Towers(nn.Module):
    """A net with frozen towers. Towers whose weights were loaded from elsewhere are not in its state dict.

    Call `frozen(name, weights)` after a tower is made. If `checkpointing` is set, `eased` recomputes a part of the
    forward pass in the backward pass instead of keeping its intermediates.
    """

    checkpointing = False

    def frozen(self, name: str, weights: str, learns: Callable[[str], bool] = lambda _: False) -> None:
        """Freeze the tower `name` except for parameters that `learns` selects; load `weights` if given."""
        tower = getattr(self, name)
        for parameter, tensor in tower.named_parameters():
            tensor.requires_grad_(learns(parameter))
        if weights:
            checkpoints.load(tower, published(weights, tower), weights)
            kept = {f"{name}.{n}" for n, p in tower.named_parameters() if p.requires_grad}
            self.register_state_dict_post_hook(_without(f"{name}.", kept))
            self.register_load_state_dict_pre_hook(_with(f"{name}.", kept))

    def eased(self, part: Callable[..., Any], *tensors: Tensor) -> Any:
        """`part(*tensors)`, with activation checkpointing if it is on."""
        if self.checkpointing and self.training and torch.is_grad_enabled():
            return checkpoint(part, *tensors, use_reentrant=False)
        return part(*tensors)


def _without(prefix: str, kept: set[str]) -> Callable[..., None]:
    def hook(module: nn.Module, state: dict[str, Tensor], start: str, metadata: object) -> None:
        for name in [n for n in state if n.startswith(start + prefix) and n.removeprefix(start) not in kept]:
            del state[name]

    return hook


def _with(prefix: str, kept: set[str]) -> Callable[..., None]:
    def hook(module: Any, state: dict[str, Tensor], start: str, *rest: object) -> None:
        tower = getattr(module, prefix[:-1])
        mine = {f"{start}{prefix}{n}": t for n, t in tower.state_dict().items()}
        state.update({n: t for n, t in mine.items() if n not in state and n.removeprefix(start) not in kept})

    return hook


def published(weights: str, tower: nn.Module) -> dict[str, Tensor]:
    """Weights of a tower under its own names, from a Hugging Face folder or a file with timm or HTS-AT names.

    Classifiers and buffers that follow from sizes are left out. Newer timm places the merge at the beginning of the
    next stage. Raises ModelError if nothing can be read.
    """
    folder = Path(weights).expanduser()
    if (folder / "config.json").is_file() and '"model_type"' in (folder / "config.json").read_text("utf-8"):
        state = from_transformers(checkpoints.pretrained("AutoModel", weights, "a Swin tower").state_dict())
    else:
        names = ("model.safetensors", "pytorch_model.bin", "model.pt", "model.pth", "model.ckpt")
        state = checkpoints.tensors(checkpoints.read(checkpoints.locate(weights, names)))
    result = {}
    for name, tensor in state.items():
        while name.startswith(PREFIXES):
            name = name[len(next(p for p in PREFIXES if name.startswith(p))) :]
        result[name] = tensor
    wanted = tower.state_dict()
    if "layers.0.downsample.reduction.weight" in wanted and "layers.0.downsample.reduction.weight" not in result:
        result = {_earlier(n): t for n, t in result.items()}
    return {n: t for n, t in result.items() if n in wanted or not any(part in n.split(".") for part in UNUSED)}


def _earlier(name: str) -> str:
    parts = name.split(".")
    if len(parts) > 2 and parts[0] == "layers" and parts[2] == "downsample":
        parts[1] = str(int(parts[1]) - 1)
    return ".".join(parts)


@dataclass(frozen=True)
class Cost:
    """The cost of a training step, computed from shapes alone."""

    parameters: int
    trained: int
    operations: float
    """floating-point operations of forward and backward passes"""
    kept: int
    """bytes that the forward pass keeps for the backward pass"""

    def seconds(self, device: torch.device) -> float:
        """Estimated seconds of a step on `device`, from the speed of one matrix product measured now."""
        side = 1024
        one = torch.randn(side, side, device=device)
        float((one @ one).sum())  # warm-up
        began = time.perf_counter()
        float((one @ one).sum())
        return self.operations / (2 * side**3) * (time.perf_counter() - began)

    def __str__(self) -> str:
        share = 100 * self.trained / max(self.parameters, 1)
        memory = (self.kept + 4 * self.parameters + 12 * self.trained) / 2**30  # weights; gradient and two moments
        return (
            f"{self.trained / 1e6:.1f} of {self.parameters / 1e6:.1f} M parameters learn ({share:.1f} %); a step is "
            f"{self.operations / 1e12:.2f} TFLOP and takes about {memory:.1f} GiB of memory"
        )


def cost(net: nn.Module, step: Callable[[nn.Module], Tensor]) -> Cost:
    """The cost of `step(net)`, which returns a loss; on the meta device nothing is computed or allocated."""
    from torch.utils.flop_counter import FlopCounterMode

    kept: dict[object, int] = {}
    own = {storage_of(p) for p in net.parameters()}

    def pack(tensor: Tensor) -> Tensor:
        if storage_of(tensor) not in own:
            kept[storage_of(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    counter = FlopCounterMode(display=False)
    with counter:
        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            loss = step(net)
        loss.backward()
    counts = [p.numel() for p in net.parameters()], [p.numel() for p in net.parameters() if p.requires_grad]
    return Cost(sum(counts[0]), sum(counts[1]), counter.get_total_flops(), sum(kept.values()))


def storage_of(tensor: Tensor) -> StorageWeakRef:
    """The identity of a tensor's storage, which also works on the meta device."""
    return StorageWeakRef(tensor.untyped_storage())
