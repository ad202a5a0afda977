"""CLAP's audio tower, one vector per second of sound in the joint space with text. 48 kHz, 512-d, length 1.

    second ─ repeated to 10 s ─ log-mel, 100 a second, 64 bands ─ Swin transformer (HTSAT) ─ projection ─▶ audio

LAION's models without fusion. Shorter sound is repeated as often as it fits and padded with silence, as released.
Weights: `laion/clap-htsat-unfused` (or a folder) by transformers, or LAION's own files such as `630k-audioset-best.pt`,
whose tensors are renamed. Licence CC0. Not used by the AVQA papers here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import ModelError, RecipeError
from lookhear.frontends import decibel
from lookhear.media.sampling import Sampling
from lookhear.types import Media

RATE, STEP, LENGTH = 48_000, 480, 480_000


@dataclass(frozen=True)
class Config:
    """Weights, and length of sound per row."""

    weights: str = "laion/clap-htsat-unfused"
    """hub name, transformers folder, or one of LAION's own files"""
    seconds: float = 1.0
    """length of sound per row, at most 10 s"""
    quantise: bool = False
    """round samples to 16 bits first, as LAION's code does"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 8
    """rows in a batch"""


class ClapEncoder(_frozen.Frozen):
    """Media in, `audio` (time, 512) out."""

    name = "clap"
    reads = "waveform"

    def __init__(self, config: Config, net: nn.Module):
        super().__init__(net, config)
        self.streams = {"audio": int(net.config.projection_dim)}
        self.sampling = Sampling(sample_rate=RATE)
        self.reach = self.apart(config.seconds)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            mel = front_end(self.pieces(media, self.config.seconds), self.config.quantise)[:, None]
            rows = [self.net(input_features=piece).audio_embeds.float().cpu() for piece in self.batches(mel)]
            out.append({"audio": F.normalize(torch.cat(rows), dim=-1)})
        return out


def front_end(wave: Float[Tensor, "batch sample"], quantise: bool = False) -> Float[Tensor, "batch 1001 64"]:
    """Log-mel in dB of sound repeated to 10 s."""
    if quantise:
        wave = (wave.clamp(-1, 1) * 32767).trunc() / 32767
    wave = wave[:, :LENGTH]
    wave = wave.repeat(1, LENGTH // wave.shape[1])
    return decibel.log_mel(F.pad(wave, (0, LENGTH - wave.shape[1])), RATE, STEP)


def sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """The settings of LAION's audio tower, inferred from tensor shapes; names without `audio_branch.`."""
    stages = sorted({int(k.split(".")[1]) for k in state if k.startswith("layers.")})
    blocks = [len({k.split(".")[3] for k in state if k.startswith(f"layers.{i}.blocks.")}) for i in stages]
    tables = [state[f"layers.{i}.blocks.0.attn.relative_position_bias_table"] for i in stages]
    width, patch = len(state["patch_embed.norm.weight"]), state["patch_embed.proj.weight"].shape[-1]
    return {
        "patch_embeds_hidden_size": width,
        "hidden_size": width * 2 ** (len(stages) - 1),
        "patch_size": patch,
        "patch_stride": [patch, patch],
        "depths": blocks,
        "num_attention_heads": [t.shape[1] for t in tables],
        "window_size": (round(len(tables[0]) ** 0.5) + 1) // 2,
        "num_mel_bins": decibel.BANDS,
        "enable_fusion": False,
    }


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of LAION's audio tower, without `audio_branch.`, to those of transformers' audio encoder."""
    new = {"attn.proj": "attention.output.dense", "norm1": "layernorm_before", "norm2": "layernorm_after"}
    new |= {"mlp.fc1": "intermediate.dense", "mlp.fc2": "output.dense"}
    unused = ("tscam_conv.", "head.", "spectrogram_extractor.", "logmel_extractor.")
    out: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.startswith(unused) or name.endswith(("attn_mask", "relative_position_index", "num_batches_tracked")):
            continue
        name = name.replace("bn0.", "batch_norm.")
        if ".attn.qkv." in name:
            for part, piece in zip(("query", "key", "value"), value.chunk(3), strict=True):
                out[name.replace("attn.qkv", f"attention.self.{part}")] = piece
            continue
        for old, theirs in new.items():
            name = name.replace(f".{old}.", f".{theirs}.") if ".blocks." in name else name
        out[name.replace("attn.relative_position", "attention.self.relative_position")] = value
    return out


def from_official(checkpoint: Mapping[str, Any], path: Path | str = "") -> nn.Module:
    """The audio tower of a file by LAION: `audio_branch.` and `audio_projection.`. Raises ModelError."""
    transformers = checkpoints.transformers("CLAP")
    state = checkpoints.tensors(checkpoint)
    branch = {k.removeprefix("audio_branch."): v for k, v in state.items() if k.startswith("audio_branch.")}
    if "patch_embed.proj.weight" not in branch or "audio_projection.0.weight" not in state:
        raise ModelError(f"{str(path)!r} does not hold CLAP by LAION's names (no audio_branch, audio_projection).")
    projection = state["audio_projection.0.weight"].shape[0]
    net = transformers.ClapAudioModelWithProjection(
        transformers.ClapAudioConfig(**sizes(branch), projection_dim=projection)
    )
    ours = {f"audio_model.audio_encoder.{k}": v for k, v in renamed(branch).items()}
    for i, name in ((0, "linear1"), (2, "linear2")):
        ours |= {f"audio_projection.{name}.{p}": state[f"audio_projection.{i}.{p}"] for p in ("weight", "bias")}
    ours |= {k: v for k, v in net.state_dict().items() if k.endswith("relative_position_index")}
    return checkpoints.load(net, ours, path)


def build(config: Config) -> ClapEncoder:
    """The encoder. Raises RecipeError, ModelError, or DependencyError without transformers."""
    if not 0 < config.seconds <= LENGTH / RATE:
        raise RecipeError(f"clap seconds={config.seconds}: a row is of more than 0 and at most 10 s of sound.")
    path = Path(config.weights).expanduser()
    if path.is_file():
        return ClapEncoder(config, from_official(checkpoints.read(path), path))
    net = checkpoints.pretrained("ClapAudioModelWithProjection", config.weights, "CLAP")
    if net.config.enable_fusion:
        raise ModelError(
            f"{config.weights!r} is a CLAP with fusion, whose four pictures are not made here. Use unfused."
        )
    return ClapEncoder(config, net)
