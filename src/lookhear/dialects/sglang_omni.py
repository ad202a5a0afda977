"""SGLang-Omni: picture and sound at the top level of the body, and a question in plain text.

Media among the parts of a message are dropped there without an error (sglang-omni #708).
"""

from __future__ import annotations

from typing import Any

from lookhear.servers.clips import Message, Shown

OWNERS = ("sglang-omni", "sglang_omni")
HOSTS = ()
ONCE = False


def message(shown: Shown) -> Message:
    """`videos` (or `images`, of a single frame) without sound, and `audios`, as data URLs."""
    fields: dict[str, Any] = {"modalities": ["text"]}
    if shown.seen:
        part = shown.video_url(sound=False)
        fields["videos" if "video_url" in part else "images"] = [part[part["type"]]["url"]]
    if shown.heard:
        fields["audios"] = [shown.audio_url()["audio_url"]["url"]]
    return Message((), fields)
