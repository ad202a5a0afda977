"""ViT-L/16 at 384 px with token merging, 14 tokens per frame: similar tokens are averaged layer by layer. 1024-d.

    frame ─ shorter side to 438, middle 384 ─ 577 tokens ─ 24 blocks, each merging 25 pairs ─▶ patches (time, 14, 1024)

The `visual_tome14` features of TSPM and QA-TIGER. Between attention and MLP of a block, tokens at even positions (A)
are matched with the most similar ones at odd positions (B), by the cosine of their keys averaged over heads. The `r`
most similar tokens of A are averaged into their partners, weighted by token sizes (the number of original tokens). The
class token is never merged. Attention counts a token by its size (the log of the size is added to its logit). Written
from the paper (arXiv 2210.09461) and its formulas. Weights: timm/vit_large_patch16_384.augreg_in21k_ft_in1k
(Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.encoders import _frozen
from lookhear.errors import ModelError, RecipeError
from lookhear.frontends import images
from lookhear.media.sampling import Sampling
from lookhear.types import Media

HUB = "timm/vit_large_patch16_384.augreg_in21k_ft_in1k"
HEAD = 64  # width of a head in all published sizes


@dataclass(frozen=True)
class Config:
    """Weights and number of tokens that each block merges."""

    weights: str = HUB
    """hub name, file, or folder with timm's names"""
    merge: list[int] = field(default_factory=lambda: [25] * 23)
    """pairs merged in each block, zero past the end of the list; [25] x 23 leaves 14 of 577 tokens"""
    proportional: bool = True
    """proportional attention: add the log of a token's size to its logits"""
    heads: int = 0
    """attention heads; 0 means width / 64"""
    resize: float = 256 / 224
    """size of the shorter side before the centre crop, relative to the input size"""
    jpeg: int | None = None
    """store each frame as JPEG of this quality first, as the published features did"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 8
    """frames in a batch"""


class Block(nn.Module):
    """A pre-norm transformer block that merges tokens between attention and MLP."""

    def __init__(self, width: int, inner: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(width, 3 * width), "proj": nn.Linear(width, width)})
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, inner), "fc2": nn.Linear(inner, width)})

    def forward(
        self, x: Float[Tensor, "batch token dim"], size: Tensor | None, r: int, proportional: bool
    ) -> tuple[Tensor, Tensor | None]:
        """Tokens and their sizes, which are None until the first merge."""
        packed = self.attn["qkv"](self.norm1(x))
        q, k, v = rearrange(packed, "batch token (part head dim) -> part batch head token dim", part=3, head=self.heads)
        weight = size.log()[:, None, None, :, 0] if proportional and size is not None else None
        seen = F.scaled_dot_product_attention(q, k, v, attn_mask=weight)
        x = x + self.attn["proj"](rearrange(seen, "batch head token dim -> batch token (head dim)"))
        if r > 0:
            x, size = merge(x, k.mean(1), size, r)
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.norm2(x)))), size


class ViT(nn.Module):
    """The network with timm's names: pictures (batch, 3, side, side) -> (batch, token, dim), class token first."""

    def __init__(
        self, size: int, patch: int, width: int, inner: int, depth: int, heads: int, proportional: bool = True
    ):
        super().__init__()
        self.size, self.proportional = size, proportional
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + (size // patch) ** 2, width))
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(3, width, patch, patch)})
        self.blocks = nn.ModuleList(Block(width, inner, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=1e-6)

    def forward(
        self, pictures: Float[Tensor, "batch 3 size size"], r: Sequence[int] = ()
    ) -> tuple[Float[Tensor, "batch token dim"], Tensor | None]:
        """Tokens after the last norm, and their sizes (number of original tokens)."""
        x = self.patch_embed["proj"](pictures).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1) + self.pos_embed
        size: Tensor | None = None
        for block, count in zip(self.blocks, [*r, *[0] * len(self.blocks)], strict=False):
            x, size = block(x, size, count, self.proportional)
        return self.norm(x), size


def match(
    metric: Float[Tensor, "batch token dim"], r: int, protected: bool = True
) -> tuple[Int[Tensor, "batch kept"], Int[Tensor, "batch merged"], Int[Tensor, "batch merged"]]:
    """Indices in A that are kept, indices in A that are merged, and the indices in B they merge into."""
    metric = metric / metric.norm(dim=-1, keepdim=True)
    scores = metric[:, ::2] @ metric[:, 1::2].transpose(1, 2)
    if protected:
        scores[:, 0] = -torch.inf
    best, partner = scores.max(-1)
    order = best.argsort(-1, descending=True)
    gone, kept = order[:, :r], order[:, r:].sort(-1).values  # kept tokens stay in order, class token first
    return kept, gone, partner.gather(1, gone)


def merge(
    x: Float[Tensor, "batch token dim"],
    metric: Float[Tensor, "batch token key"],
    size: Float[Tensor, "batch token 1"] | None,
    r: int,
    protected: bool = True,
) -> tuple[Tensor, Tensor | None]:
    """Average the `r` most similar pairs of `x` (at most half), and return the result with the new token sizes.

    The rows are the kept tokens of A, in order, then all of B.
    """
    r = min(r, (x.shape[1] - protected) // 2)
    if r <= 0:
        return x, size
    size = torch.ones_like(x[..., :1]) if size is None else size
    kept, gone, to = match(metric, r, protected)

    def pick(rows: Tensor, index: Tensor) -> Tensor:
        return rows.gather(1, index[..., None].expand(-1, -1, rows.shape[-1]))

    def joined(rows: Tensor) -> Tensor:
        a, b = rows[:, ::2], rows[:, 1::2]
        b = b.scatter_add(1, to[..., None].expand(-1, -1, rows.shape[-1]), pick(a, gone))
        return torch.cat([pick(a, kept), b], 1)

    total = joined(size)
    return joined(x * size) / total, total


def schedule(r: int | Sequence[int] | tuple[int, float], depth: int) -> list[int]:
    """Pairs merged in each of `depth` blocks: from a list, one number for all, or (number, slope from -1 to 1)."""
    if isinstance(r, int):
        return [r] * depth
    if isinstance(r, tuple):
        low = int(r[0] * (1 - r[1]))
        step = (2 * r[0] - 2 * low) / (depth - 1)
        return [int(low + step * i) for i in range(depth)]
    return [*r, *[0] * (depth - len(r))]


class ToMeViT(_frozen.Frozen):
    """Media in, `patches` (time, token, dim) out, the class token first."""

    name = "tome_vit"
    reads = "frames"
    reach = 0

    def __init__(self, config: Config, net: ViT):
        super().__init__(net, config)
        self.streams = {"patches": net.pos_embed.shape[-1]}
        self.sampling = Sampling()

    @torch.inference_mode()
    def __call__(self, items: Sequence[Media]) -> list[dict[str, Tensor]]:
        out = []
        for media in items:
            frames, size = self.frames_of(media), self.net.size
            pictures = images.cropped(frames, size, int(self.config.resize * size), self.config.jpeg)
            rows = images.normalised(pictures, (0.5,) * 3, (0.5,) * 3)
            tokens = [self.net(piece, self.config.merge)[0].float().cpu() for piece in self.batches(rows)]
            out.append({"patches": torch.cat(tokens)})
        return out


def of_shapes(state: Mapping[str, Tensor], heads: int = 0, proportional: bool = True) -> ViT:
    """An uninitialised network with the sizes of `state`, which has timm's names. Raises ModelError."""
    try:
        patch, width = state["patch_embed.proj.weight"].shape[-1], state["cls_token"].shape[-1]
        grid = round((state["pos_embed"].shape[1] - 1) ** 0.5)
        inner = len(state["blocks.0.mlp.fc1.bias"])
    except KeyError as error:
        raise ModelError(f"Not a ViT by timm's names: {error} is missing.") from None
    depth = len({k.split(".")[1] for k in state if k.startswith("blocks.")})
    return ViT(grid * patch, patch, width, inner, depth, heads or max(1, width // HEAD), proportional)


def build(config: Config) -> ToMeViT:
    """The encoder. Raises RecipeError or ModelError."""
    if any(r < 0 for r in config.merge):
        raise RecipeError(f"tome_vit merge={config.merge}: numbers of pairs, none negative.")
    path = checkpoints.from_hub(config.weights, ("model.safetensors", "*.safetensors", "pytorch_model.bin", "*.pt*"))
    state = checkpoints.tensors(checkpoints.read(path))
    net = of_shapes(state, config.heads, config.proportional)
    return ToMeViT(config, checkpoints.load(net, state, path, ignore=("head.", "fc_norm.")))
