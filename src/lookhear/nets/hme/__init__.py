"""HME: a clip memory written by two streams, a question memory, and three reasoning steps over both.

    frames ─ LSTM x 2 ─┬─ attended by the question ─────────────────────┐
    motion ─ LSTM x 2 ─┼─ attended by the question ─────────────────────┼─ answers
                       └─ memory of the clip ─┐                         │
    tokens ─ LSTM x 2 ── memory of the words ─┴─ attention, LSTM, x 3 ──┘

Fan et al., "Heterogeneous Memory Enhanced Multimodal Attention Model for Video Question Answering", CVPR 2019: the
memory shared by two streams, the question memory, multi-step attention over both, the answer.

`variant="released"` equals the official network (fanchenyou/HME-VideoQA, msvd-qa) tensor by tensor, but processes a
batch at once instead of one example at a time. It initialises the clip's LSTMs from the question and then reads the
question again from their final states, so only the input can be kept per clip. With `start="clip"` they start at zero,
both are computed once per clip, and the second reading of the question still follows. Frames are seconds. The second
stream is `motion` if given, the sound with `sound`, and otherwise the change from the previous second. With
`read="words"`, word vectors of a frozen encoder replace the embedding. The adaptation behind published AVQA results was
never released. The evidence is the question's attention to each stream; if the second stream is motion, the mean of
both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.token_table import Options, Reads, run_lstm
from lookhear.layers.translate import fitted, renamed
from lookhear.nets.hme.memories import AdditiveAttention, QuestionMemory, Shared
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config(Options):
    """Options of the net. Fields named like streams are the widths of these streams."""

    motion: int = 0
    """width of a `motion` stream, one row for each of `frames`; 0 uses the change from the previous second"""
    sound: bool = False
    """use the sound in place of motion"""
    start: str = "question"
    """initial state of the clip's LSTMs: question (as published) or clip (zero)"""
    embed: int = 300
    """width of the word embedding"""
    hidden: int = 512
    """hidden width"""
    slots: int = 20
    """number of slots of each memory"""
    steps: int = 3
    """reasoning steps over both memories"""
    dropout: float = 0.2
    """dropout probability"""


class HME(Reads):
    """The network; reads picture (and sound, with `sound`) and question."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.config = config.hidden, config
        other = config.audio if config.sound else config.motion or config.frames
        self.drop = nn.Dropout(config.dropout)
        self.reads(config.read, config.tokens, config.embed)
        self.text = two_layers(config.embed if config.read == "tokens" else config.words, dim)
        self.follow = nn.ModuleList(two_layers(width, dim) for width in (config.frames, other))
        self.clip_memory, self.word_memory = Shared(dim, config.slots), QuestionMemory(dim, config.slots)
        self.look = nn.ModuleList(AdditiveAttention(2 * dim, 2 * dim, dim) for _ in range(2))
        self.look_clip, self.look_words = AdditiveAttention(dim, dim, dim), AdditiveAttention(dim, dim, dim)
        self.share = nn.ModuleList(nn.Linear(dim, dim) for _ in range(2))
        self.share_state, self.share_score = nn.Linear(dim, dim, bias=False), nn.Parameter(torch.empty(dim))
        self.bring = nn.ModuleList(nn.Linear(dim, dim) for _ in range(3))
        self.first, self.again = nn.Linear(2 * dim, dim), nn.Linear(2 * dim, dim)
        self.think1, self.think2 = nn.LSTMCell(dim, dim), nn.LSTMCell(dim, dim)
        self.out = nn.ModuleList(nn.Linear(2 * dim, dim) for _ in range(3))
        self.head = nn.Linear(3 * dim, config.answers)
        nn.init.normal_(self.share_score, std=0.01)
        for look in (*self.look, self.look_clip, self.look_words, *self.share):
            for tensor in look.parameters():
                nn.init.normal_(tensor, std=0.01) if tensor.dim() > 1 else None

    @property
    def watch(self) -> Callable[..., Memory]:
        """`watch(frames)`, `watch(frames, motion)` or `watch(audio, frames)`."""
        return self.hear if self.config.sound else self.see_motion if self.config.motion else self.see

    def see(self, frames: Float[Tensor, "clip time wide"]) -> Memory:
        """Memory from the picture and its change over time."""
        return self.remember(frames, torch.diff(frames, dim=1, prepend=frames[:, :1]))

    def see_motion(self, frames: Float[Tensor, "clip time wide"], motion: Float[Tensor, "clip time width"]) -> Memory:
        """Memory from the picture and its motion, which have equal numbers of rows."""
        return self.remember(frames, motion)

    def hear(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip time wide"]) -> Memory:
        """Memory from the picture and the sound, which have equal numbers of rows."""
        return self.remember(frames, audio)

    def remember(self, *streams: Float[Tensor, "clip time _wide"]) -> Memory:
        """Both input streams; with `start="clip"`, also their LSTM states and the clip memory after each second."""
        if self.config.start == "question":
            return {"first": streams[0], "second": streams[1]}
        states, ends, memory = self.followed(streams, None)
        return {"first": states[0], "second": states[1], "ends": torch.stack(ends, dim=1), "memory": memory}

    def followed(self, streams: Sequence[Tensor], start: object) -> tuple[list[Tensor], list[Tensor], Tensor]:
        """(states [h1; h2] of both streams, both final states (row, 2 dim), the clip memory after each second)."""
        states, ends = [], []
        for layers, x in zip(self.follow, streams, strict=True):
            both, last = run_two(layers, x, None, start)
            states.append(torch.cat(both, dim=-1))
            ends.append(torch.cat([h for h, _ in last], dim=-1))
        dim = self.config.hidden
        return states, ends, self.clip_memory(*(x[..., dim:] for x in states))

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """Answer logits, and the attention weight of each second."""
        dim = self.config.hidden
        if self.config.start == "question":
            _, start = run_two(self.text, vectors, padding, None)
            states, ends, clip = self.followed((memory["first"], memory["second"]), start)
        else:
            states, ends, clip = [memory["first"], memory["second"]], list(memory["ends"].unbind(1)), memory["memory"]
        summed = ends[0] + ends[1]
        again = [(h, torch.zeros_like(h)) for h in summed.split(dim, dim=-1)]
        (_, steps), last = run_two(self.text, vectors, padding, again)
        asked = torch.cat([h for h, _ in last], dim=-1)
        tops = torch.cat([ends[0][:, dim:], ends[1][:, dim:]], dim=-1)
        looks = [look(x, asked) for look, x in zip(self.look, states, strict=True)]
        words = self.word_memory(steps)
        thought = self.think(tops, clip, words, padding)
        parts = [out(x).tanh() for out, x in zip(self.out, (looks[0][0], looks[1][0], thought), strict=True)]
        seen, other = looks[0][1], looks[1][1]
        attention = {"seen": seen, "heard": other} if self.config.sound else {"seen": (seen + other) / 2}
        hidden = {"memory": clip, "word_memory": words, "thought": thought, "ends": tops}
        hidden["looks"] = torch.stack([taken for taken, _ in looks], dim=1)
        return Output(self.head(torch.cat(parts, dim=-1)), attention=attention, hidden=hidden)

    def think(self, ends: Tensor, clip: Tensor, words: Tensor, padding: Tensor) -> Float[Tensor, "row twice_dim"]:
        """Run the reasoning steps: attend to both memories and fuse them."""
        x = self.drop(self.first(ends).tanh())
        state1 = state2 = (torch.zeros_like(x), torch.zeros_like(x))
        for _ in range(self.config.steps):
            state1 = self.think1(x, state1)
            state2 = self.think2(state1[0], state2)
            h = state2[0]
            attended = [self.look_clip(clip, h)[0], self.look_words(words, h, padding)[0]]
            by_state = self.share_state(h)
            scores = [
                (share(y) + by_state).tanh() @ self.share_score for share, y in zip(self.share, attended, strict=True)
            ]
            weight = torch.stack(scores, dim=-1).softmax(dim=-1)
            taken = (
                self.bring[0](h)
                + weight[:, :1] * self.bring[1](attended[0])
                + weight[:, 1:] * self.bring[2](attended[1])
            )
            x = self.drop(self.again(torch.cat([h, taken.tanh()], dim=-1)).tanh())
        return torch.cat([state1[0], state2[0]], dim=-1)


def two_layers(inputs: int, dim: int) -> nn.ModuleList:
    """Two stacked LSTMs."""
    return nn.ModuleList(nn.LSTM(width, dim, batch_first=True) for width in (inputs, dim))


def run_two(layers: nn.ModuleList, x: Tensor, padding: Tensor | None, start: object) -> tuple[list, list]:
    """(states of both layers, their last (h, c), each (row, dim)); `start` is a pair of such states, or zero."""
    if padding is None:
        padding = torch.zeros(x.shape[:2], dtype=torch.bool, device=x.device)
    states, ends = [], []
    for i, layer in enumerate(layers):
        x, (h, c) = run_lstm(layer, x, padding, None if start is None else tuple(part[None] for part in start[i]))
        states.append(x)
        ends.append((h[0], c[0]))
    return states, ends


def build(config: Config) -> HME:
    """Build the net with random weights."""
    if config.variant != "released" or config.start not in ("question", "clip"):
        raise RecipeError(
            f"hme has variant released and start question or clip, got {config.variant!r} and {config.start!r}."
        )
    return HME(config)


LINEAR = {
    **{f"lstm_mm_{i}": f"think{i}" for i in (1, 2)},
    "hidden_encoder_1": "first",
    "hidden_encoder_2": "again",
    "linear_decoder_count_2": "head",
    "linear_decoder_att_a": "out.0",
    "linear_decoder_att_m": "out.1",
    "linear_decoder_mem": "out.2",
    "mm_att.video_sum_encoder": "bring.1",
    "mm_att.question_sum_encoder": "bring.2",
    "mrm_vid.write_prob": "clip_memory.keep",
    "mrm_vid.read_prob": "clip_memory.read",
    "mrm_vid.read_to_hidden": "clip_memory.whole",
    **{f"mrm_vid.hidden_to_content_{s}": f"clip_memory.content.{i}" for i, s in enumerate("am")},
    **{f"mrm_vid.write_prob_{s}": f"clip_memory.place.{i}" for i, s in enumerate("am")},
    **{f"mrm_vid.read_to_hidden_{s}": f"clip_memory.move.{i}" for i, s in enumerate("am")},
    "mrm_txt.read_prob": "word_memory.read",
    "mrm_txt.write_prob": "word_memory.place",
    "mrm_txt.hidden_to_content": "word_memory.content",
}
TURNED = {  # published as input x output, ours are transposed; and their biases
    "mm_att.Whh": "bring.0.weight",
    "mm_att.Wb": "share_state.weight",
    "mm_att.Vbv": "share.0.weight",
    "mm_att.Vbt": "share.1.weight",
    **{f"mm_att.W{s}": f"{look}.key.weight" for s, look in (("av", "look_clip"), ("at", "look_words"))},
    **{f"mm_att.U{s}": f"{look}.query.weight" for s, look in (("av", "look_clip"), ("at", "look_words"))},
    **{f"TpAtt_{s}.Wa": f"look.{i}.key.weight" for i, s in enumerate("am")},
    **{f"TpAtt_{s}.Ua": f"look.{i}.query.weight" for i, s in enumerate("am")},
}
FLAT = {
    "mm_att.bh": "bring.0.bias",
    "mm_att.bbv": "share.0.bias",
    "mm_att.bbt": "share.1.bias",
    "mm_att.wb": "share_score",
    **{f"mm_att.b{s}": f"{look}.key.bias" for s, look in (("av", "look_clip"), ("at", "look_words"))},
    **{f"mm_att.V{s}": f"{look}.score" for s, look in (("av", "look_clip"), ("at", "look_words"))},
    **{f"TpAtt_{s}.ba": f"look.{i}.key.bias" for i, s in enumerate("am")},
    **{f"TpAtt_{s}.Va": f"look.{i}.score" for i, s in enumerate("am")},
}
RULES = [
    (r"embed\.weight", r"table.weight"),
    *((rf"lstm_text_{i + 1}\.(.*)", rf"text.{i}.\1_l0") for i in range(2)),
    *((rf"lstm_video_{i + 1}{s}\.(.*)", rf"follow.{n}.{i}.\1_l0") for i in range(2) for n, s in enumerate("am")),
    *((rf"{old.replace('.', '[.]')}\.(.*)", rf"{new}.\1") for old, new in LINEAR.items()),
]


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors; matrices stored as input x output are transposed."""
    result = renamed(state, RULES)
    result |= {new: state[old].T for old, new in TURNED.items()}
    result |= {new: state[old].flatten() for old, new in FLAT.items()}
    for kind in ("weight", "bias"):
        parts = [state[f"mrm_txt.{gate}_gate.{kind}"] for gate in ("read", "write")]
        result[f"word_memory.gates.{kind}"] = torch.cat(parts)
    result["word_memory.move.weight"] = torch.cat([state[f"mrm_txt.W{s}h"] for s in "xrh"]).T
    result["word_memory.move.bias"] = state["mrm_txt.bh"].flatten()
    return result


def from_official(state_dict: Mapping[str, Tensor]) -> HME:
    """The released network from a published checkpoint; `video_encoder`, `mm_att.Wvh` and `Wth` are unused and left
    out."""
    state = checkpoints.without_prefixes(state_dict)
    config = Config(
        answers=checkpoints.size(state, "linear_decoder_count_2.weight"),
        frames=checkpoints.size(state, "lstm_video_1a.weight_ih", 1),
        motion=checkpoints.size(state, "lstm_video_1m.weight_ih", 1),
        tokens=checkpoints.size(state, "embed.weight"),
        embed=checkpoints.size(state, "embed.weight", 1),
        hidden=checkpoints.size(state, "hidden_encoder_1.weight"),
        slots=checkpoints.size(state, "mrm_vid.read_prob.weight"),
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
