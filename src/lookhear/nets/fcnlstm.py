"""FCNLSTM: convolutions with a mean over time for sound, an LSTM for the question, concatenated into an MLP.

    audio ─ [conv, conv, halve] x 5 ─ conv 1 ─ mean over time ─┐
    tokens ─ LSTM ─ last state ────────────────────────────────┴─ 1024 ─ answers

Fayek and Johnson, "Temporal Reasoning via Audio Question Answering", IEEE TASLP 2020. It reads no picture.

`variant="released"` equals the official network (facebookresearch/daqa) tensor by tensor. It reads a log-mel
spectrogram of 100 rows per second and 64 bins as a one-channel image, with a first kernel of 12 x 3 and stride 9.
Its pooling needs at least 289 rows, so it cannot run at one vector per second. Batch norm mixes a training batch.
`variant="avqa"` is our adaptation to one vector per second. Features of a vector have no neighbourhood, so convolutions
run over time only, in 3 blocks with group norm within each clip; a ReLU follows the last map. With `read="words"`, word
vectors of a frozen encoder replace the embedding table (in the adaptation, behind a tanh layer). Papers that report
these nets do not say what their inputs were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import FeatureError, RecipeError
from lookhear.layers.token_table import Reads, run_lstm
from lookhear.layers.translate import fitted, numbered, renamed
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. Fields named like streams are the widths of these streams. 0 means the variant's default size."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 64
    """width of the stream `audio`"""
    read: str = "tokens"
    """tokens: ids through a trained embedding; words: word vectors"""
    tokens: int = 20000
    """size of the token vocabulary; id 0 is padding"""
    words: int = 512
    """width of the stream `words`"""
    filters: int = 0
    """channels of the first block: 16 (avqa: 64); doubled in each block (avqa: up to 512)"""
    blocks: int = 0
    """convolutional blocks: 5 (avqa: 3)"""
    sound: int = 0
    """width of the clip's vector: 256 (avqa: `hidden`)"""
    embed: int = 256
    """width of the word embedding"""
    hidden: int = 0
    """width of the question's LSTM: 128 (avqa: 512)"""
    joint: int = 1024
    """width of the joint layer"""

    def size(self, name: str) -> int:
        """The value of a size, with 0 replaced by its default."""
        sizes = {"filters": (16, 64), "blocks": (5, 3), "hidden": (128, 512), "sound": (256, 0)}
        meant = getattr(self, name) or sizes[name][self.variant == "avqa"]
        return meant or self.size("hidden")


class Picture(nn.Sequential):
    """The published blocks over (clip, 1, row, bin): twice [conv, batch norm, ReLU], then pooling by 2."""

    def __init__(self, filters: int, blocks: int) -> None:
        layers: list[nn.Module] = []
        inputs = 1
        for block in range(blocks):
            outputs = filters * 2**block
            for width in (inputs, outputs):
                kernel, stride = ((12, 3), (9, 1)) if not layers else (3, 1)
                layers += [nn.Conv2d(width, outputs, kernel, stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            layers.append(nn.MaxPool2d(2))
            inputs = outputs
        super().__init__(*layers)
        self.outputs, self.least = inputs, 9 * 2**blocks + 1

    def forward(self, x: Float[Tensor, "clip row bin"]) -> Float[Tensor, "clip channel row2 bin2"]:
        """Raises FeatureError for a spectrogram that is too short."""
        if x.shape[1] < self.least:
            raise FeatureError(
                f"fcnlstm and convlstm as released read at least {self.least} rows of audio, got {x.shape[1]}. "
                "Give a spectrogram of 100 rows a second, or set net.variant=avqa for one vector a second."
            )
        return super().forward(x[:, None])


class Row(nn.Sequential):
    """The adaptation's blocks over time, (clip, time, dim) in, (clip, channel, time) out; each halves time,
    rounding up."""

    def __init__(self, inputs: int, filters: int, blocks: int) -> None:
        layers: list[nn.Module] = []
        for block in range(blocks):
            outputs = min(filters * 2**block, 512)
            for width in (inputs, outputs):
                layers += [nn.Conv1d(width, outputs, 3, padding=1), nn.GroupNorm(1, outputs), nn.ReLU()]
            layers.append(nn.MaxPool1d(2, ceil_mode=True))
            inputs = outputs
        super().__init__(*layers)
        self.outputs = inputs

    def forward(self, x: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip channel halved"]:
        """Convolved; time is halved once per block."""
        return super().forward(rearrange(x, "clip time dim -> clip dim time"))


class LSTMBaseline(Reads):
    """Base class of FCNLSTM and CONVLSTM: question LSTM and clip vector, concatenated into an MLP."""

    def __init__(self, config: Config, sound: int) -> None:
        super().__init__()
        self.config, hidden, adapted = config, config.size("hidden"), config.variant == "avqa"
        self.reads(config.read, config.tokens, config.embed)
        squash = adapted and config.read == "words"
        self.embed = nn.Sequential(nn.Linear(config.words, config.embed), nn.Tanh()) if squash else nn.Identity()
        width = config.words if config.read == "words" and not squash else config.embed
        self.lstm = nn.LSTM(width, hidden, batch_first=True)
        self.head = nn.Sequential(
            *(nn.Linear(sound + hidden, config.joint), nn.ReLU(), nn.Linear(config.joint, config.answers))
        )

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """Answer logits."""
        _, (h, _) = run_lstm(self.lstm, self.embed(vectors), padding)
        return Output(self.head(torch.cat([memory["heard"], h[-1]], dim=-1)))


def blocks_of(config: Config) -> Picture | Row:
    """The convolutions of a variant. Raises RecipeError for an unknown variant."""
    sizes = config.size("filters"), config.size("blocks")
    if config.variant not in ("released", "avqa"):
        raise RecipeError(f"There is no variant {config.variant!r} of this network. There are: released, avqa.")
    return Row(config.audio, *sizes) if config.variant == "avqa" else Picture(*sizes)


class FCNLSTM(LSTMBaseline):
    """The network; reads sound and question."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.size("sound"))
        self.hear = blocks_of(config)
        conv = nn.Conv1d if config.variant == "avqa" else nn.Conv2d
        last = nn.ReLU() if config.variant == "avqa" else nn.Identity()
        self.out = nn.Sequential(conv(self.hear.outputs, config.size("sound"), 1), last)

    def watch(self, audio: Float[Tensor, "clip time dim"]) -> Memory:
        """One vector per clip."""
        return {"heard": self.out(self.hear(audio)).flatten(2).mean(dim=-1)}


def build(config: Config) -> FCNLSTM:
    """Build the net with random weights."""
    return FCNLSTM(config)


RULES = [
    (r"embeddings\.weight", r"table.weight"),
    (r"lstm_q\.(.*)", r"lstm.\1"),
    (r"conv\.(.*)", r"hear.\1"),
    (r"conv1\.(.*)", r"out.0.\1"),
    (r"output\.(.*)", r"head.\1"),
]


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors to our parameter names."""
    return renamed(state, RULES)


def sizes(state: Mapping[str, Tensor]) -> dict[str, int]:
    """The sizes that can be inferred from checkpoints of both networks."""
    blocks = numbered({k: v for k, v in state.items() if v.dim() == 4}, r"conv\.(\d+)\.weight") // 2
    return {
        "answers": checkpoints.size(state, "output.2.weight"),
        "tokens": checkpoints.size(state, "embeddings.weight"),
        "embed": checkpoints.size(state, "embeddings.weight", 1),
        "hidden": checkpoints.size(state, "lstm_q.weight_hh_l0", 1),
        "filters": checkpoints.size(state, "conv.0.weight"),
        "joint": checkpoints.size(state, "output.0.weight"),
        "blocks": blocks,
    }


def from_official(state_dict: Mapping[str, Tensor]) -> FCNLSTM:
    """The released network from a published checkpoint. The number of bins is not fixed by it: any number runs."""
    state = checkpoints.without_prefixes(state_dict)
    config = Config(**sizes(state), sound=checkpoints.size(state, "conv1.weight"))
    return fitted(build(config), translated(state))  # type: ignore[return-value]
