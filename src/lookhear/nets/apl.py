"""APL: cross-attention between objects, sound and question, with contrastive losses on matching objects.

    audio ─ self-attention ─ reads words ─ a1 ─┐ words read a1, and read o1; weighed by the question
    patches + boxes ──────── reads words ─ o1 ─┴──────── sum over words ─ answers

Li et al., "Object-Aware Adaptive-Positivity Learning for Audio-Visual Question Answering", AAAI 2024.

`variant="released"` equals the official network (zhangbin-ai/APL) tensor by tensor. Its objects are 100 DETR queries
per frame with their boxes. Here any patches of any encoder can be objects; boxes come from the stream `boxes` (left,
top, right, bottom in 0..1) or else from an even grid over the frame. Loss: cross-entropy + 0.3 C(o1, question) +
0.3 C(o1, a1). C treats an object as positive if its softmax over the frame is at least `threshold`: 0.011 as published
for 100 objects; 0 makes it 1.1 / objects. The mean cosine with objects of other clips is computed in closed form, which
gives the same number without comparing all pairs of clips. C is the constant 1e-3 where it would be smaller, and for a
batch of one. Every 6th of 60 seconds is used. The losses are computed in training only; the official code computes them
at test time too. The evidence is the attention of the words to each second, weighted as for the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from einops import repeat
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import FeatureError, RecipeError
from lookhear.layers.attention import Attention, normalized
from lookhear.layers.recurrent import weigh
from lookhear.layers.token_table import run_lstm, trim
from lookhear.layers.translate import fitted, renamed
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output

FLOOR = 1e-3  # smallest sum of positive weights, and smallest loss


@dataclass(frozen=True)
class Config:
    """Options of the net. Fields named like streams are the widths of these streams."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    patches: int = 512
    """width of the stream `patches`"""
    boxes: int = 0
    """4: also read the stream `boxes`, one row per patch; 0: use boxes of an even grid"""
    tokens: int = 93
    """size of the token vocabulary; id 0 is padding"""
    hidden: int = 512
    """hidden width"""
    inner: int = 2048
    """feed-forward width"""
    heads: int = 4
    """attention heads"""
    every: int = 6
    """temporal stride: use every n-th second"""
    steps: int = 10
    """largest number of seconds used (number of position embeddings)"""
    threshold: float = 0.0
    """softmax threshold of a positive object; 0 means 1.1 / objects, which is 0.011 for the published 100"""
    weight: float = 0.3
    """weight of each contrastive loss"""
    dropout: float = 0.1
    """dropout probability"""


class Layer(nn.Module):
    """Post-norm layer: cross-attention, then feed-forward."""

    def __init__(self, config: Config, heads: int) -> None:
        super().__init__()
        dim, self.drop = config.hidden, nn.Dropout(config.dropout)
        self.attention = Attention(dim, heads, config.dropout)
        self.linear1, self.linear2 = nn.Linear(dim, config.inner), nn.Linear(config.inner, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)

    def forward(
        self, x: Tensor, y: Tensor, padding: Tensor | None = None, position: Tensor | float = 0.0
    ) -> tuple[Float[Tensor, "row n dim"], Float[Tensor, "row n key"]]:
        """(x after cross-attention to y, weights). `position` is added to queries and keys, not to values."""
        q, k = self.attention.project(x + position, "q"), self.attention.project(y + position, "k")
        taken, weight = self.attention.attend(q, k, self.attention.project(y, "v"), padding)
        z = self.norm1(x + self.drop(taken))
        return self.norm2(z + self.drop(self.linear2(self.drop(self.linear1(z).relu())))), weight


class APL(WatchAnswer):
    """The network; reads sound, picture and question."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.config = config.hidden, config
        self.table, self.lstm = nn.Embedding(config.tokens, dim), nn.LSTM(dim, dim, batch_first=True)
        self.sentence = nn.Linear(2 * dim, dim)
        self.hear, self.see = nn.Linear(config.audio, dim), nn.Linear(config.patches + 4, dim)
        self.position = nn.Embedding(config.steps, dim)
        self.own = Layer(config, 1)
        names = ("audio_words", "objects_words", "words_audio", "words_objects")
        self.cross = nn.ModuleDict({name: Layer(config, config.heads) for name in names})
        self.gate = nn.Linear(dim, 2)
        drop = nn.Dropout(config.dropout)
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), drop, nn.Linear(dim, 1))
        self.head = nn.Linear(dim, config.answers)

    @property
    def watch(self) -> Callable[..., Memory]:
        """`watch(audio, patches)`, or `watch(audio, patches, boxes)` if the stream `boxes` is used."""
        return self.watch_boxes if self.config.boxes else self.watch_grid

    def watch_grid(
        self, audio: Float[Tensor, "clip time dim"], patches: Float[Tensor, "clip time patch wide"]
    ) -> Memory:
        """Sound after its self-attention, and objects projected with boxes of an even grid."""
        boxes = grid(patches.shape[2]).to(patches)
        return self.watch_boxes(audio, patches, boxes.expand(*patches.shape[:2], -1, -1))

    def watch_boxes(
        self,
        audio: Float[Tensor, "clip time dim"],
        patches: Float[Tensor, "clip time patch wide"],
        boxes: Float[Tensor, "clip time patch 4"],
    ) -> Memory:
        """The same as `watch_grid` with boxes from a stream."""
        every, length = self.config.every, audio.shape[1]
        a, o = self.hear(audio[:, ::every]), self.see(torch.cat([patches, boxes], dim=-1)[:, ::every])
        if a.shape[1] > self.config.steps:
            raise FeatureError(
                f"apl looks at {a.shape[1]} seconds of {length} (every={every}) but has steps={self.config.steps}. "
                "Raise net.every or net.steps."
            )
        a, _ = self.own(a, a, position=self.position.weight[: a.shape[1]])
        return {"audio": a, "objects": o, "length": torch.full((len(a),), length, device=a.device)}

    def answer(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits of the answers and the weight of each second. Token id 0 is padding."""
        tokens, padding = trim(tokens)
        words, (h, c) = run_lstm(self.lstm, self.table(tokens).tanh(), padding)
        words = words.masked_fill(padding[..., None], 0.0)
        q = self.sentence(torch.cat([h[-1], c[-1]], dim=-1).tanh())
        steps, count = memory["objects"].shape[1:3]
        a1, _ = self.cross["audio_words"](memory["audio"], words, padding)
        o1, _ = self.cross["objects_words"](memory["objects"].flatten(1, 2), words, padding)
        a2, heard = self.cross["words_audio"](words, a1)
        o2, seen = self.cross["words_objects"](words, o1)
        gate = self.gate(q).softmax(dim=-1)
        f = gate[:, :1, None] * a2 + gate[:, 1:, None] * o2
        taken, weight = weigh(self.score(f).squeeze(-1), f, padding)
        tracks = {"heard": heard, "seen": seen.unflatten(2, (steps, count)).sum(dim=-1)}
        length = int(memory["length"][0])
        attention = {n: self.spread(torch.einsum("rl,rlt->rt", weight, w), length) for n, w in tracks.items()}
        hidden = {"audio": a1, "objects": o1.unflatten(1, (steps, count)), "question": q, "gate": gate}
        hidden |= {"words_audio": a2, "words_objects": o2}
        return Output(self.head(taken), attention=attention, hidden=hidden)

    def spread(self, weight: Float[Tensor, "row step"], length: int) -> Float[Tensor, "row time"]:
        """Weight of each second: the weight of a used second is spread over the skipped ones after it."""
        return normalized(repeat(weight, "row step -> row (step every)", every=self.config.every)[:, :length])

    def losses(self, output: Output, labels: Int[Tensor, " question"]) -> dict[str, Tensor]:
        """Cross-entropy, and both contrastive losses with their weight."""
        objects, q = output.hidden["objects"], output.hidden["question"]
        asked = q[:, None].expand(-1, objects.shape[1], -1)
        found = {"answer": F.cross_entropy(output.logits, labels)}
        for name, other in (("objects_question", asked), ("objects_audio", output.hidden["audio"])):
            found[name] = self.config.weight * contrast(objects, other, self.config.threshold)
        return found


def contrast(
    objects: Float[Tensor, "row time object dim"], other: Float[Tensor, "row time dim"], threshold: float = 0.0
) -> Float[Tensor, ""]:
    """The contrastive loss C between each second's objects and `other`, with objects of other rows as negatives."""
    x, y = (F.normalize(z, dim=-1, eps=1e-6) for z in (objects, other))
    share = (x @ y[..., None]).squeeze(-1).softmax(dim=-1)
    mass = (share / 0.4).exp()
    positive = (mass * (share >= (threshold or 1.1 / objects.shape[2]))).sum(dim=-1)
    positive = torch.where(positive == 0, FLOOR, positive)
    mean = x.mean(dim=2)  # mean of the unit vectors: with it, the mean cosine with all other rows is a single product
    rest = (mean.sum(dim=0) - mean) / max(len(x) - 1, 1)
    loss = -(positive / (mass.sum(dim=-1) + (y * rest).sum(dim=-1))).log().mean()
    if len(x) < 2 or not loss > FLOOR:
        return loss.new_tensor(FLOOR)
    return loss


def grid(count: int) -> Float[Tensor, "patch 4"]:
    """Boxes (left, top, right, bottom) of patches that tile a square frame row by row; if `count` is no square number,
    of vertical strips from the left.
    """
    rows = int(count**0.5)
    rows = rows if rows * rows == count else 1
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(count // rows), indexing="ij")
    corners = torch.stack([x, y, x + 1, y + 1], dim=-1).flatten(0, 1)
    return corners / torch.tensor([count // rows, rows] * 2)


def build(config: Config) -> APL:
    """Build the net with random weights."""
    if config.variant != "released" or config.boxes not in (0, 4):
        raise RecipeError(
            f"apl has variant released and boxes 0 or 4, got {config.variant!r} and boxes={config.boxes}."
        )
    return APL(config)


CROSS = {"aqq": "audio_words", "oqq": "objects_words", "qaa": "words_audio", "qoo": "words_objects"}
RULES = [
    (r"sentence_encoder\.word2vec\.weight", r"table.weight"),
    (r"sentence_encoder\.lstm\.(.*)", r"lstm.\1"),
    (r"sentence_encoder\.fc\.(.*)", r"sentence.\1"),
    (r"fc_audio\.(.*)", r"hear.\1"),
    (r"fc_object\.(.*)", r"see.\1"),
    (r"sa_a_pos_embed\.weight", r"position.weight"),
    (r"sa_audio_encoder\.encoder\.layers\.0\.self_attn\.(.*)", r"own.attention.\1"),
    (r"sa_audio_encoder\.encoder\.layers\.0\.(.*)", r"own.\1"),
    *(
        (rf"{old}_encoder\.encoder\.layers\.0\.cx_attn\.(.*)", rf"cross.{new}.attention.\1")
        for old, new in CROSS.items()
    ),
    *((rf"{old}_encoder\.encoder\.layers\.0\.(.*)", rf"cross.{new}.\1") for old, new in CROSS.items()),
    (r"wei_from_q\.(.*)", r"gate.\1"),
    (r"attflat\.mlp\.fc\.linear\.(.*)", r"score.0.\1"),
    (r"attflat\.mlp\.linear\.(.*)", r"score.3.\1"),
    (r"attflat\.linear_merge\.(.*)", r"head.\1"),
]


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors to our parameter names."""
    return renamed(state, RULES)


def from_official(state_dict: Mapping[str, Tensor]) -> APL:
    """The released network from a published checkpoint; it reads boxes and uses every second of its input."""
    state = checkpoints.without_prefixes(state_dict)
    config = Config(
        answers=checkpoints.size(state, "attflat.linear_merge.weight"),
        audio=checkpoints.size(state, "fc_audio.weight", 1),
        patches=checkpoints.size(state, "fc_object.weight", 1) - 4,
        boxes=4,
        tokens=checkpoints.size(state, "sentence_encoder.word2vec.weight"),
        hidden=checkpoints.size(state, "fc_audio.weight"),
        inner=checkpoints.size(state, "aqq_encoder.encoder.layers.0.linear1.weight"),
        every=1,
        steps=checkpoints.size(state, "sa_a_pos_embed.weight"),
        threshold=0.011,
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
