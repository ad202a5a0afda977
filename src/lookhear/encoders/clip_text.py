"""CLIP's text tower, one vector per question and one per token. ViT-B/32, L/14 or L/14@336, 512-d or 768-d.

    question ─ byte pairs, 77 ─ transformer, causal ─ last norm ─ projection ─▶ question (end token), words (all 77)

The sentence features of TSPM and QA-TIGER and the word features of PSTP-Net and AV-Master. All 77 rows are returned, as
published. Rows after the end token are the outputs for zero padding, since no attention mask is used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lookhear.encoders import _frozen
from lookhear.encoders.clip import towers


@dataclass(frozen=True)
class Config:
    """Weights and form of the word vectors."""

    weights: str = "openai/clip-vit-base-patch32"
    """hub name, folder, or one of OpenAI's own files with its list of merges in the same folder"""
    project: bool = True
    """apply the text projection to the words, as published; False returns them after the last layer norm"""
    truncate: bool = False
    """cut texts of more than 77 tokens instead of refusing them"""
    precision: str = "fp32"
    """fp32, bf16 or fp16"""
    device: str = "cpu"
    """torch device of the network"""
    batch: int = 64
    """texts in a batch"""


class ClipText(_frozen.Frozen):
    """Texts in, `question` (dim) and `words` (77, dim) out."""

    name = "clip_text"
    reads = "text"

    def __init__(self, config: Config):
        super().__init__(towers.tower(config.weights, "text"), config)
        self.tokens = towers.Tokens(config.weights)
        width = int(self.net.config.projection_dim)
        self.streams = {"question": width, "words": width if config.project else int(self.net.config.hidden_size)}

    @torch.inference_mode()
    def __call__(self, items: Sequence[str]) -> list[dict[str, Tensor]]:
        out: list[dict[str, Tensor]] = []
        for start in range(0, len(items), self.config.batch):
            ids = self.tokens(items[start : start + self.config.batch], self.config.truncate)
            question, words = self.project(ids.to(self.device))
            out += [{"question": q.clone(), "words": w.clone()} for q, w in zip(question, words, strict=True)]
        return out

    def project(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Sentence vectors (text, dim) and word vectors (text, 77, dim) of token ids (text, 77)."""
        hidden = self.net.text_model(input_ids=ids).last_hidden_state
        words = self.net.text_projection(hidden)
        end = ids.argmax(-1)  # the end token has the largest id
        question = words[torch.arange(len(ids)), end]
        return question.float().cpu(), (words if self.config.project else hidden).float().cpu()


def pieces(config: Config) -> Callable[[str], list[str]]:
    """A function from a text to the pieces that the rows of `words` stand for, without padding."""
    tokens = towers.Tokens(config.weights)
    return lambda text: tokens.pieces(text, config.truncate)


def build(config: Config) -> ClipText:
    """The encoder. Raises ModelError if the weights are not available, DependencyError without transformers."""
    return ClipText(config)
