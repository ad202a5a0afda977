"""Events from made-up rows of scores: hysteresis, pauses, the specific before the general; nothing from nothing."""

import numpy as np

from lookhear.timeline import decide
from lookhear.timeline.ontology import groups, sounds
from lookhear.timeline.value import Track

STEP = 0.48
CLASSES = tuple(f"class {i}" for i in range(1000))


def sound(rows: int, **scores) -> Track:
    """A track of sound in which the named classes have the given rows of scores."""
    names = sounds().names
    matrix = np.full((rows, len(names)), 1e-4)
    for label, values in scores.items():
        matrix[:, names.index(label)] = values
    return Track(names, np.arange(rows) * STEP, 0.975, matrix)


def pictures(rows: int, **scores) -> Track:
    matrix = np.full((rows, 1000), 1e-4)
    for number, values in scores.items():
        matrix[:, int(number[1:])] = values
    return Track(CLASSES, np.arange(rows) * 1.0, 1.0, matrix / matrix.sum(axis=1, keepdims=True))


def test_an_event_has_a_beginning_and_an_end():
    dog = np.zeros(40)
    dog[10:20] = 0.9
    (event,) = decide.heard_events(sound(40, Dog=dog), 40 * STEP)
    assert event.label == "Dog"
    assert abs(event.start - 10 * STEP) <= 2 * STEP
    assert abs(event.end - 20 * STEP) <= 2.5 * STEP


def test_short_pauses_are_filled_and_long_ones_are_not():
    scores = np.full(60, 0.9)
    scores[20:22] = scores[40:50] = 0.0
    assert len(decide.heard_events(sound(60, Dog=scores), 60 * STEP)) == 2


def test_a_bark_is_a_dog_and_an_animal_is_left_out():
    track = sound(20, Bark=np.full(20, 0.9), Animal=np.full(20, 0.9), Dog=np.full(20, 0.5))
    assert {e.label for e in decide.heard_events(track, 9.6)} == {"Dog"}


def test_a_general_sound_stays_where_nothing_specific_is_there():
    assert [e.label for e in decide.heard_events(sound(20, Vehicle=np.full(20, 0.9)), 9.6)] == ["Vehicle"]


def test_nothing_is_heard_in_nothing():
    assert decide.heard_events(sound(20), 9.6) == []


def test_many_breeds_are_one_dog():
    breeds = {f"n{i}": np.full(8, 0.2) for i in (151, 160, 170, 180)}
    (event,) = decide.seen_events(pictures(8, **breeds), 8.0)
    assert event.label == "dog"
    assert (event.start, event.end) == (0.0, 8.0)


def test_one_clear_class_is_named_itself():
    labels = [e.label for e in decide.seen_events(pictures(8, n889=np.full(8, 0.9)), 8.0)]
    assert labels == ["class 889"]
    assert 889 in groups()["violin"].classes


def test_the_clip_as_a_whole_is_ranked():
    track = sound(20, Cat=np.full(20, 0.6), Dog=np.full(20, 0.3))
    names = [name for name, _ in decide.ranked_heard(track)]
    assert names[:2] == ["Cat", "Dog"]
