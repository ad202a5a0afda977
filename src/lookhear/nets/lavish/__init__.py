"""LAVISH: one frozen Swin-V2 for pictures and spectrograms, with cross-modal adapters in every block.

    pixels ──────┐ Swin-V2, 24 blocks, the same weights for both; beside attention and beside feed-forward
    spectrogram ─┴ adapters both ways ─ 36 tokens a second, one vector of sound a second ─ AVST's head ─ answers

Lin et al., "Vision Transformers are Parameter-Efficient Audio-Visual Learners", CVPR 2023; its AVQA network.

    released  equals GenjiB/LAVISH, AVQA, tensor by tensor. Latent tokens start at 0 and stay equal to each other, so
              they carry a single vector, whatever their number. The frozen tower keeps stochastic depth in training.
    paper     latent tokens start at random; the frozen tower stays in evaluation mode

Sizes are those of the README's command (64 tokens, 1/8, gates on both streams, trained norms in the tower); train.sh
has 32, 1/16, no gate in sound and frozen norms. Only the head reads the question: `watch` runs the whole tower once per
clip. The negative pictures of the match are needed in training only. Inputs: `pixels` (time, 3, 192, 192), bytes or
normalised; `spectrogram` (time, 192, 192), as made by `lavish_mel`. Both streams are stacked into one batch, as they
share weights. `swin` names the tower's weights: a timm file or a Hugging Face folder; then only trained parameters are
saved. Rows of evidence are the rows of the inputs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.swin import Block, Sizes, SwinV2
from lookhear.layers.translate import fitted
from lookhear.nets.avst.towers import Head, count, frozen_in_training, learns_norms, normalised, translated
from lookhear.nets.lavish.adapter import Adapter, Options
from lookhear.types import Memory


@dataclass(frozen=True)
class Config:
    """Sizes; the defaults are the published ones."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    tokens: int = 93
    """size of the token vocabulary; id 0 is padding"""
    words: int = 14
    """tokens that the question encoder reads at least, padding included"""
    hidden: int = 512
    """hidden width"""
    swin: str = ""
    """weights of the backbone; empty means random ones, which are then saved with the net"""
    tower: Sizes = field(default_factory=Sizes)
    """sizes of the Swin-V2 backbone"""
    latent: int = 64
    """latent tokens"""
    down: int = 8
    """reduction factor of the bottleneck"""
    groups: int = 4
    """groups of the bottleneck's 1 x 1 convolutions"""
    gate: bool = True
    """gate in the audio adapters; visual adapters always have one"""
    norms: bool = True
    """train the norms of the backbone"""
    batch_norm: bool = False
    """batch norm in the bottleneck"""
    match: float = 0.5
    """weight of the matching loss"""
    checkpointing: bool = False
    """activation checkpointing inside blocks"""


class LAVISH(Head):
    """The network; reads pictures, sound and question."""

    def __init__(self, config: Config) -> None:
        width, last = config.hidden, config.tower.stages()[-1][1]
        super().__init__(width, width, config.answers, config.tokens, config.words, config.match)
        self.config, self.checkpointing = config, config.checkpointing
        self.hear = nn.Sequential(nn.Identity(), nn.ReLU(), nn.Linear(width, width))  # the first map is never used
        self.swin = SwinV2(config.tower)
        self.yb_fc_v, self.yb_fc_a = nn.Linear(last, width), nn.Linear(last, width)
        dims = [
            dim
            for (_, dim), depth in zip(config.tower.stages(), config.tower.depths, strict=True)
            for _ in range(depth)
        ]
        options = {"tokens": config.latent, "down": config.down, "groups": config.groups}
        options |= {"batch_norm": config.batch_norm, "random": config.variant == "paper"}
        for stream, gate in (("audio", config.gate), ("vis", True)):
            for half in ("p1", "p2"):
                made = nn.ModuleList(Adapter(dim, Options(gate=gate, **options)) for dim in dims)
                setattr(self, f"{stream}_adapter_blocks_{half}", made)
        self.frozen("swin", config.swin, learns_norms if config.norms else lambda _: False)

    def train(self, mode: bool = True) -> LAVISH:
        """As in torch, but the backbone of variant `paper` stays in evaluation mode."""
        super().train(mode)
        if self.config.variant == "paper":
            frozen_in_training(self, ("swin",))
        return self

    def watch(
        self,
        spectrogram: Float[Tensor, "clip time height width"],
        pixels: Real[Tensor, "clip time 3 height width"],
    ) -> Memory:
        """Run the backbone on both streams."""
        seen, heard = self.towers(pixels, spectrogram)
        time = pixels.shape[1]
        tokens, sound = self.yb_fc_v(seen), self.yb_fc_a(heard).mean(dim=1)
        memory = self.remember(self.hear(sound.unflatten(0, (-1, time))), tokens.unflatten(0, (-1, time)))
        return memory

    def towers(self, pixels: Tensor, spectrogram: Tensor) -> tuple[Tensor, Tensor]:
        """Normed visual and audio tokens (clip x time, token, dim)."""
        sound = spectrogram.flatten(0, 1)[:, None].expand(-1, 3, -1, -1)
        both = self.swin.patch_embed(torch.cat([normalised(pixels), sound.to(self.yb_fc_a.weight.dtype)]))
        index = 0
        for stage in self.swin.layers:
            for block in stage.blocks:
                both = self.eased(lambda x, block=block, index=index: self.step(block, index, x), both)
                index += 1
            both = stage.merged(both)
        seen, heard = self.swin.norm(both).chunk(2)
        return seen, heard

    def step(self, block: Block, index: int, both: Tensor) -> Tensor:
        """One block with its adapters on both streams, stacked along the batch axis."""
        for half, change in (("p1", block.attended), ("p2", block.fed)):
            seen, heard = both.chunk(2)
            to_seen = getattr(self, f"vis_adapter_blocks_{half}")[index](seen, heard)
            to_heard = getattr(self, f"audio_adapter_blocks_{half}")[index](heard, seen)
            both = both + change(both) + torch.cat([to_seen, to_heard])
        return both

    def plain(self, pixels: Real[Tensor, "row time 3 height width"]) -> Float[Tensor, "row time patch dim"]:
        """Visual tokens from the frozen backbone, without gradient, after the trained projection."""
        with torch.no_grad():
            tokens = self.swin(normalised(pixels))
        return self.yb_fc_v(tokens).unflatten(0, (-1, pixels.shape[1]))


def build(config: Config) -> LAVISH:
    """Build the net; its backbone is loaded or randomly initialised."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"lavish has no variant {config.variant!r}. There are: released, paper.")
    return LAVISH(config)


def sizes_of(state: Mapping[str, Tensor], prefix: str, image: int, heads: list[int] | None) -> Sizes:
    """Infer the sizes of a Swin-V2 from a checkpoint. The window size is not in it: image / 16, as published."""
    depths = [count(state, f"{prefix}layers.{i}.blocks.") for i in range(count(state, f"{prefix}layers."))]
    width = checkpoints.size(state, f"{prefix}patch_embed.proj.weight")
    found = [checkpoints.size(state, f"{prefix}layers.{i}.blocks.0.attn.logit_scale") for i in range(len(depths))]
    return Sizes(image=image, window=max(image // 16, 6), width=width, depths=depths, heads=heads or found)


def from_official(state_dict: Mapping[str, Tensor], image: int = 192, norms: bool = True) -> LAVISH:
    """The released network from a published checkpoint, including the backbone. Unused layers are left out.

    `image` is the side of its pictures, which the checkpoint does not contain; `norms` is whether the tower's norms are
    trained.
    """
    state = checkpoints.without_prefixes(state_dict)
    adapter = "audio_adapter_blocks_p1.0."
    dim = checkpoints.size(state, f"{adapter}up_sampler.weight")
    config = Config(
        answers=checkpoints.size(state, "fc_ans.weight"),
        tokens=checkpoints.size(state, "question_encoder.word2vec.weight"),
        hidden=checkpoints.size(state, "fc_a2.weight"),
        tower=sizes_of(state, "swin.", image, None),
        latent=checkpoints.size(state, f"{adapter}my_tokens"),
        down=dim // checkpoints.size(state, f"{adapter}down_sampler.weight"),
        groups=dim // checkpoints.size(state, f"{adapter}down_sampler.weight", 1),
        gate=f"{adapter}gate" in state,
        norms=norms,
        batch_norm=f"{adapter}bn1.weight" in state,
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
