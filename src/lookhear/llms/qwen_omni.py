"""Qwen2.5-Omni and Qwen3-Omni, zero-shot; only their thinkers, which generate text.

    frames at their own times ─ vision tower ─┐
    sound ───────────────────── audio tower ──┼─▶ thinker ─▶ text        (Qwen3's is a mixture of experts)
    question ─────────────────────────────────┘

Unlike `crab_plus`, it uses 16 frames in their own shape and with their real times, and no lead-in sentence. The version
of a checkpoint is read from its config.json.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear import catalog
from lookhear.errors import RecipeError
from lookhear.layers.packing import heard_tokens_3
from lookhear.llms import crab_plus
from lookhear.llms.omni import hub, inputs, storage
from lookhear.llms.omni.inputs import InputOptions
from lookhear.llms.omni.thinker import Omni
from lookhear.llms.omni.tokens import bytes_tokenizer, token_ids
from lookhear.media.sampling import Sampling

NAME = "qwen_omni"
BASE = "Qwen/Qwen2.5-Omni-7B"
OPTIONS = InputOptions(sampling=Sampling(rule="uniform", count=16), size=None, clock="true", lead=False)
GREY = {"mean": (0.5, 0.5, 0.5), "deviation": (0.5, 0.5, 0.5)}  # Qwen3's colour normalisation


class Omni3(Omni):
    """Qwen3-Omni: 13 tokens of sound a second."""

    def heard(self, frames: int) -> int:  # type: ignore[override]
        """Number of audio tokens for this number of 10 ms frames."""
        return heard_tokens_3(frames, self.base.config.audio_config.n_window)


@dataclass(frozen=True)
class Config:
    """Settings that differ from the thinker's defaults, by their names in config.json."""

    version: str = "2.5"
    """2.5 or 3"""
    text: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] = field(default_factory=dict)
    audio: dict[str, Any] = field(default_factory=dict)
    thinker: dict[str, Any] = field(default_factory=dict)


def classes(version: str) -> tuple[Any, Any]:
    """(model class, config class) of transformers."""
    if version == "2.5":
        return crab_plus.classes()
    if version != "3":
        raise RecipeError(catalog.unknown("version of Qwen-Omni", version, ("2.5", "3")))
    from transformers import Qwen3OmniMoeThinkerConfig, Qwen3OmniMoeThinkerForConditionalGeneration

    return Qwen3OmniMoeThinkerForConditionalGeneration, Qwen3OmniMoeThinkerConfig


def build(config: Config, tokenizer: Any = None, options: InputOptions | None = None) -> Omni:
    """A thinker of these sizes with random weights; the default tokenizer is a byte tokenizer."""
    from transformers import WhisperFeatureExtractor

    kind, settings = classes(config.version)
    tokenizer = tokenizer or bytes_tokenizer()
    first = config.version == "2.5"
    sizes = settings(
        text_config=(crab_plus.TEXT if first else {}) | {"pad_token_id": tokenizer.pad_token_id} | config.text,
        vision_config=(crab_plus.VISION if first else {}) | config.vision,
        audio_config=config.audio or None,
        **{**token_ids(tokenizer), "pad_token_id": tokenizer.pad_token_id, **config.thinker},
    )
    extractor = WhisperFeatureExtractor(feature_size=sizes.audio_config.num_mel_bins)
    eye = inputs.eye(sizes.vision_config, {} if first else {"image_mean": GREY["mean"], "image_std": GREY["deviation"]})
    shown = options or inputs.changed({"eye": eye}, {}, OPTIONS)
    return (Omni if first else Omni3)(kind(sizes).eval(), tokenizer, extractor, shown, NAME)


def load(where: str | Path = BASE, adapter: str | Path | None = None, **options: Any) -> Omni:
    """Load a model by hub name or folder, optionally with PEFT adapters. `options` as in `crab_plus.load`."""
    version = _version(where)
    omni = Omni if version == "2.5" else Omni3
    return storage.load(NAME, where, adapter, classes(version), omni, start=OPTIONS, **options)


def plan(where: str | Path = BASE, adapter: str | Path | None = None, **_: Any) -> hub.Plan:
    """Download size, disk space and memory of `load`."""
    return storage.plan(NAME, where, adapter, classes(_version(where)))


def _version(where: str | Path) -> str:
    told = storage.config_of(hub.fetched(where, ("config.json",), NAME))
    return "3" if str(told.get("model_type", "")).startswith("qwen3_omni") else "2.5"
