"""A scene becomes a file that other programs read, and pictures to look at."""

import av
import numpy as np
import pytest
from PIL import Image

from lookhear.errors import MediaError
from lookhear.soundstage.scene.scene import Player, Scene
from lookhear.soundstage.sound.mix import sound
from lookhear.soundstage.write.render import contact_sheet, render, spectrogram

SCENE = Scene("duo", 8, 2.0, (Player("suona", 0.3, ((0.0, 2.0),)), Player("congas", 0.7, ((0.5, 2.0),))))


def test_a_rendered_scene_has_its_picture_and_its_sound(tmp_path):
    render(SCENE, tmp_path / "duo.mp4")
    with av.open(str(tmp_path / "duo.mp4")) as file:
        film = [f.to_ndarray(format="rgb24") for f in file.decode(video=0)]
    with av.open(str(tmp_path / "duo.mp4")) as file:
        heard = np.concatenate([f.to_ndarray()[0] for f in file.decode(audio=0)])
    assert len(film) == 16
    assert film[0].shape == (128, 128, 3)
    assert heard[: 2 * 16000].std() == pytest.approx(sound(SCENE).std(), rel=0.1)


def test_where_it_cannot_be_written_is_said(tmp_path):
    (tmp_path / "nowhere").touch()
    with pytest.raises(MediaError, match="nowhere"):
        render(SCENE, tmp_path / "nowhere" / "duo.mp4")


def test_a_contact_sheet_shows_every_scene(tmp_path):
    contact_sheet([SCENE] * 3, tmp_path / "sheet.png", size=64, columns=2)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.size == (128, 2 * (64 + 30))


def test_a_spectrogram_shows_a_tone_at_its_height():
    tone = np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000).astype(np.float32)
    picture = np.asarray(spectrogram(tone, height=100, width=50)).sum(2)
    row = picture[:, 25].argmax()
    assert 8000 * (40 / 8000) ** (row / 99) == pytest.approx(1000, rel=0.08)
