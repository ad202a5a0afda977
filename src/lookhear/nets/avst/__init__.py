"""AVST (ST-AVQA): ground the sound in the picture, attend to the seconds the question asks about, fuse, answer.

    audio ─ MLP ─ a ────────────────────────┬───────────── a_t ─ attend(q) + mean ─┐
                  │ cosine, softmax (where) │                                      ├─ fuse ─ ⊙ q ─▶ answers
    patches ──────┴─ weighted sum ─ [mean; ·] ─ ground ─ G_t ─ attend(q) + mean ───┘
    tokens ─ embed ─ tanh ─ LSTM ─ [h; c] ─ q         match(a, G) ─▶ does this picture go with this sound?

Li et al., "Learning to Answer Questions in Dynamic Audio-Visual Scenarios", CVPR 2022. Loss: cross-entropy of the
answer + 0.5 · cross-entropy of the match, own pictures against another clip's. Three forms, by `Config.form`:

- `grounded`, the network of the paper; `baseline`, its ablation: the mean of the patches is what is seen, nothing is
  matched, and the attended vectors stand without the mean over time; `grounding`, the pre-training: the match alone.
  `AVST.take` starts a grounded network from it.
- `released` and `paper` differ in one thing that could be checked: the released LSTM also reads the padding, up to
  `words` tokens; `paper` stops at the last word. (The paper itself was not at hand when this was written; its schedule,
  30 epochs with x 0.1 every 10, is in no code: there it is 80 epochs, x 0.1 every 8.)

Where the data differ from the released loader: it draws each second's negative picture from a different clip; here one
other clip serves all seconds of a question. It looks at every 6th of 60 seconds: `every=6`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import ModelError, RecipeError
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.nets.avst.parts import Attend, Ground, Words, hearing
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. The published network sees 14 x 14 patches of 512, hears 128, and knows 92 words and the padding."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    form: str = "grounded"
    """grounded, baseline (its ablation) or grounding (its pre-training)"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    patches: int = 512
    """width of a patch, and of everything inside"""
    tokens: int = 93
    """how many different tokens there are; 0 is padding"""
    words: int = 14
    """tokens that the released question encoder reads at least, padding included"""
    heads: int = 4
    """attention heads"""
    dropout: float = 0.1
    """dropout probability"""
    match: float = 0.5
    """weight of the matching loss"""
    every: int = 1
    """look and listen at every n-th second"""


class Answering(WatchAnswer):
    """What answers: the question's two attentions. `shortcut` adds the mean second to what was attended."""

    shortcut = True

    def __init__(self, config: Config):
        super().__init__()
        self.every, self.match = config.every, config.match
        width = config.patches
        self.hear = hearing(config.audio, width)
        self.question = Words(config.tokens, width, config.words if config.variant == "released" else 1)
        self.look = Attend(width, config.heads, config.dropout)
        self.listen = Attend(width, config.heads, config.dropout)
        self.fuse = nn.Linear(2 * width, width)
        self.head = nn.Linear(width, config.answers)

    def answer(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits; attention `seen` and `heard`; hidden: the question, what was attended, the fused vector."""
        q = self.question(tokens)
        taken, hidden, attention = {}, {"question": q}, {}
        for name, attend in (("seen", self.look), ("heard", self.listen)):
            after, before, weight = attend(q, memory[f"{name}_keys"])
            taken[name] = after + memory[name].mean(dim=1) if self.shortcut else after
            attention[name] = self._spread(weight, memory["second"].shape[1])
            hidden |= {f"{name}_attended": before, f"{name}_taken": after, name: memory[name]}
        fused = self.fuse(torch.cat([taken["heard"], taken["seen"]], dim=-1).tanh())
        if "where" in memory:
            hidden["where"] = memory["where"]
        return Output(self.head((fused * q).tanh()), attention=attention, hidden={**hidden, "fused": fused})

    def _remember(self, heard: Tensor, seen: Tensor, audio: Tensor) -> dict[str, Tensor]:
        keys = {"heard_keys": self.listen.keys(heard), "seen_keys": self.look.keys(seen)}
        return {"heard": heard, "seen": seen, **keys, "second": audio.new_zeros(audio.shape[:2], dtype=torch.bool)}

    def _thin(self, stream: Tensor) -> Tensor:
        return stream[:, :: self.every].to(self.head.weight.dtype)

    def _spread(self, weight: Float[Tensor, "row step"], seconds: int) -> Float[Tensor, "row time"]:
        """Weight per second from weight per looked-at second: it stands for those that follow it."""
        if self.every == 1:
            return weight
        wide = repeat(weight, "row step -> row (step every)", every=self.every)[:, :seconds]
        return wide / wide.sum(dim=1, keepdim=True)


class Baseline(Answering):
    """Seen is the mean of the patches; no grounding, no shortcut around attention."""

    shortcut = False

    def __init__(self, config: Config):
        super().__init__(config)
        self.config = config

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """What was heard and seen in each second, and their keys."""
        return self._remember(self.hear(self._thin(audio)), self._thin(patches).mean(dim=2), audio)


class AVST(Answering):
    """The grounded network."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.config = config
        self.ground = Ground(config.patches)

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """What was heard, what was seen where the sound may come from, their keys, and `where` (clip, time, patch)."""
        heard = self.hear(self._thin(audio))
        seen, where = self.ground(heard, self._thin(patches))
        return {**self._remember(heard, seen, audio), "where": where}

    def losses(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        patches_negative: Float[Tensor, "question time patch wide"],
    ) -> dict[str, Tensor]:
        """Cross-entropy of the answer, and of the match at its weight."""
        match, _ = self.ground.loss(output.hidden["heard"], output.hidden["seen"], self._thin(patches_negative))
        return {"answer": F.cross_entropy(output.logits, labels), "match": self.match * match}

    def take(self, grounding: Grounding) -> None:
        """Start from pre-training: copy what hears and what grounds."""
        self.hear.load_state_dict(grounding.hear.state_dict())
        self.ground.load_state_dict(grounding.ground.state_dict())


class Grounding(WatchAnswer):
    """The pre-training: does this picture go with this sound? Single seconds, 10 of each clip in the released loop."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.hear = hearing(config.audio, config.patches)
        self.ground = Ground(config.patches)

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """What was heard, what was seen, and where."""
        heard = self.hear(audio[:, :: self.config.every])
        seen, where = self.ground(heard, patches[:, :: self.config.every].to(heard.dtype))
        return {"heard": heard, "seen": seen, "where": where}

    def answer(self, memory: Memory) -> Output:
        """Logits (clip, 2): does what is seen go with what is heard, on average over seconds? No question is read."""
        pairs = self.ground.pair(memory["heard"], memory["seen"])
        return Output(pairs.mean(dim=1), hidden={**memory, "match": pairs})

    def losses(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        patches_negative: Float[Tensor, "question time patch wide"],
    ) -> dict[str, Tensor]:
        """Cross-entropy of the match. The answers in `labels` are not looked at."""
        heard = output.hidden["heard"]
        negative = patches_negative[:, :: self.config.every].to(heard.dtype)
        return {"match": self.ground.loss(heard, output.hidden["seen"], negative)[0]}


Net = AVST | Baseline | Grounding
FORMS: dict[str, type[Net]] = {"grounded": AVST, "baseline": Baseline, "grounding": Grounding}


def build(config: Config) -> Net:
    """The net of the form asked for, freshly initialised."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"avst has no variant {config.variant!r}. There are: released, paper.")
    if config.form not in FORMS:
        raise RecipeError(f"avst has no form {config.form!r}. There are: {', '.join(FORMS)}.")
    if config.form != "grounding" and config.patches % config.heads:
        raise RecipeError(f"{config.heads} heads do not divide patches={config.patches}.")
    return FORMS[config.form](config)


GROUNDING = {
    "fc_a1": "hear.0",
    "fc_a2": "hear.2",
    "fc_gl": "ground.merge",
    **{f"fc{n + 1}": f"ground.match.{2 * n}" for n in range(4)},
}
ANSWERING = {
    "question_encoder.word2vec": "question.embed",
    "question_encoder.lstm": "question.lstm",
    "question_encoder.fc": "question.out",
    **{
        f"{old}{part}": f"{new}.{name}"
        for old, new in (("attn_v", "look"), ("attn_a", "listen"))
        for part, name in (
            (".in_proj_weight", "project.weight"),
            (".in_proj_bias", "project.bias"),
            (".out_proj", "out"),
        )
    },
    "linear11": "look.up",
    "linear12": "look.down",
    "norm1": "look.norm",
    "linear21": "listen.up",
    "linear22": "listen.down",
    "norm2": "listen.norm",
    "fc_fusion": "fuse",
    "fc_ans": "head",
}


def from_official(state_dict: Mapping[str, Tensor], form: str | None = None) -> Net:
    """The released network from a published checkpoint; its form is read off the tensors unless given.

    Pre-training checkpoints have no question encoder; those of the baseline have no `fc_a1_pure`, which both networks
    leave unused, as they do the ResNet in `visual_net` and seven more layers.
    """
    state = checkpoints.without_prefixes(state_dict)
    if form is None:
        answers = "question_encoder.word2vec.weight" in state
        form = ("grounded" if "fc_a1_pure.weight" in state else "baseline") if answers else "grounding"
    if form not in FORMS:
        raise ModelError(f"avst has no form {form!r}. There are: {', '.join(FORMS)}.")
    sizes = {"audio": checkpoints.size(state, "fc_a1.weight", 1), "patches": checkpoints.size(state, "fc_a1.weight")}
    if form != "grounding":
        sizes["answers"] = checkpoints.size(state, "fc_ans.weight")
        sizes["tokens"] = checkpoints.size(state, "question_encoder.word2vec.weight")
    net = build(Config(form=form, **sizes))
    checkpoints.load_renamed(net, state, {**GROUNDING, **ANSWERING})
    return net
