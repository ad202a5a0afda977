"""TSPM: a declarative prompt selects ten seconds, their sound attends to patches, the question weights the results.

    frames ─ v ─ attention of `prompt` ─ the 10 largest weights ─▶ seconds
    audio ─ a ───────────────────────── at these seconds ─ a_s ─── question attends ─ a_q ─┐
    patches ─ tokens attend to each other ─ a_s attends ── s ───── question attends ─ v_q ─┼─ fuse ─ ⊙ q ─▶ answers
    a, v ─ attend to each other ─ means ───────────────────────────────────────────────────┘

Li et al., "Boosting Audio Visual Question Answering via Key Semantic-Aware Cues", ACM MM 2024. Loss: cross-entropy.

- `released`: the published network file, with its two undefined names fixed, uses the patches of seconds 0..9 for any
  selection; the sound of the k-th selected second attends to the patches of second k.
- `paper`: patches are those of the selected seconds, as in the copy that QA-TIGER ships.

In both variants the selection is not trained: it passes on indices only, so the prompt's projection and its attention
keep their initial values, which a checkpoint must contain. The prompt is the `prompt` stream, a sentence made from the
question (`example.meta["prompt"]`); without one it is the question.

Evidence: the question's attention over the selected seconds; in `released`, `seen` covers seconds 0..9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import Attention, HanLayer, QueryBlock, largest_few, query_names, scatter_weights
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. The published network reads VGGish, CLIP ViT-L/14 and 14 merged tokens of a ViT-L/16 a second."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 768
    """width of the stream `frames`"""
    patches: int = 1024
    """width of the stream `patches`"""
    question: int = 768
    """width of the stream `question`"""
    prompt: int = 768
    """width of the stream `prompt`"""
    hidden: int = 512
    """hidden width"""
    heads: int = 4
    """attention heads"""
    top_k: int = 10
    """number of selected seconds"""
    dropout: float = 0.1
    """dropout probability"""


class Tokens(nn.Module):
    """Self-attention among the patches of one second; one head, post-norm."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.layer = HanLayer(dim, dropout, cross=False)

    def forward(self, patches: Float[Tensor, "row time patch dim"]) -> Float[Tensor, "row time patch dim"]:
        """Same shape; there is no attention between seconds."""
        return self.layer(patches.flatten(0, 1)).unflatten(0, patches.shape[:2])


class TSPM(WatchAnswer):
    """The network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        dim, dropout = config.hidden, config.dropout
        self.hear, self.see = nn.Linear(config.audio, dim), nn.Linear(config.frames, dim)
        self.look = nn.Linear(config.patches, dim)
        self.ask, self.prompt = nn.Linear(config.question, dim), nn.Linear(config.prompt, dim)
        self.pair = HanLayer(dim, dropout)
        self.pick = Attention(dim, config.heads)
        self.tokens = Tokens(dim, dropout)
        self.place = QueryBlock(dim, config.heads, dropout)
        self.weigh = QueryBlock(dim, config.heads, dropout)
        self.fuse, self.head = nn.Linear(6 * dim, dim), nn.Linear(dim, config.answers)

    def watch(
        self,
        audio: Float[Tensor, "clip time dim"],
        frames: Float[Tensor, "clip time wide"],
        patches: Float[Tensor, "clip time patch deep"],
    ) -> Memory:
        """Streams, their means after attention to each other, keys for the prompt, and the patch features of the
        clip."""
        a, v = self.hear(audio), self.see(frames)
        with torch.no_grad():
            keys = self.pick.project(v, "k")
        memory = {"heard": a, "pick_keys": keys}
        memory |= {"heard_mean": self.pair(a, v).mean(dim=1), "seen_mean": self.pair(v, a).mean(dim=1)}
        patches = patches.to(self.look.weight.dtype)
        if self.config.variant == "released":
            return memory | {"tokens": self.tokens(self.look(patches[:, : self.config.top_k]))}
        if self.training:  # only the patches of the few selected seconds are processed
            return memory | {"patches": patches}
        tokens = self.tokens(self.look(patches))
        return memory | {"placed": self.placed(a[:, : tokens.shape[1]], tokens)}

    def placed(
        self, heard: Float[Tensor, "row pick dim"], tokens: Float[Tensor, "row pick patch dim"]
    ) -> Float[Tensor, "row pick dim"]:
        """The attention of the sound of each second to its patches."""
        return self.place(heard.flatten(0, 1), tokens.flatten(0, 1))[0].unflatten(0, heard.shape[:2])

    def picked(self, memory: Memory, prompt: Float[Tensor, "question dim"]) -> tuple[Tensor, Tensor]:
        """(selected seconds in temporal order, weight of every second), without gradient."""
        with torch.no_grad():
            split = "row n (head d) -> row head n d"
            q = rearrange(
                self.pick.project(self.prompt(prompt), "q"), "row (head d) -> row head 1 d", head=self.pick.heads
            )
            k = rearrange(memory["pick_keys"], split, head=self.pick.heads)
            weight = (q @ k.transpose(2, 3) * q.shape[-1] ** -0.5).softmax(dim=-1).mean(dim=1).squeeze(1)
            return largest_few(weight, min(self.config.top_k, weight.shape[1])), weight

    def answer(
        self, memory: Memory, question: Float[Tensor, "question dim"], prompt: Float[Tensor, "question wide"]
    ) -> Output:
        """Logits; attention over the used seconds; hidden: the selection and the features derived from it."""
        seconds, weight = self.picked(memory, prompt)
        rows = torch.arange(len(seconds), device=seconds.device).unsqueeze(1)
        heard, looked = memory["heard"][rows, seconds], seconds
        if "placed" in memory:
            seen = memory["placed"][rows, seconds]
        elif "patches" in memory:
            seen = self.placed(heard, self.tokens(self.look(memory["patches"][rows, seconds])))
        else:
            looked = torch.arange(seconds.shape[1], device=seconds.device).expand_as(seconds)
            seen = self.placed(heard, memory["tokens"])
        q = self.ask(question)
        (a_q, a_weight), (v_q, v_weight) = self.weigh(q, heard), self.weigh(q, seen)
        parts = [a_q, memory["heard_mean"], heard.mean(dim=1), v_q, memory["seen_mean"], seen.mean(dim=1)]
        fused = self.fuse(torch.cat(parts, dim=-1).tanh())
        length = weight.shape[1]
        attention = {
            "heard": scatter_weights(a_weight, seconds, length),
            "seen": scatter_weights(v_weight, looked, length),
        }
        hidden = {"seconds": seconds, "picked": weight, "heard_picked": heard, "seen_picked": seen, "fused": fused}
        return Output(self.head((fused * q).tanh()), attention=attention, hidden=hidden)


def build(config: Config) -> TSPM:
    """Build the net with random weights."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"tspm has no variant {config.variant!r}. There are: released, paper.")
    if config.hidden % config.heads:
        raise RecipeError(f"tspm: {config.heads} heads do not divide hidden={config.hidden}.")
    return TSPM(config)


OFFICIAL = {
    "input_a": "hear",
    "input_v": "see",
    "input_v_patch": "look",
    "input_qst": "ask",
    "input_qst_prompt": "prompt",
    "AV_Attn.layers.0": "pair",
    "TemporalPerception.attn_qst_query": "pick",
    "SpatioPerception.TokensAttn": "tokens.layer",
    **query_names("SpatioPerception", "place"),
    **query_names("QstTempGrd_Module", "weigh"),
    "av_fusion_fc": "fuse",
    "answer_pred_fc": "head",
}
DEAD = (
    *("AV_Attn.norm1", "AV_Attn.norm2"),
    *(f"TemporalPerception.qst_query_{part}" for part in ("linear1", "linear2", "visual_norm")),
)


def from_official(state_dict: Mapping[str, Tensor], variant: str = "released") -> TSPM:
    """The network from a published checkpoint, which serves both variants; sizes are inferred from the shapes."""
    state = checkpoints.without_prefixes(state_dict)
    streams = {"audio": "a", "frames": "v", "patches": "v_patch", "question": "qst", "prompt": "qst_prompt"}
    layers = {stream: f"input_{old}" for stream, old in streams.items()}
    net = build(Config(variant, **checkpoints.widths(state, layers, "input_a", "answer_pred_fc")))
    checkpoints.load_renamed(net, state, OFFICIAL, DEAD)
    return net
