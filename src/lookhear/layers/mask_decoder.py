"""Crab's mask decoder: masks from six hidden states of the language model and two hidden layers of CLIP.

    states of <mask_0..5> ─ MLP ─ means of three ─ prompt 0, prompt 1
    300 learned queries ─ query generator(prompt l) + level l ─┐
    CLIP layer 14 ─ neck ─ 16x16 ──────────────────────────────┴─ two-way transformer 0 ─ head ─ logits 32x32 ──┐
    CLIP layer 22 ─ neck ─ upsample ─ 32x32 ·(1 + σ(logits 0)) ── two-way transformer 1 ─ head ─ logits 64x64 ──┴─ mean

Du et al., "Crab" (CVPR 2025), section 3.3. `variant="released"` computes what the code computes: each of the query
generator's two layers gets the learned queries as input and only the output of the last is used; `paper` runs the
layers in sequence. The papers' learnable weights of tokens and scales are constants in the code (1/3, 1/2), as they
were never registered; in `paper` they are learned. Losses: cross-entropy over 71 classes, or BCE + 0.5 · dice for a
binary mask; summed over the samples of a kind, times the fraction of that kind in the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.errors import ModelError, RecipeError
from lookhear.layers.two_way import Fourier, Norm2d, TwoWay


@dataclass(frozen=True)
class Config:
    """Sizes: `features` of CLIP, `states` of the language model, sides of the masks in pixels."""

    variant: str = "released"
    features: int = 1024
    states: int = 4096
    queries: int = 300
    classes: int = 71
    low: int = 112
    """side at which the masks of the two levels are averaged"""
    side: int = 224
    dim: int = 256
    inner: int = 2048
    """width of queries, feature maps and inner layers; fixed in the released code"""


class QueryLayer(nn.Module):
    """Post-norm layer: self-attention of queries, cross-attention to the prompt, feed-forward."""

    def __init__(self, dim: int, inner: int, heads: int = 8):
        super().__init__()
        self.self_attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.cross_attn = nn.MultiheadAttention(dim, heads, batch_first=True)
        self.ffn = nn.Sequential(nn.Linear(dim, inner), nn.GELU(), nn.Linear(inner, dim))
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))

    def forward(self, queries: Float[Tensor, "row query dim"], prompt: Float[Tensor, "row one dim"]) -> Tensor:
        """The updated queries."""
        queries = self.norm1(queries + self.self_attn(queries, queries, queries, need_weights=False)[0])
        queries = self.norm2(queries + self.cross_attn(queries, prompt, prompt, need_weights=False)[0])
        return self.norm3(queries + self.ffn(queries))


class Chain(nn.Module):
    """Linear maps, or 1 x 1 convolutions, with ReLU between them."""

    def __init__(self, *maps: nn.Module):
        super().__init__()
        self.layers = nn.ModuleList(maps)

    def forward(self, x: Tensor) -> Tensor:
        """All layers in sequence."""
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x)


class Generator(nn.Module):
    """Query generator: layers that condition the queries on a prompt."""

    def __init__(self, chained: bool, dim: int, inner: int, depth: int = 2):
        super().__init__()
        self.chained = chained
        self.layers = nn.ModuleList(QueryLayer(dim, inner) for _ in range(depth))

    def forward(self, queries: Tensor, prompt: Tensor) -> Tensor:
        """As released, every layer gets the learned queries as input, and only the last output is used."""
        if not self.chained:
            return self.layers[-1](queries, prompt)
        for layer in self.layers:
            queries = layer(queries, prompt)
        return queries


class Masks(nn.Module):
    """The decoder without the input projections: prompts and feature maps of two levels -> logits of two sizes."""

    def __init__(self, config: Config):
        super().__init__()
        dim, inner = config.dim, config.inner
        self.transformer = nn.ModuleList(TwoWay(dim, inner=inner) for _ in range(2))
        self.avs_query_tokens = nn.Embedding(config.queries, dim)
        self.query_generator = Generator(config.variant == "paper", dim, inner)
        sizes = (config.queries, dim, dim, 32)
        self.hyper_mlp_out = Chain(*(nn.Conv2d(a, b, 1) for a, b in pairwise(sizes)))
        self.hyper_mlp = Chain(nn.Linear(dim, dim), nn.Linear(dim, dim), nn.Linear(dim, 32))
        self.output_upscaling = nn.Sequential(nn.ConvTranspose2d(dim, 32, 2, 2), Norm2d(32), nn.GELU())
        self.upsample_2x = nn.Sequential(nn.ConvTranspose2d(dim, dim, 2, 2), Norm2d(dim), nn.GELU())
        self.level_embed = nn.Embedding(2, dim)
        self.ms3_s4_classfier = nn.Conv2d(32, 1, 1, bias=False)
        self.avss_classifier = nn.Conv2d(32, config.classes, 1, bias=False)
        self.pe1 = Fourier(dim)

    def queries(self, prompt: Float[Tensor, "row dim"], level: int) -> Float[Tensor, "row query dim"]:
        """The queries conditioned on a prompt."""
        learned = self.avs_query_tokens.weight.expand(len(prompt), -1, -1)
        return self.query_generator(learned, prompt[:, None]) + self.level_embed.weight[level]

    def forward(
        self,
        pictures: Sequence[Float[Tensor, "row dim height width"]],  # of equal size
        prompts: Float[Tensor, "row level dim"],
        dense: Float[Tensor, " dim"],
        place: Float[Tensor, "1 dim height width"],
        semantic: bool,
    ) -> list[Float[Tensor, "row class _height _width"]]:
        """Logits of both levels; the second has twice the resolution."""
        masks: list[Tensor] = []
        classify = self.avss_classifier if semantic else self.ms3_s4_classfier
        for level, picture in enumerate(pictures):
            if level:
                picture = self.upsample_2x(picture)
                picture = picture * (1 + masks[-1].mean(dim=1, keepdim=True).sigmoid())
                place = self.pe1(*picture.shape[2:])
            queries = self.queries(prompts[:, level], level)
            told, picture = self.transformer[level](queries, picture + dense[:, None, None], place)
            fine = self.output_upscaling(picture)
            products = torch.einsum("rqd,rdhw->rqhw", self.hyper_mlp(told), fine)
            masks.append(classify(self.hyper_mlp_out(products)))
        return masks


class MaskDecoder(nn.Module):
    """Hidden states and CLIP features to masks. Published names have the prefix `seg_module.`."""

    def __init__(self, config: Config):
        super().__init__()
        if config.variant not in ("released", "paper"):
            raise RecipeError(f"The mask decoder has no variant {config.variant!r}. There are: released, paper.")
        self.config = config
        dim = config.dim
        layers = (nn.Linear(config.states, config.states), nn.ReLU(), nn.Linear(config.states, dim), nn.Dropout(0.0))
        self.text_hidden_fcs = nn.ModuleList([nn.Sequential(*layers)])
        self.no_mask_embed = nn.Embedding(1, dim)
        self.image_feature_neck = nn.Sequential(
            *(nn.Conv2d(config.features, dim, 1, bias=False), Norm2d(dim)),
            *(nn.Conv2d(dim, dim, 3, padding=1, bias=False), Norm2d(dim)),
        )
        self.mask_decoder = Masks(config)
        self.pe_layer = Fourier(dim)
        if config.variant == "paper":
            self.of_tokens = nn.Parameter(torch.full((2, 3), 1 / 3))
            self.of_scales = nn.Parameter(torch.full((2,), 1 / 2))

    def prompts(self, states: Float[Tensor, "row 6 state"]) -> Float[Tensor, "row level dim"]:
        """One prompt per level, each the mean of three projected states."""
        told = rearrange(self.text_hidden_fcs[0](states), "row (level token) dim -> row level token dim", level=2)
        if self.config.variant == "paper":
            return (told * self.of_tokens[:, :, None]).sum(dim=2)
        return told.sum(dim=2) / 3

    def necked(self, features: Float[Tensor, "row patch wide"]) -> Float[Tensor, "row dim height width"]:
        """CLIP's patches as a square feature map after the neck."""
        side = round(features.shape[1] ** 0.5)
        if side * side != features.shape[1]:
            raise ModelError(f"{features.shape[1]} patches make no square picture. Leave CLIP's class token out.")
        return self.image_feature_neck(rearrange(features, "row (h w) wide -> row wide h w", h=side))

    def levels(
        self,
        states: Float[Tensor, "row 6 state"],
        features: Sequence[Float[Tensor, "row patch wide"]],
        semantic: bool = False,
    ) -> list[Float[Tensor, "row class _height _width"]]:
        """Logits of each level. `features` are those of CLIP's 14th and 22nd layers, without the class token."""
        pictures = [self.necked(f) for f in features]
        place = self.pe_layer(*pictures[0].shape[2:])
        return self.mask_decoder(pictures, self.prompts(states), self.no_mask_embed.weight[0], place, semantic)

    def forward(
        self,
        states: Float[Tensor, "row 6 state"],
        features: Sequence[Float[Tensor, "row patch wide"]],
        semantic: bool = False,
    ) -> Float[Tensor, "row class side side"]:
        """Logits in pixels: one class, or `classes` with `semantic`. The mask is where the sigmoid exceeds 0.5."""
        low, side = self.config.low, self.config.side
        masks = [resized(m, low) for m in self.levels(states, features, semantic)]
        weight = self.of_scales if self.config.variant == "paper" else (0.5, 0.5)
        return resized(masks[0] * weight[0] + masks[1] * weight[1], side)


def resized(mask: Float[Tensor, "row class height width"], side: int) -> Float[Tensor, "row class side side"]:
    """Bilinear interpolation with pixels as areas (`align_corners=False`)."""
    return F.interpolate(mask, (side, side), mode="bilinear", align_corners=False)


def dice(logits: Float[Tensor, "row ..."], mask: Float[Tensor, "row ..."]) -> Float[Tensor, " row"]:
    """One minus the dice coefficient of each row. Sums are in thousands, which determines the effect of the 1e-6."""
    p, t = logits.sigmoid().flatten(1), mask.flatten(1)
    return 1 - (2 * (p * t).sum(1) / 1000 + 1e-6) / ((p.sum(1) + t.sum(1)) / 1000 + 1e-6)


def losses(
    binary: Sequence[tuple[Tensor, Tensor]], semantic: Sequence[tuple[Tensor, Tensor]] = ()
) -> dict[str, Tensor]:
    """Terms of a batch's mask loss, from (logits, mask) of each sample.

    Binary: logits (1, h, w) and a mask of 0 or 1 of the same shape. Semantic: logits (class, h, w) and class indices
    (1, h, w) or (h, w).
    """
    total = len(binary) + len(semantic)
    result = {}
    if binary:
        share = len(binary) / total
        terms = [F.binary_cross_entropy_with_logits(x, t.to(x.dtype)) for x, t in binary]
        result["bce"] = share * torch.stack(terms).sum()
        result["dice"] = 0.5 * share * torch.stack([dice(x, t.to(x.dtype)).mean() for x, t in binary]).sum()
    if semantic:
        terms = [F.cross_entropy(x[None], t.reshape(1, *x.shape[1:]).long()) for x, t in semantic]
        result["classes"] = len(semantic) / total * torch.stack(terms).sum()
    return result


def from_official(state_dict: Mapping[str, Tensor], side: int = 224, low: int | None = None) -> MaskDecoder:
    """The released decoder from a published checkpoint with any prefix; sizes are inferred from shapes."""
    mark = "text_hidden_fcs.0.0.weight"
    prefix = next((n.removesuffix(mark) for n in state_dict if n.endswith(mark)), None)
    if prefix is None:
        raise ModelError(f"The checkpoint has no mask decoder: no tensor is called '...{mark}'.")
    state = {n.removeprefix(prefix): t for n, t in state_dict.items() if n.startswith(prefix)}
    decoder = MaskDecoder(
        Config(
            features=state["image_feature_neck.0.weight"].shape[1],
            states=state[mark].shape[1],
            queries=len(state["mask_decoder.avs_query_tokens.weight"]),
            classes=len(state["mask_decoder.avss_classifier.weight"]),
            low=low or side // 2,
            side=side,
            dim=len(state["image_feature_neck.0.weight"]),
            inner=len(state["mask_decoder.query_generator.layers.0.ffn.0.bias"]),
        )
    )
    wanted = decoder.state_dict()
    if missing := [n for n in wanted if n not in state]:
        raise ModelError(f"The checkpoint's mask decoder lacks {prefix + missing[0]!r}.")
    decoder.load_state_dict({n: state[n] for n in wanted})
    return decoder
