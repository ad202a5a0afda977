"""AVST (ST-AVQA): ground the sound in the picture, attend to the seconds relevant to the question, fuse, answer.

    audio ─ MLP ─ a ────────────────────────┬───────────── a_t ─ attend(q) + mean ─┐
                  │ cosine, softmax (where) │                                      ├─ fuse ─ ⊙ q ─▶ answers
    patches ──────┴─ weighted sum ─ [mean; ·] ─ ground ─ G_t ─ attend(q) + mean ───┘
    tokens ─ embed ─ tanh ─ LSTM ─ [h; c] ─ q         match(a, G) ─▶ does this picture go with this sound?

Li et al., "Learning to Answer Questions in Dynamic Audio-Visual Scenarios", CVPR 2022. Loss: cross-entropy of the
answer + 0.5 · cross-entropy of the match, with another clip's pictures as negatives. `Config.form` is one of:

- `grounded`: the network of the paper.
- `baseline`: its ablation. The visual feature is the mean of the patches, there is no matching, and the mean over time
  is not added to the attended vectors.
- `grounding`: the pre-training, which has the matching task only. `AVST.take` initialises a grounded network from it.

`released` and `paper` differ in one point that could be checked: the released LSTM also reads the padding, up to
`words` tokens; `paper` stops at the last word. (The paper itself was not available when this was written. Its schedule,
30 epochs with x 0.1 every 10, is not in the code, which has 80 epochs, x 0.1 every 8.)

The data differ from the released loader, which draws the negative picture of each second from a different clip; here
all seconds of a question share one other clip. The released loader uses every 6th of 60 seconds: `every=6`.
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
    """Sizes. The published network reads 14 x 14 patches of width 512 and audio of width 128; it has 92 words and
    padding."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    form: str = "grounded"
    """grounded, baseline (ablation) or grounding (pre-training)"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    patches: int = 512
    """width of the stream `patches`, and hidden width"""
    tokens: int = 93
    """size of the token vocabulary; id 0 is padding"""
    words: int = 14
    """smallest number of tokens that the released question encoder reads, padding included"""
    heads: int = 4
    """attention heads"""
    dropout: float = 0.1
    """dropout probability"""
    match: float = 0.5
    """weight of the matching loss"""
    every: int = 1
    """temporal stride: use every n-th second"""


class Answering(WatchAnswer):
    """The answer head with the question's attention to both streams.

    With `shortcut`, the mean over time is added to the attended vectors.
    """

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
        """Logits; attention `seen` and `heard`; hidden: the question, the attended vectors, the fused vector."""
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
        """Weight of each second: the weight of a used second is spread over the skipped ones after it."""
        if self.every == 1:
            return weight
        wide = repeat(weight, "row step -> row (step every)", every=self.every)[:, :seconds]
        return wide / wide.sum(dim=1, keepdim=True)


class Baseline(Answering):
    """The ablation: mean of the patches, no grounding, no mean over time beside the attention."""

    shortcut = False

    def __init__(self, config: Config):
        super().__init__(config)
        self.config = config

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """Audio and visual features of each second, and their keys."""
        return self._remember(self.hear(self._thin(audio)), self._thin(patches).mean(dim=2), audio)


class AVST(Answering):
    """The grounded network."""

    def __init__(self, config: Config):
        super().__init__(config)
        self.config = config
        self.ground = Ground(config.patches)

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """Audio features, grounded visual features, their keys, and the grounding map `where` (clip, time, patch)."""
        heard = self.hear(self._thin(audio))
        seen, where = self.ground(heard, self._thin(patches))
        return {**self._remember(heard, seen, audio), "where": where}

    def losses(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        patches_negative: Float[Tensor, "question time patch wide"],
    ) -> dict[str, Tensor]:
        """Cross-entropy of the answer, and of the match with its weight."""
        match, _ = self.ground.loss(output.hidden["heard"], output.hidden["seen"], self._thin(patches_negative))
        return {"answer": F.cross_entropy(output.logits, labels), "match": self.match * match}

    def take(self, grounding: Grounding) -> None:
        """Initialise from pre-training: copy the audio projection and the grounding."""
        self.hear.load_state_dict(grounding.hear.state_dict())
        self.ground.load_state_dict(grounding.ground.state_dict())


class Grounding(WatchAnswer):
    """The pre-training: whether a picture matches a sound, in single seconds; the released loop takes 10 of each
    clip."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.hear = hearing(config.audio, config.patches)
        self.ground = Ground(config.patches)

    def watch(self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]) -> Memory:
        """Audio features, grounded visual features, and the grounding map."""
        heard = self.hear(audio[:, :: self.config.every])
        seen, where = self.ground(heard, patches[:, :: self.config.every].to(heard.dtype))
        return {"heard": heard, "seen": seen, "where": where}

    def answer(self, memory: Memory) -> Output:
        """Logits (clip, 2) of the match between picture and sound, averaged over seconds. No question is read."""
        pairs = self.ground.pair(memory["heard"], memory["seen"])
        return Output(pairs.mean(dim=1), hidden={**memory, "match": pairs})

    def losses(
        self,
        output: Output,
        labels: Int[Tensor, " question"],
        patches_negative: Float[Tensor, "question time patch wide"],
    ) -> dict[str, Tensor]:
        """Cross-entropy of the match. The answers in `labels` are ignored."""
        heard = output.hidden["heard"]
        negative = patches_negative[:, :: self.config.every].to(heard.dtype)
        return {"match": self.ground.loss(heard, output.hidden["seen"], negative)[0]}


Net = AVST | Baseline | Grounding
FORMS: dict[str, type[Net]] = {"grounded": AVST, "baseline": Baseline, "grounding": Grounding}


def build(config: Config) -> Net:
    """Build the net of the chosen form with random weights."""
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
    """The released network from a published checkpoint; its form is inferred from the tensors unless given.

    Pre-training checkpoints have no question encoder. Those of the baseline lack `fc_a1_pure`. Both networks leave that
    layer unused, as well as the ResNet in `visual_net` and seven more layers.
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
