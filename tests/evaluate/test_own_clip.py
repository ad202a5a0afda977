"""A reader's own clip on the demo page: timeline, three questions, and one paragraph where it cannot be read."""

from pathlib import Path

import numpy as np
import pytest

from lookhear.evaluate.draw import own_clip, timeline
from lookhear.media.write import write
from lookhear.model import real
from lookhear.timeline.value import Event, Timeline
from lookhear.types import Media, Sentence

DOG = Event("Dog", 1.0, 2.5, 0.9, "heard")


def test_questions_suit_the_clip():
    heard = Timeline("a", 4.0, (DOG,), (), (-20.0,) * 4)
    assert own_clip.questions(heard) == ["What do you hear?", "When do you hear dog?", "What is said?"]
    assert len(own_clip.questions(Timeline("b", 4.0, (), ()))) == 3


def test_a_timeline_is_drawn_with_and_without_frames(tmp_path):
    pytest.importorskip("matplotlib")
    found = Timeline("a", 4.0, (DOG,), (Sentence("Good dog.", 1.0, 2.0, 0.9, ()),), (-20.0,) * 4, frames=4)
    frames = np.zeros((4, 36, 64, 3), np.uint8)
    for name, media in (
        ("frames", Media(frames, np.arange(4.0), None, 16_000, 4.0)),
        ("none", Media(None, None, None, 16_000, 4.0)),
    ):
        assert timeline.drawn(found, media, tmp_path / f"{name}.png").stat().st_size > 5_000


def test_a_file_that_is_no_video_is_one_paragraph(tmp_path):
    (tmp_path / "notes.txt").write_text("no video")
    parts = own_clip.parts(tmp_path / "notes.txt", tmp_path / "out")
    assert len(parts) == 2
    assert "notes.txt" in parts[1]
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not real.installed(), reason="the weights of real are not installed")
def test_a_clip_gets_its_timeline_and_three_answers(tmp_path):
    pytest.importorskip("matplotlib")
    wave = (0.2 * np.sin(np.arange(3 * 16_000) * 0.17)).astype(np.float32)
    write(tmp_path / "mine.mp4", list(np.zeros((24, 96, 128, 3), np.uint8)), wave)
    parts = own_clip.parts(Path(tmp_path / "mine.mp4"), tmp_path / "out")
    page = "\n".join(parts)
    assert "mine.mp4" in page
    assert "data:video/mp4" in page
    assert page.count("How long is the video?") + page.count("What") + page.count("When") >= 3


def test_frames_are_cropped_and_not_stretched():
    frame = np.arange(40 * 90 * 3).reshape(40, 90, 3).astype(np.uint8)
    assert timeline.cropped(frame, 1.0).shape == (40, 40, 3)
    assert timeline.cropped(frame, 3.0).shape == (30, 90, 3)
    assert np.array_equal(timeline.cropped(frame, 2.25), frame)


def test_a_timeline_without_events_is_drawn_without_a_warning(tmp_path, recwarn):
    pytest.importorskip("matplotlib")
    timeline.drawn(Timeline("a", 4.0, (), ()), Media(None, None, None, 16_000, 4.0), tmp_path / "nothing.png")
    assert [w for w in recwarn if issubclass(w.category, UserWarning)] == []
