"""LAViT: transformers for words, sound and picture, then five cross-modal layers in a ring.

    tokens ─ layers x 9 ─┐  ┌ words   from sound ──┐
    audio ─ layers x 5 ──┼──┼ sound   from picture ┼─ self-attention, feed-forward, x 5 ─ three poolers ─ answers
    frames ─ layers x 5 ─┘  └ picture from words ──┘

Yun et al., "Pano-AVQA: Grounded Audio-Visual Question Answering on 360 degree Videos", ICCV 2021; an LXMERT
architecture.

`variant="released"` equals the official network (HS-YN/PanoAVQA) from its input layers to the answers, tensor by
tensor. It masks nothing, including padding words, so the number of padding words affects the result; `mask=true` masks
padding. Seconds replace objects and sound segments. Start and end of a second, as fractions of the clip, replace boxes
and segment coordinates, unless the streams `frames_place` and `audio_place` provide coordinates. The first element of
both streams is their mean, as published. `channels=2` reads `audio` as left and right concatenated. With
`read="words"`, projected word vectors of a frozen encoder replace BERT's embedding. The paper starts from BERT and
pre-trains. Here nothing is pre-trained, so the full size (307 M parameters) is rarely useful. The adaptation behind
published AVQA results was never released. The evidence is the attention of the first elements in the last ring layer:
of the words over sound (`heard`), and of the sound over the picture (`seen`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.attention import Attention, normalized
from lookhear.layers.token_table import Options, Reads
from lookhear.layers.translate import fitted, numbered
from lookhear.nets.lavit.official import stereo, translated
from lookhear.types import Memory, Output

RING = {"read": "heard", "heard": "seen", "seen": "read"}  # query stream -> key and value stream
EPS = 1e-12


@dataclass(frozen=True)
class Config(Options):
    """Options of the net. Fields named like streams are the widths of these streams."""

    audio_place: int = 0
    """width of a coordinate stream, one row for each of `audio`; 0 uses start and end of the second"""
    frames_place: int = 0
    """the same for `frames`"""
    channels: int = 1
    """1 mono, 2 stereo: `audio` is left and right concatenated"""
    tokens: int = 30522
    """size of the token vocabulary; id 0 is padding"""
    mask: bool = False
    """mask padding words in every attention; as published they are attended to"""
    positions: int = 512
    """largest number of words of a question"""
    hidden: int = 768
    """hidden width"""
    heads: int = 12
    """attention heads"""
    read_layers: int = 9
    """transformer layers of the words"""
    heard_layers: int = 5
    """transformer layers of the sound"""
    seen_layers: int = 5
    """transformer layers of the picture"""
    ring_layers: int = 5
    """cross-modal layers"""
    dropout: float = 0.1
    """dropout probability"""


class Attend(nn.Module):
    """Attention with residual connection and post-norm."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.attention = Attention(config.hidden, config.heads, config.dropout)
        self.norm, self.drop = nn.LayerNorm(config.hidden, eps=EPS), nn.Dropout(config.dropout)

    def forward(self, x: Tensor, y: Tensor, padding: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(same shape as `x`, weights)."""
        taken, weight = self.attention(x, y, padding)
        return self.norm(x + self.drop(taken)), weight


class Layer(nn.Module):
    """A layer of BERT."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, drop = config.hidden, nn.Dropout(config.dropout)
        self.own, self.norm = Attend(config), nn.LayerNorm(dim, eps=EPS)
        self.feed = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim), drop)

    def forward(self, x: Float[Tensor, "row n dim"], padding: Bool[Tensor, "row n"] | None = None) -> Tensor:
        """Same shape."""
        x, _ = self.own(x, x, padding)
        return self.norm(x + self.feed(x))


class RingLayer(nn.Module):
    """Cross-attention of each stream to its neighbour in the ring (before this layer), then the stream's own layer."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.cross = nn.ModuleDict({side: Attend(config) for side in RING})
        self.own = nn.ModuleDict({side: Layer(config) for side in RING})

    def forward(self, side: str, streams: Memory, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        """(the stream `side` after the layer, its attention weights over the other stream)."""
        other = RING[side]
        x, weight = self.cross[side](streams[side], streams[other], padding if other == "read" else None)
        return self.own[side](x, padding if side == "read" else None), weight


class Entry(nn.Module):
    """Features (of one or two channels) and coordinates, each projected and normed; the mean of both."""

    def __init__(self, width: int, place: int, channels: int, config: Config) -> None:
        super().__init__()
        dim = config.hidden
        self.widths = [width // channels] * channels + [place]
        self.maps = nn.ModuleList(nn.Linear(n, dim) for n in self.widths)
        self.norms = nn.ModuleList(nn.LayerNorm(dim, eps=EPS) for _ in self.widths)
        self.drop = nn.Dropout(config.dropout)

    def forward(self, x: Float[Tensor, "row n wide"], place: Float[Tensor, "row n coordinate"]) -> Tensor:
        """(row, n, dim)."""
        parts = torch.cat([x, place], dim=-1).split(self.widths, dim=-1)
        known = [norm(fc(part)) for fc, norm, part in zip(self.maps, self.norms, parts, strict=True)]
        return self.drop(sum(known) / len(known))


class LAViT(Reads):
    """The network; reads sound, picture and question."""

    trims = False

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim, self.config = config.hidden, config
        counts = {"read": config.read_layers, "heard": config.heard_layers, "seen": config.seen_layers}
        self.reads(config.read, config.tokens, dim)
        if self.table is not None:
            self.table.padding_idx = 0
        self.embed = nn.Identity() if config.read == "tokens" else nn.Linear(config.words, dim)
        # the published tables give row 0 no gradient, so the first position and the only type are never trained
        self.position, self.kind = (nn.Embedding(n, dim, padding_idx=0) for n in (config.positions, 2))
        self.norm, self.drop = nn.LayerNorm(dim, eps=EPS), nn.Dropout(config.dropout)
        places = {"heard": config.audio_place or 2, "seen": config.frames_place or 2}
        self.enter = nn.ModuleDict(
            {
                "heard": Entry(config.audio, places["heard"], config.channels, config),
                "seen": Entry(config.frames, places["seen"], 1, config),
            }
        )
        self.own = nn.ModuleDict(
            {side: nn.ModuleList(Layer(config) for _ in range(count)) for side, count in counts.items()}
        )
        self.ring = nn.ModuleList(RingLayer(config) for _ in range(config.ring_layers))
        self.pool = nn.ModuleDict({side: nn.Sequential(nn.Linear(dim, dim), nn.Tanh()) for side in RING})
        self.head = nn.Sequential(
            *(nn.Linear(3 * dim, 6 * dim), nn.GELU(), nn.LayerNorm(6 * dim, eps=EPS)),
            nn.Linear(6 * dim, config.answers),
        )
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, Attention):
                nn.init.normal_(module.in_proj_weight, std=0.02)
            if isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    @property
    def watch(self) -> Callable[..., Memory]:
        """`watch(audio, frames)`, or with further arguments `audio_place` and `frames_place` if these streams are
        used."""
        return self.watch_places if self.config.audio_place or self.config.frames_place else self.watch_seconds

    def watch_seconds(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """Sound and picture after their own layers, and sound after the first ring layer, which does not use words."""
        return self.watch_places(audio, frames, ends(audio), ends(frames))

    def watch_places(
        self,
        audio: Float[Tensor, "clip time dim"],
        frames: Float[Tensor, "clip second wide"],
        audio_place: Float[Tensor, "clip time coordinate"],
        frames_place: Float[Tensor, "clip second coordinate2"],
    ) -> Memory:
        """The same with given coordinates. The mean of each stream and of its coordinates is prepended."""
        lead = lambda x: torch.cat([x.mean(dim=1, keepdim=True), x], dim=1)  # noqa: E731
        return self.relate(lead(audio), lead(frames), lead(audio_place), lead(frames_place))

    def own_layers(self, side: str) -> nn.ModuleList:
        """The layers of a single stream."""
        layers = self.own[side]
        assert isinstance(layers, nn.ModuleList)
        return layers

    def relate(self, audio: Tensor, frames: Tensor, audio_place: Tensor, frames_place: Tensor) -> Memory:
        """The same for streams that already have their first element."""
        memory = {}
        for side, x, place in (("heard", audio, audio_place), ("seen", frames, frames_place)):
            x = self.enter[side](x, place)
            for layer in self.own_layers(side):
                x = layer(x)
            memory[side] = x
        heard, weight = self.ring[0]("heard", memory, None)
        return {**memory, "heard_next": heard, "heard_sees": weight}

    def reply(self, memory: Memory, vectors: Tensor, padding: Bool[Tensor, "row word"]) -> Output:
        """The layers of the words, the ring and the head."""
        hide = padding if self.config.mask else None
        place = torch.arange(vectors.shape[1], device=vectors.device)
        x = self.embed(vectors) + self.position(place) + self.kind(torch.zeros_like(place))
        x = self.drop(self.norm(x))
        for layer in self.own_layers("read"):
            x = layer(x, hide)
        streams = {"heard": memory["heard"], "seen": memory["seen"], "read": x}
        ready, trace = {"heard": (memory["heard_next"], memory["heard_sees"])}, [streams]
        for layer in self.ring:
            after = {side: ready[side] if side in ready else layer(side, streams, hide) for side in RING}
            streams, ready = {side: x for side, (x, _) in after.items()}, {}
            trace.append(streams)
        pooled = [pool(streams[side][:, 0]) for side, pool in self.pool.items()]
        looked = {"heard": after["read"][1], "seen": after["heard"][1]}
        attention = {side: normalized(weight[:, 0, 1:]) for side, weight in looked.items()}
        hidden = {f"{side}{i}": x for i, step in enumerate(trace) for side, x in step.items()}
        return Output(self.head(torch.cat(pooled, dim=-1)), attention=attention, hidden=hidden)


def ends(x: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip time 2"]:
    """Start and end of each row, as fractions of the clip."""
    edges = torch.linspace(0, 1, x.shape[1] + 1, device=x.device, dtype=x.dtype)
    return torch.stack([edges[:-1], edges[1:]], dim=-1).expand(len(x), -1, -1)


def build(config: Config) -> LAViT:
    """Build the net with random weights."""
    if config.variant != "released" or config.channels not in (1, 2):
        raise RecipeError(
            f"lavit has variant released and channels 1 or 2, got {config.variant!r} and {config.channels}."
        )
    if config.hidden % config.heads:
        raise RecipeError(f"{config.heads} heads do not divide hidden={config.hidden}.")
    return LAViT(config)


def from_official(state_dict: Mapping[str, Tensor], mask: bool = False) -> LAViT:
    """The released network from a published checkpoint; heads of pre-training and grounding are left out.

    `mask` masks padding words, which the official network does if given a mask; its fine-tuning gives none.
    """
    state = checkpoints.without_prefixes(state_dict)
    sound = "bert.encoder.a_fc."
    channels = 2 if stereo(state) else 1
    feature = f"{sound}left_fc.weight" if channels == 2 else f"{sound}feat_fc.weight"
    config = Config(
        answers=checkpoints.size(state, "answer_head.logit_fc.3.weight"),
        audio=channels * checkpoints.size(state, feature, 1),
        frames=checkpoints.size(state, "bert.encoder.v_fc.feature_fc.weight", 1),
        audio_place=checkpoints.size(state, f"{sound}cord_fc.weight", 1),
        frames_place=checkpoints.size(state, "bert.encoder.v_fc.coord_fc.weight", 1),
        channels=channels,
        mask=mask,
        tokens=checkpoints.size(state, "bert.embeddings.word_embeddings.weight"),
        positions=checkpoints.size(state, "bert.embeddings.position_embeddings.weight"),
        hidden=checkpoints.size(state, "bert.pooler.dense.weight"),
        read_layers=numbered(state, r"bert\.encoder\.layer\.(\d+)\."),
        heard_layers=numbered(state, r"bert\.encoder\.a_layers\.(\d+)\."),
        seen_layers=numbered(state, r"bert\.encoder\.v_layers\.(\d+)\."),
        ring_layers=numbered(state, r"bert\.encoder\.x_layers\.(\d+)\."),
    )
    return fitted(build(config), translated(state))  # type: ignore[return-value]
