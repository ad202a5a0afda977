"""`transformers serve`: one video with its sound in it, which the server takes out itself (it needs torchcodec).

The sound is not sent beside it as well: it would be heard twice. A clip without a picture is sent as `input_audio`.
"""

from __future__ import annotations

from lookhear.servers.clips import Message, Shown

OWNERS = ("transformers", "huggingface")
HOSTS = ()
ONCE = False


def message(shown: Shown) -> Message:
    """`video_url` with the sound inside."""
    if not shown.seen:
        return Message((shown.input_audio(),) if shown.heard else ())
    return Message((shown.video_url(sound=shown.heard),))
