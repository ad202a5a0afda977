"""Word vectors: 32,000 word pieces of 256 numbers, read from the package `wordllama` without importing it.

A phrase is the mean of its pieces. Licences: package MIT; its vectors are reduced from the embedding table of Llama 2,
whose community licence applies to them: they are read where the user installed them and never shipped.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float

from lookhear.errors import DependencyError
from lookhear.installed import Installed

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


def there() -> bool:
    """Whether the vectors are installed."""
    return WEIGHTS.there() and PIECES.there()


@lru_cache(maxsize=1)
def _loaded() -> tuple[Any, np.ndarray]:
    """The tokenizer and the table of vectors. Raises DependencyError or ModelError."""
    weights, pieces = WEIGHTS.checked("word vectors"), PIECES.checked("word vectors")
    try:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer
    except ImportError:
        raise DependencyError(f"Word vectors need tokenizers. Install it with: {INSTALL}") from None
    return Tokenizer.from_file(str(pieces)), next(iter(load_file(weights).values()))


def of(phrases: tuple[str, ...]) -> Float[np.ndarray, "phrase 256"]:
    """The vectors of phrases, of length 1."""
    tokenizer, table = _loaded()
    rows = [
        table[encoded.ids].astype(np.float32).mean(axis=0) if encoded.ids else np.zeros(table.shape[1], np.float32)
        for encoded in tokenizer.encode_batch([p.lower() for p in phrases], add_special_tokens=False)
    ]
    matrix = np.stack(rows)
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-6)


@lru_cache(maxsize=8)
def _kept(phrases: tuple[str, ...]) -> Float[np.ndarray, "phrase 256"]:
    return of(phrases)


def nearest(phrase: str, among: tuple[str, ...]) -> tuple[str, float]:
    """The phrase of `among` that is nearest in meaning, and the cosine between the two."""
    cosines = _kept(among) @ of((phrase,))[0]
    best = int(cosines.argmax())
    return among[best], float(cosines[best])


def whole(phrase: str) -> bool:
    """Whether each word of a phrase is a single piece; pieces of rarer words have unrelated meanings."""
    tokenizer, _ = _loaded()
    return all(len(tokenizer.encode(word, add_special_tokens=False).ids) == 1 for word in phrase.split())
