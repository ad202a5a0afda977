"""PSTP-Net: self-attention over sound, picture and words, with a selection of segments and patches.

    audio ─ a ──┐
    frames ─ v ─┼─ attend to each other ─ mean over all positions ─ ⊙ question ─ tanh ─▶ answers
    words ─ w ──┘
    a, v ─ segments of 5 s ─ question ─ 2 segments ─▶ a_t, v_t, patches ─ question ─ 25 patches ─ a_t attends ─ g

Li et al., "Progressive Spatio-Temporal Perception for Audio-Visual Question Answering", ACM MM 2023. The loss is
cross-entropy.

- `released`: the published network computes the selection and discards it: the line that adds it to the
  self-attention is commented out. Only the upper row remains; 2.45 of 16.38 million weights affect the answer.
- `concat`: that line is enabled. The patches selected for the first question of the batch at its first second are used
  for all, and all 25 rows become the patch with the largest index among them. The module for attention between a and v
  returns its input unchanged. Which of the two forms was trained for the paper's table is not known.
- `paper`: each second of each question has its own 25 patches, and a and v do attend to each other. (Derived from these
  findings; the paper itself was not available.)

Segments and patches are selected by indices without gradient, so the selecting layers are not trained in any variant.

Evidence: each second's share in the mean, half directly and half through the self-attention (average over positions).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import (
    Attention,
    HanLayer,
    QueryBlock,
    drop,
    largest_few,
    normalized,
    query_names,
    scatter_weights,
    trim_padding,
)
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. The published network reads VGGish, and CLIP ViT-B/32 for frames, their 49 patches and the words."""

    variant: str = "released"
    """released, concat or paper"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 512
    """width of the stream `frames`"""
    patches: int = 512
    """width of the stream `patches`"""
    question: int = 512
    """width of the stream `question`"""
    words: int = 512
    """width of the stream `words`"""
    hidden: int = 512
    """hidden width"""
    heads: int = 4
    """attention heads"""
    segments: int = 12
    """temporal segments of a clip"""
    top_k: int = 2
    """selected segments"""
    top_m: int = 25
    """selected patches in each of their seconds"""
    dropout: float = 0.1
    """dropout probability"""


class Trunk(WatchAnswer):
    """Common part of all variants: projections, self-attention over the whole sequence, and answer head."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        dim = config.hidden
        self.hear, self.see = nn.Linear(config.audio, dim), nn.Linear(config.frames, dim)
        self.read, self.ask = nn.Linear(config.words, dim), nn.Linear(config.question, dim)
        self.mix, self.head = HanLayer(dim, config.dropout, cross=False), nn.Linear(dim, config.answers)

    def conclude(
        self,
        x: Float[Tensor, "question position dim"],
        asked: Tensor,
        given: Tensor,
        question: Tensor,
        padding_mask: Tensor | None,
    ) -> tuple[Tensor, Float[Tensor, "question position"], dict[str, Tensor]]:
        """(logits, share of each position in them, inner tensors) of a sequence that ends with the words."""
        if padding_mask is not None:
            padding_mask = nn.functional.pad(padding_mask, (x.shape[1] - padding_mask.shape[1], 0))
        taken, mixing = self.mix.self_attn.attend_folded(asked, x, given, padding_mask)
        fused = self.mix.feed(x + drop(taken, self.config.dropout, self.training))
        share = torch.ones_like(fused[..., 0]) if padding_mask is None else (~padding_mask).to(fused.dtype)
        share = (share / share.sum(dim=1, keepdim=True)).unsqueeze(1)
        vector = ((share @ fused).squeeze(1) * self.ask(question)).tanh()
        return self.head(vector), (share + share @ mixing).squeeze(1), {"sequence": x, "fused": fused, "vector": vector}


class PSTPNet(Trunk):
    """The part of the released network that affects the answer."""

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """Both streams, and their queries, keys and values for the self-attention."""
        memory = {"heard": self.hear(audio), "seen": self.see(frames)}
        attn = self.mix.self_attn
        for side in ("heard", "seen"):
            memory |= {f"{side}_query": attn.fold_query(memory[side]), f"{side}_value": attn.fold_value(memory[side])}
        return memory

    def answer(
        self, memory: Memory, question: Float[Tensor, "question dim"], words: Float[Tensor, "question word wide"]
    ) -> Output:
        """Logits; attention; hidden: the fused sequence and the input of the answer layer."""
        words, padding_mask = trim_padding(words)
        w, attn = self.read(words), self.mix.self_attn
        x = torch.cat([memory["heard"], memory["seen"], w], dim=1)
        asked = torch.cat([memory["heard_query"], memory["seen_query"], attn.fold_query(w)], dim=1)
        given = torch.cat([memory["heard_value"], memory["seen_value"], attn.fold_value(w)], dim=1)
        logits, weight, hidden = self.conclude(x, asked, given, question, padding_mask)
        heard, seen = memory["heard"].shape[1], memory["seen"].shape[1]
        attention = {"heard": normalized(weight[:, :heard]), "seen": normalized(weight[:, heard : heard + seen])}
        return Output(logits, attention=attention, hidden=hidden)


class Search(Trunk):
    """Variants `concat` and `paper`, with the selected segments and patches in the sequence."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        dim, heads, dropout = config.hidden, config.heads, config.dropout
        self.look, self.segment = nn.Linear(config.patches, dim), nn.Linear(2 * dim, dim)
        self.pick_segments, self.pick_patches = Attention(dim, heads), Attention(dim, heads)
        self.guide = QueryBlock(dim, heads, dropout)
        self.pair = HanLayer(dim, dropout) if config.variant == "paper" else None

    def watch(
        self,
        audio: Float[Tensor, "clip time dim"],
        frames: Float[Tensor, "clip time wide"],
        patches: Float[Tensor, "clip time patch deep"],
    ) -> Memory:
        """Streams, patches, and the segment features for the selection."""
        a, v = self.hear(audio), self.see(frames)
        memory = {"heard": a, "seen": v, "patches": patches.to(a.dtype)}
        if self.pair is not None:
            memory["heard_pair"] = self.pair(a, v)
            memory["seen_pair"] = self.pair(v, memory["heard_pair"])
        count = min(self.config.segments, a.shape[1])
        whole = a.shape[1] // count * count  # seconds after the last whole segment belong to none
        with torch.no_grad():
            both = torch.cat([a, v], dim=-1)[:, :whole]
            means = rearrange(both, "clip (segment second) dim -> clip segment second dim", segment=count).mean(dim=2)
            memory["segments"] = self.segment(means.tanh())
        return memory

    def picked(
        self, memory: Memory, q: Float[Tensor, "question dim"]
    ) -> tuple[Int[Tensor, "question pick"], Tensor, Tensor]:
        """(seconds of the segments with the largest weights, those segments, all weights), without gradient."""
        with torch.no_grad():
            segments = memory["segments"]
            weight = self.pick_segments(q.unsqueeze(1), segments)[1].squeeze(1)
            best = largest_few(weight, min(self.config.top_k, weight.shape[1]))
            size = memory["heard"].shape[1] // segments.shape[1]
            seconds = best.unsqueeze(-1) * size + torch.arange(size, device=best.device)
        return seconds.flatten(1), best, weight

    def chosen(
        self, q: Float[Tensor, "question dim"], patches: Float[Tensor, "question pick patch dim"]
    ) -> Float[Tensor, "question pick few dim"]:
        """The patches with the largest attention of the question, in every selected second."""
        picks, count = patches.shape[1], min(self.config.top_m, patches.shape[2])
        with torch.no_grad():
            asked = repeat(q, "question dim -> (question pick) 1 dim", pick=picks)
            places = largest_few(self.pick_patches(asked, patches.flatten(0, 1))[1].squeeze(1), count)
        if self.config.variant == "concat":  # as published: one list for all, and its last entry wins
            return patches[:, :, [int(places[0].max())] * count]
        places = repeat(places, "(question pick) few -> question pick few dim", pick=picks, dim=patches.shape[-1])
        return patches.gather(2, places)

    def answer(
        self, memory: Memory, question: Float[Tensor, "question dim"], words: Float[Tensor, "question word wide"]
    ) -> Output:
        """Logits; attention; hidden, including the selected seconds and patches."""
        words, padding_mask = trim_padding(words)
        q, w, attn = self.ask(question), self.read(words), self.mix.self_attn
        a, v = memory["heard"], memory["seen"]
        seconds, segments, weights = self.picked(memory, q)
        rows = torch.arange(len(q), device=q.device).unsqueeze(1)
        few = self.chosen(q, self.look(memory["patches"][rows, seconds]))
        guided = self.guide(a[rows, seconds].flatten(0, 1), few.flatten(0, 1))[0].unflatten(0, seconds.shape)
        parts = [a[rows, seconds], memory.get("heard_pair", a), a, v[rows, seconds], few.flatten(1, 2), guided]
        parts += [memory.get("seen_pair", v), v, w]
        x = torch.cat(parts, dim=1)
        logits, weight, hidden = self.conclude(x, attn.fold_query(x), attn.fold_value(x), question, padding_mask)
        a_t, a_pair, a_all, v_t, patches, _, v_pair, v_all, _ = weight.split([p.shape[1] for p in parts], dim=1)
        v_t = v_t + rearrange(patches, "row (pick few) -> row pick few", few=few.shape[2]).sum(dim=-1)
        heard, seen = (
            a_pair + a_all + scatter_weights(a_t, seconds, a.shape[1]),
            v_pair + v_all + scatter_weights(v_t, seconds, v.shape[1]),
        )
        hidden |= {"segments": segments, "picked": weights, "seconds": seconds, "patches": few, "guided": guided}
        return Output(logits, attention={"heard": normalized(heard), "seen": normalized(seen)}, hidden=hidden)


FORMS: dict[str, type[PSTPNet] | type[Search]] = {"released": PSTPNet, "concat": Search, "paper": Search}


def build(config: Config) -> PSTPNet | Search:
    """Build the net of the chosen variant with random weights. Raises RecipeError for options that do not fit."""
    if config.variant not in FORMS:
        raise RecipeError(f"pstp_net has no variant {config.variant!r}. There are: {', '.join(FORMS)}.")
    if config.hidden % config.heads:
        raise RecipeError(f"pstp_net: {config.heads} heads do not divide hidden={config.hidden}.")
    return FORMS[config.variant](config)


LIVE = {
    "fc_a": "hear",
    "fc_v": "see",
    "fc_word": "read",
    "fc_q": "ask",
    "GlobalSelf_Module.layers.0": "mix",
    "fc_answer_pred": "head",
}
SEARCH = {
    "fc_p": "look",
    "TempSegsSelect_Module.clip_fc": "segment",
    "TempSegsSelect_Module.attn_qst_query": "pick_segments",
    "SpatRegsSelect_Module.attn_qst_query": "pick_patches",
    **query_names("AudioGuidedVisualAttn", "guide", "audio"),
    "GlobalLocal_Module.layers.0": "pair",
}
DEAD = (
    *("TempSegsSelect_Module", "SpatRegsSelect_Module", "GlobalLocal_Module", "GlobalSelf_Module"),
    *("audio_fusion", "visual_fusion", "SM_fusion", "fc_av_fusion", "fc_spat_q"),
)


def from_official(state_dict: Mapping[str, Tensor], variant: str = "released") -> PSTPNet | Search:
    """The network from a published checkpoint, which serves all variants; sizes are inferred from the shapes."""
    state = checkpoints.without_prefixes(state_dict)
    layers = {"audio": "fc_a", "frames": "fc_v", "patches": "fc_p", "question": "fc_q", "words": "fc_word"}
    net = build(Config(variant, **checkpoints.widths(state, layers, "fc_a", "fc_answer_pred")))
    checkpoints.load_renamed(net, state, LIVE if variant == "released" else LIVE | SEARCH, (*DEAD, *SEARCH))
    return net
