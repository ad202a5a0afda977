"""Soundstage question encoder, one vector per question and one per word. Built in, word level.

    question ─ words (known ones, else their letters) ─ transformer, 2 layers ─▶ words; first position ─▶ heads, z

The 128 numbers of `question` (dim), before standardisation and in this order, are:

    0   the first instrument named, 0..1 each        22  the second instrument named
    44  the first other slot: left, first, before …  59  the second, both in the order of SLOTS
    74  the most similar of MUSIC-AVQA's 33 templates    107  z, further features (21), standardised

`words` (24, 128) has one row per word and zeros after the last one; words after the 24th are dropped. The vocabulary is
stored in the weights file. A word that is not in it is read as letter trigrams: "violins" is close to "violin".
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.encoders._stage import INSTRUMENTS, WEIGHTS, Stage
from lookhear.errors import ModelError

WIDTH, ROWS, BUCKETS, PIECES = 128, 24, 512, 12  # a word has at most 12 trigrams
SLOTS = (
    *("left", "right", "middle", "first", "second", "third", "fourth", "fifth", "last", "before", "after"),
    *("loudest", "lowest", "leftest", "rightest"),
)
QUESTIONS = 33
Z = WIDTH - 2 * (INSTRUMENTS + len(SLOTS)) - QUESTIONS


@dataclass(frozen=True)
class Config:
    """Weights."""

    weights: str = ""
    """safetensors file of the same architecture; empty means the shipped weights"""


class Reader(nn.Module):
    """The network: word ids (batch, row) and trigram ids (batch, row, piece) -> heads (batch, ...)."""

    def __init__(self, vocabulary: int):
        super().__init__()
        self.known = nn.Embedding(vocabulary + 2, WIDTH, padding_idx=0)  # 0 padding, 1 unknown
        self.letters = nn.EmbeddingBag(BUCKETS + 1, WIDTH, mode="mean", padding_idx=0)
        self.place = nn.Parameter(torch.randn(ROWS + 1, WIDTH) * 0.02)
        self.start = nn.Parameter(torch.randn(WIDTH) * 0.02)
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 256, 0.0, "gelu", batch_first=True, norm_first=True)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(WIDTH)
        n, m = INSTRUMENTS + 1, len(SLOTS) + 1  # the last class of each is "none"
        self.sizes = {"first": n, "second": n, "slot": m, "slot_two": m, "question": QUESTIONS}
        self.heads = nn.Linear(WIDTH, sum(self.sizes.values()))
        self.z = nn.Linear(WIDTH, Z)
        self.again = nn.Linear(Z, QUESTIONS + 2 * m)  # auxiliary training targets of z
        self.tag = nn.Linear(WIDTH, n + m - 1)  # class of a single word: an instrument, a slot, or neither

    def forward(self, words: Int[Tensor, "batch row"], pieces: Int[Tensor, "batch row piece"]) -> dict[str, Tensor]:
        spelled = self.letters(pieces.flatten(0, 1)).unflatten(0, words.shape)
        hidden = torch.where((words > 1)[..., None], self.known(words), spelled)
        hidden = torch.cat([self.start.expand(len(words), 1, -1), hidden], 1) + self.place[: words.shape[1] + 1]
        empty = F.pad(words == 0, (1, 0))
        hidden = self.norm(self.layers(hidden, src_key_padding_mask=empty))
        heads = dict(zip(self.sizes, self.heads(hidden[:, 0]).split(list(self.sizes.values()), -1), strict=True))
        z = F.layer_norm(self.z(hidden[:, 0]), (Z,))
        rows = hidden[:, 1:].masked_fill(empty[:, 1:, None], 0.0)
        return heads | {"z": z, "again": self.again(z), "words": rows, "tag": self.tag(rows)}


def vector(heads: dict[str, Tensor]) -> Float[Tensor, "batch 128"]:
    """The heads as the 128 output numbers."""
    named = [heads[k].softmax(-1)[:, :-1] for k in ("first", "second", "slot", "slot_two")]
    return torch.cat([*named, heads["question"].softmax(-1), heads["z"]], -1)


def split(text: str) -> list[str]:
    """Lower-case words; the two instruments with two words are joined into one."""
    words = " ".join(re.findall(r"[^\W]+", text.lower()))
    return words.replace("acoustic guitar", "acoustic_guitar").replace("electric bass", "electric_bass").split()


def pieces(config: Config) -> Callable[[str], list[str]]:
    """A function from a text to the words that the rows of `words` stand for."""
    return lambda text: [word.replace("_", " ") for word in (split(text) or ["?"])[:ROWS]]


def numbers(
    texts: Sequence[Sequence[str]], vocabulary: dict[str, int]
) -> tuple[Int[Tensor, "batch row"], Int[Tensor, "batch row piece"]]:
    """Word ids and trigram ids of texts that are split into words."""
    words = torch.zeros(len(texts), ROWS, dtype=torch.long)
    pieces = torch.zeros(len(texts), ROWS, PIECES, dtype=torch.long)
    for i, text in enumerate(texts):
        for j, word in enumerate(text[:ROWS]):
            words[i, j] = vocabulary.get(word, 1)
            found = spell(word)
            pieces[i, j, : len(found)] = torch.tensor(found)
    return words, pieces


def spell(word: str) -> list[int]:
    """Ids of a word's character trigrams, with marked word boundaries; the first twelve."""
    marked = f"<{word}>"
    threes = [marked[i : i + 3] for i in range(max(1, len(marked) - 2))][:PIECES]
    return [1 + zlib.crc32(three.encode("utf-8")) % BUCKETS for three in threes]


class StageText(Stage):
    """Texts in, `question` (128) and `words` (24, 128) out."""

    name = "stage_text"
    reads = "text"

    def __init__(self, config: Config):
        self.vocabulary = _vocabulary(Path(config.weights) if config.weights else WEIGHTS / "stage_text.safetensors")
        super().__init__(Reader(len(self.vocabulary)), config.weights)
        self.streams = {"question": WIDTH, "words": WIDTH}

    @torch.inference_mode()
    def __call__(self, items: Sequence[str]) -> list[dict[str, Tensor]]:
        if not items:
            return []
        heads = self.net(*numbers([split(text) or ["?"] for text in items], self.vocabulary))
        words = heads["words"]
        there = (words != 0).any(-1, keepdim=True)
        served = self.standard("question", vector(heads)), self.standard("words", words) * there
        pairs = zip(*served, strict=True)
        return [{"question": q.clone(), "words": w.clone()} for q, w in pairs]


def _vocabulary(path: Path) -> dict[str, int]:
    """Word -> id, from the header of the weights file."""
    try:
        with safe_open(path, "pt") as file:
            return {word: i + 2 for i, word in enumerate(json.loads(file.metadata()["vocabulary"]))}
    except FileNotFoundError:
        return {}  # the missing weights are reported by name
    except Exception as error:
        raise ModelError(f"{str(path)!r} does not hold weights of stage_text: {error}") from None


def build(config: Config) -> StageText:
    """The encoder with its shipped weights. Raises ModelError if the weights do not fit."""
    return StageText(config)
