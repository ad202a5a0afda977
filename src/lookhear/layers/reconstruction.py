"""Reconstruction of a missing stream from the other stream and the question: stage I of TM-AVQA.

    sound there:    learned picture memory ─ clues at 4 time scales ─ read words and sound ─ recalled into the memory ┐
    picture there:  learned sound memory ─ clues ─ read words and picture ─ recalled ─────────────────────────────────┤
                                     self-attention over [picture; sound; words] ─ the part of the missing stream ────┘

Parameters have the names of the published checkpoint; a unit is named after the stream that is present. Clips have ten
seconds, pictures 7 x 7 cells. As released, cells and channels of a picture are reordered without a transpose before the
convolutions, and second t of a reconstructed sound sums rows 50 t to 50 t + 49 of pictures and sound together.
"""

from __future__ import annotations

import torch
from einops import rearrange, reduce
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.attention import Attention, drop

SECONDS, SIDE, SCALES = 10, 7, ((1, 1), (3, 1), (3, 2), (3, 4))  # (kernel, stride) of the clues
CELLS = SIDE * SIDE


class Han(nn.Module):
    """LN(x + attention(x; y) + attention(x; x)), then a feed-forward layer with residual and norm; one head."""

    def __init__(self, dim: int, inner: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = dropout
        self.self_attn, self.cm_attn = Attention(dim, 1, dropout), Attention(dim, 1, dropout)
        self.linear1, self.linear2 = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(self, x: Float[Tensor, "row n dim"], y: Tensor | None = None) -> Float[Tensor, "row n dim"]:
        """Same shape; without `y`, self-attention only."""
        cross = self.drop(self.cm_attn(x, y)[0]) if y is not None else 0.0
        z = self.norm1(x + cross + self.drop(self.self_attn(x, x)[0]))
        return self.norm2(z + self.drop(self.linear2(self.drop(self.linear1(z).relu()))))

    def drop(self, x: Tensor) -> Tensor:
        """Dropout."""
        return drop(x, self.dropout, self.training)


class Compress(nn.Module):
    """One vector per picture; its elements are reinterpreted as (channel, row, column) without a transpose, as
    released."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        convs = [nn.Conv2d(dim, dim, 3, 2, padding=1) for _ in range(2)]
        self.compression = nn.Sequential(convs[0], nn.ReLU(), convs[1], nn.ReLU())

    def forward(self, picture: Float[Tensor, "row time height width dim"]) -> Float[Tensor, "row time dim"]:
        """(row, time, dim)."""
        flat = picture.reshape(-1, picture.shape[-1], *picture.shape[2:4])
        return self.compression(flat).mean(dim=(2, 3)).unflatten(0, picture.shape[:2])


class Scales(nn.Module):
    """Clues at several temporal scales."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.conv_layers = nn.ModuleList(
            nn.Sequential(nn.Conv1d(dim, dim, kernel, stride), nn.ReLU()) for kernel, stride in SCALES
        )

    def forward(
        self, x: Float[Tensor, "row time dim"], gates: Float[Tensor, " scale"]
    ) -> Float[Tensor, "row clue dim"]:
        """The clues of all scales, each multiplied by its gate, concatenated."""
        steps = x.transpose(1, 2)
        clues = [gate * conv(steps) for gate, conv in zip(gates, self.conv_layers, strict=True)]
        return torch.cat(clues, dim=2).transpose(1, 2)


class ClueAttention(nn.Module):
    """Cross-attention of clues to the words and to the other stream; the words' weight is learned and starts at 0."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.han_layer01, self.han_layer02 = Han(dim, inner), Han(dim, inner)
        self.gate_weights = nn.Parameter(torch.zeros(1))

    def forward(self, clues: Tensor, words: Tensor, other: Tensor) -> Tensor:
        """Same shape as the clues."""
        by_words, by_other = self.han_layer01(clues, words), self.han_layer02(clues, other)
        return self.gate_weights * by_words + (1 - self.gate_weights) * by_other


class Unit(nn.Module):
    """Modules of one direction."""

    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.spatial_compress, self.temporal_scale, self.dual_reco = (
            Compress(dim),
            Scales(dim),
            ClueAttention(dim, inner),
        )
        self.block, self.recall = Han(dim, inner), Han(dim, inner)
        self.gate_weights, self.gate_weights_audio = (nn.Parameter(torch.zeros(len(SCALES))) for _ in range(2))


class Reconstruction(nn.Module):
    """Stage I: `picture` from sound and question, `sound` from picture and question."""

    def __init__(self, audio: int, dim: int, tokens: int, inner: int = 2048) -> None:
        super().__init__()
        self.modality_param = nn.ParameterDict(
            {
                "audio": nn.Parameter(torch.zeros(1, SECONDS, SIDE, SIDE, dim)),
                "visual": nn.Parameter(torch.zeros(1, SECONDS, dim)),
            }
        )
        self.question_encoder = nn.ModuleDict(
            {"word2vec": nn.Embedding(tokens, dim), "lstm": nn.LSTM(dim, dim, batch_first=True)}
        )
        self.fc_audio = nn.Linear(audio, dim)
        self.memory_unity = nn.ModuleDict({side: Unit(dim, inner) for side in ("audio", "visual")})
        self.out_block = Han(dim, inner, 0.1)
        self.rec_audio = nn.Sequential(nn.Linear(dim, audio))

    def words(self, tokens: Int[Tensor, "row word"]) -> Float[Tensor, "row word dim"]:
        """The LSTM state after each word; padding is read too."""
        return self.question_encoder["lstm"](self.question_encoder["word2vec"](tokens).tanh())[0]

    def picture(self, audio: Float[Tensor, "row 10 wide"], words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(picture (row, 10, 7, 7, dim), mean of its rows, mean of the sound's rows)."""
        unit, memory = self.memory_unity["audio"], self.modality_param["audio"]
        a = self.fc_audio(audio)
        clues = unit.temporal_scale(unit.spatial_compress(memory), unit.gate_weights.softmax(dim=0))
        clues = unit.block(unit.dual_reco(clues.expand(len(a), -1, -1), words, a))
        found = unit.recall(memory.flatten(1, 3).expand(len(a), -1, -1), clues)
        x = self.out_block(torch.cat([found, a, words], dim=1))[:, : SECONDS * CELLS]
        return x.unflatten(1, (SECONDS, SIDE, SIDE)), x.mean(dim=1), a.mean(dim=1)

    def sound(self, picture: Float[Tensor, "row 10 7 7 dim"], words: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(sound (row, 10, wide), mean of the rows it is made of, mean of the picture's rows)."""
        unit, memory = self.memory_unity["visual"], self.modality_param["visual"]
        rows = picture.flatten(1, 3)
        clues = unit.temporal_scale(memory, unit.gate_weights_audio).expand(len(rows), -1, -1)
        clues = unit.block(unit.dual_reco(clues, words, unit.spatial_compress(picture)))
        found = unit.recall(memory.expand(len(rows), -1, -1), clues)
        x = self.out_block(torch.cat([rows, found, words], dim=1))[:, : SECONDS * (CELLS + 1)]
        made = self.rec_audio(reduce(x, "row (time n) dim -> row time dim", "sum", time=SECONDS))
        return made, x.mean(dim=1), rows.mean(dim=1)


def smaller(maps: Float[Tensor, "row time side side2 dim"]) -> Float[Tensor, "row time 7 7 dim"]:
    """Feature maps of 14 x 14 averaged to 7 x 7."""
    return reduce(maps, "row time (a p) (b q) dim -> row time a b dim", "mean", a=SIDE, b=SIDE)


def borrowed(
    target: Float[Tensor, "row ..."], kept: Float[Tensor, "row dim"], complete: Bool[Tensor, " row"], count: int
) -> Float[Tensor, "row ..."]:
    """Targets for rows that lack the stream: the mean over the `count` rows with the most similar kept stream.

    As released, a pair counts if either of its rows is complete, so a neighbour may lack the stream as well.
    """
    unit = F.normalize(kept, dim=-1)
    near = (1 + unit @ unit.T) * (complete[:, None] | complete[None])
    near = near.masked_fill(torch.eye(len(near), dtype=torch.bool, device=near.device), 0.0)
    picked = target[near.topk(min(count, len(near)), dim=1).indices].mean(dim=1)
    return torch.where(complete.view(-1, *[1] * (target.dim() - 1)), target, picked)


def info_nce(x: Float[Tensor, "row dim"], y: Float[Tensor, "row dim"], temperature: float = 0.2) -> Float[Tensor, ""]:
    """Symmetric InfoNCE loss over the batch."""
    scores = F.normalize(x, dim=-1) @ F.normalize(y, dim=-1).T / temperature
    right = torch.arange(len(scores), device=scores.device)
    return (F.cross_entropy(scores, right) + F.cross_entropy(scores.T, right)) / 2


def picture_error(made: Tensor, target: Tensor, released: bool) -> Float[Tensor, ""]:
    """Mean squared error; as released, the target's cells and channels are in a different order than the output's."""
    if released:
        target = rearrange(target, "row time height width dim -> row time (width dim height)")
    return F.mse_loss(made.flatten(1), target.flatten(1))
