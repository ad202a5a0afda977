"""Crab+: seven audio-visual tasks in one language model, Qwen2.5-Omni's thinker with I-LoRA (2026, 7 B).

    frames ─ vision tower ─┐
    sound ─── audio tower ─┼─▶ thinker, its linear layers adapted by I-LoRA ─▶ text
    question ──────────────┘

`load()` takes the base and the published adapters from the hub, from a folder, or from a PEFT folder. Defaults follow
the released code: ten evenly spaced frames at 224 x 224, picture and sound in two consecutive blocks, two seconds per
pair of frames whatever the clip's length (`clock="true"` uses the real times). These errors of the released code are
not reproduced: padding on the right, so that shorter questions of a batch continue from padding; loading checkpoints
with unmatched weights silently; black frames for unreadable files. Its training prompts differ from those of `tasks`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear.llms.omni import hub, inputs, storage
from lookhear.llms.omni.inputs import InputOptions
from lookhear.llms.omni.thinker import Omni
from lookhear.llms.omni.tokens import bytes_tokenizer, token_ids

NAME = "crab_plus"
BASE = "Qwen/Qwen2.5-Omni-7B"
ADAPTER = "Jayson236/Crab_Plus"  # a dataset repository on the hub; the weights are its finetune_weights.bin
TEXT = {"rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": [16, 24, 24]}}
VISION = {"hidden_size": 1280, "out_hidden_size": 3584}


@dataclass(frozen=True)
class Config:
    """Settings that differ from the 7 B thinker, by their names in its config.json."""

    text: dict[str, Any] = field(default_factory=dict)
    """settings of the language model"""
    vision: dict[str, Any] = field(default_factory=dict)
    """settings of the vision tower"""
    audio: dict[str, Any] = field(default_factory=dict)
    """settings of the audio tower"""
    thinker: dict[str, Any] = field(default_factory=dict)
    """top-level settings, such as special tokens"""


def classes() -> tuple[Any, Any]:
    """(model class, config class) of transformers."""
    from transformers import Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerForConditionalGeneration

    return Qwen2_5OmniThinkerForConditionalGeneration, Qwen2_5OmniThinkerConfig


def build(config: Config, tokenizer: Any = None, options: InputOptions | None = None) -> Omni:
    """A thinker with random weights; on `torch.device("meta")` it uses no memory.

    `tokenizer` is a transformers tokenizer with Qwen's special tokens; the default is a byte tokenizer.
    """
    from transformers import WhisperFeatureExtractor

    kind, settings = classes()
    tokenizer = tokenizer or bytes_tokenizer()
    sizes = settings(
        text_config=TEXT | {"pad_token_id": tokenizer.pad_token_id} | config.text,
        vision_config=VISION | config.vision,
        audio_config=config.audio or None,
        **{**token_ids(tokenizer), "pad_token_id": tokenizer.pad_token_id, **config.thinker},
    )
    model = kind(sizes).eval()
    extractor = WhisperFeatureExtractor(feature_size=sizes.audio_config.num_mel_bins)
    return Omni(model, tokenizer, extractor, options or InputOptions(eye=inputs.eye(sizes.vision_config)), NAME)


def load(where: str | Path = BASE, adapter: str | Path | None = None, **options: Any) -> Omni:
    """Load a model by hub name or folder; the published base is loaded with the published adapters.

    `adapter`: a PEFT folder, a `finetune_weights.bin`, or a dataset on the hub with one; by default the folder's own;
    "none" loads no adapter. `options`: those of `llms.omni.placement`, `frames`, and fields of InputOptions.
    """
    return storage.load(NAME, where, adapter or _published(where), classes(), **options)


def plan(where: str | Path = BASE, adapter: str | Path | None = None, **_: Any) -> hub.Plan:
    """Download size, disk space and memory of `load`."""
    return storage.plan(NAME, where, adapter or _published(where), classes())


def _published(where: str | Path) -> str | None:
    return ADAPTER if str(where) == BASE else None
