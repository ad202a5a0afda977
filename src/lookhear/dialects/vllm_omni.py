"""vLLM-Omni: as vLLM, and text alone is asked for, since the model could speak its reply as well."""

from __future__ import annotations

from lookhear.servers.clips import Message, Shown

OWNERS = ("vllm-omni", "vllm_omni")
HOSTS = ()
ONCE = False
SWITCHES = {"mm_processor_kwargs": {"use_audio_in_video": False}, "modalities": ["text"]}


def message(shown: Shown) -> Message:
    """`video_url` without sound, then `audio_url`."""
    parts = [shown.video_url(sound=False)] if shown.seen else []
    return Message((*parts, *([shown.audio_url()] if shown.heard else [])), SWITCHES)
