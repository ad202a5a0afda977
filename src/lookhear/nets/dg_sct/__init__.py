"""DG-SCT: frozen Swin-V2 and HTS-AT side by side; adapters with channel and spatial gates join them in 12 places.

    pixels ── Swin-V2 ──┐ where a picture's block meets one of sound: adapters beside both halves of the picture's
    waveform ─ HTS-AT ──┴ block, beside and behind the sound's ─ tokens, one vector of sound a second ─ AVST's head

Duan et al., "Cross-modal Prompts: Adapting Large Pre-trained Models for Audio-Visual Downstream Tasks", NeurIPS 2023.

    released  equals haoyi-duan/DG-SCT, AVQA, tensor by tensor, including its behaviour in training: the frozen HTS-AT
              normalises by batch statistics and updates its running statistics, masks stripes of the spectrogram and
              mixes each second with its mirror in the batch without mixing labels, and both towers keep stochastic
              depth. Latent tokens start at 0 and stay equal.
    paper     latent tokens start at random, and the towers stay in evaluation mode. Neither variant has the temporal
              attention of the paper's figure (the released call is commented out).

Where stages differ in depth, every n-th visual block is paired with an audio block. Only the head reads the question:
`watch` runs both towers, once per clip. Inputs: `pixels` (time, 3, 192, 192), bytes or normalised; `waveform`
(time, sample) at 32 kHz, one second per row as made by `htsat_wave`, each repeated `repeat` times. `swin` and `htsat`
name the towers' weights: timm or AudioSet files, or Hugging Face folders; then only trained parameters are saved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from jaxtyping import Float, Real
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.htsat import HTSAT, Sound, filters
from lookhear.layers.swin import Block, Sizes, SwinV2
from lookhear.layers.translate import fitted
from lookhear.nets.avst.towers import Head, frozen_in_training, learns_norms, normalised, translated
from lookhear.nets.dg_sct.adapter import Adapter
from lookhear.nets.lavish import sizes_of
from lookhear.nets.lavish.adapter import Options
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
    swin: str = ""
    """weights of the visual backbone; empty means random ones, which are then saved with the net"""
    htsat: str = ""
    """weights of the audio backbone"""
    tower: Sizes = field(default_factory=Sizes)
    """sizes of the Swin-V2 backbone"""
    sound: Sound = field(default_factory=Sound)
    """sizes of the HTS-AT backbone"""
    inner: list[int] = field(default_factory=lambda: [512, 256, 128])
    """hidden widths of the matching head"""
    latent: int = 2
    """latent tokens"""
    down: int = 8
    """reduction factor of the bottleneck"""
    groups: int = 4
    """groups of the bottleneck's 1 x 1 convolutions"""
    gate: bool = False
    """gate in the audio adapters; visual adapters always have one"""
    norms: bool = False
    """train the norms of the visual backbone"""
    batch_norm: bool = False
    """batch norm in the bottleneck"""
    match: float = 0.5
    """weight of the matching loss"""
    repeat: int = 10
    """repetitions of each second of the waveform; 10, as published"""
    checkpointing: bool = False
    """activation checkpointing inside blocks"""


class TwoTowers(Head):
    """Base class: visual and audio backbones with AVST's head. Subclasses define adapters and sound pooling."""

    def __init__(self, config: Config) -> None:
        picture, sound = config.tower.stages(), config.sound.tower.stages()
        width = picture[-1][1]
        answering = (config.answers, config.tokens, config.words, config.match, config.inner)
        super().__init__(sound[-1][1], width, *answering)
        self.config, self.checkpointing = config, config.checkpointing
        self.mixing: Tensor | None = None  # mixing weights of the seconds, for tests; None draws them at random
        self.masking = True
        self.swin, self.htsat = SwinV2(config.tower), HTSAT(config.sound)
        options = {"tokens": config.latent, "down": config.down, "groups": config.groups}
        options |= {"batch_norm": config.batch_norm, "random": config.variant == "paper"}
        for stream, gate in (("audio", config.gate), ("vis", True)):
            for half in ("p1", "p2"):
                made = nn.ModuleList()
                for (n, dim), (other_n, other), depth in zip(picture, sound, config.sound.tower.depths, strict=True):
                    sizes = (other, other_n, dim, n) if stream == "audio" else (dim, n, other, other_n)
                    made += [self.adapter(*sizes, Options(gate=gate, **options)) for _ in range(depth)]
                setattr(self, f"{stream}_adapter_blocks_{half}", made)
        self.frozen("swin", config.swin, learns_norms if config.norms else lambda _: False)
        self.frozen("htsat", config.htsat)

    def adapter(self, dim: int, tokens: int, other: int, other_tokens: int, options: Options) -> nn.Module:
        """One adapter of a stream with `tokens` tokens of width `dim`."""
        raise NotImplementedError

    def pooled(self, sound: Tensor, more: Tensor) -> Float[Tensor, "row dim"]:
        """One vector of sound per second; `more` is the second output of the last audio adapter."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> TwoTowers:
        """As in torch, but the backbones of variant `paper` stay in evaluation mode."""
        super().train(mode)
        if self.config.variant == "paper":
            frozen_in_training(self, ("swin", "htsat"))
        return self

    def watch(
        self, waveform: Float[Tensor, "clip time sample"], pixels: Real[Tensor, "clip time 3 height width"]
    ) -> Memory:
        """Run both backbones."""
        time, sound = pixels.shape[1], self.picture_of(waveform.flatten(0, 1).repeat(1, self.config.repeat))
        seen, heard = self.towers(self.swin.patch_embed(normalised(pixels)), self.htsat.patch_embed(sound))
        return self.remember(self.hear(heard.unflatten(0, (-1, time))), seen.unflatten(0, (-1, time)))

    def picture_of(self, wave: Float[Tensor, "row sample"]) -> Float[Tensor, "row 1 side side2"]:
        """Spectrogram of the sound, with the released backbone's augmentation in training."""
        drifts = self.training and self.config.variant == "released"
        mel = self.htsat.normed(self.htsat.log_mel(wave))
        if drifts:
            mel = stripes(mel) if self.masking else mel
            share = self.mixing
            if share is None:
                share = torch.distributions.Beta(0.5, 0.5).sample((len(mel),))
            share = share.to(mel)[:, None, None, None]
            mel = share * mel + (1 - share) * mel.flip(0)
        return self.htsat.picture(mel)

    def towers(self, seen: Tensor, heard: Tensor) -> tuple[Tensor, Tensor]:
        """(normed visual tokens, one vector of sound per second) from the tokens of the first stage."""
        index, more = 0, heard
        for picture, sound in zip(self.swin.layers, self.htsat.layers, strict=True):
            every = len(picture.blocks) // len(sound.blocks)
            for place, block in enumerate(picture.blocks):
                if (place + 1) % every:
                    seen = self.eased(block, seen)
                    continue
                pair = (block, sound.blocks[place // every], index)
                seen, heard, rest, more = self.eased(partial(self.step, *pair), seen, heard)
                heard = heard + rest
                index += 1
            seen, heard = picture.merged(seen), sound.merged(heard)
        return self.swin.norm(seen), self.pooled(heard, more)

    def step(self, block: Block, hears: Block, index: int, seen: Tensor, heard: Tensor) -> tuple[Tensor, ...]:
        """A visual and an audio block with their adapters: (picture, sound, output of the last adapter, its second
        output)."""
        to_heard, _ = self.audio_adapter_blocks_p1[index](heard, seen)
        to_seen, _ = self.vis_adapter_blocks_p1[index](seen, heard)
        seen = seen + block.attended(seen) + to_seen
        heard = hears(heard) + to_heard
        to_heard, more = self.audio_adapter_blocks_p2[index](heard, seen)
        to_seen, _ = self.vis_adapter_blocks_p2[index](seen, heard)
        return seen + block.fed(seen) + to_seen, heard, to_heard, more

    def plain(self, pixels: Real[Tensor, "row time 3 height width"]) -> Float[Tensor, "row time patch dim"]:
        """Visual tokens from the frozen backbone alone, without gradient."""
        with torch.no_grad():
            tokens = self.swin(normalised(pixels))
        return tokens.unflatten(0, (-1, pixels.shape[1]))


class DGSCT(TwoTowers):
    """Adapters with channel and spatial gates; sound is pooled by the last spatial map."""

    def adapter(self, dim: int, tokens: int, other: int, other_tokens: int, options: Options) -> nn.Module:
        """One adapter of a stream with `tokens` tokens of width `dim`."""
        return Adapter(dim, tokens, other, other_tokens, options)

    def pooled(self, sound: Tensor, more: Tensor) -> Float[Tensor, "row dim"]:
        """Sum of the tokens weighted by the spatial map of the last audio adapter."""
        return (more @ sound).squeeze(1)


def stripes(mel: Float[Tensor, "row 1 frame band"]) -> Float[Tensor, "row 1 frame band"]:
    """The spectrogram with two stripes of up to 64 frames and two of up to 8 bands set to 0 in every row."""
    mel = mel.clone()
    for row in mel:
        for axis, most in ((1, 64), (1, 64), (2, 8), (2, 8)):
            length = row.shape[axis]
            wide = int(torch.randint(min(most, length), ()))
            start = int(torch.randint(length - wide, ()))
            row.narrow(axis, start, wide).zero_()
    return mel


def build(config: Config) -> DGSCT:
    """Build the net; its backbones are loaded or randomly initialised."""
    check(config, "dg_sct")
    return DGSCT(config)


def check(config: Config, name: str) -> None:
    """Check the options. Raises RecipeError."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"{name} has no variant {config.variant!r}. There are: released, paper.")
    pairs = list(zip(config.tower.depths, config.sound.tower.depths, strict=False))
    if len(config.tower.depths) != len(config.sound.tower.depths) or any(a % b for a, b in pairs):
        raise RecipeError(
            f"{name}: every stage of the picture's tower needs a multiple of the sound's blocks, got "
            f"{config.tower.depths} and {config.sound.tower.depths}."
        )


def config_of(state: Mapping[str, Tensor], image: int, sound: Sound | None, repeat: int) -> dict:
    """Infer the options from a DG-SCT or AVMoE checkpoint; `sound` overrides the sizes of the audio backbone."""
    adapter = next(n for n in state if n.startswith("audio_adapter_blocks_p1.0.") and n.endswith("my_tokens"))
    prefix = adapter.removesuffix("my_tokens")
    dim = checkpoints.size(state, f"{prefix}up_sampler.weight")
    return {
        "answers": checkpoints.size(state, "fc_ans.weight"),
        "tokens": checkpoints.size(state, "question_encoder.word2vec.weight"),
        "tower": sizes_of(state, "swin.", image, None),
        "sound": sound or Sound(),
        "inner": [checkpoints.size(state, f"fc{i}.weight") for i in (1, 2, 3)],
        "latent": checkpoints.size(state, adapter),
        "repeat": repeat,
        "down": dim // checkpoints.size(state, f"{prefix}down_sampler.weight"),
        "groups": dim // checkpoints.size(state, f"{prefix}down_sampler.weight", 1),
        "gate": f"{prefix}gate" in state,
        "batch_norm": f"{prefix}bn1.weight" in state,
    }


def with_filters(state: Mapping[str, Tensor], sound: Sound | None) -> dict[str, Tensor]:
    """The tensors with the mel filters added if the checkpoint lacks them; they follow from the sizes."""
    return {"htsat.logmel_extractor.melW": filters(sound or Sound()), **state}


def from_official(
    state_dict: Mapping[str, Tensor], image: int = 192, sound: Sound | None = None, repeat: int = 10
) -> DGSCT:
    """The released network from a published checkpoint, including the backbones. Unused layers are left out.

    The checkpoint does not contain the side of the pictures `image`, the settings `sound`, and how often each second of
    sound is repeated: 10 as published; 1 for sound that is repeated already.
    """
    state = with_filters(checkpoints.without_prefixes(state_dict), sound)
    return fitted(build(Config(**config_of(state, image, sound, repeat))), translated(state))  # type: ignore[return-value]
