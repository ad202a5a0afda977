"""CONVLSTM: FCNLSTM with an LSTM over the convolutional features, so that the order of sounds matters.

    audio ─ [conv, conv, halve] x 5 ─ LSTM ─ last state ─┐
    tokens ─ LSTM ─ last state ──────────────────────────┴─ 1024 ─ answers

Fayek and Johnson, "Temporal Reasoning via Audio Question Answering", IEEE TASLP 2020. It reads no picture.

The variants are those of `fcnlstm`: `released` equals the official network on a log-mel spectrogram, `avqa` is
our adaptation to one vector per second. All clips of a batch have the same length, so the last step is the clip's last
(the official code also takes the last step of the padded batch).
"""

from __future__ import annotations

from collections.abc import Mapping

from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.layers.translate import fitted, renamed
from lookhear.nets import fcnlstm
from lookhear.nets.fcnlstm import Config, LSTMBaseline, blocks_of
from lookhear.types import Memory


class ConvLSTM(LSTMBaseline):
    """The network; reads sound in temporal order, and the question."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, config.size("hidden"))
        self.hear = blocks_of(config)
        bins = 1 if config.variant == "avqa" else config.audio // 2 ** config.size("blocks")
        self.follow = nn.LSTM(self.hear.outputs * bins, config.size("hidden"), batch_first=True)

    def watch(self, audio: Float[Tensor, "clip time dim"]) -> Memory:
        """One vector per clip: the state after its last row."""
        heard = self.hear(audio)
        heard = heard[..., None] if heard.dim() == 3 else heard
        steps = rearrange(heard, "clip channel time bin -> clip time (channel bin)")
        return {"heard": self.follow(steps)[0][:, -1]}


def build(config: Config) -> ConvLSTM:
    """Build the net with random weights."""
    return ConvLSTM(config)


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors to our parameter names."""
    return renamed(state, [*fcnlstm.RULES, (r"lstm_a\.(.*)", r"follow.\1")])


def from_official(state_dict: Mapping[str, Tensor]) -> ConvLSTM:
    """The released network from a published checkpoint."""
    state = checkpoints.without_prefixes(state_dict)
    sizes = fcnlstm.sizes(state)
    channels = sizes["filters"] * 2 ** (sizes["blocks"] - 1)
    bins = checkpoints.size(state, "lstm_a.weight_ih_l0", 1) // channels
    config = Config(**sizes, audio=bins * 2 ** sizes["blocks"])
    return fitted(build(config), translated(state))  # type: ignore[return-value]
