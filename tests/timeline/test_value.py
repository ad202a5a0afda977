"""A timeline survives being written and read, and a damaged one is refused."""

import json

import pytest

from lookhear.errors import DatasetError
from lookhear.timeline import Event, Sentence, Timeline, Word, from_json

DOG = Event("Dog", 1.0, 3.5, 0.9, "heard")
SEEN = Event("beagle", 0.0, 4.0, 0.7, "seen", (0.1, 0.2, 0.6, 0.9))
SAID = Sentence("Sit down.", 3.0, 4.0, 0.8, (Word("Sit", 3.0, 3.4, 0.9), Word("down.", 3.4, 4.0, 0.7)))
TIMELINE = Timeline(
    "dog.mp4", 4.0, (DOG, SEEN), (SAID,), (-20.0, -18.5, -30.0, -60.0), (2.0,), ((0.0, 0.5),), ((3.5, 4.0),), 4,
    {"heard": (("Dog", 0.9), ("Bark", 0.8)), "seen": (("beagle", 0.7),)}, True, ("truncated",),
)  # fmt: skip


def test_the_json_form_goes_round():
    assert from_json(json.loads(json.dumps(TIMELINE.to_json()))) == TIMELINE


def test_streams_apart():
    assert TIMELINE.of("heard") == (DOG,)
    assert TIMELINE.of("seen") == (SEEN,)


@pytest.mark.parametrize("broken", [{"version": 9}, {"events": [{"label": "Dog"}]}, {"events": None}])
def test_a_damaged_one_is_refused(broken):
    with pytest.raises(DatasetError, match="timeline"):
        from_json({**TIMELINE.to_json(), **broken})
