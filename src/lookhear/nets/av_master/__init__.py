"""AV-Master: templates that are updated second by second, preferences of each stream, and three answer heads.

    audio ─ a ─┬─ focus capture (Eq. 1-2) ─ 8 objects ─┐
    frames ─ v ┼─ focus capture ─────────── 8 objects ─┤
    words ─ w ─┼─ mix([a, v, w]) ─────────── F_c ──────┴─ key fusion (Eq. 3) ─ F_fu ─ decoder ─ joint ─┐
               ├─ prefer(a, w) (Eq. 4) ───── F_a^p ────────────────────────────────── decoder ─ audio ─┼─ sum ─▶ answer
               └─ prefer(v, w) ───────────── F_v^p ───────────────────────────────── decoder ─ visual ─┘
    question ─ q ─ query of each decoder

Zhang et al., "AV-Master: Dual-Path Comprehensive Perception Makes Better Audio-Visual Question Answering", 2025.
Losses: cross-entropy of each head (Eq. 5) and a contrast between F_fu and the preferences (Eq. 6), weighted (Eq. 7).
This file holds the published code, `released`. `paper` in `paper.py` follows the equations:

    paper                                            released
    width 512                                        768
    8 learned templates                              the first second 8 times: without dropout they stay equal
    Eq. 2: F + V, twice self-attention and bias,     a linear map of both, self-attention with the bias on queries
      cross attention                                  and keys, cross attention, feed-forward, four norms
    -                                                templates times the tanh of their cosines at the end
    Eq. 3: self-attention over templates at each     additive attention over templates at each position,
      position, summed                                 its weights summing to 1
    Eq. 4: MLP(SAB(F) + CAB(F, words))               one post-norm layer
    Eq. 6: sum over streams of exponentials;         exponential of the sum; softplus(negative - positive) over
      the batch's other questions are negatives        all pairs; one random other clip is the negative
    distributions are summed at inference            logits are summed

The evidence, `attention["seen"]` and `["heard"]`, is computed in evaluation without gradients. Half of it comes from
the joint head: the fraction of F_fu's features whose maximum lies in a second. The other half is the attention of the
stream's own head, averaged over layers and heads. Both are traced one step back through the self-attention that mixed
the seconds (half of the weight stays, half follows the attention). The evidence shows which seconds were used; it does
not prove a cause. `Output.words` is the attention of each stream to the words in its preference (Eq. 4), averaged over
the seconds: figure 8 of the paper.

All-zero rows of `words` are padding and are masked. (The released code has no masks: it attends to all 77 rows of CLIP,
none of which is zero; given the same rows, so does this net.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import ModelError, RecipeError
from lookhear.layers.attention import HanLayer, drop
from lookhear.layers.texts import read_words
from lookhear.nets.av_master.focus import FocusCapture
from lookhear.nets.av_master.heads import ENHANCE, SIDES, Heads, beside, cosine, largest
from lookhear.nets.av_master.official import DEAD, OFFICIAL
from lookhear.nets.av_master.parts import AnswerDecoder, KeyFusion, attend_in_parts
from lookhear.types import Memory, Output

WITHOUT = ("focus", "contrast", "preference", "temporal", "all")
STREAMS = ("both", "audio", "visual")
WIDTH = {"released": 768, "paper": 512}


@dataclass(frozen=True)
class Config:
    """Sizes, and one option for each ablation in the paper's tables VII-XIII."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 768
    """width of the stream `frames`"""
    question: int = 768
    """width of the stream `question`"""
    words: int = 768
    """width of the stream `words`"""
    hidden: int | None = None
    """hidden width; None is 768 as in the code, 512 in the paper"""
    inner: int = 512
    """width of the focus capture's encoder and feed-forward layer (released)"""
    templates: int = 8
    """number of templates (table IX)"""
    heads: int = 8
    """attention heads of the focus capture and the decoders; the other layers have one"""
    dropout: float = 0.1
    """dropout probability"""
    temperature: float = 0.1
    """temperature of the contrastive loss (Eq. 6)"""
    without: str = ""
    """parts to remove, joined by + (table VII): focus, contrast, preference, temporal, all"""
    joint_weight: float = 1.0
    """weight of the joint head's loss (table VIII, figure 7); a head of weight 0 does not contribute to the answer"""
    audio_weight: float = 1.0
    """weight of the audio head's loss"""
    visual_weight: float = 1.0
    """weight of the visual head's loss"""
    contrast_weight: float = 1.0
    """weight of the contrastive loss"""
    share_attention: bool = True
    """one focus capture for both streams (table X)"""
    share_bias: bool = False
    """one learned bias for both streams (table X)"""
    focus_seconds: int = 0
    """seconds after which the focus capture stops, also at inference (figure 6); 0 uses all"""
    preferences: str = "both"
    """heads that are added to the joint head at inference (table XII): both, audio, visual or none"""
    enhance: str = "add"
    """how heads are combined (table XIII): add, mul or weighted"""
    streams: str = "both"
    """streams that are used (figure 5): both, audio or visual; the other stream is set to zeros and has no head"""

    @property
    def removed(self) -> frozenset[str]:
        """The removed parts, including those that depend on them. Raises RecipeError for unknown parts."""
        names = {name for name in self.without.split("+") if name}
        if names - set(WITHOUT):
            raise RecipeError(f"av_master has no part {min(names - set(WITHOUT))!r}. There are: {', '.join(WITHOUT)}.")
        if "all" in names:
            names |= {"focus", "preference"}
        if names & {"preference", "temporal"}:
            names.add("contrast")
        return frozenset(names)

    @property
    def voices(self) -> dict[str, float]:
        """Head -> weight of its loss, for the heads that exist. Raises RecipeError if no head is left."""
        weights = {"joint": self.joint_weight, "audio": self.audio_weight, "visual": self.visual_weight}
        for name in {"temporal": ["joint"], "preference": ["audio", "visual"]}.items():
            if name[0] in self.removed:
                weights = {voice: w for voice, w in weights.items() if voice not in name[1]}
        if self.streams != "both":
            weights.pop("visual" if self.streams == "audio" else "audio", None)
        if not any(weights.values()):
            raise RecipeError("av_master: no answer head is left. Keep temporal or preference, and a weight above 0.")
        return weights


class AVMaster(Heads):
    """The released network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        dim, dropout, removed = config.hidden or WIDTH["released"], config.dropout, config.removed
        self.hear, self.see = nn.Linear(config.audio, dim), nn.Linear(config.frames, dim)
        self.read, self.ask = nn.Linear(config.words, dim), nn.Linear(config.question, dim)
        mixes = not removed & {"temporal", "all"}
        self.mix = HanLayer(dim, dropout, cross=False) if mixes else None
        self.fuse = KeyFusion(dim) if mixes else None
        captures = mixes and "focus" not in removed
        sizes = (dim, config.inner, config.templates, config.heads, dropout)
        sides: tuple[str, ...] = ("both",) if config.share_attention else SIDES
        self.focus = nn.ModuleDict({side: FocusCapture(*sizes) for side in sides if captures})
        sides = ("both",) if config.share_bias else SIDES
        self.bias = nn.ParameterDict({n: nn.Parameter(torch.randn(config.templates, dim)) for n in sides if captures})
        sides = () if "preference" in removed else SIDES
        self.prefer = nn.ModuleDict({side: HanLayer(dim, dropout) for side in sides})
        self.decide = nn.ModuleDict(
            {n: AnswerDecoder(dim, config.heads, config.answers, dropout) for n in config.voices}
        )

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """The projected streams, their question-independent self-attention, and the objects of the focus capture."""
        audio, frames = self.present(audio, frames)
        streams = {"seen": self.see(frames), "heard": self.hear(audio)}
        memory = dict(streams)
        for side, layer in self.prefer.items():
            memory[f"{side}_own"], memory[f"{side}_glance"] = layer.alone(streams[side])
            memory[f"{side}_query"] = layer.cm_attn.fold_query(streams[side])
        if self.mix:
            both = torch.cat([streams["heard"], streams["seen"]], dim=1)
            memory |= {"both": both, "both_query": self.mix.self_attn.fold_query(both)}
            memory["both_value"] = self.mix.self_attn.fold_value(both)
            watched = {side: x[:, : self.config.focus_seconds or None] for side, x in streams.items()}
            for side, objects in self.objects(watched).items():
                memory[f"{side}_object"], memory[f"{side}_effect"] = self.fuse.prepare(side, objects)
        return memory

    def objects(self, streams: Mapping[str, Tensor]) -> dict[str, Float[Tensor, "clip template dim"]]:
        """Templates of each stream after the focus capture; without one, the stream's mean over time."""
        if not self.focus:
            return {side: streams[side].mean(dim=1, keepdim=True) for side in SIDES}
        bias = {side: self.bias["both" if self.config.share_bias else side] for side in SIDES}
        if not self.config.share_attention:
            return {side: self.focus[side]([streams[side]], [bias[side]])[0] for side in SIDES}
        found = self.focus["both"]([streams[side] for side in SIDES], [bias[side] for side in SIDES])
        return dict(zip(SIDES, found, strict=True))

    def wording(self, words: Float[Tensor, "question word wide"] | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """What depends on the words alone; in inference it is computed once for equal rows."""
        return read_words(words, self._read)

    def _read(self, words: Float[Tensor, "question word wide"]) -> dict[str, Tensor]:
        made = {"words": self.read(words)}
        made |= {f"{side}_value": layer.cm_attn.fold_value(made["words"]) for side, layer in self.prefer.items()}
        if self.mix:
            attn = self.mix.self_attn
            made |= {"mix_query": attn.fold_query(made["words"]), "mix_value": attn.fold_value(made["words"])}
        return made

    def joint(self, memory: Memory, text: Mapping[str, Tensor]) -> tuple[Float[Tensor, "question dim"], dict]:
        """(F_fu, evidence over the seconds of each stream)."""
        padding_mask = beside(memory, text)
        if self.mix is None or self.fuse is None:  # without "all", F_fu is the maximum over all positions
            return largest(torch.cat([memory["heard"], memory["seen"], text["words"]], dim=1), padding_mask)[0], {}
        x = torch.cat([memory["both"], text["words"]], dim=1)
        queries, values = ((memory[f"both_{part}"], text[f"mix_{part}"]) for part in ("query", "value"))
        taken, mixing = attend_in_parts(self.mix.self_attn, queries, x, values, padding_mask)
        fused = self.mix.feed(drop(taken, self.mix.dropout, self.training).add_(x))
        prepared = {side: (memory[f"{side}_object"], memory[f"{side}_effect"]) for side in SIDES}
        best, where = self.fuse(fused, prepared, padding_mask)
        return best, self.where(where, mixing, memory)

    def preference(
        self, side: str, memory: Memory, text: Mapping[str, Tensor]
    ) -> tuple[Float[Tensor, "question time dim"], Float[Tensor, "question time word"]]:
        """(a stream after attention to the words (Eq. 4), the weights of the words)."""
        own, asks = memory[f"{side}_own"], memory[f"{side}_query"]
        return self.prefer[side].join(own, asks, text["words"], text[f"{side}_value"], text.get("padding_mask"))

    def losses(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        audio_negative: Float[Tensor, "question time dim"],
        frames_negative: Float[Tensor, "question second wide"],
    ) -> dict[str, Tensor]:
        """Cross-entropy of each head, and the contrastive loss with another clip's sound and frames as negatives."""
        losses = self.answer_losses(output, labels)
        if "contrast" in self.config.removed or not self.config.contrast_weight:
            return losses
        near, far = list[Tensor](), list[Tensor]()
        hidden = output.hidden
        for side, other in (("heard", self.hear(audio_negative)), ("seen", self.see(frames_negative))):
            layer, given = self.prefer[side], hidden[f"{side}_value"]
            own, _ = layer.alone(other)
            query = layer.cm_attn.fold_query(other)
            liked, _ = layer.join(own, query, hidden["words"], given, hidden.get("padding_mask"))
            near.append(cosine(hidden["fused"], hidden[f"{side}_preference"].mean(dim=1)))
            far.append(cosine(hidden["fused"], liked.mean(dim=1)))
        contrast = F.softplus(((far[0] + far[1]) - (near[0] + near[1])) / self.config.temperature).mean()
        return {**losses, "contrast": self.config.contrast_weight * contrast}


def build(config: Config) -> nn.Module:
    """Build the net of the chosen variant with random weights. Raises RecipeError for options that do not fit."""
    choices = {"variant": tuple(WIDTH), "streams": STREAMS, "preferences": (*STREAMS, "none"), "enhance": ENHANCE}
    for key, known in choices.items():
        value = getattr(config, key)
        if value not in known:
            raise RecipeError(f"av_master: {key}={value!r} is none of: {', '.join(known)}.")
    width = config.hidden or WIDTH[config.variant]
    if width % config.heads:
        raise RecipeError(f"av_master: {config.heads} heads do not divide hidden={width}.")
    if config.variant == "paper":
        from lookhear.nets.av_master.paper import PaperAVMaster

        return PaperAVMaster(config)
    return AVMaster(config)


def from_official(state_dict: Mapping[str, Tensor]) -> AVMaster:
    """The released network from a published checkpoint. Sizes are inferred from shapes, unused tensors are skipped."""
    state, size = checkpoints.without_prefixes(state_dict), checkpoints.size
    layers = {"audio": "fc_a", "frames": "fc_v", "question": "fc_q", "words": "fc_word"}
    config = Config(
        **checkpoints.widths(state, layers, "fc_a", "fc_answer_pred.head.decoder"),
        inner=size(state, "AugInformation.focus_capture.encoder.layers.0.linear1.weight"),
        templates=size(state, "bisa_v.weight"),
    )
    if config.hidden % config.heads:
        raise ModelError(f"The checkpoint is {config.hidden} wide, which {config.heads} heads do not divide.")
    net = AVMaster(config)
    checkpoints.load_renamed(net, state, OFFICIAL, DEAD)
    return net
