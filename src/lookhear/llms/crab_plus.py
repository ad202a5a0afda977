"""Crab+: seven audio-visual tasks in one language model, Qwen2.5-Omni's thinker with I-LoRA (2026, 7 B).

    frames ─ vision tower ─┐
    sound ─── audio tower ─┼─▶ thinker, its linear layers adapted by I-LoRA ─▶ text
    question ──────────────┘

`load()` takes the base and the published adapters from the hub, or from a folder, or adapters that PEFT saved. What
the released code does is the default: ten frames from the first to the last at 224 x 224, sound and picture in two
blocks one after the other, two seconds to a pair of frames whatever the clip's length (`clock="true"` tells the model
the real times). Where it goes wrong we do not follow: it pads on the right, which makes shorter questions of a batch
go on from padding; it loads checkpoints without saying what does not fit; it puts black frames where a file cannot be
read. The sentences it was trained on differ from those of `tasks`.
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
ADAPTER = "Jayson236/Crab_Plus"  # a repository of data on the hub; the weights are its finetune_weights.bin
TEXT = {"rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0, "mrope_section": [16, 24, 24]}}
VISION = {"hidden_size": 1280, "out_hidden_size": 3584}


@dataclass(frozen=True)
class Config:
    """Sizes that differ from the 7 B thinker's, by the names they have in its config.json."""

    text: dict[str, Any] = field(default_factory=dict)
    vision: dict[str, Any] = field(default_factory=dict)
    audio: dict[str, Any] = field(default_factory=dict)
    thinker: dict[str, Any] = field(default_factory=dict)
    """settings of the whole, such as tokens"""


def classes() -> tuple[Any, Any]:
    """The thinker and its config in transformers."""
    from transformers import Qwen2_5OmniThinkerConfig, Qwen2_5OmniThinkerForConditionalGeneration

    return Qwen2_5OmniThinkerForConditionalGeneration, Qwen2_5OmniThinkerConfig


def build(config: Config, tokenizer: Any = None, options: InputOptions | None = None) -> Omni:
    """A thinker of these sizes with random weights; on `torch.device("meta")` without any memory.

    `tokenizer` is one of transformers with Qwen's special tokens; without, bytes are tokens.
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
    """The model of a hub's name or a folder, with the published adapters where it is the published base.

    `adapter`: a folder of PEFT, a `finetune_weights.bin`, or a hub's dataset that holds one; a folder's own where none
    is given, "none" for none at all. `options`: those of `llms.omni.placement`, frames, and fields of InputOptions.
    """
    return storage.load(NAME, where, adapter or _published(where), classes(), **options)


def plan(where: str | Path = BASE, adapter: str | Path | None = None, **_: Any) -> hub.Plan:
    """What `load` would download and hold."""
    return storage.plan(NAME, where, adapter or _published(where), classes())


def _published(where: str | Path) -> str | None:
    return ADAPTER if str(where) == BASE else None
