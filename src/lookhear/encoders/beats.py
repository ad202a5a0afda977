"""BEATs, one vector per second of sound and optionally its 48 patches: an audio transformer. 16 kHz, 768-d.

    second ─ Kaldi log-mel 98 x 128 ─ patches of 16 x 16: 6 in time, 8 in frequency ─ 12 layers ─▶ patches, their mean

    layer:  x ─▶ norm(a x + attention(x)) ─▶ norm(a x + MLP(x)),  a = (2 layers)^¼
    attention has a relative position bias, shared by all layers and gated by the query:
        g, h = sigmoid(two sums of four of a linear map of the query) ; bias x (g (h c - 1) + 2)

Trained on AudioSet. The features of Crab (arXiv 2503.13068) and AVQACL-MoE. Written from the paper (arXiv 2212.09058)
and its formulas; parameter names are those of the published files (MIT), whose `cfg` contains the sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import ModelError, RecipeError
from lookhear.frontends import kaldi
from lookhear.media.sampling import Sampling
from lookhear.types import Media

FILE = "BEATs_iter3_plus_AS2M_finetuned_on_AS2M_cpt2.pt"
MEAN, STD = 15.41663, 6.55582  # of AudioSet; the network was trained with twice the standard deviation
BANDS, PATCH = 128, 16


@dataclass(frozen=True)
class Config:
    """Weights and output streams."""

    weights: str = FILE
    """a published file (see github.com/microsoft/unilm, beats) or a folder that holds one"""
    patches: bool = False
    """also give the stream `patches` (time, patch, dim), frequency fastest"""
    seconds: float = 1.0
    """length of sound per row"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 32
    """rows in a batch"""


class Attention(nn.Module):
    """Self-attention with a gated relative position bias."""

    def __init__(self, width: int, heads: int, buckets: int):
        super().__init__()
        self.heads = heads
        for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
            self.add_module(name, nn.Linear(width, width))
        self.grep_linear, self.grep_a = nn.Linear(width // heads, 8), nn.Parameter(torch.ones(1, heads, 1, 1))
        self.relative_attention_bias = nn.Embedding(buckets, heads)

    def forward(self, x: Float[Tensor, "batch token dim"], near: Float[Tensor, "head token other"]) -> Tensor:
        q, k, v = (
            rearrange(p(x), "batch token (head dim) -> batch head token dim", head=self.heads)
            for p in (self.q_proj, self.k_proj, self.v_proj)
        )
        g, h = self.grep_linear(q).unflatten(-1, (2, 4)).sum(-1).sigmoid().unbind(-1)
        gate = g[..., None] * (h[..., None] * self.grep_a - 1.0) + 2.0
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=gate * near)
        return self.out_proj(rearrange(seen, "batch head token dim -> batch token (head dim)"))


class Layer(nn.Module):
    """A post-norm layer with scaled residuals."""

    def __init__(self, width: int, inner: int, heads: int, buckets: int, scale: float):
        super().__init__()
        self.scale = scale
        self.self_attn = Attention(width, heads, buckets)
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor, near: Tensor) -> Tensor:
        x = self.self_attn_layer_norm(self.scale * x + self.self_attn(x, near))
        return self.final_layer_norm(self.scale * x + self.fc2(F.gelu(self.fc1(x))))


class Position(nn.Module):
    """Positional encoding: a wide grouped convolution in time with weight norm per tap."""

    def __init__(self, width: int, kernel: int, groups: int):
        super().__init__()
        self.groups = groups
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.randn(width, width // groups, kernel) * 0.02)
        self.bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        weight = self.weight_g * self.weight_v / self.weight_v.norm(dim=(0, 1), keepdim=True)
        kernel = weight.shape[-1]
        out = F.conv1d(x.transpose(1, 2), weight, self.bias, padding=kernel // 2, groups=self.groups)
        return F.gelu(out[..., : x.shape[1]]).transpose(1, 2)  # an even kernel gives one extra output


class BEATs(nn.Module):
    """The network with its published parameter names; `cfg` as in the published files."""

    def __init__(self, cfg: Mapping[str, Any]):
        super().__init__()
        if not (cfg["deep_norm"] and cfg["gru_rel_pos"] and cfg["relative_position_embedding"]):
            raise ModelError(
                "Only BEATs with deep_norm and gated relative positions is known, as all published ones are."
            )
        width, depth, heads = cfg["encoder_embed_dim"], cfg["encoder_layers"], cfg["encoder_attention_heads"]
        self.buckets, self.reach, self.width = cfg["num_buckets"], cfg["max_distance"], width
        self.patch_embedding = nn.Conv2d(1, cfg["embed_dim"], PATCH, PATCH, bias=cfg["conv_bias"])
        self.layer_norm = nn.LayerNorm(cfg["embed_dim"])
        self.post_extract_proj = nn.Linear(cfg["embed_dim"], width) if cfg["embed_dim"] != width else None
        scale = (2 * depth) ** 0.25
        layers = [Layer(width, cfg["encoder_ffn_embed_dim"], heads, self.buckets, scale) for _ in range(depth)]
        position = Position(width, cfg["conv_pos"], cfg["conv_pos_groups"])
        self.encoder = nn.ModuleDict(
            {"pos_conv": nn.ModuleList([position]), "layers": nn.ModuleList(layers), "layer_norm": nn.LayerNorm(width)}
        )
        self.predictor = nn.Linear(width, cfg["predictor_class"]) if cfg.get("finetuned_model") else None

    def forward(self, fbank: Float[Tensor, "batch row band"]) -> Float[Tensor, "batch patch dim"]:
        """Patches of normalised log-mel rows, ordered by 160 ms columns, within a column from low to high
        frequencies."""
        x = self.layer_norm(self.patch_embedding(fbank[:, None]).flatten(2).transpose(1, 2))
        x = self.post_extract_proj(x) if self.post_extract_proj is not None else x
        x = self.encoder["layer_norm"](x + self.encoder["pos_conv"][0](x))
        place = torch.arange(x.shape[1], device=x.device)
        layers = self.encoder["layers"]
        assert isinstance(layers, nn.ModuleList)
        first = layers[0].self_attn.relative_attention_bias  # shared by all layers
        near = first(buckets(place[None] - place[:, None], self.buckets, self.reach)).permute(2, 0, 1)
        for layer in layers:
            x = layer(x, near)
        return x

    def probabilities(self, patches: Float[Tensor, "batch patch dim"]) -> Float[Tensor, "batch sound"]:
        """Class probabilities, for fine-tuned weights."""
        if self.predictor is None:
            raise ModelError("These BEATs weights are not fine-tuned: they have no sound classes.")
        return self.predictor(patches).mean(1).sigmoid()


def buckets(distance: Int[Tensor, "token other"], count: int, reach: int) -> Int[Tensor, "token other"]:
    """Relative position buckets: exact for small distances, logarithmic up to `reach`; one half for each direction."""
    half = count // 2
    exact = half // 2
    far = distance.abs()
    wide = exact + (torch.log(far.clamp(min=1) / exact) / math.log(reach / exact) * (half - exact)).long()
    return (distance > 0) * half + torch.where(far < exact, far, wide.clamp(max=half - 1))


def front_end(wave: Float[Tensor, "... sample"], bands: int = BANDS) -> Float[Tensor, "... row band"]:
    """Normalised log-mel rows of 16 kHz sound in -1..1."""
    return (kaldi.fbank(wave, bands, scale=2.0**15) - MEAN) / (2 * STD)


def renamed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under the published names: newer torch has other names for weight norm."""
    plain = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    return {
        next((k.removesuffix(long) + short for long, short in plain.items() if k.endswith(long)), k): v
        for k, v in state.items()
    }


class BeatsEncoder(_frozen.Frozen):
    """Media in, `audio` (time, dim) out, and optionally `patches` (time, patch, dim)."""

    name = "beats"
    reads = "waveform"
    bands = BANDS

    def __init__(self, config: Config, net: BEATs):
        super().__init__(net, config)
        self.streams = {"audio": net.width} | ({"patches": net.width} if config.patches else {})
        self.sampling = Sampling(sample_rate=kaldi.RATE)
        self.reach = self.apart(config.seconds)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            rows = front_end(self.pieces(media, self.config.seconds), self.bands)
            patches = torch.cat([self.net(piece).float().cpu() for piece in self.batches(rows)])
            out.append({"audio": patches.mean(1)} | ({"patches": patches} if self.config.patches else {}))
        return out


def check(config: Config, name: str) -> None:
    """Raises RecipeError if a row is too short for one patch."""
    if config.seconds < 0.2:
        raise RecipeError(f"{name} seconds={config.seconds}: a row needs at least 0.2 s of sound for one patch.")


def build(config: Config) -> BeatsEncoder:
    """The encoder. Raises RecipeError or ModelError."""
    check(config, "beats")
    path = checkpoints.locate(config.weights, ("BEATs*.pt", "*.pt", "*.pth"))
    checkpoint = checkpoints.read(path)
    cfg = checkpoint.get("cfg")
    if not isinstance(cfg, Mapping):
        raise ModelError(f"{str(path)!r} is not a published BEATs file: it holds no `cfg`.")
    return BeatsEncoder(config, checkpoints.load(BEATs(cfg), renamed(checkpoints.tensors(checkpoint)), path))
