"""Published checkpoints: find the file, read it safely, strip prefixes, load it, and name what is missing.

`weights` is a file (.safetensors, .pt, .pth, .bin), a folder that holds one, or a published name. A published name is
looked for in torch's cache and fetched once from the address its authors gave. Pickles are read with `weights_only`:
no code in a checkpoint is ever run. Two ways to load: `load` where the names are ours, `load_renamed` where published
prefixes have to be translated.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lookhear.errors import DependencyError, ModelError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PREFIXES = ("module.", "_orig_mod.")  # left by parallel training and by torch.compile


def dtype(precision: str) -> torch.dtype:
    """The torch type called fp32, bf16 or fp16."""
    if precision not in DTYPES:
        raise ModelError(f"No precision is called {precision!r}. There are: {', '.join(DTYPES)}.")
    return DTYPES[precision]


def locate(weights: str, names: Iterable[str], url: str = "") -> Path:
    """The file that `weights` stands for: itself, the first of `names` in that folder, or the one at `url`."""
    path = Path(weights).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        for name in names:
            if (found := next(iter(sorted(path.glob(name))), None)) is not None:
                return found
        raise ModelError(f"No weights in folder {str(path)!r}. Expected one of: {', '.join(names)}.")
    if url and weights == url.rsplit("/", 1)[-1]:
        cached = Path(torch.hub.get_dir()) / "checkpoints" / weights
        if not cached.is_file():
            cached.parent.mkdir(parents=True, exist_ok=True)
            try:
                torch.hub.download_url_to_file(url, str(cached), progress=False)
            except OSError as error:
                reason = " ".join(str(error).split())[:100]
                raise ModelError(f"Cannot fetch {weights!r} ({reason}). Download {url} and give its path.") from None
        return cached
    raise ModelError(f"No weights at {weights!r}. Give a file or a folder that holds {' or '.join(names)}.")


def from_hub(weights: str, names: Iterable[str]) -> Path:
    """As `locate`, but an `owner/name` that is no path here is a Hugging Face model: its file is fetched and cached."""
    names = tuple(names)
    if Path(weights).expanduser().exists() or weights.count("/") != 1:
        return locate(weights, names)
    try:
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(weights, names[0]))
    except (OSError, ValueError) as error:  # all errors of the hub are one of these
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"Cannot fetch {weights!r} ({reason}…). Download {names[0]} and give its path.") from None


def pretrained(kind: str, weights: str, what: str, **loading: Any) -> Any:
    """`kind` of transformers from a folder with config.json or a hub name, loaded with `loading`.

    Raises ModelError or DependencyError.
    """
    path = Path(weights).expanduser()
    if not (path / "config.json").is_file() and (path.exists() or weights.count("/") != 1):
        raise ModelError(f"No {what} at {weights!r}: give a folder with config.json, a hub name or a published file.")
    try:
        return getattr(transformers(what), kind).from_pretrained(weights, **loading)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"Cannot load {what} {weights!r} ({reason}…). Check the name, or give a folder.") from None


def transformers(what: str) -> Any:
    """The transformers library, or a line that says how to get it."""
    try:
        import transformers
    except ImportError:
        raise DependencyError(f"{what} needs transformers. Install it with: pip install 'lookhear[llm]'") from None
    return transformers


def read(path: Path) -> dict[str, Any]:
    """A checkpoint as it lies on disk: tensors by name, or the mapping that holds them. Runs no code from the file."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, ValueError, EOFError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{str(path)!r} is not a checkpoint that can be read safely: {reason}") from None
    except Exception as error:  # safetensors raises its own type
        raise ModelError(f"{str(path)!r} is damaged: {' '.join(str(error).split())[:160]}") from None


def tensors(checkpoint: Mapping[str, Any], *inside: str) -> dict[str, Tensor]:
    """The state dict of a checkpoint: taken out from under `state_dict`, `model` …, without `module.` prefixes."""
    for key in (*inside, "state_dict", "model"):
        if isinstance(checkpoint.get(key), Mapping):
            checkpoint = checkpoint[key]
            break
    state = without_prefixes({k: v for k, v in checkpoint.items() if isinstance(v, Tensor)})
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def load(net: nn.Module, state: Mapping[str, Tensor], path: Path | str, ignore: Iterable[str] = ()) -> nn.Module:
    """`net` with the tensors of `state`; names that begin with one of `ignore` may be left over. Raises ModelError."""
    ignore = tuple(ignore)
    wanted = net.state_dict()
    missing = [k for k in wanted if k not in state and not k.endswith("num_batches_tracked")]
    extra = [k for k in state if k not in wanted and not (ignore and k.startswith(ignore))]
    wrong = [k for k in wanted if k in state and wanted[k].shape != state[k].shape]
    for names, what in ((missing, "lacks"), (extra, "also holds"), (wrong, "has another shape for")):
        if names:
            more = f" and {len(names) - 1} more" if len(names) > 1 else ""
            raise ModelError(f"{str(path)!r} is not a checkpoint of this network: it {what} {names[0]!r}{more}.")
    net.load_state_dict({k: state[k] for k in wanted if k in state}, strict=False)
    return net


def sha256(net: nn.Module) -> str:
    """A hash of names and values of all weights, independent of the file they came in."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        if not name.endswith("num_batches_tracked"):
            digest.update(name.encode())
            digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def without_prefixes(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors without the `module.` and `_orig_mod.` prefixes that parallel training and torch.compile leave."""
    result = {}
    for name, tensor in state.items():
        while name.startswith(PREFIXES):
            name = name.removeprefix("module.").removeprefix("_orig_mod.")
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


def load_renamed(
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
