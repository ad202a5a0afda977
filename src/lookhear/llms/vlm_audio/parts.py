"""Parts of V-LLM+A: sizes, the audio encoder with its connector, and positions of the media prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from lookhear.encoders import beats
from lookhear.layers import qformer
from lookhear.llms.crab.parts import HEARING


@dataclass(frozen=True)
class Config:
    """Sizes that differ from Qwen2.5-VL-7B, BEATs, and a connector of width 768 with 2 layers and 12 heads."""

    text: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] = field(default_factory=dict)
    hearing: dict[str, Any] = field(default_factory=dict)
    connector: dict[str, int] = field(default_factory=dict)
    window: int = 17
    """BEATs tokens per query: 0.34 s"""


TEXT = {
    "vocab_size": 152_064, "hidden_size": 3584, "intermediate_size": 18_944, "num_hidden_layers": 28,
    "num_attention_heads": 28, "num_key_value_heads": 4, "max_position_embeddings": 32_768,
    "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": [16, 24, 24]},
}  # fmt: skip
VISION = {"depth": 32, "hidden_size": 1280, "out_hidden_size": 3584, "intermediate_size": 3420, "num_heads": 16}


class AudioBranch(nn.Module):
    """Frozen BEATs and the connector."""

    def __init__(self, cfg: Mapping[str, Any], model: int, window: int, sizes: Mapping[str, Any]):
        super().__init__()
        self.cfg = {name: cfg[name] for name in HEARING}
        self.hearing = beats.BEATs(self.cfg).requires_grad_(False)
        wide = self.hearing.width
        self.connector = qformer.QFormer(qformer.Config(wide, model, queries=1, window=window, **sizes))

    def forward(self, fbank: Float[Tensor, "piece row 128"]) -> Float[Tensor, "piece window model"]:
        """Tokens of pieces of sound of equal length."""
        return self.connector(self.hearing(fbank))

    def count(self, rows: int) -> int:
        """Number of tokens of a piece with this number of log-mel rows."""
        return rows // beats.PATCH * (beats.BANDS // beats.PATCH) // (self.connector.config.window or 1)


class Net(nn.Module):
    """Qwen2.5-VL, with or without adapters, and its audio encoder."""

    def __init__(self, language: Any, ears: AudioBranch):
        super().__init__()
        self.language, self.ears = language, ears


def positions(
    ids: Int[Tensor, "clip token"],
    mask: Bool[Tensor, "clip token"],
    tensors: Mapping[str, Tensor],
    vision: Any,
    places: Mapping[str, int],
) -> tuple[Int[Tensor, "3 clip token"], Int[Tensor, " clip"]]:
    """Positions of prefixes in time, height and width, and the next position of each.

    `vision` is the config of the vision tower, `places` the placeholder token of each kind of medium.
    """
    made = torch.zeros(3, *ids.shape, dtype=torch.long, device=ids.device)
    grids = {k: iter(tensors.get(f"{k}_grid_thw", ())) for k in ("video", "image")}
    seconds = iter(tensors.get("video_second_per_grid", ()))
    after: list[int] = []
    for row, there in zip(ids, mask, strict=True):
        place, next_position = int((~there).sum()), 0
        kinds = {places[k]: k for k in grids}
        while place < len(row):
            name = kinds.get(int(row[place]))
            if name is None:
                made[:, len(after), place] = next_position
                place, next_position = place + 1, next_position + 1
                continue
            time, high, wide = (int(n) for n in next(grids[name]))
            high, wide = high // vision.spatial_merge_size, wide // vision.spatial_merge_size
            step = vision.tokens_per_second * float(next(seconds)) if name == "video" else 1.0
            axes = [(torch.arange(time) * step).long(), torch.arange(high), torch.arange(wide)]
            block = torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1).to(ids.device) + next_position
            made[:, len(after), place : place + block.shape[1]] = block
            place, next_position = place + block.shape[1], int(block.max()) + 1
        after.append(next_position)
    return made, torch.tensor(after, device=ids.device)
