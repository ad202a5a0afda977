"""InternVideo2's vision tower (stage 2), one vector per four frames. 1B: 768-d, 224 px, four frames per second.

    4 frames ─ shorter side to 224 ─ patches 14 x 14 ─ first token, places ─ blocks ─ attention pooling ─▶ frames

    block:  x ─▶ x + g attention(norm(x)) ─▶ x + g' MLP(norm(x));  norms by root mean square, queries and keys too
    pooling: cross-attention from the mean token to all tokens

The output is the pooled vector before the projection for retrieval. A row is made from the frames of its own time
window; a last window of at least half the length repeats its last frame. Written from the paper (arXiv 2403.15377) and
its formulas. Weights: OpenGVLab/InternVideo2-Stage2_1B-224p-f4 (gated; their own terms), of which the
`vision_encoder.` tensors are used. Not used by the AVQA papers here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import ModelError, RecipeError
from lookhear.frontends import images
from lookhear.media.sampling import Sampling
from lookhear.types import Media

HEADS = {1408: 16, 3200: 25}  # heads by published width; not stored in the file
UNUSED = ("clip_decoder.", "final_clip_decoder.", "clip_pos_embed", "clip_img_pos_embed")  # used in its training only


@dataclass(frozen=True)
class Config:
    """Weights and length of the time windows."""

    weights: str = "InternVideo2-stage2_1b-224p-f4.pt"
    """the published file, or a folder that holds it"""
    seconds: float = 1.0
    """length of the time window of a row, in which the network's frames are evenly spaced"""
    heads: int = 0
    """attention heads; 0 means those of the published sizes"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 4
    """rows in a batch"""


class Block(nn.Module):
    """A pre-norm transformer block with RMSNorm and LayerScale."""

    def __init__(self, width: int, inner: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(width, eps=1e-6), nn.RMSNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict(
            {
                "qkv": nn.Linear(width, 3 * width, bias=False),
                "q_norm": nn.RMSNorm(width, eps=1e-6),  # over all heads at once
                "k_norm": nn.RMSNorm(width, eps=1e-6),
                "proj": nn.Linear(width, width),
            }
        )
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})
        self.ls1, self.ls2 = (nn.ParameterDict({"gamma": nn.Parameter(torch.ones(width))}) for _ in range(2))

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch token dim"]:
        q, k, v = self.attn["qkv"](self.norm1(x)).chunk(3, -1)
        seen = attend(self.attn["q_norm"](q), self.attn["k_norm"](k), v, self.heads)
        x = x + self.ls1["gamma"] * self.attn["proj"](seen)
        return x + self.ls2["gamma"] * self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x))))


def attend(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Float[Tensor, "batch token dim"]:
    """Multi-head scaled dot-product attention."""
    q, k, v = (rearrange(t, "batch token (head dim) -> batch head token dim", head=heads) for t in (q, k, v))
    return rearrange(F.scaled_dot_product_attention(q, k, v), "batch head token dim -> batch token (head dim)")


class Pooling(nn.Module):
    """Attention pooling with the mean token as query: (batch, token, dim) -> (batch, out)."""

    def __init__(self, width: int, out: int, heads: int):
        super().__init__()
        self.heads = heads
        for name in ("norm1_q", "norm1_k", "norm1_v"):
            self.add_module(name, nn.LayerNorm(width))
        self.cross_attn = nn.ModuleDict({name: nn.Linear(width, width, bias=False) for name in "qkv"})
        self.cross_attn["proj"] = nn.Linear(width, out)
        for name in ("q_bias", "k_bias", "v_bias"):
            self.cross_attn.register_parameter(name, nn.Parameter(torch.zeros(width)))

    def forward(self, x: Float[Tensor, "batch token dim"]) -> Float[Tensor, "batch out"]:
        asks = {"q": self.norm1_q(x.mean(1, keepdim=True)), "k": self.norm1_k(x), "v": self.norm1_v(x)}
        q, k, v = (self.cross_attn[n](y) + getattr(self.cross_attn, f"{n}_bias") for n, y in asks.items())
        return self.cross_attn["proj"](attend(q, k, v, self.heads))[:, 0]


class InternVideo2(nn.Module):
    """The tower with its published names: videos (batch, 3, time, side, side) -> all tokens, and the pooled vector."""

    def __init__(self, patch: int, tokens: int, frames: int, width: int, inner: int, depth: int, heads: int, out: int):
        super().__init__()
        self.frames, self.size = frames, patch * round(((tokens - 1) // frames) ** 0.5)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, tokens, width))
        self.img_pos_embed = nn.Parameter(torch.zeros(1, (tokens - 1) // frames + 1, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv3d(3, width, (1, patch, patch), (1, patch, patch))})
        self.blocks = nn.ModuleList(Block(width, inner, heads) for _ in range(depth))
        self.clip_projector = Pooling(width, out, heads)

    def forward(
        self, films: Float[Tensor, "batch 3 time side side"]
    ) -> tuple[Float[Tensor, "batch token dim"], Float[Tensor, "batch out"]]:
        x = self.patch_embed["proj"](films).flatten(2).transpose(1, 2)  # all patches of a frame, then the next frame's
        places = self.img_pos_embed if films.shape[2] == 1 else self.pos_embed
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + places
        for block in self.blocks:
            x = block(x)
        return x, self.clip_projector(x)


def of_shapes(state: Mapping[str, Tensor], heads: int = 0) -> InternVideo2:
    """An uninitialised network with the sizes of `state`. Raises ModelError."""
    try:
        patch, (tokens, width) = state["patch_embed.proj.weight"].shape[-1], state["pos_embed"].shape[1:]
        frames = (tokens - 1) // (state["img_pos_embed"].shape[1] - 1)
        inner, out = len(state["blocks.0.mlp.fc1.bias"]), len(state["clip_projector.cross_attn.proj.bias"])
    except KeyError as error:
        raise ModelError(f"Not a checkpoint with InternVideo2's picture tower: {error} is missing.") from None
    depth = len({k.split(".")[1] for k in state if k.startswith("blocks.")})
    return InternVideo2(patch, tokens, frames, width, inner, depth, heads or HEADS.get(width, width // 64), out)


class InternVideo2Encoder(_frozen.Frozen):
    """Media in, `frames` (time, 768) out, one row per `seconds`."""

    name = "internvideo2"
    reads = "frames"

    def __init__(self, config: Config, net: InternVideo2):
        super().__init__(net, config)
        self.streams = {"frames": int(net.clip_projector.cross_attn["proj"].out_features)}
        self.sampling = Sampling(fps=net.frames / config.seconds)
        self.reach = self.apart(config.seconds)

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            pictures = images.cropped(self.frames_of(media), self.net.size)
            rows = images.normalised(pictures, images.IMAGENET_MEAN, images.IMAGENET_STD)
            films = stretches(rows, self.net.frames).transpose(1, 2)  # row channel time
            out.append({"frames": torch.cat([self.net(piece)[1].float().cpu() for piece in self.batches(films)])})
        return out


def stretches(rows: Float[Tensor, "time ..."], frames: int) -> Float[Tensor, "row frame ..."]:
    """Windows of `frames` rows; a last window of at least half repeats its last frame, a shorter one is dropped."""
    count = max(1, int(len(rows) / frames + 0.5))
    last = rows[-1:].expand(max(0, count * frames - len(rows)), *rows.shape[1:])
    return torch.cat([rows, last])[: count * frames].unflatten(0, (count, frames))


def build(config: Config) -> InternVideo2Encoder:
    """The encoder. Raises RecipeError or ModelError."""
    if config.seconds <= 0:
        raise RecipeError(f"internvideo2 seconds={config.seconds}: a row is made from more than no time.")
    path = checkpoints.locate(config.weights, ("*nternVideo2*.pt*", "*.pt", "*.pth", "*.safetensors"))
    state = checkpoints.tensors(checkpoints.read(path), "module")
    own = {k.removeprefix("vision_encoder."): v for k, v in state.items() if k.startswith("vision_encoder.")} or state
    return InternVideo2Encoder(config, checkpoints.load(of_shapes(own, config.heads), own, path, ignore=UNUSED))
