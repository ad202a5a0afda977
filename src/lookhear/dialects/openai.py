"""OpenAI's own interface: each frame as a picture after its time, the sound as `input_audio`; no part for video.

Newer models want `max_completion_tokens` in place of `max_tokens`, and some take no `temperature`: a refusal that says
so is understood, and the field renamed or left out (`servers.client`).
"""

from __future__ import annotations

from lookhear.servers.clips import Message, Shown

OWNERS = ("openai", "system", "openai-internal")
HOSTS = ("api.openai.com", "openai.azure.com")
ONCE = False


def message(shown: Shown) -> Message:
    """Frames with their times, then the sound."""
    return Message((*shown.frames(), *([shown.input_audio()] if shown.heard else [])))
