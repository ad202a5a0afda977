"""Parts shared by the older baselines: recurrent question encoder, attention pooling, sinusoidal positions."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from lookhear.layers.attention import masked, trim_padding


def real_words(
    words: Float[Tensor, "row word dim"],
) -> tuple[Float[Tensor, "row longest dim"], Bool[Tensor, "row longest"]]:
    """(words cut to the longest text, padding mask); all-zero word vectors are padding."""
    words, padding_mask = trim_padding(words)
    if padding_mask is None:
        padding_mask = torch.zeros(words.shape[:2], dtype=torch.bool, device=words.device)
    return words, padding_mask


class Reader(nn.Module):
    """A recurrent question encoder that stops at the last word of each question, independent of batch padding.

    Word vectors are first projected to `embed`, which replaces a learned word embedding.
    """

    def __init__(
        self, words: int, embed: int, hidden: int, layers: int = 1, both_ways: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(words, embed)
        self.drop = nn.Dropout(dropout)
        between = dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(embed, hidden, layers, batch_first=True, bidirectional=both_ways, dropout=between)

    def forward(
        self, words: Float[Tensor, "row word wide"], padding_mask: Bool[Tensor, "row word"]
    ) -> tuple[Float[Tensor, "row word dim"], tuple[Tensor, Tensor]]:
        """(the state after each word, zero at padding; the last (h, c), each (layer and direction, row, dim))."""
        return self.run(self.drop(self.embed(words).tanh()), padding_mask)

    def run(
        self, steps: Float[Tensor, "row word embed"], padding_mask: Bool[Tensor, "row word"]
    ) -> tuple[Float[Tensor, "row word dim"], tuple[Tensor, Tensor]]:
        """The same as `forward`, for words that are already projected."""
        if not padding_mask.any():
            return self.lstm(steps)
        place = torch.arange(1, steps.shape[1] + 1, device=steps.device)
        length = (~padding_mask * place).amax(dim=1)
        packed, last = self.lstm(pack_padded_sequence(steps, length.cpu(), batch_first=True, enforce_sorted=False))
        return pad_packed_sequence(packed, batch_first=True, total_length=steps.shape[1])[0], last


def weigh(
    scores: Float[Tensor, "row n"],
    values: Float[Tensor, "row n dim"],
    padding_mask: Bool[Tensor, "row n"] | None = None,
) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row n"]]:
    """(sum of values by softmax of scores, the weights)."""
    weight = masked(scores, padding_mask).softmax(dim=-1)
    return torch.einsum("rn,rnd->rd", weight, values), weight


def positions(length: int, dim: int, like: Tensor) -> Float[Tensor, "length dim"]:
    """Sinusoidal position embeddings."""
    place = torch.arange(length, device=like.device)[:, None]
    rate = 10000.0 ** (-torch.arange(0, dim, 2, device=like.device) / dim)
    waves = torch.stack([(place * rate).sin(), (place * rate).cos()], dim=-1)
    return waves.flatten(1)[:, :dim].to(like.dtype)
