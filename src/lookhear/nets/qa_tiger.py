"""QA-TIGER: sound and picture look at the question early; experts, each with a Gaussian over time, sum what they find.

    audio ─ a ─┬─ look at itself, the other, the words ─ a' ─────── Gaussian experts ─ a_g
    frames ─ v ┴──────────────────────────────────────── v' ┐
    patches ─── look at each other ─ v', a' look at them ───┴─ + ── Gaussian experts ─ vp_g, ap_g
    question ─ ground(q, vp_g, ap_g) ─ ground(that, a_g) ─▶ answers

Kim et al., "Question-Aware Gaussian Experts for Audio-Visual Question Answering", CVPR 2025. Loss: cross-entropy.
`released` and `paper` differ in one place. In the published code the experts of item (question b, second t) are those
chosen by question (b T + t) mod B of the batch, while gates and Gaussians are those of b: an answer depends on the
other questions in its batch and on their order, and on nothing but itself only when asked alone. `paper` uses b's own.

The second layer of an expert is linear, so it comes after the sum over time: with c_e(t), the gates times the Gaussians
of the choices that fall on expert e, the sum is W2_e sum_t c_e(t) relu(W1_e x(t) + b1_e) + b2_e sum_t c_e(t).

Words are CLIP's last hidden states before the text projection (`clip_text` with `project=false`); the text tower itself
is frozen and no part of this network. Evidence: gates times Gaussians, summed over the chosen experts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import Attention, drop, normalized, trim_padding
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
    words: int = 768
    """width of the stream `words`"""
    hidden: int = 512
    """hidden width"""
    heads: int = 8
    """attention heads"""
    experts: int = 7
    """Gaussian experts per stream"""
    top_k: int = 7
    """experts that are used"""
    dropout: float = 0.1
    """dropout probability"""


def kaiming(inputs: int, outputs: int) -> nn.Linear:
    """A linear layer drawn as this network draws all of its own."""
    layer = nn.Linear(inputs, outputs)
    nn.init.kaiming_normal_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def narrow(dim: int) -> nn.Sequential:
    """Two layers, half as wide inside."""
    return nn.Sequential(kaiming(dim, dim // 2), nn.ReLU(), kaiming(dim // 2, dim))


class Early(nn.Module):
    """A stream looks at itself, at the other stream and at the words. The first two are the clip's alone."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.slf_attn, self.crs_attn, self.qst_attn = (Attention(dim, heads, dropout) for _ in range(3))
        self.linear1, self.linear2 = kaiming(dim, dim), kaiming(dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def alone(
        self, x: Float[Tensor, "row time dim"], y: Float[Tensor, "row time dim"]
    ) -> Float[Tensor, "row time dim"]:
        """x with what it takes in from itself and from y."""
        taken = (
            drop(attn(x, to)[0], self.dropout, self.training) for attn, to in ((self.slf_attn, x), (self.crs_attn, y))
        )
        return x + sum(taken)

    def forward(
        self, own: Tensor, asked: Tensor, keys: Tensor, padding_mask: Tensor | None
    ) -> Float[Tensor, "row time dim"]:
        """The layer's output from `own = alone(x, y)`, the projected x, and the words' keys and values."""
        k, v = keys.chunk(2, dim=-1)
        taken, _ = self.qst_attn.attend(asked, k, v, padding_mask)
        u = self.norm1(own + drop(taken, self.dropout, self.training))
        inner = drop(self.linear1(u).relu(), self.dropout, self.training)
        return self.norm2(u + drop(self.linear2(inner), self.dropout, self.training))


class Patches(nn.Module):
    """What picture and sound of a second see among its patches."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.slf_attn, self.crs_attn = Attention(dim, heads, dropout), Attention(dim, heads, dropout)
        self.mlp = narrow(dim)
        self.anorm, self.vnorm = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def keys(self, patches: Float[Tensor, "clip time patch dim"]) -> Float[Tensor, "clip time patch twice_dim"]:
        """Keys and values of patches that have looked at each other within their second."""
        flat = patches.flatten(0, 1)
        flat = flat + self.slf_attn(flat, flat)[0]
        return self.crs_attn.project(flat, "kv").unflatten(0, patches.shape[:2])

    def forward(self, seen: Tensor, heard: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        """(what was seen for the sound, what for the picture), each (row, time, dim)."""
        q = self.crs_attn.project(torch.stack([seen, heard], dim=2).flatten(0, 1), "q")
        taken, _ = self.crs_attn.attend(q, *keys.flatten(0, 1).chunk(2, dim=-1))
        taken = self.mlp(drop(taken, self.dropout, self.training)).unflatten(0, seen.shape[:2])
        return self.anorm(taken[:, :, 1]), self.vnorm(taken[:, :, 0])


class Experts(nn.Module):
    """Experts chosen by the question, each with a Gaussian over time."""

    def __init__(self, config: Config, norms: tuple[str, ...]) -> None:
        super().__init__()
        dim, self.config = config.hidden, config
        self.qst_attn = Attention(dim, config.heads, config.dropout)
        self.router, self.gauss = nn.Linear(dim, config.experts), nn.Linear(dim, 2 * config.experts)
        self.experts = nn.ModuleList([narrow(dim) for _ in range(config.experts)])
        self.norms = nn.ModuleDict({name: nn.LayerNorm(dim) for name in norms})

    def choose(self, question: Float[Tensor, "row dim"], stream: Float[Tensor, "row time dim"]) -> dict[str, Tensor]:
        """What the question wants of the stream: gates, experts, and their Gaussians (row, choice, time)."""
        wanted = self.qst_attn(question.unsqueeze(1), stream)[0].squeeze(1)
        scores, raw = self.router(wanted), self.gauss(wanted)
        gates, places = scores.softmax(dim=-1).topk(self.config.top_k, dim=-1)
        count = self.config.experts
        margin = 1 / (2 * count)
        shift, width = rearrange(raw, "row (expert two) -> two row expert", two=2)
        centre = torch.linspace(margin, 1 - margin, count, device=raw.device) + margin * shift.tanh()
        centre = centre.gather(1, places).clamp(0, 1).unsqueeze(-1)
        width = width.sigmoid().gather(1, places).clamp(min=0.09).unsqueeze(-1) / 9
        time = torch.linspace(0, 1, stream.shape[1], device=raw.device)
        height = -((time - centre) ** 2) / (2 * width**2)
        bell = torch.exp(height - height.amax(dim=-1, keepdim=True))  # 1 at its nearest second, however far that is
        found = {"qattn": wanted, "router_logits": scores, "gauss_raw": raw, "gauss_weight": bell}
        return found | {"topk_probs": gates / gates.sum(dim=-1, keepdim=True), "topk_inds": places}

    def coefficients(self, choice: Mapping[str, Tensor]) -> Float[Tensor, "row expert time"]:
        """Gates times Gaussians, put on the experts they fall on."""
        weight, places = choice["topk_probs"].unsqueeze(-1) * choice["gauss_weight"], choice["topk_inds"]
        rows, _, time = weight.shape
        if self.config.variant == "released":  # the published code reads the batch-major choices time-major
            other = torch.arange(rows * time, device=places.device).view(rows, time) % rows
            where = rearrange(places[other], "row time choice -> row choice time")
        else:
            where = places.unsqueeze(-1).expand_as(weight)
        return weight.new_zeros(rows, self.config.experts, time).scatter_add(1, where, weight)

    def forward(
        self, choice: Mapping[str, Tensor], streams: Mapping[str, Float[Tensor, "row time dim"]]
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """(each stream summed by the experts and normed, the same before the norm)."""
        share = self.coefficients(choice)
        first, second = [e[0] for e in self.experts], [e[2] for e in self.experts]
        x = torch.stack(list(streams.values()), dim=1)  # row stream time dim
        weight, bias = (torch.cat([getattr(f, part) for f in first]) for part in ("weight", "bias"))
        inner = rearrange(
            F.linear(x, weight, bias).relu(),
            "row stream time (expert d) -> row expert stream time d",
            expert=len(first),
        )
        summed = (share[:, :, None, None] @ inner).squeeze(3)  # row expert stream d
        out = torch.einsum("resd,eod->rso", summed, torch.stack([s.weight for s in second]))
        out = out + (share.sum(dim=-1) @ torch.stack([s.bias for s in second])).unsqueeze(1)
        raw = dict(zip(streams, out.unbind(1), strict=True))
        return {name: self.norms[name](one) for name, one in raw.items()}, raw


class Ground(nn.Module):
    """The question looks at two vectors and joins their mean."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attn, self.mlp, self.norm = Attention(dim, heads, dropout), narrow(dim), nn.LayerNorm(dim)
        self.dropout = dropout

    def forward(self, q: Float[Tensor, "row dim"], x: Float[Tensor, "row dim"], y: Float[Tensor, "row dim"]) -> Tensor:
        """LN(mean(x, y) + mlp(attention(q, [x, y])))."""
        taken = self.mlp(self.attn(q.unsqueeze(1), torch.stack([x, y], dim=1))[0].squeeze(1))
        return self.norm((x + y) / 2 + drop(taken, self.dropout, self.training))


class QATiger(WatchAnswer):
    """The network."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        dim, heads, dropout = config.hidden, config.heads, config.dropout
        self.hear, self.see, self.look = (kaiming(n, dim) for n in (config.audio, config.frames, config.patches))
        self.read, self.ask = kaiming(config.words, dim), kaiming(config.question, dim)
        self.early, self.patches = Early(dim, heads, dropout), Patches(dim, heads, dropout)
        self.listen, self.watchers = Experts(config, ("heard",)), Experts(config, ("heard", "seen"))
        self.ground, self.head = Ground(dim, heads, dropout), kaiming(dim, config.answers)

    def watch(
        self,
        audio: Float[Tensor, "clip time dim"],
        frames: Float[Tensor, "clip time wide"],
        patches: Float[Tensor, "clip time patch deep"],
    ) -> Memory:
        """Both streams having looked at themselves and each other, what they ask of words, and keys of the patches."""
        a, v = self.hear(audio), self.see(frames)
        project = self.early.qst_attn.project
        memory = {"heard": self.early.alone(a, v), "seen": self.early.alone(v, a)}
        memory |= {"heard_query": project(a, "q"), "seen_query": project(v, "q")}
        return memory | {"patches": self.patches.keys(self.look(patches.to(a.dtype)))}

    def answer(
        self, memory: Memory, question: Float[Tensor, "question dim"], words: Float[Tensor, "question word wide"]
    ) -> Output:
        """Logits; attention; hidden: what every stage gave."""
        words, padding_mask = trim_padding(words)
        q, keys = self.ask(question), self.early.qst_attn.project(self.read(words), "kv")
        a, v = (self.early(memory[side], memory[f"{side}_query"], keys, padding_mask) for side in ("heard", "seen"))
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
        return Output(self.head(second.relu()), attention=attention, hidden=hidden)


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
DEAD = ("quest_encoder",)  # the frozen CLIP text tower: an encoder here


def from_official(state_dict: Mapping[str, Tensor], variant: str = "released", top_k: int | None = None) -> QATiger:
    """The network from a published checkpoint: sizes are read off shapes, all experts used unless `top_k` is given."""
    state = checkpoints.without_prefixes(state_dict)
    streams = {"audio": "audio", "frames": "video", "patches": "patch", "question": "quest", "words": "words"}
    layers = {stream: f"{old}_proj.proj" for stream, old in streams.items()}
    sizes = checkpoints.widths(state, layers, "audio_proj.proj", "head")
    experts = checkpoints.size(state, "at_aggregator.router.0.weight")
    net = build(Config(variant, experts=experts, top_k=top_k or experts, **sizes))
    checkpoints.load_renamed(net, state, OFFICIAL, DEAD)
    return net
