"""SGLang: frames as pictures after their times, the sound as `audio_url`.

Sound inside a video is reported missing (sglang #16958, #39530), so none is put there.
"""

from __future__ import annotations

from lookhear.servers.clips import Message, Shown

OWNERS = ("sglang",)
HOSTS = ()
ONCE = False


def message(shown: Shown) -> Message:
    """Frames with their times, then the sound."""
    return Message((*shown.frames(), *([shown.audio_url()] if shown.heard else [])))
