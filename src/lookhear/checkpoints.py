"""Published checkpoints: find the file, read it safely, strip prefixes, load it, and name what is missing.

`weights` is a file (.safetensors, .pt, .pth, .bin), a folder with such a file, or a published name. A published name is
looked up in torch's cache and downloaded once from its authors' URL. Pickles are read with `weights_only`, so no code
in a checkpoint is executed. `load` is for state dicts with our parameter names, `load_renamed` for published names that
have to be translated.
"""

from __future__ import annotations

import errno
import hashlib
import os
import pickle
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lookhear import files
from lookhear.errors import DependencyError, LookhearError, ModelError

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
PREFIXES = ("module.", "_orig_mod.")  # left by parallel training and by torch.compile


def dtype(precision: str) -> torch.dtype:
    """The torch dtype of `precision`: fp32, bf16 or fp16."""
    if precision not in DTYPES:
        raise ModelError(f"No precision is called {precision!r}. There are: {', '.join(DTYPES)}.")
    return DTYPES[precision]


def save(tensors: Mapping[str, Tensor], path: Path | str) -> None:
    """Write tensors as safetensors, atomically. Raises FileError if they cannot be written, as on a full disk."""
    with files.whole(path) as part:
        try:
            save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, part)
        except SafetensorError as error:  # the operating system's error, as words
            number = re.search(r"os error (\d+)", str(error))
            code = int(number[1]) if number else errno.EIO
            raise OSError(code, os.strerror(code)) from None


def locate(weights: str, names: Iterable[str], url: str = "") -> Path:
    """The checkpoint file of `weights`: that file, the first of `names` in that folder, or a download of `url`."""
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
    """Like `locate`; an `owner/name` that is not a local path is downloaded from the Hugging Face hub and cached."""
    names = tuple(names)
    if Path(weights).expanduser().exists() or weights.count("/") != 1:
        return locate(weights, names)
    try:
        from huggingface_hub import hf_hub_download

        return Path(hf_hub_download(weights, names[0]))
    except (OSError, ValueError) as error:  # all hub errors derive from these
        reason = " ".join(str(error).split())[:120]
        raise ModelError(f"Cannot fetch {weights!r} ({reason}…). Download {names[0]} and give its path.") from None


def pretrained(kind: str, weights: str, what: str, **loading: Any) -> Any:
    """Load a transformers class `kind` from a folder with config.json or a hub name, with the arguments `loading`.

    Raises ModelError or DependencyError.
    """
    path = Path(weights).expanduser()
    if not (path / "config.json").is_file() and (path.exists() or weights.count("/") != 1):
        raise ModelError(f"No {what} at {weights!r}: give a folder with config.json, a hub name or a published file.")
    with reading(what, weights, "Check the name, or give a folder."):
        return getattr(transformers(what), kind).from_pretrained(weights, **loading)


@contextmanager
def reading(what: str, where: Path | str, way_out: str = "Fetch or make its files again.") -> Iterator[None]:
    """Context manager for a library that reads model files: whatever it raises becomes a ModelError of one line.

    Files of a damaged folder end in errors of any type: of safetensors, of tokenizers, of checked dataclasses.
    """
    try:
        yield
    except (LookhearError, MemoryError):
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
        raise ModelError(f"Cannot load {what} {str(where)!r} ({reason}). {way_out}") from None


def transformers(what: str) -> Any:
    """Import transformers. Raises DependencyError, with the command to install it."""
    try:
        import transformers
    except ImportError:
        raise DependencyError(f"{what} needs transformers. Install it with: pip install 'lookhear[llm]'") from None
    return transformers


def read(path: Path) -> dict[str, Any]:
    """Read a checkpoint file: tensors by name, or a nested mapping. Executes no code from the file."""
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, OSError, ValueError, EOFError, KeyError) as error:
        reason = " ".join(str(error).split())[:160]
        raise ModelError(f"{str(path)!r} is not a checkpoint that can be read safely: {reason}") from None
    except Exception as error:  # safetensors raises its own type
        raise ModelError(f"{str(path)!r} is damaged: {' '.join(str(error).split())[:160]}") from None


def tensors(checkpoint: Mapping[str, Any], *inside: str) -> dict[str, Tensor]:
    """The state dict of a checkpoint: unwrapped from `state_dict`, `model` …, without `module.` prefixes."""
    for key in (*inside, "state_dict", "model"):
        if isinstance(checkpoint.get(key), Mapping):
            checkpoint = checkpoint[key]
            break
    state = without_prefixes({k: v for k, v in checkpoint.items() if isinstance(v, Tensor)})
    return {k: v.float() if v.is_floating_point() else v for k, v in state.items()}


def load(net: nn.Module, state: Mapping[str, Tensor], path: Path | str, ignore: Iterable[str] = ()) -> nn.Module:
    """Load `state` into `net` and return it; unused names that begin with one of `ignore` are allowed.

    Raises ModelError, which names missing, unexpected and misshapen tensors.
    """
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


def inherit(net: nn.Module, state: Mapping[str, Tensor], path: Path | str) -> list[str]:
    """Load the tensors of `state` that `net` has with the same shape; returns the names of the others, which stay.

    Raises ModelError if `state` has a name that the net has not, or nothing fits.
    """
    wanted = net.state_dict()
    strange = [name for name in state if name not in wanted]
    same = {name: tensor for name, tensor in state.items() if name in wanted and tensor.shape == wanted[name].shape}
    if strange or not same:
        what = f"it holds {_some(strange)}" if strange else "no tensor has the same shape"
        raise ModelError(f"{str(path)!r} is not a run of this network: {what}.")
    net.load_state_dict(same, strict=False)
    return [name for name in wanted if name not in same]


def sha256(net: nn.Module) -> str:
    """SHA-256 of the names and values of all weights, independent of the file format."""
    digest = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        if not name.endswith("num_batches_tracked"):
            digest.update(name.encode())
            digest.update(value.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()


def without_prefixes(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Remove the prefixes `module.` and `_orig_mod.`, left by parallel training and torch.compile, from all names."""
    result = {}
    for name, tensor in state.items():
        while name.startswith(PREFIXES):
            name = name.removeprefix("module.").removeprefix("_orig_mod.")
        result[name] = tensor
    return result


def size(state: Mapping[str, Tensor], name: str, axis: int = 0) -> int:
    """Length of one axis of the tensor `name`. Raises ModelError if it is missing."""
    if name not in state:
        raise ModelError(f"The checkpoint has no tensor {name!r}: is it of another network? It has {_some(state)}.")
    return int(state[name].shape[axis])


def widths(state: Mapping[str, Tensor], layers: Mapping[str, str], inside: str, says: str) -> dict[str, int]:
    """Infer sizes of a Config from a state dict.

    `layers` maps a stream to the published name of the linear layer that reads it; its input width is the width of the
    stream. The output width of layer `inside` is `hidden`, that of layer `says` is `answers`.
    """
    found = {stream: size(state, f"{layer}.weight", 1) for stream, layer in layers.items()}
    return found | {"hidden": size(state, f"{inside}.weight"), "answers": size(state, f"{says}.weight")}


def load_renamed(
    net: nn.Module, state: Mapping[str, Tensor], names: Mapping[str, str], dead: Iterable[str] | None = None
) -> None:
    """Load tensors into `net` under translated names; `names` maps a published prefix to ours.

    Tensors that are not translated are unused. If prefixes of the `dead` (unused) tensors are given, any other
    untranslated tensor raises ModelError.
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
