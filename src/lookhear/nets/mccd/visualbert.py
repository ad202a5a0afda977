"""VisualBERT: BERT over words and vectors of what is seen, read out at the first token.

Li et al., "VisualBERT", 2019; the same mathematics as transformers' VisualBertModel, arranged for speed and memory:

- the last layer computes the first token only, since nothing else is read (`whole=True` computes all);
- between forward and backward only queries, keys, values and the inner layer before its GELU are kept; weights of
  attention and the GELU itself are made again (no large product is: recomputation stops when it has what it needs),
  which costs a few per cent of a step and saves two thirds of its memory.
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
    """Self-attention and a small network, each added and normed."""

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
        """All tokens."""
        q, k, v = self._heads(self.project(x), 3)
        return self._finish(x, _lean(self._attend, q, k, v, mask))

    def first(
        self, x: Float[Tensor, "row token dim"], mask: Bool[Tensor, "row 1 1 token"] | None
    ) -> tuple[Float[Tensor, "row 1 dim"], Float[Tensor, "row token"]]:
        """The first token, and its weight of attention on every token (mean over heads)."""
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
        return self.last(x + self._drop(_lean(self._down, self.up(x))))

    def _drop(self, x: Tensor) -> Tensor:
        return drop(x, self.dropout, self.training)

    def _down(self, inner: Tensor) -> Tensor:
        return self.down(F.gelu(inner))


class VisualBERT(nn.Module):
    """Embeddings of words, of what is seen and of plain vectors; a stack of layers; a pooled first token."""

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
        self.word = nn.Embedding(tokens, width, padding_idx=1)  # as published: row 1, not 0, is the one never trained
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
        """Embedded and normed words, in their order."""
        return self.vectors(self.word(tokens))

    def vectors(self, vectors: Float[Tensor, "row token dim"]) -> Float[Tensor, "row token dim"]:
        """Vectors in the place of words, in their order."""
        return self.norm(vectors + self.kind.weight[0] + self.position.weight[: vectors.shape[1]])

    def seen(self, features: Float[Tensor, "row token wide"]) -> Float[Tensor, "row token dim"]:
        """What is seen. Every vector has position 0, as published: its order is not known to the layers."""
        return self.norm(self.visual(features) + self.visual_kind.weight[1] + self.visual_position.weight[0])

    def forward(
        self,
        embedded: Float[Tensor, "row token dim"],
        mask: Bool[Tensor, "row token"] | None = None,
        whole: bool = False,
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row token"] | None, Float[Tensor, "row some dim"]]:
        """(pooled first token, its attention in the last layer, hidden). Tokens where `mask` is false are not read.

        `hidden` is the first token after the last layer; with `whole`, all tokens, and no attention.
        """
        if mask is not None:
            mask = mask[:, None, None, :]
        x = self.dropout(embedded)
        for layer in self.layers[:-1]:
            x = layer(x, mask)
        x, weight = (self.layers[-1](x, mask), None) if whole else self.layers[-1].first(x, mask)
        return self.pool(x[:, 0]).tanh(), weight, x


def _lean(function: Callable[..., Tensor], *tensors: Tensor | None) -> Tensor:
    """The same result; in training, nothing of the inside is kept for the backward pass."""
    return checkpoint(function, *tensors, use_reentrant=False) if torch.is_grad_enabled() else function(*tensors)


def names(prefix: str, layers: int) -> dict[str, str]:
    """Published prefix -> ours, except queries, keys and values, which `fuse` puts into one."""
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
    """How many layers a published checkpoint has."""
    start = f"{prefix}encoder.layer."
    return len({name.removeprefix(start).split(".")[0] for name in state if name.startswith(start)})


def fuse(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The published tensors with query, key and value of each layer side by side as `project`."""
    result = dict(state)
    for n in range(depth(state, prefix)):
        inside = f"{prefix}encoder.layer.{n}.attention.self."
        for kind in ("weight", "bias"):
            parts = [result.pop(f"{inside}{part}.{kind}", None) for part in ("query", "key", "value")]
            if all(p is not None for p in parts):
                result[f"{inside}project.{kind}"] = torch.cat(parts)  # type: ignore[arg-type]
    return result
