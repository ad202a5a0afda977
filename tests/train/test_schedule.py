"""The learning rate moves as the recipe says."""

import math

import pytest

from lookhear.config import Train, Tuning
from lookhear.errors import RecipeError
from lookhear.train.schedule import factor, warmed

PER_EPOCH = 10


def at(settings: Train, *epochs: int) -> list[float]:
    rate = factor(settings, PER_EPOCH)
    return [rate(epoch * PER_EPOCH) for epoch in epochs]


def test_steps_of_the_field_and_of_mccd():
    field = Train(epochs=30, schedule="step")
    assert at(field, 0, 7, 8, 15, 16, 25) == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.001])
    mccd = Train(epochs=150, schedule="step", step_epochs=20, step_factor=0.5)
    assert at(mccd, 0, 19, 20, 40, 149) == pytest.approx([1, 1, 0.5, 0.25, 0.5**7])


def test_cosine_warms_up_and_ends_at_nothing():
    rate = factor(Train(epochs=10, warmup=20), PER_EPOCH)
    assert rate(0) == pytest.approx(1 / 20) and rate(19) == pytest.approx(1)
    assert rate(60) == pytest.approx(0.5) and rate(100) == pytest.approx(0, abs=1e-9)
    assert at(Train(schedule="constant"), 0, 5) == [1, 1]


def test_a_schedule_by_another_name_is_refused():
    with pytest.raises(RecipeError, match="Did you mean 'step'"):
        factor(Train(schedule="steps"), PER_EPOCH)


def test_a_short_run_warms_up_for_half_of_it_at_most():
    rate = factor(Train(epochs=1, warmup=100), PER_EPOCH)
    assert [rate(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert rate(6) < 1 and rate(9) < 0.2, "and then comes down to the end"


def test_a_language_model_warms_up_over_a_fraction_and_then_decays_or_stays():
    at = warmed(Tuning(steps=10, warmup=0.25, schedule="cosine"))
    assert [at(step) for step in range(3)] == pytest.approx([1 / 3, 2 / 3, 1.0])  # ceil(0.25 * 10) steps
    assert at(3) == 1.0 and at(10) == pytest.approx(0.0) and at(12) == pytest.approx(0.0)
    assert at(5) == pytest.approx(0.5 * (1 + math.cos(math.pi * 2 / 7)))
    flat = warmed(Tuning(steps=10, warmup=0.25, schedule="constant"))
    assert flat(1) == pytest.approx(2 / 3) and flat(3) == flat(9) == 1.0
    assert warmed(Tuning(steps=1, warmup=0.0))(0) == 1.0
