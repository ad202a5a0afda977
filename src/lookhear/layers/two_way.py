"""The two-way transformer of Segment Anything: cross-attention from queries to the picture and back.

Kirillov et al., "Segment Anything", ICCV 2023, appendix A. Parameter names are the published ones.
"""

from __future__ import annotations

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class Attention(nn.Module):
    """Multi-head attention with an inner width that may be smaller than that of its inputs."""

    def __init__(self, dim: int, heads: int, downsample: int = 1):
        super().__init__()
        self.heads = heads
        inner = dim // downsample
        self.q_proj, self.k_proj, self.v_proj = (nn.Linear(dim, inner) for _ in range(3))
        self.out_proj = nn.Linear(inner, dim)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The attended values of the queries."""
        q, k, v = (
            rearrange(project(x), "row n (head dim) -> row head n dim", head=self.heads)
            for project, x in ((self.q_proj, q), (self.k_proj, k), (self.v_proj, v))
        )
        taken = F.scaled_dot_product_attention(q, k, v)
        return self.out_proj(rearrange(taken, "row head n dim -> row n (head dim)"))


class Feed(nn.Module):
    """Two linear layers."""

    def __init__(self, dim: int, inner: int):
        super().__init__()
        self.lin1, self.lin2 = nn.Linear(dim, inner), nn.Linear(inner, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Both layers with a ReLU in between."""
        return self.lin2(self.lin1(x).relu())


class Layer(nn.Module):
    """Self-attention of queries, cross-attention to the picture, MLP, then from the picture to the queries.
    Post-norm."""

    def __init__(self, dim: int, heads: int, inner: int, first: bool):
        super().__init__()
        self.first = first
        self.self_attn = Attention(dim, heads)
        self.cross_attn_token_to_image = Attention(dim, heads, 2)
        self.cross_attn_image_to_token = Attention(dim, heads, 2)
        self.mlp = Feed(dim, inner)
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(dim) for _ in range(4))

    def forward(self, queries: Tensor, picture: Tensor, origin: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """(queries, picture). `origin`, the initial queries, is their position embedding; `place` is that of the
        pixels."""
        if self.first:  # in the first layer the queries are their own position embedding
            queries = self.self_attn(queries, queries, queries)
        else:
            marked = queries + origin
            queries = queries + self.self_attn(marked, marked, queries)
        queries = self.norm1(queries)
        queries = queries + self.cross_attn_token_to_image(queries + origin, picture + place, picture)
        queries = self.norm2(queries)
        queries = self.norm3(queries + self.mlp(queries))
        picture = picture + self.cross_attn_image_to_token(picture + place, queries + origin, queries)
        return queries, self.norm4(picture)


class TwoWay(nn.Module):
    """A stack of layers, and a final cross-attention from queries to the picture."""

    def __init__(self, dim: int = 256, heads: int = 8, inner: int = 2048, depth: int = 2):
        super().__init__()
        self.layers = nn.ModuleList(Layer(dim, heads, inner, first=n == 0) for n in range(depth))
        self.final_attn_token_to_image = Attention(dim, heads, 2)
        self.norm_final_attn = nn.LayerNorm(dim)

    def forward(
        self,
        queries: Float[Tensor, "row query dim"],
        picture: Float[Tensor, "row dim height width"],
        place: Float[Tensor, "1 dim height width"],
    ) -> tuple[Float[Tensor, "row query dim"], Float[Tensor, "row dim height width"]]:
        """(queries, picture) after attention to each other."""
        height = picture.shape[2]
        pixels, marks = (rearrange(x, "row dim h w -> row (h w) dim") for x in (picture, place))
        origin = queries
        for layer in self.layers:
            queries, pixels = layer(queries, pixels, origin, marks)
        last = self.final_attn_token_to_image(queries + origin, pixels + marks, pixels)
        picture = rearrange(pixels, "row (h w) dim -> row dim h w", h=height)
        return self.norm_final_attn(queries + last), picture


class Norm2d(nn.Module):
    """LayerNorm over the channels of a feature map."""

    def __init__(self, channels: int, eps: float = 1e-6):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Float[Tensor, "row channel height width"]) -> Float[Tensor, "row channel height width"]:
        """Each pixel is normalised separately."""
        return F.layer_norm(x.movedim(1, -1), self.weight.shape, self.weight, self.bias, self.eps).movedim(-1, 1)


class Fourier(nn.Module):
    """Position embedding of a picture by random Fourier features, drawn once and saved with the weights."""

    def __init__(self, dim: int):
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn(2, dim // 2))

    def forward(self, height: int, width: int) -> Float[Tensor, "1 dim height width"]:
        """Features at the centre of every pixel."""
        matrix = self.positional_encoding_gaussian_matrix
        y, x = ((torch.arange(n, device=matrix.device, dtype=matrix.dtype) + 0.5) / n for n in (height, width))
        grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
        angle = 2 * torch.pi * ((2 * grid - 1) @ matrix)
        return torch.cat([angle.sin(), angle.cos()], dim=-1).movedim(-1, 0)[None]
