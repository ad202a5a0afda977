"""PSAC: positional self-attention over seconds and over words, followed by co-attention.

    frames ─ + position ─ self-attention ─ v ──────────────────────┬─ co-attention ─ [v, A, v*A, v*B] ─ mean ─ answers
    tokens ─ letters, highway ─ + position, convs, self-attention ─┘

Li et al., "Beyond RNNs: Positional Self-Attention with Co-Attention for Video Question Answering", AAAI 2019. The
co-attention scores each second and word by w [v; q; v * q]. A is each second's attended words; for B these words are
replaced by the seconds to which each word attends.

`variant="released"` equals the official network for open-ended questions (lixiangpengcs/PSAC) tensor by tensor, without
the blocks that it builds and never calls. Padding words are masked in softmaxes only, so their number affects the
result. Seconds replace frames: at most `positions` of them, evenly spaced. The letter input needs the spelling of each
word, which no checkpoint contains: `net.spelling` is a table (token, letter) of letter ids, all 0 until it is filled;
`letters=0` disables the letters. With `read="words"`, word vectors of a frozen encoder replace the embedding, without
letters. With `sound`, seconds of sound pass through their own layer and are appended to those of the picture in the
co-attention; published AVQA results use no sound, and their adaptation was never released. The evidence is the
attention of the words to each second.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import drop, normalized
from lookhear.layers.token_table import Reads, TwoStreamNet, padding_of, sides
from lookhear.layers.translate import fitted
from lookhear.nets.psac.official import translated
from lookhear.nets.psac.parts import Config, Normed, Seconds, Words, spread
from lookhear.types import Memory, Output


class PSAC(Reads, TwoStreamNet):
    """The network; reads picture (and sound, with `sound`) and question."""

    spelling: Tensor
    trims = False

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config, dim, self.hears = config, config.hidden, config.sound
        self.dropout, self.positions = config.dropout, config.positions
        streams = {"seen": config.frames} | ({"heard": config.audio} if config.sound else {})
        self.own = nn.ModuleDict({side: Seconds(width, config) for side, width in streams.items()})
        self.enter = nn.ModuleDict({side: Normed(width, dim, rows=True) for side, width in streams.items()})
        self.reads(config.read, config.tokens, config.embed)
        self.register_buffer("spelling", torch.zeros(config.tokens if config.letters else 0, 15, dtype=torch.long))
        self.words = Words(config)
        self.by_second, self.by_word, self.by_both = (nn.Parameter(torch.randn(dim) * dim**-0.5) for _ in range(3))
        self.merge = nn.Linear(4 * dim, dim, bias=False)
        self.head = nn.Sequential(
            *(Normed(dim, config.joint), nn.ReLU(), nn.Dropout(0.5), Normed(config.joint, config.answers))
        )

    def start(self, seen: Tensor, heard: Tensor | None = None) -> Memory:
        """Positional self-attention of each stream, which does not depend on the question."""
        memory = {}
        for side, x in sides(seen, heard).items():
            rows = spread(x.shape[1], self.positions)
            memory[side] = self.enter[side](self.own[side](x[:, rows]))
            memory[f"{side}_rows"] = F.one_hot(rows, x.shape[1]).to(x).expand(len(x), -1, -1)
        return memory

    def answer_tokens(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits of the answers and the weight of each second. Id 0 is padding; the number of padding words matters."""
        letters = self.spelling[tokens] if len(self.spelling) else None
        return self.respond(memory, self.vectors(tokens), letters, padding_of(tokens))

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """The same as `answer_tokens`, from word vectors."""
        return self.respond(memory, vectors, None, padding)

    def respond(self, memory: Memory, vectors: Tensor, letters: Tensor | None, padding: Tensor) -> Output:
        """Co-attention and answers from word vectors (row, word, wide) and letter ids (row, word, letter)."""
        q = self.words(vectors, letters, padding)
        v = torch.cat([memory[side] for side in self.own], dim=1)
        x, y = (drop(z, self.dropout, self.training) for z in (v, q))
        near = (x @ self.by_second)[..., None] + (y @ self.by_word)[:, None] + (x * self.by_both) @ y.transpose(1, 2)
        to_words = near.masked_fill(padding[:, None], -1e30).softmax(dim=2)
        to_seconds = near.softmax(dim=1)
        a, b = to_words @ q, to_words @ (to_seconds.transpose(1, 2) @ v)
        joint = self.merge(torch.cat([v, a, v * a, v * b], dim=-1)).mean(dim=1)
        weight = to_seconds.masked_fill(padding[:, None], 0.0).sum(dim=2)
        parts = weight.split([memory[side].shape[1] for side in self.own], dim=1)
        rows = (memory[f"{side}_rows"] for side in self.own)
        weights = [torch.einsum("rn,rnt->rt", part, row) for part, row in zip(parts, rows, strict=True)]
        attention = {side: normalized(w) for side, w in zip(self.own, weights, strict=True)}
        hidden = {"words": q, "scores": near, "to_words": to_words, "to_seconds": to_seconds, "joint": joint}
        return Output(self.head(joint), attention=attention, hidden=hidden)


def build(config: Config) -> PSAC:
    """Build the net with random weights."""
    if config.variant != "released":
        raise RecipeError(f"psac has no variant {config.variant!r}. There is: released.")
    if config.read == "words" and config.letters:
        raise RecipeError("psac: letters belong to read=tokens; set letters=0.")
    return PSAC(config)


def from_official(state_dict: Mapping[str, Tensor], spelling: Int[Tensor, "token letter"] | None = None) -> PSAC:
    """The released network from a published checkpoint, with the letters of each word if `spelling` is given."""
    state = checkpoints.without_prefixes(state_dict)
    heads, width, head = state[r"vid_encoder.layer_stack.0.slf_attn.w_qs"].shape
    config = Config(
        answers=checkpoints.size(state, "classifier.main.3.bias"),
        frames=width,
        tokens=checkpoints.size(state, "ques_encoder.word_emb.weight"),
        letters=checkpoints.size(state, "ques_encoder.char_emb.weight"),
        letter=checkpoints.size(state, "ques_encoder.char_emb.weight", 1),
        embed=checkpoints.size(state, "ques_encoder.word_emb.weight", 1),
        hidden=checkpoints.size(state, "ques_encoder.emb_enc.norm_1.weight"),
        joint=checkpoints.size(state, "classifier.main.0.bias"),
        heads=heads,
        head=head,
        inner=checkpoints.size(state, "vid_encoder.layer_stack.0.pos_ffn.w_1.weight"),
        positions=checkpoints.size(state, "vid_encoder.position_enc.weight"),
        position=checkpoints.size(state, "vid_encoder.position_enc.weight", 1),
    )
    net = build(config)
    known = torch.zeros_like(net.spelling) if spelling is None else spelling
    return fitted(net, translated(state) | {"spelling": known})  # type: ignore[return-value]
