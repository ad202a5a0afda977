"""A clip without one of its tracks is filled with black or silence, like one that asks for it."""

from lookhear.model import load
from lookhear.types import BLANK, Clip, Source


def test_a_clip_with_sound_alone_is_watched(tmp_path):
    import numpy as np

    from lookhear.media.write import write_wav

    path = tmp_path / "tone.wav"
    write_wav(path, 0.3 * np.sin(np.arange(48_000) / 6).astype(np.float32))
    sound = Source("tone", path)
    alone, black = (load("stage").ask(Clip(video, sound), "Who plays?")[0].scores for video in (None, BLANK))
    assert alone == black
