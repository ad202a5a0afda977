"""Meaning of phrases by word vectors: the mean over the tokens of `encoders.wordllama`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from jaxtyping import Float

from lookhear.encoders.wordllama import is_installed, table

__all__ = ["is_installed", "nearest", "nearest_sentence", "of", "ready", "whole"]

NEAREST = 50  # nearest phrases that are searched for one without a shared word


def of(phrases: tuple[str, ...]) -> Float[np.ndarray, "phrase 256"]:
    """Vectors of phrases, with length 1."""
    tokenizer, vectors = table()
    rows = [
        vectors[encoded.ids].astype(np.float32).mean(axis=0) if encoded.ids else np.zeros(vectors.shape[1], np.float32)
        for encoded in tokenizer.encode_batch([p.lower() for p in phrases], add_special_tokens=False)
    ]
    matrix = np.stack(rows)
    return matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-6)


@lru_cache(maxsize=8)
def _kept(phrases: tuple[str, ...]) -> Float[np.ndarray, "phrase 256"]:
    return of(phrases)


def ready(phrases: tuple[str, ...]) -> None:
    """Read the word vectors, and keep those of `phrases`, so that later questions take less time."""
    if is_installed():
        _kept(phrases)


def nearest(phrase: str, among: tuple[str, ...]) -> tuple[str, float]:
    """The phrase of `among` that is nearest in meaning and shares no word with it, and the cosine similarity.

    A phrase with a shared word is near because of the word alone: grass is not "cutting the grass".
    """
    cosines, own = _kept(among) @ of((phrase,))[0], set(phrase.split())
    best = next((i for i in np.argsort(-cosines)[:NEAREST] if not own & set(among[i].split())), int(cosines.argmax()))
    return among[best], float(cosines[best])


def nearest_sentence(sentence: str, among: tuple[str, ...]) -> tuple[str, float]:
    """The sentence of `among` that is nearest in meaning, and the cosine similarity; shared words are allowed."""
    cosines = _kept(among) @ of((sentence,))[0]
    best = int(cosines.argmax())
    return among[best], float(cosines[best])


def whole(phrase: str) -> bool:
    """Whether each word of a phrase is a single token; tokens of rarer words have unrelated meanings."""
    tokenizer, _ = table()
    return all(len(tokenizer.encode(word, add_special_tokens=False).ids) == 1 for word in phrase.split())
