"""Gemini's OpenAI-compatible API: frames as images after their times, the sound as `input_audio`.

Whole videos go by file upload in its own interface only. A blocked prompt comes back without choices.
"""

from __future__ import annotations

from lookhear.servers.clips import Message, Shown

OWNERS = ("google",)
HOSTS = ("generativelanguage.googleapis.com", "aiplatform.googleapis.com")
ONCE = False


def message(shown: Shown) -> Message:
    """The sound first, as Gemini's guides put it, then frames with their times."""
    return Message((*([shown.input_audio()] if shown.heard else []), *shown.frames()))
