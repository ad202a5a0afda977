"""Parts of the pooled baselines: an answer head, temporal pooling, and question-guided attention over time."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def head(inputs: int, hidden: int, answers: int, dropout: float) -> nn.Sequential:
    """MLP with two hidden layers and answer logits."""
    return nn.Sequential(
        *(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(dropout)),
        *(nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(dropout)),
        nn.Linear(hidden, answers),
    )


def summary(stream: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip twice_dim"]:
    """Mean and maximum over time, concatenated."""
    return torch.cat([stream.mean(dim=1), stream.amax(dim=1)], dim=-1)


class QuestionPooling(nn.Module):
    """Single-head attention of the question over seconds."""

    def __init__(self, stream: int, question: int, hidden: int):
        super().__init__()
        self.key = nn.Linear(stream, hidden)
        self.query = nn.Linear(question, hidden)

    def forward(
        self, stream: Float[Tensor, "row time dim"], question: Float[Tensor, "row wide"]
    ) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row time"]]:
        """(attended vector, weight of each second, summing to 1)."""
        scores = torch.einsum("rtd,rd->rt", self.key(stream), self.query(question))
        weight = (scores / self.key.out_features**0.5).softmax(dim=-1)
        return torch.einsum("rt,rtd->rd", weight, stream), weight
