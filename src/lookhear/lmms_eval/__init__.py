"""A plug-in for lmms-eval: our models in its registry, our datasets as its tasks. See docs/guides/lmms_eval.md.

    python -m lookhear.lmms_eval TASKS --dataset soundstage --root world     # a folder of tasks: YAML, questions, sound
    lmms-eval --model lookhear --model_args pretrained=tiny_omni --tasks lookhear_soundstage --include_path TASKS

Tasks send video and sound as two parts, so that no model is deaf by default, and cluster errors by video. Our model
takes any task's messages; a video without a part for its sound is heard all the same.
"""

from __future__ import annotations

from typing import Any

__all__ = ["manifest"]


def manifest() -> Any:
    """What lmms-eval's entry point wants to know of our models."""
    from lmms_eval.models.registry_v2 import ModelManifest

    return ModelManifest("lookhear", chat_class_path="lookhear.lmms_eval.model.Lookhear")
