"""MCCD's network: one VisualBERT reads question, picture and sound together, and each of them alone.

    tokens ─ words ────────────────────────────────┐
    frames ─ 512→768 ─ v ─┐                        ├─ VisualBERT ─ pooled ─▶ answers
    audio  ─ 128→768 ─ a ─┴─ 768→2048 (shared) ────┘
    tokens, a, v ─ each alone through the same VisualBERT ─ pooled ─ MLP ─▶ single-modality logits (opinions)

Ma et al., "Look, Listen, and Answer: Overcoming Biases for Audio-Visual Question Answering", NeurIPS 2024, section 4.
The network by itself trains with cross-entropy and without the opinions. Wrapped in `debias/mccd.py` it trains with the
paper's objective (eq. 1-3), which compares them. In inference they are never computed.

`released` and `paper` differ in the question length: the released code limits a question to 14 tokens, the number of
words of the longest template, so every longer question is cut ([CLS] and [SEP] included; 19 % of the test questions of
MUSIC-AVQA); `paper` reads it whole. In both, picture and sound have no position embedding in the joint input, so
shuffling seconds does not change the joint answer; only the single-modality inputs have an order.

Where we differ: opinions of sound and picture are computed once per clip of a batch, so questions about the same clip
share a dropout mask there. Evidence (seconds and words) is the attention of the first token in the last layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints
from lookhear.errors import DependencyError, ModelError, RecipeError
from lookhear.layers.attention import normalized
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.nets.mccd import visualbert
from lookhear.nets.mccd.visualbert import VisualBERT
from lookhear.types import Memory, Output


@dataclass(frozen=True)
class Config:
    """Sizes. The published network has 117 M parameters, all trained."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    answers: int = 42
    """size of the answer vocabulary"""
    audio: int = 128
    """width of the stream `audio`"""
    frames: int = 512
    """width of the stream `frames`"""
    tokens: int = 30522
    """size of the token vocabulary (bert-base-uncased); id 0 is padding"""
    words: int = 14
    """number of question tokens that the released network reads"""
    width: int = 768
    visual: int = 2048
    layers: int = 12
    heads: int = 12
    """attention heads"""
    inner: int = 3072
    positions: int = 512
    types: int = 2
    dropout: float = 0.1
    """dropout probability"""
    opinions: bool = False
    """also compute single-modality logits in training; `debias/mccd.py` turns it on"""
    pretrained: str = ""
    """hub name or folder of a pretrained VisualBERT; the paper uses uclanlp/visualbert-vqa-coco-pre"""


def opinion(width: int, answers: int) -> nn.Sequential:
    """The classifier of a single modality."""
    return nn.Sequential(
        nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, answers)
    )


class MCCD(WatchAnswer):
    """Joint encoding, and encodings of single modalities with shared weights."""

    def __init__(self, config: Config):
        super().__init__()
        self.config = config
        self.speaks_alone = config.opinions
        c = config
        self.bert = VisualBERT(c.tokens, c.width, c.visual, c.layers, c.heads, c.inner, c.positions, c.types, c.dropout)
        self.hear = nn.Linear(c.audio, c.width)
        self.look = nn.Linear(c.frames, c.width)
        self.widen = nn.Linear(c.width, c.visual)
        self.dropout = nn.Dropout(c.dropout)
        self.head = nn.Linear(c.width, c.answers)
        self.alone = nn.ModuleDict({name: opinion(c.width, c.answers) for name in ("question", "audio", "visual")})

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip frame wide"]) -> Memory:
        """Embedded sound and picture; with gradients enabled, also the logits of each alone."""
        heard, seen = self.hear(audio), self.look(frames)
        memory = {"heard": self.bert.seen(self.widen(heard)), "seen": self.bert.seen(self.widen(seen))}
        if self._wants_opinions():
            alone = {"audio": heard, "visual": seen}
            if heard.shape == seen.shape:  # one pass for both
                pooled = self.bert(self.bert.vectors(torch.cat([heard, seen])))[0].chunk(2)
            else:
                pooled = [self.bert(self.bert.vectors(x))[0] for x in alone.values()]
            memory |= {name: self.alone[name](x) for name, x in zip(alone, pooled, strict=True)}
        return memory

    def answer(self, memory: Memory, tokens: Int[Tensor, "question word"]) -> Output:
        """Logits; attention `seen` and `heard`; with gradients enabled, opinions of question, audio and visual."""
        asked, tokens = tokens, self._trim(tokens)
        mask = tokens != 0
        words = self.bert.words(tokens)
        seen, heard = memory["seen"], memory["heard"]
        media = mask.new_ones(len(mask), seen.shape[1] + heard.shape[1])
        pooled, weight, _ = self.bert(torch.cat([words, seen, heard], dim=1), torch.cat([mask, media], dim=1))
        parts = weight.split([words.shape[1], seen.shape[1], heard.shape[1]], dim=1)
        attention = {n: w / w.sum(dim=1, keepdim=True) for n, w in zip(("seen", "heard"), parts[1:], strict=True)}
        opinions = {}
        if self._wants_opinions():
            opinions["question"] = self.alone["question"](self.bert(words, mask)[0])
            opinions |= {n: memory[n] for n in ("audio", "visual") if n in memory}
        read = {"both": self._placed(normalized(parts[0]), asked)}
        return Output(self.head(self.dropout(pooled)), opinions, attention, {"pooled": pooled}, read)

    def _wants_opinions(self) -> bool:
        return self.speaks_alone and torch.is_grad_enabled()

    def _trim(self, tokens: Tensor) -> Tensor:
        """Drop padding columns that all rows share. As released, long questions keep 13 tokens and their last,
        [SEP]."""
        length = (tokens != 0).sum(dim=1)
        longest = tokens.shape[1] if tokens.is_meta else max(1, int(length.max()))
        most = self.config.words
        if self.config.variant == "released" and longest > most:
            ends = tokens.gather(1, (length - 1).clamp(min=0)[:, None])
            cut = torch.cat([tokens[:, : most - 1], ends], dim=1)
            return torch.where((length > most)[:, None], cut, tokens[:, :most])
        return tokens[:, :longest]

    def _placed(self, weight: Tensor, asked: Tensor) -> Float[Tensor, "question word"]:
        """Weights of the tokens that were read, at their places in the question: [SEP] follows what was cut."""
        length = (asked != 0).sum(dim=1, keepdim=True)
        if asked.is_meta or int(length.max()) <= weight.shape[1]:
            return weight
        last = torch.where(length > weight.shape[1], length, weight.shape[1]) - 1
        whole = F.pad(weight[:, :-1], (0, int(length.max()) - weight.shape[1] + 1))
        return whole.scatter(1, last, weight[:, -1:])

    def take(self, state_dict: Mapping[str, Tensor]) -> None:
        """Initialise from a published VisualBERT."""
        state = checkpoints.without_prefixes(state_dict)
        prefix = "visual_bert." if any(k.startswith("visual_bert.") for k in state) else ""
        prefix = "bert." if any(k.startswith("bert.") for k in state) else prefix  # name in the authors' checkpoints
        checkpoints.load_renamed(
            self.bert, visualbert.fuse(state, prefix), visualbert.names(prefix, visualbert.depth(state, prefix))
        )


def build(config: Config) -> MCCD:
    """Build the net with random weights or from a published VisualBERT."""
    if config.variant not in ("released", "paper"):
        raise RecipeError(f"mccd has no variant {config.variant!r}. There are: released, paper.")
    if config.width % config.heads:
        raise RecipeError(f"{config.heads} heads do not divide width={config.width}.")
    net = MCCD(config)
    if config.pretrained:
        try:
            from transformers import VisualBertModel
        except ImportError:
            raise DependencyError("mccd.pretrained needs transformers: pip install 'lookhear[llm]'") from None
        try:
            published = VisualBertModel.from_pretrained(config.pretrained)
        except (OSError, ValueError) as error:
            why = str(error).split("\n")[0]
            raise ModelError(f"No VisualBERT at {config.pretrained!r} (a hub name or a folder): {why}") from None
        net.take(published.state_dict())
    return net


def from_official(state_dict: Mapping[str, Tensor], heads: int | None = None) -> MCCD:
    """The released network from a published checkpoint. By default, heads have width 64 and number at least 4."""
    state = checkpoints.without_prefixes(state_dict)
    prefix = "visual_bert."
    layers = visualbert.depth(state, prefix)
    width = checkpoints.size(state, "cls.weight", 1)
    net = build(
        Config(
            answers=checkpoints.size(state, "cls.weight"),
            audio=checkpoints.size(state, "audio_linear.weight", 1),
            frames=checkpoints.size(state, "video_linear.weight", 1),
            tokens=checkpoints.size(state, f"{prefix}embeddings.word_embeddings.weight"),
            width=width,
            visual=checkpoints.size(state, "av_linear.weight"),
            layers=layers,
            heads=heads or max(width // 64, 4),
            inner=checkpoints.size(state, f"{prefix}encoder.layer.0.intermediate.dense.weight"),
            positions=checkpoints.size(state, f"{prefix}embeddings.position_embeddings.weight"),
            types=checkpoints.size(state, f"{prefix}embeddings.token_type_embeddings.weight"),
            opinions=True,
        )
    )
    checkpoints.load_renamed(net, visualbert.fuse(state, prefix), names(layers))
    return net


def names(layers: int) -> dict[str, str]:
    """Published prefix -> our prefix."""
    result = {old: f"bert.{new}" for old, new in visualbert.names("visual_bert.", layers).items()}
    result |= {"audio_linear": "hear", "video_linear": "look", "av_linear": "widen", "cls": "head"}
    for old, new in (("q", "question"), ("a", "audio"), ("v", "visual")):
        result |= {f"{old}_bias.linears.{n}": f"alone.{new}.{2 * n}" for n in range(3)}
    return result
