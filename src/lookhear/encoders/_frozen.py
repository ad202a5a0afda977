"""What the frozen encoders share: where weights come from, how they are read safely, and the signature they give.

`weights` of an encoder is a file (.safetensors, .pt, .pth, .bin), a folder that holds one, or a published name. A
published name is looked for in torch's cache and fetched once from the address its authors gave. Pickles are read
with `weights_only`: no code in a checkpoint is ever run.
"""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.errors import DependencyError, FeatureError, ModelError
from lookhear.media.sampling import Sampling
from lookhear.types import Media

NOT_SIGNED = ("weights", "device", "batch")  # settings that do not change a feature, or are signed by their hash
SHORTEST = 0.4  # seconds of sound that any of the networks can be given
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Frozen:
    """A published network with fixed weights. Subclasses set `name`, `reads`, `streams`, `sampling` and `__call__`."""

    name = ""
    reads = "frames"
    version = 1
    streams: Mapping[str, int]
    sampling: Sampling | None = None
    reach: int | None = None  # seconds around a row that it is made from, beside its own; None: the whole clip

    def __init__(self, net: nn.Module, config: Any):
        self.sha256 = sha256(net)
        self.config = config
        self.device = torch.device(getattr(config, "device", "cpu"))
        self.dtype = dtype(getattr(config, "precision", "fp32"))
        self.net = net.eval().requires_grad_(False).to(self.device, self.dtype)

    def signature(self) -> dict[str, Any]:
        """Name, sha256 of the weights (equal however they were packed), version of the code, settings that matter."""
        settings = {k: v for k, v in dataclasses.asdict(self.config).items() if k not in NOT_SIGNED}
        return {"name": self.name, "sha256": self.sha256, "version": self.version, "settings": settings}

    def batches(self, rows: Tensor) -> Iterable[Tensor]:
        """`rows` in batches, on the device and in the precision of the network."""
        for piece in rows.split(self.config.batch):
            yield piece.to(self.device, self.dtype)

    def apart(self, seconds: float) -> int | None:
        """The `reach` of rows made from `seconds` of sound each: their own where a clip's pieces hold whole rows."""
        return 0 if 0 < seconds <= 2 and 32 % seconds == 0 else None

    def frames_of(self, media: Media) -> np.ndarray:
        """The frames of a clip, uint8 (time, height, width, 3). Raises FeatureError where it has none."""
        if media.frames is None or not len(media.frames):
            raise FeatureError(f"{self.name} was given a clip without a picture.")
        return media.frames

    def sound_of(self, media: Media) -> np.ndarray:
        """The waveform of a clip at the encoder's rate. Raises FeatureError where it has none."""
        if media.waveform is None:
            raise FeatureError(f"{self.name} was given a clip without a sound track.")
        assert self.sampling is not None, "an encoder of sound states its rate"
        if media.sample_rate != self.sampling.sample_rate:
            wanted = self.sampling.sample_rate
            raise FeatureError(
                f"{self.name} hears at {wanted} Hz, was given {media.sample_rate} Hz. Decode at {wanted}."
            )
        return media.waveform

    def pieces(self, media: Media, seconds: float) -> Float[Tensor, "time sample"]:
        """The sound in pieces of `seconds`; a last one counts if half of it is there, and is filled with silence.

        The shortest clip gives one piece. `seconds` 0 is the whole clip as one.
        """
        wave, rate = self.sound_of(media), self.sampling.sample_rate  # type: ignore[union-attr]
        seconds = seconds or max(media.duration, SHORTEST)
        count, length = max(1, int(media.duration / seconds + 0.5 + 1e-9)), round(seconds * rate)
        whole = np.zeros(count * length, np.float32)
        whole[: min(len(wave), len(whole))] = wave[: len(whole)]
        return torch.from_numpy(whole).unflatten(0, (count, length))


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


def pretrained(kind: str, weights: str, what: str) -> Any:
    """`kind` of transformers from a folder with config.json or a hub name. Raises ModelError or DependencyError."""
    path = Path(weights).expanduser()
    if not (path / "config.json").is_file() and (path.exists() or weights.count("/") != 1):
        raise ModelError(f"No {what} at {weights!r}: give a folder with config.json, a hub name or a published file.")
    try:
        return getattr(transformers(what), kind).from_pretrained(weights)
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
    state = {k.removeprefix("module."): v for k, v in checkpoint.items() if isinstance(v, Tensor)}
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
