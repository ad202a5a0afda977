"""The picture keeps what the scene states: who stands where, who moves when, which pixels are whose."""

from dataclasses import replace

import numpy as np
import pytest

from lookhear.soundstage.picture.motion import BOWED, pose, strokes
from lookhear.soundstage.picture.painter import DRAWINGS, boxes, frames, masks
from lookhear.soundstage.scene.scene import INSTRUMENTS, MOODS, Look, Player, Scene
from lookhear.soundstage.sound.melody import notes

ALL = ((0.0, 4.0),)


def solo(instrument, sounding=ALL, miming=ALL, rate=2.0, **more):
    return Scene("test", 5, 4.0, (Player(instrument, 0.5, sounding, 0.0, rate, 0, miming),), **more)


def crowd():
    rows = [("piano", 0.2, 0), ("tuba", 0.4, 1), ("guzheng", 0.55, 0), ("violin", 0.8, 1)]
    players = [Player(n, x, miming=ALL, look=Look(k, k, k, 1.0, d)) for k, (n, x, d) in enumerate(rows)]
    return Scene("crowd", 1, 4.0, (Player("flute", None, ALL), *players), indoor=False)


def motion(scene):
    """Mean change of each frame against the one before; the first is 0."""
    film = np.stack(list(frames(scene))).astype(int)
    return np.concatenate([[0], np.abs(np.diff(film, axis=0)).mean((1, 2, 3))])


def test_every_instrument_is_drawn():
    assert set(DRAWINGS) == set(INSTRUMENTS)


def test_frames_are_what_was_promised_and_always_the_same():
    film = list(frames(crowd(), size=96, fps=4))
    assert len(film) == 16
    assert all(f.shape == (96, 96, 3) and f.dtype == np.uint8 for f in film)
    assert all(np.array_equal(a, b) for a, b in zip(film, frames(crowd(), size=96, fps=4), strict=True))


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_every_instrument_looks_like_no_other(instrument):
    def crop(name):
        return next(frames(solo(name, miming=()))).astype(int)

    mine = crop(instrument)
    for other in set(INSTRUMENTS) - {instrument}:
        assert np.abs(mine - crop(other)).mean() > 0.7, f"{other} looks the same"


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_movement_begins_with_the_notes(instrument):
    scene = solo(instrument)
    onsets = np.array([n.onset for n in notes(scene)[0]])
    energy = motion(scene)
    strongest = np.argsort(energy)[::-1][: len(onsets) - 1] / 8  # the first note meets no earlier frame to differ from
    gap = np.abs(strongest[:, None] - onsets).min(1)
    assert np.mean(gap <= 0.125) >= 0.99, "the largest movements lie within a frame of an onset"


@pytest.mark.parametrize("instrument", ["violin", "trumpet", "drum", "banjo"])
def test_who_does_not_mime_is_still_and_who_mimes_in_silence_moves(instrument):
    assert not motion(solo(instrument, miming=())).any()
    silent = solo(instrument, sounding=(), miming=((1.0, 3.0),))
    energy = motion(silent)
    assert energy[9:24].max() > 0.1
    assert not energy[:8].any()
    assert not energy[26:].any()
    half = solo(instrument, sounding=((0.0, 2.0),))
    times, heard = np.array(strokes(half)[0]), [n.onset for n in notes(half)[0]]
    assert set(heard) <= set(times)
    assert (times >= 2).sum() >= 3, "an invented rhythm goes on where nothing sounds"


def test_a_pose_is_none_outside_miming_and_bows_rest_where_they_ended():
    player = Player("cello", 0.5, miming=((1.0, 2.0),))
    assert pose(player, (1.0, 1.5), 0.9) is None
    assert pose(player, (1.0, 1.5), 2.0) is None
    assert pose(player, (1.0, 1.5), 1.49) == -pose(player, (1.0, 1.5), 1.99) != 0
    assert "cello" in BOWED


def test_boxes_hold_their_masks_tightly_and_the_front_hides_the_back():
    scene = crowd()
    full, seen = masks(scene, 1.3, occluded=False), masks(scene, 1.3)
    assert (seen <= full).all()
    assert (seen.sum(0) <= 1).all(), "a pixel belongs to one player"
    assert seen[2].sum() < full[2].sum(), "the tuba stands behind"
    for mask, box in zip(full, boxes(scene, 1.3, occluded=False), strict=True):
        if box is None:
            assert not mask.any()
            continue
        left, top, right, bottom = (round(e * 128) for e in box)
        assert mask[top:bottom, left:right].sum() == mask.sum()
        assert mask[top].any()
        assert mask[bottom - 1].any()
        assert mask[:, left].any()
        assert mask[:, right - 1].any()


def test_what_changes_with_a_players_clothes_lies_in_its_mask():
    scene = crowd()
    tuba = scene.players[2]
    other = replace(tuba, look=replace(tuba.look, clothes=tuba.look.clothes + 1))
    changed = replace(scene, players=(*scene.players[:2], other, *scene.players[3:]))
    gap = np.abs(next(frames(scene)).astype(int) - next(frames(changed))).max(2)
    differs = gap > 0.5 * gap.max()  # less shows through the soft edge of whoever stands in front
    near = np.pad(masks(scene, 0.0)[2], 1)
    near = np.any([near[y : y + 128, x : x + 128] for y in range(3) for x in range(3)], axis=0)  # soft edges
    assert differs.sum() > 20
    assert not (differs & ~near).any()


def test_who_is_off_the_stage_has_no_pixels():
    scene = crowd()
    assert masks(scene, 0.0)[0].sum() == 0
    assert boxes(scene, 0.0)[0] is None
    gone = replace(scene, players=scene.players[1:], seed=scene.seed)
    assert np.array_equal(next(frames(scene)), next(frames(gone)))


def test_players_stand_in_their_order():
    scene = Scene("row", 2, 1.0, tuple(Player("erhu", x) for x in (0.1, 0.4, 0.65, 0.9)))
    centres = [(b[0] + b[2]) / 2 for b in boxes(scene, 0.0) if b]
    assert centres == sorted(centres)
    assert np.abs(np.array(centres) - (0.1, 0.4, 0.65, 0.9)).max() < 0.12


def test_moods_show():
    film = [next(frames(solo("piano", mood=m), size=256)) for m in MOODS]
    for k, one in enumerate(film):
        assert all((one != other).any() for other in film[k + 1 :])
