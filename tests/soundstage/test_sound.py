"""The sound keeps what the scene states: who sounds when, how loud, how busy; and nothing else."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.signal import stft

from lookhear.soundstage.scene.scene import INSTRUMENTS, MOODS, Player, Scene
from lookhear.soundstage.sound import room
from lookhear.soundstage.sound.melody import MANNERS, MIDDLE, notes
from lookhear.soundstage.sound.mix import sound, stem
from lookhear.soundstage.sound.voices import VOICES, SustainedTone

RATE = 16000


def scene(*players, seed=3, seconds=4.0, **more):
    return Scene("test", seed, seconds, players, **more)


def solo(instrument, level=0.0, rate=2.0, register=0, sounding=((0.5, 3.5),), **more):
    return scene(Player(instrument, 0.5, sounding, level, rate, register), **more)


def stretch(waveform, start, end):
    return waveform[round(start * RATE) : round(end * RATE)]


def test_every_instrument_has_a_voice_and_every_mood_a_manner():
    assert set(VOICES) == set(MIDDLE) == set(INSTRUMENTS)
    assert set(MANNERS) == set(MOODS)


def test_the_same_scene_sounds_the_same_and_another_seed_otherwise():
    one = scene(Player("cello", 0.3, ((0.0, 3.0),)), Player("drum", None, ((1.0, 4.0),)), voiceover=(1.0, 2.0))
    first, again = sound(one), sound(one)
    assert first.dtype == np.float32
    assert first.shape == (4 * RATE,)
    assert np.array_equal(first, again)
    other = scene(*one.players, voiceover=(1.0, 2.0), seed=4)
    assert not np.allclose(first, sound(other), atol=1e-3)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_six_decibels_are_six_decibels_whatever_the_instrument(instrument):
    def measured(name, level, rate, register):
        wet = stretch(stem(solo(name, level, rate, register), 0), 0.5, 3.5)
        return room.loudness(wet, 3.0, RATE)

    soft = measured("violin", 0.0, 2.0, 0)
    for rate, register in ((1.0, 0), (4.0, 1), (2.0, -1)):
        assert measured(instrument, 6.0, rate, register) - soft == pytest.approx(6, abs=1)


@pytest.mark.parametrize("mood", MOODS)
def test_notes_fill_what_sounds_and_nothing_more(mood):
    spans = ((0.3, 1.9), (2.4, 3.9))
    (melody,) = notes(solo("piano", rate=4.0, sounding=spans, mood=mood))
    for start, end in spans:
        inside = [n for n in melody if start <= n.onset < end]
        assert inside[0].onset == start
        assert inside[-1].onset + inside[-1].duration == pytest.approx(end)
        assert all(a.onset + a.duration == pytest.approx(b.onset) for a, b in pairwise(inside))
        assert all(a.pitch != b.pitch for a, b in pairwise(inside))
    assert len(melody) == len([n for n in melody if any(a <= n.onset < b for a, b in spans)])


@pytest.mark.parametrize("seed", range(4))
def test_twice_the_rate_is_twice_as_busy(seed):
    slow, fast = (
        len(notes(solo("banjo", rate=r, seconds=10.0, sounding=((1.0, 8.0),), seed=seed))[0]) for r in (2.0, 4.0)
    )
    assert slow == 14
    assert fast == 28


def flux(waveform):
    """Onset strength: growth of the logarithmic spectrum, and the times it is measured at."""
    _, at, spectrum = stft(waveform, RATE, nperseg=512, noverlap=352)
    level = np.log(np.abs(spectrum) / np.abs(spectrum).max() + 1e-4)
    return at[1:], np.maximum(np.diff(level, axis=1), 0).mean(0)


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_sound_begins_where_notes_say(instrument):
    one = solo(instrument, rate=2.0)
    at, strength = flux(stem(one, 0, dry=True))
    floor = np.median(strength)
    for note in notes(one)[0]:
        near = strength[np.abs(at - note.onset) < 0.05]
        assert near.max() > 3 * floor + 0.02, f"no onset heard at {note.onset:.2f} s"


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_silent_where_it_does_not_sound_and_never_silent_where_it_does(instrument):
    one = solo(instrument, sounding=((0.5, 1.5), (2.5, 3.5)), rate=2.0)
    dry, wet = stem(one, 0, dry=True), stem(one, 0)
    for start, end in ((0.0, 0.5), (1.5, 2.5), (3.5, 4.0)):
        assert not stretch(dry, start, end).any()
    tail, body = stretch(wet, 2.1, 2.5).std(), stretch(wet, 0.5, 1.5).std()
    assert tail < body / 30  # the room dies away
    window = 0.25 if isinstance(VOICES[instrument], SustainedTone) else 0.6  # what is struck dies between two notes
    for start in np.arange(0.5, 1.5 - window + 1e-6, 0.1):
        assert stretch(dry, start, start + window).std() > dry.std() / 10


def test_a_mix_is_its_stems_and_leaving_one_out_leaves_the_rest():
    players = (Player("flute", 0.2, ((0.0, 4.0),)), Player("tuba", None, ((1.0, 3.0),), 6.0), Player("pipa", 0.8))
    one = scene(*players, indoor=False)
    full, less = sound(one), sound(one, without=(1,))
    assert np.allclose(full - less, stem(one, 1), atol=1e-5)
    assert not stem(one, 2).any()
    seen = scene(players[0], Player("tuba", 0.5, ((1.0, 3.0),), 6.0), players[2], indoor=False)
    assert np.array_equal(full, sound(seen)), "on or off the stage sounds the same"


def test_the_narrator_speaks_only_when_stated():
    plain, spoken = sound(scene()), sound(scene(voiceover=(1.0, 2.5)))
    voice = spoken - plain
    assert not stretch(voice, 0, 1).any()
    assert not stretch(voice, 2.5, 4).any()
    assert stretch(voice, 1, 2.5).std() > 10 * plain.std()


def test_a_full_stage_stays_below_full_scale():
    crowd = [Player(name, 0.5, ((0.0, 4.0),), 6.0, 2.0) for name in INSTRUMENTS[:10]]
    assert np.abs(sound(scene(*crowd))).max() < 1
