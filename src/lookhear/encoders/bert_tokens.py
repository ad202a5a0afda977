"""Word-piece ids of a question in BERT's vocabulary, as MCCD reads them.

[CLS] pieces [SEP], then zeros. Questions are not truncated here. The net MCCD itself cuts them to 14 tokens, as
released.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from lookhear.encoders import Encoder
from lookhear.errors import DependencyError, FeatureError, ModelError


@dataclass(frozen=True)
class Config:
    """Vocabulary and length."""

    weights: str = "bert-base-uncased"
    """hub name or folder of the tokenizer"""
    rows: int = 40
    """tokens per text, with zeros after the last"""
    truncate: bool = False
    """cut longer texts instead of refusing them; [SEP] is kept"""


class BertTokens(Encoder):
    """Texts in, `tokens` (rows) integers out."""

    name = "bert_tokens"
    reads = "text"

    def __init__(self, config: Config):
        try:
            from transformers import AutoTokenizer
        except ImportError:
            raise DependencyError("bert_tokens needs transformers: pip install 'lookhear[llm]'") from None
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(config.weights)
        except (OSError, ValueError) as error:
            reason = " ".join(str(error).split())[:120]
            raise ModelError(f"No tokenizer at {config.weights!r} (a hub name or a folder): {reason}") from None
        if self.tokenizer.pad_token_id != 0:
            raise ModelError(f"{config.weights!r} pads with {self.tokenizer.pad_token_id}; nets take 0 for padding.")
        self.config = config
        self.streams = {"tokens": len(self.tokenizer)}

    def signature(self) -> dict[str, Any]:
        """Name, hash of the vocabulary, settings."""
        words = sorted(self.tokenizer.get_vocab().items(), key=lambda pair: pair[1])
        digest = hashlib.sha256("\n".join(word for word, _ in words).encode()).hexdigest()
        settings = {k: v for k, v in asdict(self.config).items() if k != "weights"}
        return {"name": self.name, "sha256": digest, "version": 1, "settings": settings}

    def __call__(self, items: Sequence[str]) -> list[dict[str, Tensor]]:
        rows, cut = self.config.rows, self.config.truncate
        out = []
        for text in items:
            ids = self.tokenizer(text.strip(), truncation=cut, max_length=rows if cut else None)["input_ids"]
            if len(ids) > rows:
                raise FeatureError(
                    f"{text!r} has {len(ids)} tokens, more than rows={rows}. Set truncate=true, or rows."
                )
            out.append({"tokens": torch.tensor(ids + [0] * (rows - len(ids)))})
        return out


def pieces(config: Config) -> Callable[[str], list[str]]:
    """A function from a text to its word pieces, [CLS] and [SEP] included; `##` marks those that continue a word."""
    encoder = build(config)

    def spelled(text: str) -> list[str]:
        ids = [token for token in encoder([text])[0]["tokens"].tolist() if token]
        return list(encoder.tokenizer.convert_ids_to_tokens(ids))

    return spelled


def build(config: Config) -> BertTokens:
    """The encoder. Raises ModelError if the vocabulary is not available, DependencyError without transformers."""
    return BertTokens(config)
