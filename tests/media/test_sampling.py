"""Which seconds are looked at, and what is refused."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookhear.errors import RecipeError
from lookhear.media import Sampling


def test_one_frame_in_the_middle_of_each_second():
    assert Sampling().times(0, 3) == [0.5, 1.5, 2.5]
    assert Sampling().times(10, 12) == [10.5, 11.5]
    assert Sampling(fps=2, offset=0).times(0, 1.5) == [0, 0.5, 1.0]


def test_a_last_fractional_second_counts_if_half_of_it_is_there():
    assert len(Sampling().times(0, 10.008)) == 10  # AAC padding is no eleventh second
    assert len(Sampling(offset=0).times(0, 10.008)) == 10
    assert len(Sampling().times(0, 9.97)) == 10
    assert len(Sampling().times(0, 9.4)) == 9
    assert Sampling().times(0, 0.4) == [0.2]
    assert "tail=half" in Sampling().name


@settings(deadline=None)  # time is measured elsewhere
@given(
    length=st.floats(0.01, 500),
    fps=st.floats(0.1, 30),
    offset=st.floats(0, 0.99),
    start=st.floats(0, 1000),
)
def test_times_ascend_within_the_clip(length, fps, offset, start):
    times = Sampling(fps=fps, offset=offset).times(start, start + length)
    assert times == sorted(times)
    assert len(times) >= 1
    assert abs(len(times) - length * fps) <= 1
    assert all(start <= t < start + length for t in times)


def test_uniform_frames_lie_in_the_middle_of_equal_parts():
    assert Sampling("uniform", count=4).times(0, 10) == [1.25, 3.75, 6.25, 8.75]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rule": "per_secnd"}, "'per_second'"),
        ({"fps": 0}, "fps=0"),
        ({"fps": float("nan")}, "nan"),
        ({"offset": 1.0}, "offset=1.0"),
        ({"rule": "uniform"}, "count=None"),
        ({"rule": "uniform", "count": 0}, "count=0"),
        ({"count": 5}, "belongs to rule 'uniform'"),
        ({"size": (224,)}, "(height, width)"),
        ({"size": (0, 224)}, "positive"),
        ({"sample_rate": 0}, "sample_rate=0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_value(given, words):
    with pytest.raises(RecipeError) as caught:
        Sampling(**given)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_name_differs_wherever_samplings_do():
    samplings = [
        Sampling(),
        Sampling(fps=2),
        Sampling(offset=0.25),
        Sampling(size=(224, 224)),
        Sampling(sample_rate=32000),
        Sampling("uniform", count=10),
        Sampling("uniform", count=4),
        Sampling("every"),
    ]
    assert len({s.name for s in samplings}) == len(samplings)
    assert Sampling(size=[224, 224]) == Sampling(size=(224, 224))
