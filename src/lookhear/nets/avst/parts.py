"""Parts of AVST: the question LSTM, attention over seconds, and grounding of sound in the picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence


class Words(nn.Module):
    """The question as one vector, from the last state of an LSTM."""

    def __init__(self, tokens: int, width: int, least: int):
        super().__init__()
        self.least = least
        self.embed = nn.Embedding(tokens, width)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.out = nn.Linear(2 * width, width)

    def forward(self, tokens: Int[Tensor, "question word"]) -> Float[Tensor, "question dim"]:
        """Each row is read to its last word, or to token `least` if that is later, independent of the batch's
        padding."""
        place = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)
        length = ((tokens != 0) * place).amax(dim=1).clamp(min=self.least)
        tokens = F.pad(tokens, (0, max(0, self.least - tokens.shape[1])))
        steps = self.embed(tokens).tanh()
        if tokens.is_meta or bool((length == tokens.shape[1]).all()):
            _, (h, c) = self.lstm(steps)
        else:
            _, (h, c) = self.lstm(pack_padded_sequence(steps, length.cpu(), batch_first=True, enforce_sorted=False))
        return self.out(torch.cat([h[-1], c[-1]], dim=-1).tanh())


class Attend(nn.Module):
    """Attention from the question to the seconds of one stream. `keys` depends on the clip alone and is computed
    once."""

    def __init__(self, width: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.project = nn.Linear(width, 3 * width)  # query, key, value
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, width)
        self.down = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        nn.init.xavier_uniform_(self.project.weight)
        nn.init.zeros_(self.project.bias)
        nn.init.zeros_(self.out.bias)

    def keys(self, stream: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip time twice_dim"]:
        """Keys and values of every second."""
        width = self.out.in_features
        return F.linear(stream, self.project.weight[width:], self.project.bias[width:])

    def forward(
        self, query: Float[Tensor, "row dim"], keys: Float[Tensor, "row time twice_dim"]
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row dim"], Float[Tensor, "row time"]]:
        """(output, attended, weight): the vector after and before the feed-forward layers, and the weight of each
        second."""
        width = query.shape[-1]
        query = F.linear(query, self.project.weight[:width], self.project.bias[:width])
        q = rearrange(query, "row (head dim) -> row head 1 dim", head=self.heads)
        k, v = rearrange(keys, "row time (two head dim) -> two row head time dim", two=2, head=self.heads)
        weight = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1)
        z = self.out(rearrange(self.dropout(weight) @ v, "row head 1 dim -> row (head dim)"))
        inner = self.down(self.dropout(self.up(z).relu()))
        return self.norm(z + self.dropout(inner)), z, weight.squeeze(-2).mean(dim=1)


class Ground(nn.Module):
    """Audio-visual grounding: attention of the sound to patches, the grounded feature, and audio-visual matching."""

    def __init__(self, width: int, inner: Sequence[int] = ()):
        super().__init__()
        self.merge = nn.Linear(2 * width, width)
        sizes = (2 * width, *(inner or (width, width // 2, width // 4)))
        layers = [m for a, b in pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())]
        self.match = nn.Sequential(*layers, nn.Linear(sizes[-1], 2))

    def forward(
        self, heard: Float[Tensor, "row time dim"], patches: Float[Tensor, "row time patch dim"]
    ) -> tuple[Float[Tensor, "row time dim"], Float[Tensor, "row time patch"]]:
        """(seen, where): the grounded feature, and weights by cosine similarity.

        The patches are not copied for normalisation: the weights are divided by their norms instead.
        """
        length = torch.linalg.vector_norm(patches, dim=-1).clamp(min=1e-12)
        sound = F.normalize(heard, dim=-1)
        cosine = (sound.unsqueeze(-2) @ patches.transpose(-1, -2)).squeeze(
            -2
        ) / length  # 11x the speed of patches @ sound
        where = cosine.softmax(dim=-1)
        mean = torch.full_like(where, 1 / where.shape[-1])
        taken = torch.stack([mean, where / length], dim=-2) @ patches  # row time (mean, grounded) dim
        return self.merge(rearrange(taken, "row time two dim -> row time (two dim)").tanh()), where

    def pair(self, heard: Float[Tensor, "row time dim"], seen: Float[Tensor, "row time dim"]) -> Tensor:
        """Logits (row, time, 2) of the match: no, yes."""
        return self.match(torch.cat([heard, seen], dim=-1))

    def loss(
        self,
        heard: Float[Tensor, "row time dim"],
        seen: Float[Tensor, "row time dim"],
        negative: Float[Tensor, "row time patch dim"],
    ) -> tuple[Tensor, Tensor]:
        """(cross-entropy, logits (row, time, own or other, 2)): own pictures match, another clip's do not."""
        other, _ = self(heard, negative)
        logits = torch.stack([self.pair(heard, seen), self.pair(heard, other)], dim=2)
        labels = torch.tensor([1, 0], device=logits.device).expand(logits.shape[:-1])
        return F.cross_entropy(logits.flatten(0, -2), labels.flatten()), logits


def hearing(audio: int, width: int) -> nn.Sequential:
    """MLP from audio features to the width of a patch."""
    return nn.Sequential(nn.Linear(audio, width), nn.ReLU(), nn.Linear(width, width))
