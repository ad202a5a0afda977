"""Reading published checkpoints: prefixes, names and what a network never used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from lookhear.errors import ModelError


def plain(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the `module.` prefixes that parallel training leaves on their names."""
    result = {}
    for name, tensor in state.items():
        while name.startswith("module."):
            name = name.removeprefix("module.")
        result[name] = tensor
    return result


def size(state: Mapping[str, Tensor], name: str, axis: int = 0) -> int:
    """The length of one axis of the tensor called `name`. Raises ModelError where there is none."""
    if name not in state:
        raise ModelError(f"The checkpoint has no tensor {name!r}: is it of another network? It has {_some(state)}.")
    return int(state[name].shape[axis])


def widths(state: Mapping[str, Tensor], layers: Mapping[str, str], inside: str, says: str) -> dict[str, int]:
    """Sizes of a Config: of each stream by the linear layer that reads it, `hidden` and `answers` by what they give.

    `layers` are stream -> published name of its layer; `inside` is a layer as wide as the network, `says` the last.
    """
    found = {stream: size(state, f"{layer}.weight", 1) for stream, layer in layers.items()}
    return found | {"hidden": size(state, f"{inside}.weight"), "answers": size(state, f"{says}.weight")}


def load(
    net: nn.Module, state: Mapping[str, Tensor], names: Mapping[str, str], dead: Iterable[str] | None = None
) -> None:
    """Copy into `net` what `names` (published prefix -> our prefix) translate; other tensors are dead and left out.

    Where the prefixes of `dead` tensors are given, a tensor that is neither translated nor dead is refused.
    """
    ours, strange = {}, []
    for name, tensor in state.items():
        for old, new in names.items():
            if name == old or name.startswith(old + "."):
                ours[new + name[len(old) :]] = tensor
                break
        else:
            strange.append(name)
    if dead is not None:
        strange = [n for n in strange if not any(n == d or n.startswith(d + ".") for d in dead)]
        if strange:
            raise ModelError(f"The checkpoint has tensors that are not of this network: {_some(strange)}.")
    wanted = net.state_dict()
    missing = [n for n in wanted if n not in ours]
    if missing:
        raise ModelError(f"The checkpoint lacks what becomes {missing[0]!r} ({len(missing)} tensors are missing).")
    for name, tensor in wanted.items():
        if ours[name].shape != tensor.shape:
            raise ModelError(
                f"{name!r} has shape {tuple(ours[name].shape)} in the checkpoint, not {tuple(tensor.shape)}."
            )
    net.load_state_dict({n: ours[n] for n in wanted})


def _some(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "") if names else "none"
