"""vLLM: the picture as a video without sound, the sound beside it as a part of its own.

The sound inside a video is not heard: `use_audio_in_video` is off by default and reported broken where it is switched
on (vllm #47788), so it is switched off and nothing is sent twice. Parts carry a `uuid`.
"""

from __future__ import annotations

from lookhear.servers.clips import Message, Shown, with_uuid

OWNERS = ("vllm",)
HOSTS = ()
ONCE = True
SWITCHES = {"mm_processor_kwargs": {"use_audio_in_video": False}}


def message(shown: Shown) -> Message:
    """`video_url` without sound, then `audio_url`."""
    parts = [shown.video_url(sound=False)] if shown.seen else []
    parts += [shown.audio_url()] if shown.heard else []
    return Message(tuple(map(with_uuid, parts)), SWITCHES)
