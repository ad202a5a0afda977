"""Steps are drawn from tasks as the mix says, the same for equal seeds, and go on where they were left."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookhear.errors import RecipeError
from lookhear.train.sampler import MIXES, Sampler, shares

SIZES = {"qa": 900, "event": 90, "caption": 10}


def drawn(steps, **options):
    """All draws of some steps."""
    sampler = Sampler(SIZES, 8, **options)
    return [one for _ in range(steps) for one in sampler.next()]


@pytest.mark.parametrize(
    ("mix", "wanted"),
    [("proportional", (0.9, 0.09, 0.01)), ("equal", (1 / 3, 1 / 3, 1 / 3)), ("round_robin", (1 / 3, 1 / 3, 1 / 3))],
)
def test_tasks_come_as_often_as_the_mix_says(mix, wanted):
    counts = Counter(task for task, _ in drawn(750, mix=mix))
    for task, part in zip(SIZES, wanted, strict=True):
        assert counts[task] / 6000 == pytest.approx(part, abs=0.02)


def test_temperature_lies_between_proportional_and_equal():
    parts = shares(SIZES, "temperature", 2.0)
    assert parts["qa"] == pytest.approx(30 / (30 + 90**0.5 + 10**0.5))
    assert shares(SIZES, "temperature", 1.0) == pytest.approx(shares(SIZES, "proportional"))
    assert shares(SIZES, "temperature", 1e9) == pytest.approx(shares(SIZES, "equal"))


def test_a_task_of_weight_two_comes_twice_in_a_row():
    sampler = Sampler({"a": 5, "b": 5}, 6, "round_robin", weights={"a": 2.0})
    assert [task for task, _ in sampler.next()] == ["a", "a", "b"] * 2


@given(st.sampled_from(MIXES), st.integers(0, 99), st.integers(0, 30), st.integers(1, 30))
def test_a_sampler_goes_on_where_it_was_left(mix, seed, before, after):
    whole = Sampler(SIZES, 4, mix, seed=seed)
    for _ in range(before):
        whole.next()
    other = Sampler(SIZES, 4, mix, seed=seed)
    other.restore(whole.state())
    assert [whole.next() for _ in range(after)] == [other.next() for _ in range(after)]


def test_every_clip_comes_once_before_any_comes_again():
    places = [place for task, place in drawn(200, mix="equal") if task == "caption"]
    for turn in range(0, len(places) - 10, 10):
        assert sorted(places[turn : turn + 10]) == list(range(10))
    assert places[:10] != places[10:20], "and in another order"
    assert drawn(20, seed=1) != drawn(20, seed=2)


@pytest.mark.parametrize(
    ("sizes", "mix", "options", "said"),
    [
        (SIZES, "temprature", {}, "temperature"),
        ({"qa": 3, "event": 0}, "equal", {}, "'event' has nothing"),
        ({}, "equal", {}, "name some"),
        (SIZES, "temperature", {"temperature": 0.0}, "positive"),
        (SIZES, "equal", {"weights": {"qa": -1.0}}, "negative"),
    ],
)
def test_a_wrong_mix_is_refused_in_one_line(sizes, mix, options, said):
    with pytest.raises(RecipeError, match=said) as told:
        shares(sizes, mix, **options)
    assert "\n" not in str(told.value)
