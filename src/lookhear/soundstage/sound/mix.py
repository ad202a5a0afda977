"""Render the sound of a scene: every player at its level, with room response and narrator.

Each part is scaled so that its K-weighted RMS, in the room and over the time it sounds, is `REFERENCE + player.level`
dB full scale, independent of instrument, register and rate. There is no automatic gain, so levels are comparable
between scenes. A mix is the sum of stems, narrator and ambience; only peaks above 0.8 of full scale are soft-clipped.
Players off stage sound the same as players on stage.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import fft

from lookhear.soundstage.scene.scene import Player, Scene
from lookhear.soundstage.sound import room
from lookhear.soundstage.sound.melody import MANNERS, Note, notes
from lookhear.soundstage.sound.voices import SustainedTone
from lookhear.soundstage.sound.voices_second import voice as drawn_voice
from lookhear.soundstage.sound.voices_speech import speech
from lookhear.soundstage.sound.voices_tones import tone

REFERENCE = -34.0  # dB full scale of a player at level 0: ten players with their peaks stay below full scale
VOICEOVER = 5.0  # dB of the narrator, relative to the reference
LENGTHS = (0.4, 0.8, 1.6, 3.2, 6.4, 12.8)  # note lengths in seconds that are kept in the bank


def sound(scene: Scene, sample_rate: int = 16000, without: tuple[int, ...] = (), font: str = "") -> np.ndarray:
    """The scene's sound, float32 (sample,), mono, in -1..1.

    `without` holds indices of players that are left out; the rest of the sound stays as it is. `font` is the path of a
    sound font to play with, or the name of the second set of drawn voices.
    """
    size, padded = _sizes(scene, sample_rate)
    mix = np.zeros(padded // 2 + 1, np.complex64)
    for _, part in _parts(scene, sample_rate, [i for i in range(len(scene.players)) if i not in without], font):
        mix += part
    wet = fft.irfft(mix * _room_response(scene, padded, sample_rate), padded)[:size]
    air = room.ambience(scene.indoor, sample_rate)
    wet += np.resize(np.roll(air, -(scene.seed * 7919 % len(air))), size)
    if scene.voiceover is not None:
        _narrate(wet, scene, sample_rate)
    over = np.abs(wet) > 0.8
    if over.any():
        wet[over] = np.sign(wet[over]) * (0.8 + 0.2 * np.tanh((np.abs(wet[over]) - 0.8) / 0.2))
    return wet.astype(np.float32, copy=False)


def stem(scene: Scene, player_index: int, sample_rate: int = 16000, dry: bool = False, font: str = "") -> np.ndarray:
    """The stem of one player, float32 (sample,). `dry` leaves out the room and is exactly zero outside `sounding`."""
    size, padded = _sizes(scene, sample_rate)
    for _, part in _parts(scene, sample_rate, [player_index], font):
        wet = part if dry else part * _room_response(scene, padded, sample_rate)
        out = fft.irfft(wet, padded)[:size].astype(np.float32, copy=False)
        if dry:
            out[~_sounding(scene.players[player_index], size, sample_rate)] = 0
        return out
    return np.zeros(size, np.float32)


def _sizes(scene: Scene, sample_rate: int) -> tuple[int, int]:
    size = round(scene.seconds * sample_rate)
    return size, 2 * fft.next_fast_len((size + int(room.TAIL * sample_rate) + 1) // 2, real=True)


def _room_response(scene: Scene, padded: int, sample_rate: int) -> np.ndarray:
    return room.response(scene.indoor, scene.seed % 3, padded, sample_rate)


def _sounding(player: Player, size: int, sample_rate: int) -> np.ndarray:
    on = np.zeros(size, bool)
    for start, end in player.sounding:
        on[round(start * sample_rate) : round(end * sample_rate)] = True
    return on


def _parts(scene: Scene, sample_rate: int, indices: list[int], font: str) -> Iterator[tuple[int, np.ndarray]]:
    """Spectra, complex64 (bin,), of the dry parts of these players at their levels; silent players are skipped."""
    _, padded = _sizes(scene, sample_rate)
    melodies = notes(scene)
    for i in indices:
        player = scene.players[i]
        if not player.sounding:
            continue
        take = sum(p.instrument == player.instrument for p in scene.players[:i]) % 3
        spectrum = fft.rfft(_part(scene, player, melodies[i], take, padded, sample_rate, font))
        seconds = sum(end - start for start, end in player.sounding)
        heard = room.power_db(spectrum * _room_response(scene, padded, sample_rate), padded, seconds, sample_rate)
        gain = REFERENCE + player.level - heard
        yield i, spectrum * np.float32(10 ** (gain / 20))


def _part(
    scene: Scene, player: Player, melody: tuple[Note, ...], take: int, padded: int, sample_rate: int, font: str
) -> np.ndarray:
    """The player's notes in sequence, before scaling to its level, zero outside `sounding`."""
    out, voice = np.zeros(padded, np.float32), drawn_voice(player.instrument, font)
    hold = (
        MANNERS[scene.mood].hold if isinstance(voice, SustainedTone) and not voice.drones else 1.0
    )  # bagpipes have no pauses
    fade = int(voice.release * sample_rate)
    ends = {end: min(round(end * sample_rate), padded) for _, end in player.sounding}
    for note in melody:
        last = min(e for e in ends if e >= note.onset + note.duration - 1e-6)
        closing = abs(last - note.onset - note.duration) < 1e-6  # the last note before a rest is held to the end
        start = round(note.onset * sample_rate)
        stop = ends[last] if closing else round((note.onset + note.duration * hold) * sample_rate)
        if not isinstance(voice, SustainedTone) and not closing:
            stop = min(stop + fade, ends[last])  # plucked and struck sounds are damped by the next note, not before it
        wave = tone(player.instrument, note.pitch, _length((stop - start) / sample_rate), sample_rate, take, font)
        wave = wave[: stop - start] * np.float32(10 ** (note.accent / 20))
        tail = min(fade, len(wave))
        wave[len(wave) - tail :] *= np.linspace(1, 0, tail, dtype=np.float32)
        out[start : start + len(wave)] += wave[: max(0, padded - start)]
    return out


def _length(seconds: float) -> float:
    return next((length for length in LENGTHS if length >= seconds), float(np.ceil(seconds)))


def _narrate(mix: np.ndarray, scene: Scene, sample_rate: int) -> None:
    start, end = scene.voiceover or (0.0, 0.0)
    first = round(start * sample_rate)
    words = speech(scene.seed, end - start, sample_rate)[: len(mix) - first]
    gain = REFERENCE + VOICEOVER - room.loudness(words, end - start, sample_rate)
    mix[first : first + len(words)] += words * np.float32(10 ** (gain / 20))
