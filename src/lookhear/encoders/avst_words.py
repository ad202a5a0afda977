"""Word ids of a question in the published vocabulary of MUSIC-AVQA, as AVST reads them.

The vocabulary has padding (0) and 92 words in the order of their first use in the training questions; it is
case-sensitive. Words are split at blanks and the final question mark is removed. The released loader removes the last
character whatever it is, and fails on unknown words, which are frequent in MUSIC-AVQA-R's rephrased questions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookhear.encoders import Encoder
from lookhear.errors import FeatureError, ModelError, RecipeError

PUBLISHED = """
How many instruments are sounding in the video What kind of instrument is leftest musical it did not sound
from beginning to end Is on left louder than right guzheng types accordion always playing clarinet there a
voiceover this cello violin flute pipa piano Which that sounds at same time as acoustic_guitar Where first
electric_bass drum more rhythmic ukulele banjo saxophone trumpet erhu middle congas entire tuba bagpipe
loudest comes xylophone bassoon suona second appeared performance rightest coming third last Are and makes
before after lowest fourth longer fifth were heard throughout
"""
WORDS = tuple(PUBLISHED.split())
MARKS = "?？.!"


@dataclass(frozen=True)
class Config:
    """Vocabulary and treatment of unknown words."""

    vocabulary: str = ""
    """text file with one word per line, numbered from 1; empty means the published vocabulary"""
    unknown: str = "refuse"
    """refuse: raise an error; skip: leave the word out"""
    rows: int = 24
    """ids per question, with 0 after the last word"""


class AvstWords(Encoder):
    """Texts in, `tokens` (rows) integers out."""

    name = "avst_words"
    reads = "text"

    def __init__(self, config: Config):
        if config.unknown not in ("refuse", "skip"):
            raise RecipeError(f"avst_words knows no unknown={config.unknown!r}. There are: refuse, skip.")
        self.config = config
        words = _read(config.vocabulary) if config.vocabulary else WORDS
        self.numbers = {word: n + 1 for n, word in enumerate(words)}
        self.streams = {"tokens": len(words) + 1}

    def signature(self) -> dict[str, Any]:
        """Name, hash of the vocabulary, settings."""
        digest = hashlib.sha256("\n".join(self.numbers).encode()).hexdigest()
        settings = {k: v for k, v in asdict(self.config).items() if k != "vocabulary"}
        return {"name": self.name, "sha256": digest, "version": 1, "settings": settings}

    def __call__(self, items: Sequence[str]) -> list[dict[str, Tensor]]:
        return [{"tokens": self.tokens(text)} for text in items]

    def tokens(self, text: str) -> Tensor:
        """The ids (rows,) of a text's words. Raises FeatureError for an unknown word, or for too many words."""
        ids = []
        for word in text.strip().rstrip(MARKS).split():
            number = self.numbers.get(word.rstrip(","))
            if number is None and self.config.unknown == "refuse":
                raise FeatureError(
                    f"{word!r} in {text!r} is not one of the {len(self.numbers)} words. "
                    "Set unknown=skip, or give a vocabulary file."
                )
            ids += [number] if number is not None else []
        if len(ids) > self.config.rows:
            raise FeatureError(f"{text!r} has {len(ids)} words, more than rows={self.config.rows}.")
        return torch.tensor(ids + [0] * (self.config.rows - len(ids)))


def pieces(config: Config) -> Callable[[str], list[str]]:
    """A function from a text to the words that its ids stand for."""
    encoder = AvstWords(config)
    names = {number: word.replace("_", " ") for word, number in encoder.numbers.items()}
    return lambda text: [names[number] for number in encoder.tokens(text).tolist() if number]


def build(config: Config) -> AvstWords:
    """The encoder."""
    return AvstWords(config)


def _read(path: str) -> tuple[str, ...]:
    try:
        words = tuple(w for line in Path(path).read_text("utf-8").splitlines() if (w := line.strip()))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"No vocabulary can be read at {path!r}: {error}.") from None
    if len(set(words)) != len(words) or not words:
        raise ModelError(f"{path!r} is not a vocabulary: one different word a line is expected.")
    return words
