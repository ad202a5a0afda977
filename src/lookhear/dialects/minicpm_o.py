"""MiniCPM-o on vLLM-Omni: a second of picture and a second of sound in turn, as the model was trained.

Without its three switches it loses 13 points of Daily-Omni (vllm-omni #5293).
"""

from __future__ import annotations

from math import ceil

import numpy as np

from lookhear.servers.clips import Message, Part, Shown

OWNERS = ("minicpm-o", "openbmb")
HOSTS = ()
ONCE = False
SWITCHES = {
    "mm_processor_kwargs": {"use_audio_in_video": False, "max_slice_nums": 1, "use_image_id": False},
    "modalities": ["text"],
}


def message(shown: Shown) -> Message:
    """Of each second the frame nearest to its middle (each frame at most once), then its sound."""
    times, used = np.asarray(shown.media.times), -1
    parts: list[Part] = []
    waveform = shown.media.waveform
    length = 0.0 if waveform is None else len(waveform) / shown.media.sample_rate
    for second in range(max(1, ceil(shown.media.duration))):
        if shown.seen and (nearest := int(np.abs(times - second - 0.5).argmin())) != used:
            parts.append(shown.frame(nearest))
            used = nearest
        if second < length:
            parts.append(shown.audio_url(second, second + 1))
    return Message(tuple(parts), SWITCHES)
