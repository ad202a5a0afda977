"""VisualBERT: BERT over words and visual features, with the first token as output.

Li et al., "VisualBERT", 2019; the same function as transformers' VisualBertModel, arranged for speed and memory:

- the last layer computes the first token only, since no other output is used (`whole=True` computes all);
- between forward and backward only queries, keys, values and the input of the GELU are kept; attention weights and the
  GELU are recomputed (no large matrix product is), which costs a few per cent of a step and saves two thirds of its
  memory.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from lookhear.layers.attention import drop


class Layer(nn.Module):
    """Self-attention and a feed-forward network, each with residual connection and post-norm."""

    def __init__(self, width: int, heads: int, inner: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)  # query, key, value
        self.out = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        self.last = nn.LayerNorm(width, eps=1e-12)
        self.dropout = dropout

    def forward(
        self, x: Float[Tensor, "row token dim"], mask: Bool[Tensor, "row 1 1 token"] | None
    ) -> Float[Tensor, "row token dim"]:
        """Output of all tokens."""
        q, k, v = self._heads(self.project(x), 3)
        return self._finish(x, _recomputed(self._attend, q, k, v, mask))

    def first(
        self, x: Float[Tensor, "row token dim"], mask: Bool[Tensor, "row 1 1 token"] | None
    ) -> tuple[Float[Tensor, "row 1 dim"], Float[Tensor, "row token"]]:
        """Output of the first token, and its attention to every token (mean over heads)."""
        width = x.shape[-1]
        head = x[:, :1]
        (q,) = self._heads(F.linear(head, self.project.weight[:width], self.project.bias[:width]), 1)
        k, v = self._heads(F.linear(x, self.project.weight[width:], self.project.bias[width:]), 2)
        weight = self._weight(q, k, mask)
        return self._finish(head, self._drop(weight) @ v), weight[:, :, 0].mean(dim=1)

    def _heads(self, projected: Tensor, parts: int) -> Tensor:
        return rearrange(projected, "row token (part head dim) -> part row head token dim", part=parts, head=self.heads)

    def _weight(self, q: Tensor, k: Tensor, mask: Tensor | None) -> Tensor:
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if mask is not None:
            scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
        return scores.softmax(dim=-1)

    def _attend(self, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> Tensor:
        if not self.training:
            return F.scaled_dot_product_attention(q, k, v, mask)
        return self._drop(self._weight(q, k, mask)) @ v

    def _finish(self, x: Tensor, taken: Tensor) -> Tensor:
        taken = rearrange(taken, "row head token dim -> row token (head dim)")
        x = self.norm(x + self._drop(self.out(taken)))
        return self.last(x + self._drop(_recomputed(self._down, self.up(x))))

    def _drop(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.training)

    def _down(self, inner: Tensor) -> Tensor:
        return self.down(F.gelu(inner))


class VisualBERT(nn.Module):
    """Embeddings of words, of visual features and of plain vectors; a stack of layers; a pooled first token."""

    def __init__(
        self,
        tokens: int = 30522,
        width: int = 768,
        visual: int = 2048,
        layers: int = 12,
        heads: int = 12,
        inner: int = 3072,
        positions: int = 512,
        types: int = 2,
        dropout: float = 0.1,
    ):
        super().__init__()
        self.word = nn.Embedding(tokens, width, padding_idx=1)  # as published: padding_idx is 1, not 0
        self.position = nn.Embedding(positions, width)
        self.kind = nn.Embedding(types, width)
        self.visual_position = nn.Embedding(positions, width)
        self.visual_kind = nn.Embedding(types, width)
        self.visual = nn.Linear(visual, width)
        self.norm = nn.LayerNorm(width, eps=1e-12)
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.ModuleList(Layer(width, heads, inner, dropout) for _ in range(layers))
        self.pool = nn.Linear(width, width)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def words(self, tokens: Int[Tensor, "row token"]) -> Float[Tensor, "row token dim"]:
        """Word embeddings with positions, normed."""
        return self.vectors(self.word(tokens))

    def vectors(self, vectors: Float[Tensor, "row token dim"]) -> Float[Tensor, "row token dim"]:
        """Embeddings of given vectors in place of word vectors, with positions, normed."""
        return self.norm(vectors + self.kind.weight[0] + self.position.weight[: vectors.shape[1]])

    def seen(self, features: Float[Tensor, "row token wide"]) -> Float[Tensor, "row token dim"]:
        """Embeddings of visual features. All have position 0, as published, so the layers do not know their order."""
        return self.norm(self.visual(features) + self.visual_kind.weight[1] + self.visual_position.weight[0])

    def forward(
        self,
        embedded: Float[Tensor, "row token dim"],
        mask: Bool[Tensor, "row token"] | None = None,
        whole: bool = False,
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row token"] | None, Float[Tensor, "row some dim"]]:
        """(pooled first token, its attention in the last layer, hidden). Tokens where `mask` is false are masked out.

        `hidden` is the first token after the last layer; with `whole` it is all tokens, and the attention is None.
        """
        if mask is not None:
            mask = mask[:, None, None, :]
        x = self.dropout(embedded)
        for layer in self.layers[:-1]:
            x = layer(x, mask)
        x, weight = (self.layers[-1](x, mask), None) if whole else self.layers[-1].first(x, mask)
        return self.pool(x[:, 0]).tanh(), weight, x


def _recomputed(function: Callable[..., Tensor], *tensors: Tensor | None) -> Tensor:
    """`function(*tensors)`, without keeping its intermediates for the backward pass."""
    return checkpoint(function, *tensors, use_reentrant=False) if torch.is_grad_enabled() else function(*tensors)


def names(prefix: str, layers: int) -> dict[str, str]:
    """Published prefix -> our prefix, except for queries, keys and values, which `fuse` stacks."""
    embeddings = {
        "word_embeddings": "word",
        "position_embeddings": "position",
        "token_type_embeddings": "kind",
        "visual_position_embeddings": "visual_position",
        "visual_token_type_embeddings": "visual_kind",
        "visual_projection": "visual",
        "LayerNorm": "norm",
    }
    inside = {
        "attention.self.project": "project",
        "attention.output.dense": "out",
        "attention.output.LayerNorm": "norm",
        "intermediate.dense": "up",
        "output.dense": "down",
        "output.LayerNorm": "last",
    }
    result = {f"{prefix}embeddings.{old}": new for old, new in embeddings.items()}
    for n in range(layers):
        result |= {f"{prefix}encoder.layer.{n}.{old}": f"layers.{n}.{new}" for old, new in inside.items()}
    return result | {f"{prefix}pooler.dense": "pool"}


def depth(state: dict[str, Tensor], prefix: str) -> int:
    """Number of layers of a published checkpoint."""
    start = f"{prefix}encoder.layer."
    return len({name.removeprefix(start).split(".")[0] for name in state if name.startswith(start)})


def fuse(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The published tensors with query, key and value of each layer stacked as `project`."""
    result = dict(state)
    for n in range(depth(state, prefix)):
        inside = f"{prefix}encoder.layer.{n}.attention.self."
        for kind in ("weight", "bias"):
            parts = [result.pop(f"{inside}{part}.{kind}", None) for part in ("query", "key", "value")]
            if all(p is not None for p in parts):
                result[f"{inside}project.{kind}"] = torch.cat(parts)  # type: ignore[arg-type]
    return result
