"""AVMoE: the backbones of DG-SCT with adapters that mix cross-modal and single-modal experts by a router.

    pixels ── Swin-V2 ──┐ 12 places: adapters beside both halves of the picture's block, beside and behind the
    waveform ─ HTS-AT ──┴ sound's; each is softmax(router) over 1 cross-modal and 2 single-modal experts ─ AVST's head

Cheng et al., "Mixtures of Experts for Audio-Visual Learning", NeurIPS 2024.

    released  equals yingchengy/AVMOE, AVQA, tensor by tensor. Single-modal experts have no non-linearity; all experts
              always run; the frozen towers change in training as those of `dg_sct` do.
    paper     the towers stay in evaluation mode; latent tokens start at random in both variants, as released

`mixes` enables the released option of self-attention in single-modal experts. It attends over the frames of a batch at
each position, so an answer depends on the other samples of the batch. Inputs and weights are the same as for `dg_sct`;
the sound vector is the mean of its tokens. The published script trains 50 answers and tests 42; here the vocabulary
determines the number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.layers.htsat import Sound
from lookhear.layers.translate import fitted
from lookhear.nets import dg_sct
from lookhear.nets.avmoe.adapter import Adapter
from lookhear.nets.avst.towers import count, translated
from lookhear.nets.lavish.adapter import Options


@dataclass(frozen=True)
class Config(dg_sct.Config):
    """Sizes; the defaults are the published ones."""

    crosses: int = 1
    """number of cross-modal experts"""
    singles: int = 2
    """number of single-modal experts"""
    mixes: bool = False
    """self-attention over the batch in single-modal experts"""


class AVMoE(dg_sct.TwoTowers):
    """Adapters with weighted experts; sound is the mean of its tokens."""

    config: Config

    def adapter(self, dim: int, tokens: int, other: int, other_tokens: int, options: Options) -> nn.Module:
        """One adapter of a stream with `tokens` tokens of width `dim`; its latent tokens start at random, as
        released."""
        experts = (self.config.crosses, self.config.singles, self.config.mixes)
        return Adapter(dim, tokens, other, other_tokens, replace(options, random=True), *experts)

    def pooled(self, sound: Tensor, more: Tensor) -> Float[Tensor, "row dim"]:
        """The mean of the tokens."""
        return sound.mean(dim=1)


def build(config: Config) -> AVMoE:
    """Build the net; its backbones are loaded or randomly initialised."""
    dg_sct.check(config, "avmoe")
    return AVMoE(config)


def from_official(
    state_dict: Mapping[str, Tensor], image: int = 192, sound: Sound | None = None, repeat: int = 10
) -> AVMoE:
    """The released network from a published checkpoint, as for `dg_sct`. Unused layers are left out."""
    state = dg_sct.with_filters(checkpoints.without_prefixes(state_dict), sound)
    block = "audio_adapter_blocks_p1.0."
    config = Config(
        **dg_sct.config_of(state, image, sound, repeat),
        crosses=count(state, f"{block}multimodal_experts."),
        singles=count(state, f"{block}singlemodal_experts."),
        mixes=f"{block}singlemodal_experts.0.self_attention.in_proj_weight" in state,
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
