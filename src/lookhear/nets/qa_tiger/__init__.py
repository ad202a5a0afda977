"""QA-TIGER: early attention of sound and picture to the question, then experts with Gaussian weights over time.

    audio ─ a ─┬─ attend to itself, the other, the words ─ a' ─────── Gaussian experts ─ a_g
    frames ─ v ┴──────────────────────────────────────────── v' ┐
    patches ─── attend to each other ─ v', a' attend to them ───┴─ + ── Gaussian experts ─ vp_g, ap_g
    question ─ ground(q, vp_g, ap_g) ─ ground(that, a_g) ─▶ answers

Kim et al., "Question-Aware Gaussian Experts for Audio-Visual Question Answering", CVPR 2025. Loss: cross-entropy.
`released` and `paper` differ in one place. In the published code the experts of question b at second t are those chosen
by question (b T + t) mod B of the batch, while gates and Gaussians are those of b. So an answer depends on the other
questions in the batch and their order, unless the batch has only one question. `paper` uses b's own experts.

The second layer of an expert is linear, so it comes after the sum over time: with c_e(t), the gates times the Gaussians
of the choices that fall on expert e, the sum is W2_e sum_t c_e(t) relu(W1_e x(t) + b1_e) + b2_e sum_t c_e(t).

Words are CLIP's last hidden states before the text projection (`clip_text` with `project=false`). The frozen text tower
is not part of this network. Evidence: gates times Gaussians, summed over the chosen experts;
words by the attention of the first layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import normalized
from lookhear.layers.texts import read_words
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.nets.qa_tiger.parts import EarlyAttention, Experts, Ground, Patches, kaiming
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
    words: int = 768
    """width of the stream `words`"""
    hidden: int = 512
    """hidden width"""
    heads: int = 8
    """attention heads"""
    experts: int = 7
    """Gaussian experts per stream"""
    top_k: int = 7
    """number of experts that are used"""
    dropout: float = 0.1
    """dropout probability"""


class QATiger(WatchAnswer):
    """The network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        dim, heads, dropout = config.hidden, config.heads, config.dropout
        self.hear, self.see, self.look = (kaiming(n, dim) for n in (config.audio, config.frames, config.patches))
        self.read, self.ask = kaiming(config.words, dim), kaiming(config.question, dim)
        self.early, self.patches = EarlyAttention(dim, heads, dropout), Patches(dim, heads, dropout)
        sizes = (dim, heads, dropout, config.experts, config.top_k, config.variant == "released")
        self.listen, self.watchers = Experts(*sizes, ("heard",)), Experts(*sizes, ("heard", "seen"))
        self.ground, self.head = Ground(dim, heads, dropout), kaiming(dim, config.answers)

    def watch(
        self,
        audio: Float[Tensor, "clip time dim"],
        frames: Float[Tensor, "clip time wide"],
        patches: Float[Tensor, "clip time patch deep"],
    ) -> Memory:
        """Sound and picture, concatenated over time: after attention to themselves and each other, and their queries
        for the words; keys of the patches.
        """
        a, v = self.hear(audio), self.see(frames)
        memory = {
            "own": torch.cat([self.early.alone(a, v), self.early.alone(v, a)], dim=1),
            "query": self.early.qst_attn.project(torch.cat([a, v], dim=1), "q"),
        }
        return memory | {"patches": self.patches.keys(self.look(patches.to(a.dtype)))}

    def wording(self, words: Float[Tensor, "question word wide"] | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The words' keys and values, and their padding mask."""
        return read_words(words, lambda rows: {"keys": self.early.qst_attn.project(self.read(rows), "kv")})

    def answer(
        self,
        memory: Memory,
        question: Float[Tensor, "question dim"],
        words: Float[Tensor, "question word wide"] | Mapping[str, Tensor],
    ) -> Output:
        """Logits; attention; hidden: the output of every stage. `words` may be the output of `wording`."""
        text, q = self.wording(words), self.ask(question)
        both = self.early(memory["own"], memory["query"], text["keys"], text.get("padding_mask"))
        a, v = both.chunk(2, dim=1)
        for_a, for_v = self.patches(v, a, memory["patches"])
        heard, seen = self.listen.choose(q, a), self.watchers.choose(q, v)
        a_sum, a_raw = self.listen(heard, {"heard": a})
        v_sum, v_raw = self.watchers(seen, {"heard": v + for_a, "seen": v + for_v})
        first = self.ground(q, v_sum["heard"], v_sum["seen"])
        second = self.ground(q, first, a_sum["heard"])
        hidden = {"crs_audio": a, "crs_video": v, "patch_for_audio": for_a, "patch_for_video": for_v}
        hidden |= {f"moe_a_{n}": x for n, x in heard.items()} | {f"moe_v_{n}": x for n, x in seen.items()}
        hidden |= {
            "moe_a_prenorm": a_raw["heard"],
            "moe_v_prenorm_ap": v_raw["heard"],
            "moe_v_prenorm_vp": v_raw["seen"],
        }
        hidden |= {"a_global": a_sum["heard"], "ap_global": v_sum["heard"], "vp_global": v_sum["seen"]}
        hidden |= {"fusion1": first, "fusion2": second, "quest_proj": q}
        sides = {"heard": (self.listen, heard), "seen": (self.watchers, seen)}
        attention = {
            side: normalized((c["topk_probs"].unsqueeze(1) @ c["gauss_weight"]).squeeze(1))
            for side, (_, c) in sides.items()
        }
        words = {} if self.training else self._read(memory["query"], text)
        return Output(self.head(second.relu()), attention=attention, hidden=hidden, words=words)

    def _read(self, query: Tensor, text: Mapping[str, Tensor]) -> dict[str, Float[Tensor, "question word"]]:
        """The attention of each stream to the words in the first layer, averaged over heads and seconds."""
        weight = self.early.read(query, text["keys"], text.get("padding_mask"))
        return {side: part.mean(dim=1) for side, part in zip(("heard", "seen"), weight.chunk(2, dim=1), strict=True)}


def build(config: Config) -> QATiger:
    """Build the net with random weights."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"qa_tiger has no variant {config.variant!r}. There are: released, paper.")
    if config.hidden % config.heads:
        raise RecipeError(f"qa_tiger: {config.heads} heads do not divide hidden={config.hidden}.")
    if not 1 <= config.top_k <= config.experts:
        raise RecipeError(f"qa_tiger: cannot use top_k={config.top_k} of {config.experts} experts.")
    return QATiger(config)


OFFICIAL = {
    "audio_proj.proj": "hear",
    "video_proj.proj": "see",
    "patch_proj.proj": "look",
    "words_proj.proj": "read",
    "quest_proj.proj": "ask",
    "crs_attn": "early",
    "patch_selecter": "patches",
    **{f"at_aggregator.{old}": f"listen.{new}" for old, new in (("norm", "norms.heard"),)},
    "vt_aggregator.anorm": "watchers.norms.heard",
    "vt_aggregator.vnorm": "watchers.norms.seen",
    **{
        f"{old}.{part}": f"{new}.{name}"
        for old, new in (("at_aggregator", "listen"), ("vt_aggregator", "watchers"))
        for part, name in (
            ("router.0", "router"),
            ("gauss_pred.0", "gauss"),
            ("experts", "experts"),
            ("qst_attn", "qst_attn"),
        )
    },
    "quest_grounding": "ground",
    "head": "head",
}
DEAD = ("quest_encoder",)  # the frozen CLIP text tower, which is an encoder here


def from_official(state_dict: Mapping[str, Tensor], variant: str = "released", top_k: int | None = None) -> QATiger:
    """The network from a published checkpoint: sizes are inferred from shapes, all experts used unless `top_k` is
    given."""
    state = checkpoints.without_prefixes(state_dict)
    streams = {"audio": "audio", "frames": "video", "patches": "patch", "question": "quest", "words": "words"}
    layers = {stream: f"{old}_proj.proj" for stream, old in streams.items()}
    sizes = checkpoints.widths(state, layers, "audio_proj.proj", "head")
    experts = checkpoints.size(state, "at_aggregator.router.0.weight")
    net = build(Config(variant, experts=experts, top_k=top_k or experts, **sizes))
    checkpoints.load_renamed(net, state, OFFICIAL, DEAD)
    return net
