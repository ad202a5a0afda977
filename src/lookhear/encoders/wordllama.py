"""WordLlama, one vector per question and one per word piece: 32,000 pieces of 256 numbers, from a pip package. Offline.

    question ─ word pieces ─ table ─▶ words (32, 256), zeros after the last ─ mean, length 1 ─▶ question (256)

There is no context: only `words` contains the word order. Weights: the package `wordllama` 0.4.0.post1, read by path
and not imported. Licences: the package is MIT. Its vectors are reduced from the embedding table of Llama 2 and are
under its community licence; they are read from the user's installation and not shipped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.encoders import _frozen
from lookhear.errors import DependencyError
from lookhear.installed import Installed

WIDTH, ROWS = 256, 32
INSTALL = "pip install 'lookhear[real]'"
WEIGHTS = Installed(
    "wordllama",
    "weights/l2_supercat_256.safetensors",
    "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
    INSTALL,
)
PIECES = Installed(
    "wordllama",
    "tokenizers/l2_supercat_tokenizer_config.json",
    "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
    INSTALL,
)


def is_installed() -> bool:
    """Whether the vectors are installed."""
    return WEIGHTS.is_installed() and PIECES.is_installed()


@lru_cache(maxsize=1)
def table() -> tuple[Any, np.ndarray]:
    """The tokenizer, and the vectors of its pieces (32000, 256). Raises DependencyError or ModelError."""
    weights, pieces = WEIGHTS.checked("word vectors"), PIECES.checked("word vectors")
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError:
        raise DependencyError(f"Word vectors need tokenizers. Install it with: {INSTALL}") from None
    return Tokenizer.from_file(str(pieces)), next(iter(load_file(weights).values()))


@dataclass(frozen=True)
class Config:
    """Length of the encoded question."""

    rows: int = ROWS
    """number of word pieces; the rest is dropped"""


class WordLlama(_frozen.Frozen):
    """Texts in, `question` (256) and `words` (rows, 256) out."""

    name = "wordllama"
    reads = "text"

    def __init__(self, config: Config):
        self.tokenizer, vectors = table()
        super().__init__(nn.Embedding.from_pretrained(torch.from_numpy(vectors.astype(np.float32))), config)
        self.streams = {"question": WIDTH, "words": WIDTH}

    @torch.inference_mode()
    def __call__(self, items: Sequence[str]) -> list[dict[str, Tensor]]:
        return [self._encode(one.ids) for one in _encoded(self.tokenizer, items)]

    def _encode(self, ids: Sequence[int]) -> dict[str, Float[Tensor, ...]]:
        found = self.net(torch.tensor(ids[: self.config.rows], dtype=torch.long))
        mean = found.mean(0) if len(found) else torch.zeros(WIDTH)
        words = torch.zeros(self.config.rows, WIDTH)
        words[: len(found)] = found
        return {"question": mean / mean.norm().clamp(min=1e-6), "words": words}


def _encoded(tokenizer: Any, texts: Sequence[str]) -> list[Any]:
    return tokenizer.encode_batch([text.lower() for text in texts], add_special_tokens=False)


def pieces(config: Config) -> Callable[[str], list[str]]:
    """A function from a text to its word pieces; `##` marks those that continue a word."""
    tokenizer, _ = table()

    def spelled(text: str) -> list[str]:
        found = _encoded(tokenizer, [text])[0].tokens[: config.rows]
        return [piece.removeprefix("▁") if piece.startswith("▁") else f"##{piece}" for piece in found]

    return spelled


def build(config: Config) -> WordLlama:
    """The encoder with the installed vectors. Raises DependencyError or ModelError."""
    return WordLlama(config)
