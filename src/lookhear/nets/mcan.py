"""MCAN: a six-layer self-attention encoder of words, and a six-layer decoder of seconds guided by the words.

    tokens ─ LSTM ─ self-attention x 6 ────────────┬─────── weighted sum ─┐
    frames ─ [self-attention, guided by words] x 6 ┴─────── weighted sum ─ + ─ norm ─ answers

Yu et al., "Deep Modular Co-Attention Networks for Visual Question Answering", CVPR 2019: units SA and SGA (figure 2),
encoder-decoder of depth 6, weighted sums and fusion. The paper says layer norm; the code divides by the unbiased
standard deviation.

`variant="released"` equals the official network (MILVLG/mcan-vqa) tensor by tensor; `"paper"` has torch's layer norm.
Seconds replace image regions, and all-zero rows are masked as absent regions. The loss is binary cross-entropy summed
over all answers. There is no position embedding, so the net has no temporal order. With `read="words"`, word vectors of
a frozen encoder replace the embedding. With `sound`, seconds of sound are a second guided stream with its own layers;
published AVQA results use no sound, and their adaptation was never released. The evidence is the weight of each second
in the last weighted sum, and of each word in the last guided layer (mean over heads and seconds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import Attention
from lookhear.layers.recurrent import weigh
from lookhear.layers.token_table import Options, Reads, TwoStreamNet, run_lstm, sides
from lookhear.layers.translate import fitted, numbered, renamed, stacked
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config(Options):
    """Options of the net. Fields named like streams are the widths of these streams."""

    sound: bool = False
    """also read the stream `audio`"""
    embed: int = 300
    """width of the word embedding"""
    hidden: int = 512
    """hidden width"""
    layers: int = 6
    """number of layers of the encoder and of the decoder"""
    heads: int = 8
    """attention heads"""
    dropout: float = 0.1
    """dropout probability"""


class Norm(nn.Module):
    """The official code's layer norm: unbiased standard deviation, with epsilon added to it instead of to the
    variance."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.zeros(dim))

    def forward(self, x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
        """Normalised over the last axis."""
        centred = x - x.mean(dim=-1, keepdim=True)
        return self.weight * centred / (x.std(dim=-1, keepdim=True) + 1e-6) + self.bias


NORMS = {"released": Norm, "paper": nn.LayerNorm}


def attention(config: Config) -> Attention:
    """Attention whose query, key and value projections are initialised separately, in torch's default range."""
    made = Attention(config.hidden, config.heads, config.dropout)
    bound = config.hidden**-0.5
    for tensor in (made.in_proj_weight, made.in_proj_bias, made.out_proj.bias):
        nn.init.uniform_(tensor, -bound, bound)
    return made


class Layer(nn.Module):
    """SA, or SGA if `guided`: self-attention, cross-attention to the guide, feed-forward, each with post-norm."""

    def __init__(self, config: Config, guided: bool) -> None:
        super().__init__()
        dim, norm = config.hidden, NORMS[config.variant]
        self.drop = nn.Dropout(config.dropout)
        self.own, self.own_norm = attention(config), norm(dim)
        self.guide = attention(config) if guided else None
        self.guide_norm = norm(dim) if guided else None
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.ReLU(), self.drop, nn.Linear(4 * dim, dim))
        self.feed_norm = norm(dim)

    def alone(self, x: Float[Tensor, "row n dim"], padding: Bool[Tensor, "row n"] | None = None) -> Tensor:
        """The part that does not depend on the guide."""
        return self.own_norm(x + self.drop(self.own(x, x, padding)[0]))

    def join(
        self, x: Float[Tensor, "row n dim"], guide: Tensor | None = None, padding: Tensor | None = None
    ) -> tuple[Tensor, Float[Tensor, "row n guide"] | None]:
        """(the rest of the layer, from `x = alone(...)`, weights of the guide); `padding` is the mask of the guide."""
        weight = None
        if self.guide is not None and self.guide_norm is not None:
            taken, weight = self.guide(x, guide, padding)
            x = self.guide_norm(x + self.drop(taken))
        return self.feed_norm(x + self.drop(self.feed(x))), weight


class Flatten(nn.Module):
    """Attention pooling of a sequence to one vector, with weights from an MLP."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dim, 1))
        self.out = nn.Linear(dim, 2 * dim)

    def forward(self, x: Float[Tensor, "row n dim"], padding: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(vector, weights)."""
        taken, weight = weigh(self.score(x).squeeze(-1), x, padding)
        return self.out(taken), weight


class MCAN(Reads, TwoStreamNet):
    """The network; reads picture (and sound, with `sound`) and question."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, dim, self.hears = config, config.hidden, config.sound
        self.reads(config.read, config.tokens, config.embed)
        self.lstm = nn.LSTM(config.embed if config.read == "tokens" else config.words, dim, batch_first=True)
        self.think = nn.ModuleList(Layer(config, guided=False) for _ in range(config.layers))
        self.flat = Flatten(dim, config.dropout)
        streams = {"seen": config.frames} | ({"heard": config.audio} if config.sound else {})
        self.enter = nn.ModuleDict({side: nn.Linear(width, dim) for side, width in streams.items()})
        self.guided = nn.ModuleDict(
            {side: nn.ModuleList(Layer(config, guided=True) for _ in range(config.layers)) for side in streams}
        )
        self.flats = nn.ModuleDict({side: Flatten(dim, config.dropout) for side in streams})
        self.norm, self.head = NORMS[config.variant](2 * dim), nn.Linear(2 * dim, config.answers)

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """Each stream projected, after the self-attention of its first layer, and the mask of its absent rows."""
        memory = {}
        for side, x in sides(seen, heard).items():
            absent = (x == 0).all(dim=-1)
            absent &= ~absent.all(dim=1, keepdim=True)  # a clip of zeros only is not masked
            memory[f"{side}_absent"] = absent
            memory[side] = self.guided[side][0].alone(self.enter[side](x), absent)
        return memory

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """Encoder, decoder and fusion."""
        read, _ = run_lstm(self.lstm, vectors, padding)
        for layer in self.think:
            read, _ = layer.join(layer.alone(read, padding))
        total, attention, words = self.flat(read, padding)[0], {}, {}
        for side, layers in self.guided.items():
            x, absent = memory[side], memory[f"{side}_absent"]
            guided: Tensor | None = None
            for place, layer in enumerate(layers):
                x, guided = layer.join(layer.alone(x, absent) if place else x, read, padding)
            if guided is not None:
                words[side] = guided.mean(dim=1)
            taken, attention[side] = self.flats[side](x, absent)
            total = total + taken
        return Output(self.head(self.norm(total)), attention=attention, words=words)

    def losses(self, output: Output, labels: Tensor) -> dict[str, Tensor]:
        """Binary cross-entropy summed over questions and answers. Labels are class indices, or a score for each
        answer."""
        shares = labels if labels.is_floating_point() else F.one_hot(labels, output.logits.shape[1])
        loss = F.binary_cross_entropy_with_logits(output.logits, shares.to(output.logits.dtype), reduction="sum")
        return {"answer": loss}


def build(config: Config) -> MCAN:
    """Build the net with random weights."""
    if config.variant not in NORMS:
        raise RecipeError(f"mcan has no variant {config.variant!r}. There are: {', '.join(NORMS)}.")
    return MCAN(config)


RULES = [
    (r"embedding\.weight", r"table.weight"),
    (r"lstm\.(.*)", r"lstm.\1"),
    (r"img_feat_linear\.(.*)", r"enter.seen.\1"),
    (r"backbone\.enc_list\.(.*)", r"think.\1"),
    (r"backbone\.dec_list\.(.*)", r"guided.seen.\1"),
    (r"attflat_lang\.(.*)", r"flat.\1"),
    (r"attflat_img\.(.*)", r"flats.seen.\1"),
    (r"proj_norm\.(.*)", r"norm.\1"),
    (r"proj\.(.*)", r"head.\1"),
]
PARTS = {
    ".a_2": ".weight",
    ".b_2": ".bias",
    ".mhatt2.": ".guide.",
    ".mhatt1.": ".own.",
    ".mhatt.": ".own.",
    ".norm1.": ".own_norm.",
    ".norm3.": ".feed_norm.",
    "ffn.mlp.fc.linear": "feed.0",
    "ffn.mlp.linear": "feed.3",
    "mlp.fc.linear": "score.0",
    "mlp.linear": "score.3",
}


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors to our parameter names."""
    state, result = stacked(state, ("linear_q", "linear_k", "linear_v"), "in_proj_weight", "in_proj_bias"), {}
    for name, tensor in renamed(state, RULES).items():
        for old, new in PARTS.items():
            name = name.replace(old, new)
        name = name.replace(".norm2.", ".guide_norm." if name.startswith("guided") else ".feed_norm.")
        result[name.replace("linear_merge", "out" if name.startswith("flat") else "out_proj")] = tensor
    return result


def from_official(state_dict: Mapping[str, Tensor]) -> MCAN:
    """The released network from a published checkpoint."""
    state = checkpoints.without_prefixes(state_dict)
    config = Config(
        answers=checkpoints.size(state, "proj.weight"),
        frames=checkpoints.size(state, "img_feat_linear.weight", 1),
        tokens=checkpoints.size(state, "embedding.weight"),
        embed=checkpoints.size(state, "embedding.weight", 1),
        hidden=checkpoints.size(state, "img_feat_linear.weight"),
        layers=numbered(state, r"backbone\.enc_list\.(\d+)\."),
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
