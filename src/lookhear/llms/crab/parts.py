"""Modules of Crab: LLaMA, CLIP, BEATs, two Q-Formers, a mask decoder; and the mapping of published tensors.

    frames ─ CLIP, hidden states 14, 22, 23 ─┬─ last ─ Q-Former ─ 32 tokens a frame ──┐
                                             └─ 14, 22 ──────────────────────┐        ├─ LLaMA ─ words
    pieces of sound ─ BEATs ─ Q-Former ─ 32 tokens a piece ──────────────────│────────┘    │ states of <mask_0..5>
                                                                             └─ mask decoder ─ mask

Hidden state 0 is the embedding, so 23 of ViT-L's 24 layers is the last but one. The published file names are those of
the release: finetune_weights.bin (connectors and I-LoRA), avs_finetune_weights.bin and avss_finetune_weights.bin (mask
decoder, embeddings, head), and the three of pre-training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.encoders import beats
from lookhear.encoders.beats import BEATs
from lookhear.errors import ModelError, RecipeError
from lookhear.ilora import fit
from lookhear.ilora import method as ilora
from lookhear.layers import mask_decoder, qformer
from lookhear.llms.crab.text import MADE

LANGUAGES: Mapping[str, dict[str, Any]] = {
    "llama2_7b": {
        "vocab_size": 32_000, "hidden_size": 4096, "intermediate_size": 11_008, "num_hidden_layers": 32,
        "num_attention_heads": 32, "rms_norm_eps": 1e-5, "max_position_embeddings": 4096,
        "bos_token_id": 1, "eos_token_id": 2,
    },
    "llama3_8b": {
        "vocab_size": 128_256, "hidden_size": 4096, "intermediate_size": 14_336, "num_hidden_layers": 32,
        "num_attention_heads": 32, "num_key_value_heads": 8, "rms_norm_eps": 1e-5, "max_position_embeddings": 8192,
        "bos_token_id": 128_000, "eos_token_id": 128_009,
        "rope_parameters": {"rope_type": "default", "rope_theta": 500_000.0},
    },
}  # fmt: skip
VISION = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16}
VISION |= {"image_size": 224, "patch_size": 14}
HEARING = {
    "embed_dim": 512, "encoder_embed_dim": 768, "encoder_layers": 12, "encoder_ffn_embed_dim": 3072,
    "encoder_attention_heads": 12, "conv_bias": False, "conv_pos": 128, "conv_pos_groups": 16, "num_buckets": 320,
    "max_distance": 800, "deep_norm": True, "gru_rel_pos": True, "relative_position_embedding": True,
    "finetuned_model": True, "predictor_class": 527,
}  # fmt: skip
DEAD = (  # unused tensors of a published connector: parts of its BERT outside the query path
    ("_Qformer.cls.", "embeddings.word_embeddings.", "embeddings.position_embeddings.", "position_ids"),
    (".intermediate.dense.", ".output.dense.", ".output.LayerNorm."),
)


@dataclass(frozen=True)
class Config:
    """Sizes. The defaults are those of the release: LLaMA-2-7B, ViT-L/14 at 224, BEATs iter3+."""

    base: str = "llama2_7b"
    """llama2_7b or llama3_8b"""
    language: dict[str, Any] = field(default_factory=dict)
    """settings of LLaMA's config that differ from `base`; vocab_size without the added tokens"""
    vision: dict[str, Any] = field(default_factory=dict)
    """settings of CLIP's vision tower that differ from ViT-L/14"""
    hearing: dict[str, Any] = field(default_factory=dict)
    """settings of BEATs that differ from the published ones"""
    layers: tuple[int, int, int] = (14, 22, 23)
    """indices of CLIP's hidden states: the first two for masks, the last for the language model"""
    queries: int = 32
    """Q-Former queries, and so tokens, per frame"""
    heard_queries: int = 32
    """Q-Former queries, and so tokens, per piece of sound"""
    connector: dict[str, int] = field(default_factory=dict)
    """width, layers, heads and inner of the Q-Formers that differ from 768, 2, 12, 3072"""
    dropout: float = 0.1
    """dropout of the Q-Formers"""
    masks: bool = True
    """whether there is a mask decoder"""
    classes: int = 71
    """classes of the semantic mask decoder (AVSS)"""
    mask_queries: int = 300
    """queries of the mask decoder"""
    mask_dim: int = 256
    """width of the mask decoder"""
    mask_inner: int = 2048
    """feed-forward width of the mask decoder"""
    frames: int = 10
    """frames per clip"""
    pieces: int = 10
    """equal pieces of the sound (AVE, LLP, AVSS; 5 for S4, MS3 and ARIG)"""
    hearing_rule: str = "equal"
    """equal; or music_avqa: windows of 2 s around every sixth second of a minute"""


class Net(nn.Module):
    """All modules of Crab; given ones are used as they are. The towers are frozen, see `trains`."""

    def __init__(
        self,
        config: Config,
        language: nn.Module | None = None,
        vision: nn.Module | None = None,
        hearing: nn.Module | None = None,
    ):
        super().__init__()
        from transformers import CLIPVisionConfig, CLIPVisionModel, LlamaConfig, LlamaForCausalLM

        if config.base not in LANGUAGES:
            raise RecipeError(f"Crab knows no base {config.base!r}. There are: {', '.join(LANGUAGES)}.")
        self.config = c = config
        sizes = LANGUAGES[c.base] | c.language
        sizes |= {"vocab_size": sizes["vocab_size"] + MADE}
        sight, sound = VISION | c.vision, HEARING | c.hearing
        if max(c.layers) > sight["num_hidden_layers"]:
            raise RecipeError(f"layers={c.layers}: the vision tower has {sight['num_hidden_layers']} layers only.")
        self.language: Any = language or LlamaForCausalLM(LlamaConfig(**sizes))
        self.vision: Any = vision or CLIPVisionModel(CLIPVisionConfig(**sight))
        self.hearing: Any = hearing or BEATs(sound)
        shared = {"model": sizes["hidden_size"], "dropout": c.dropout, **c.connector}
        self.look = qformer.QFormer(qformer.Config(features=sight["hidden_size"], queries=c.queries, **shared))
        self.listen = qformer.QFormer(
            qformer.Config(features=sound["encoder_embed_dim"], queries=c.heard_queries, **shared)
        )
        side = sight["image_size"]
        self.segment = None
        if c.masks:
            inner = {"features": sight["hidden_size"], "states": sizes["hidden_size"], "queries": c.mask_queries}
            inner |= {"dim": c.mask_dim, "inner": c.mask_inner, "classes": c.classes, "low": side // 2, "side": side}
            self.segment = mask_decoder.MaskDecoder(mask_decoder.Config(**inner))
        self.vision.requires_grad_(False)
        self.hearing.requires_grad_(False)

    @property
    def bare(self) -> Any:
        """The language model without PEFT's wrapper; its layers still contain the adapters."""
        return fit.unwrapped(self.language)

    def seen(self, frames: Float[Tensor, "frame 3 height width"]) -> list[Float[Tensor, "frame patch wide"]]:
        """CLIP's hidden states at the three layers, without the class token."""
        states = self.vision(pixel_values=frames, output_hidden_states=True).hidden_states
        return [states[layer][:, 1:] for layer in self.config.layers]

    def heard(self, fbank: Float[Tensor, "piece row 128"]) -> Float[Tensor, "token model"]:
        """Q-Former tokens of the pieces of sound, concatenated."""
        return self.listen(self.hearing(fbank)[None])[0]

    def embed(self, ids: Int[Tensor, "*clip token"]) -> Float[Tensor, "*clip token dim"]:
        """Input embeddings of token ids."""
        return self.bare.get_input_embeddings()(ids)

    def trains(self, *parts: str) -> None:
        """Train these parts and freeze the others: language, adapters, embeddings, vision, hearing, look, …"""
        known = {"language", "adapters", "embeddings", "vision", "hearing", "look", "listen", "segment"}
        if wrong := sorted(set(parts) - known):
            raise RecipeError(f"Crab has no part {wrong[0]!r} to train. There are: {', '.join(sorted(known))}.")
        self.requires_grad_(False)
        for name in set(parts) - {"adapters", "embeddings"}:
            if getattr(self, name) is None:
                raise RecipeError(f"This Crab was built without {name!r} (masks=False).")
            getattr(self, name).requires_grad_(True)
        for name, weight in self.language.named_parameters():
            inserted = "lora_" in name
            ends = "embed_tokens" in name or "lm_head" in name
            if (inserted and "adapters" in parts) or (ends and "embeddings" in parts):
                weight.requires_grad_(True)


def published(hearing: str) -> tuple[dict[str, Any], BEATs]:
    """Sizes and network of a published BEATs file. Raises ModelError."""
    net = beats.build(beats.Config(hearing)).net
    assert isinstance(net, beats.BEATs)
    cfg = checkpoints.read(checkpoints.locate(hearing, ("BEATs*.pt", "*.pt", "*.pth")))["cfg"]
    return {name: cfg[name] for name in HEARING if name in cfg}, net


@dataclass(frozen=True)
class Placed:
    """Result of loading a published file: number of tensors per part, and of unused ones."""

    taken: Mapping[str, int]
    dead: int

    def __str__(self) -> str:
        parts = ", ".join(f"{count} tensors of {part}" for part, count in self.taken.items())
        return f"{parts}; {self.dead} that the original never uses"


def from_official(net: Net, state: Mapping[str, Tensor], alpha: int | None = None) -> Placed:
    """Load every part of a published file into `net`.

    Raises ModelError for an unknown name, an incomplete part, or a wrong shape.
    """
    groups: dict[str, dict[str, Tensor]] = {}
    dead, lost = 0, []
    for name, tensor in state.items():
        part = part_of(name)
        if part == "dead":
            dead += 1
        elif part is None:
            lost.append(name)
        else:
            groups.setdefault(part, {})[name] = tensor
    if lost:
        raise ModelError(f"{len(lost)} tensors of the checkpoint belong to no part of Crab, first {lost[0]!r}.")
    for part, tensors in groups.items():
        if part == "adapters":
            net.language = ilora.from_official(net.bare, tensors, alpha)
        elif part in ("look", "listen"):
            side = "visual" if part == "look" else "audio"
            _replace(net, part, qformer.from_official(tensors, side, heads=getattr(net, part).config.heads))
        elif part == "segment":
            if net.segment is None:
                raise ModelError("The checkpoint has a mask decoder and this Crab was built without (masks=False).")
            _replace(net, part, mask_decoder.from_official(tensors, net.segment.config.side, net.segment.config.low))
        else:
            _fill(net, part, tensors)
    return Placed({part: len(tensors) for part, tensors in groups.items()}, dead)


def part_of(name: str) -> str | None:
    """The part of Crab that a published tensor belongs to, `dead`, or None."""
    for mark, part in (("vl_projector.", "look"), ("al_projector.", "listen"), ("seg_module.", "segment")):
        if mark in name:
            bert = any(m in name for m in DEAD[0]) or (
                any(m in name for m in DEAD[1]) and "attention" not in name and "_query" not in name
            )
            return "dead" if part != "segment" and bert else part
    if ".lora_" in name:
        return "adapters"
    for mark, part in (("visual_encoder.", "vision"), ("audio_encoder.", "hearing")):
        if mark in name:
            return part
    plain = name.split("base_model.model.")[-1].removeprefix("module.")
    return "language" if plain.startswith(("model.layers.", "model.norm.", "model.embed_tokens.", "lm_head.")) else None


def _replace(net: Net, part: str, made: nn.Module) -> None:
    ours = getattr(net, part)
    if {n: p.shape for n, p in ours.state_dict().items()} != {n: p.shape for n, p in made.state_dict().items()}:
        raise ModelError(f"The checkpoint's {part!r} is of other sizes than this Crab: {made.config}.")
    ours.load_state_dict(made.state_dict())


def _fill(net: Net, part: str, tensors: Mapping[str, Tensor]) -> None:
    """Plain modules: the towers whole, the language model whole or (in the mask files) its embeddings and head."""
    module = net.bare if part == "language" else getattr(net, part)
    cuts: Sequence[str] = {"vision": ("vision_tower.", "vision_model."), "hearing": ("audio_encoder.",)}.get(part, ())
    renamed = {}
    for name, tensor in tensors.items():
        plain = name.split("base_model.model.")[-1].removeprefix("module.")
        for cut in cuts:
            plain = plain.split(cut)[-1]
        renamed[plain] = tensor
    wanted = module.state_dict()
    shared = "encoder.layers.0.self_attn.relative_attention_bias.weight"  # shared table, which files may contain once
    if part == "hearing" and shared in renamed:
        renamed = {n: renamed[shared] for n in wanted if n.endswith("relative_attention_bias.weight")} | renamed
    whole = part != "language" or any(".layers." in name for name in renamed)
    missing = [n for n in wanted if n not in renamed and not n.endswith("position_ids")] if whole else []
    wrong = [n for n, t in renamed.items() if n not in wanted or wanted[n].shape != t.shape]
    wrong = [n for n in wrong if not n.endswith("position_ids")]
    for names, what in ((missing, "lacks"), (wrong, "has no place, or another shape, for")):
        if names:
            raise ModelError(f"The checkpoint's {part!r} {what} {names[0]!r} ({len(names)} such tensors).")
    with torch.no_grad():
        module.load_state_dict(renamed, strict=False)
