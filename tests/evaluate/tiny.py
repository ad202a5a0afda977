"""A thinker of tiny_omni's kind with random weights, small enough for a test, in a folder as a trained one would be."""

from __future__ import annotations

from pathlib import Path

import torch

from lookhear.llms import tiny_omni

SMALL = tiny_omni.Config(
    width=24, layers=2, heads=2, inner=32, vision_width=16, vision_layers=1, vision_inner=16, audio_width=16,
    audio_layers=1, audio_inner=16, tower_heads=2, size=32,
)  # fmt: skip
WORDS = ("Which instrument sounds first? <answer>two</answer> <event> violin </event> <range> 1,4 </range>",)


def folder(path: Path, seed: int = 0) -> Path:
    """The model written to `path`."""
    torch.manual_seed(seed)
    tokenizer = tiny_omni.tokenizer(WORDS)
    ids = {name: tokenizer.convert_tokens_to_ids(name) for name in tiny_omni.SPECIAL}
    tiny_omni.save(tiny_omni.thinker(SMALL, ids), tokenizer, path, SMALL)
    return path
