"""BERT features of a question: one vector per word piece and one per sentence. BERT or VisualBERT, 768-d.

    [CLS] pieces [SEP] ─ embeddings ─ 12 layers ─ last hidden states ─▶ words (rows, dim), [CLS] first; question ([CLS])

Rows after [SEP] are zero. VisualBERT (MCCD's `uclanlp/visualbert-vqa-coco-pre`) reads text only here; the net `mccd`
feeds it picture and sound as well, and trains it. Through transformers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lookhear import checkpoints
from lookhear.encoders import _frozen, bert_tokens
from lookhear.errors import ModelError


@dataclass(frozen=True)
class Config:
    """Network, vocabulary and length."""

    weights: str = "bert-base-uncased"
    """hub name or folder of a BERT or VisualBERT"""
    vocabulary: str = ""
    """hub name or folder of the tokenizer, if it is not in `weights` (VisualBERT: bert-base-uncased)"""
    rows: int = 40
    """tokens per text, with zeros after the last"""
    truncate: bool = False
    """cut longer texts instead of refusing them; [SEP] is kept"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 64
    """texts in a batch"""


class BertWords(_frozen.Frozen):
    """Texts in, `words` (rows, dim) and `question` (dim) out."""

    name = "bert_words"
    reads = "text"

    def __init__(self, config: Config):
        # other encoders have an owner in the hub name; bert-base-uncased has none
        hub = f"google-bert/{config.weights}" if config.weights.startswith("bert-") else config.weights
        net = checkpoints.pretrained("AutoModel", hub, "BERT")
        if net.config.model_type not in ("bert", "visual_bert"):
            raise ModelError(f"{config.weights!r} is a {net.config.model_type}, not a BERT or VisualBERT.")
        super().__init__(net, config)
        self.tokens = bert_tokens.build(_tokens(config))
        width = net.config.hidden_size
        self.streams = {"question": width, "words": width}

    def signature(self) -> dict[str, Any]:
        """The signature of a frozen network, with a hash of the vocabulary."""
        card = super().signature()
        return card | {"settings": card["settings"] | {"vocabulary": self.tokens.signature()["sha256"]}}

    @torch.inference_mode()
    def __call__(self, items: Sequence[str]) -> list[dict[str, Tensor]]:
        out: list[dict[str, Tensor]] = []
        for start in range(0, len(items), self.config.batch):
            rows = [row["tokens"] for row in self.tokens(items[start : start + self.config.batch])]
            ids = torch.stack(rows).to(self.device)
            there = ids > 0
            hidden = self.net(input_ids=ids, attention_mask=there.long()).last_hidden_state
            words = (hidden * there[..., None]).float().cpu()
            out += [{"question": row[0].clone(), "words": row.clone()} for row in words]
        return out


def _tokens(config: Config) -> bert_tokens.Config:
    return bert_tokens.Config(config.vocabulary or config.weights, config.rows, config.truncate)


def pieces(config: Config) -> Callable[[str], list[str]]:
    """A function from a text to its word pieces, as in `bert_tokens`."""
    return bert_tokens.pieces(_tokens(config))


def build(config: Config) -> BertWords:
    """The encoder. Raises ModelError if network or vocabulary are not available, DependencyError without
    transformers."""
    return BertWords(config)
