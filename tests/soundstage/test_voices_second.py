"""The second set of drawn voices: other sound of the same scenes, the first set to the bit, no mixing in a folder."""

import json

import numpy as np
import pytest

from lookhear.errors import DatasetError
from lookhear.soundstage.scene.scene import INSTRUMENTS, Player, Scene
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.sound import room, voices_second
from lookhear.soundstage.sound.mix import sound, stem
from lookhear.soundstage.sound.voices import VOICES
from lookhear.soundstage.write.folder import make

RATE = 16_000
TINY = Settings(train=1, val=0, test=0, seed=3, size=48, seconds=6.0)


def solo(instrument: str, level: float = 0.0) -> Scene:
    return Scene("test", 3, 4.0, (Player(instrument, 0.5, ((0.5, 3.5),), level),))


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_a_voice_of_the_second_set_differs_where_it_is_listed(instrument):
    first, second = sound(solo(instrument)), sound(solo(instrument), font=voices_second.NAME)
    assert np.array_equal(first, second) == (instrument not in voices_second.SECOND)
    assert np.isfinite(second).all() and np.abs(second).max() <= 1


@pytest.mark.parametrize("instrument", sorted(voices_second.SECOND))
def test_levels_are_those_of_the_scene(instrument):
    def measured(level: float, font: str) -> float:
        wet = stem(solo(instrument, level), 0, font=font)[RATE // 2 : 7 * RATE // 2]
        return room.loudness(wet, 3.0, RATE)

    assert measured(6.0, voices_second.NAME) - measured(0.0, "") == pytest.approx(6, abs=1)


def test_listed_voices_are_of_known_instruments_and_the_same_family():
    assert set(voices_second.SECOND) <= set(INSTRUMENTS)
    assert all(type(voice) is type(VOICES[name]) for name, voice in voices_second.SECOND.items())


def test_the_card_names_them_and_a_folder_keeps_to_them(tmp_path, lookhear):
    out = tmp_path / "second"
    card = make(out, TINY, quiet=True, workers=1, font=voices_second.NAME)
    assert card["voices"] == {"name": "drawn voices 2", "version": "1"}
    with pytest.raises(DatasetError, match="begun with other voices"):
        make(out, TINY, quiet=True, workers=1)
    given = ["soundstage", tmp_path / "cli", "--clips", "3", "--no-media", "--voices", "2", "--json"]
    assert json.loads(lookhear(*given).out)["voices"]["name"] == voices_second.NAME
    both = lookhear(*given, "--soundfont", "x.sf2")
    assert both.code == 2 and "leave out --soundfont or --voices" in both.err
