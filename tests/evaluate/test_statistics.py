"""Intervals that cover as often as they say, tests that reject as often as they say."""

import numpy as np
import pytest
from scipy.stats import binom

from lookhear import pooled, statistics


def whole(n: int) -> np.ndarray:
    return np.ones((n, 1), dtype=bool)


def test_a_95_percent_interval_covers_about_95_percent():
    rng = np.random.default_rng(0)
    covered = 0
    for trial in range(200):
        skill = np.clip(rng.normal(0.6, 0.2, size=80), 0, 1)  # videos differ, so questions within one are alike
        values = rng.random(400) < np.repeat(skill, 5)
        low, high = statistics.bootstrap(values, np.repeat(np.arange(80), 5), whole(400), 400, seed=trial)[0]
        covered += low <= 0.6 <= high
    assert 180 <= covered <= 199


def test_the_interval_of_independent_questions_is_the_textbook_one():
    values = np.arange(2000) % 4 == 0
    low, high = statistics.bootstrap(values, np.arange(2000), whole(2000), 4000)[0]
    half = 1.96 * np.sqrt(0.25 * 0.75 / 2000)
    assert (low, high) == pytest.approx((0.25 - half, 0.25 + half), abs=0.002)


def test_all_right_is_not_certainty():
    low, high = statistics.bootstrap(np.ones(30, bool), np.arange(30), whole(30))[0]
    assert high == 1 and low == pytest.approx(0.025 ** (1 / 30))
    low, high = statistics.bootstrap(np.zeros(30, bool), np.arange(30) // 10, whole(30))[0]
    assert low == 0 and high == pytest.approx(1 - 0.025 ** (1 / 3)), "three videos are three trials"


def test_columns_are_scored_on_their_own_questions():
    values = np.array([True] * 10 + [False] * 10)
    columns = np.stack([np.ones(20, bool), np.arange(20) < 10, np.zeros(20, bool)], axis=1)
    edges = statistics.bootstrap(values, np.arange(20), columns)
    assert 0 < edges[0, 0] < 0.5 < edges[0, 1] < 1 and edges[1, 1] == 1
    assert np.isnan(edges[2]).all()


def test_chunks_do_not_change_the_draws(monkeypatch):
    values, clusters = np.arange(300) % 3 == 0, np.arange(300) // 2
    once = statistics.bootstrap(values, clusters, whole(300), 500)
    monkeypatch.setattr(statistics, "_chunks", lambda total, width: [100] * 5)
    assert np.array_equal(once, statistics.bootstrap(values, clusters, whole(300), 500))


def test_permutation_agrees_with_the_exact_sign_test():
    ours, theirs = np.zeros(40, bool), np.zeros(40, bool)
    ours[:15], theirs[15:20] = True, True
    p = statistics.permutation(ours, theirs, np.arange(40), whole(40), draws=20000)[0]
    assert p == pytest.approx(statistics.mcnemar(ours, theirs), abs=0.01)
    assert statistics.mcnemar(ours, theirs) == pytest.approx(2 * binom.sf(14, 20, 0.5))


def test_permutation_knows_that_one_video_is_one_witness():
    ours = np.repeat([True, False], 50)
    alone = statistics.permutation(ours, ~ours, np.arange(100), whole(100))[0]
    better = np.ones(100, bool)
    of_one_video = statistics.permutation(better, ~better, np.zeros(100, int), whole(100))[0]
    of_many = statistics.permutation(better, ~better, np.arange(100), whole(100))[0]
    assert alone > 0.9 and of_one_video == 1 and of_many < 0.001


def test_equal_answerers_are_not_told_apart():
    rng = np.random.default_rng(1)
    rejected = 0
    for trial in range(200):
        ours, theirs = rng.random((2, 200)) < 0.7
        rejected += statistics.permutation(ours, theirs, np.arange(200) // 2, whole(200), 400, seed=trial)[0] <= 0.05
    assert rejected <= 20
    same = rng.random(50) < 0.5
    assert statistics.permutation(same, same, np.arange(50), whole(50))[0] == 1


def test_mcnemar_is_smooth_where_exact_hands_over():
    n = statistics.EXACT_UP_TO
    ours = np.concatenate([np.ones(n // 2 + 40, bool), np.zeros(n // 2 - 40, bool)])
    exact = statistics.mcnemar(ours, ~ours)
    more = np.concatenate([ours, [True, False]])
    assert statistics.mcnemar(more, ~more) == pytest.approx(exact, abs=0.001)
    assert statistics.mcnemar(ours, ours) == 1


def test_holm():
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([0.9, 0.8]) == [1.0, 1.0] and statistics.holm([]) == []


def test_spread_over_seeds():
    found = statistics.spread([70.0, 72.0, 74.0])
    assert found["mean"] == 72 and found["deviation"] == 2 and (found["min"], found["max"]) == (70, 74)
    assert found["high"] - found["mean"] == pytest.approx(4.303 * 2 / 3**0.5, abs=0.01)
    assert np.isnan(statistics.spread([70.0])["deviation"])


@pytest.mark.parametrize("right", [[1], [0], [1, 0], [1, 1, 1, 0, 0], [0] * 40])
def test_one_video_says_next_to_nothing(right):
    """One question, one video, all right, none right: never a point."""
    values, clusters = np.array(right, bool), np.zeros(len(right), int)
    everything = np.ones((len(right), 1), bool)
    low, high = statistics.bootstrap(values, clusters, everything)[0]
    assert 0 <= low <= values.mean() <= high <= 1
    assert high - low > 0.9
    (low, high), *_ = statistics.intervals([pooled.mean(values)], clusters)
    assert high - low > 90
    (low, high), p = statistics.paired(pooled.mean(values), pooled.mean(values), clusters)
    assert high - low > 90
    assert p == 1
    low, high = statistics.difference(values, clusters, everything[:, 0], everything[:, 0])
    assert high - low > 0.9
    error, (low, high) = statistics.calibration_error(np.full(len(right), 0.7), values, clusters)
    assert low <= error <= high
    assert high > low


def test_videos_that_are_all_half_right_are_not_known_to_be_half_right():
    values, clusters = np.array([1, 0] * 4, bool), np.repeat(range(4), 2)
    low, high = statistics.bootstrap(values, clusters, np.ones((8, 1), bool))[0]
    assert low < 0.2 < 0.8 < high
    assert statistics.exact(1.0, 10) == pytest.approx((0.025**0.1, 1.0))
    assert statistics.exact(0.3, 10) == pytest.approx((0.0667, 0.6525), abs=1e-4)  # tables of Clopper and Pearson


def test_what_has_no_known_range_is_not_known_from_one_video():
    numbers, clusters = np.array([3.0, 5.0]), np.zeros(2, int)
    assert np.isnan(statistics.bootstrap(numbers, clusters, np.ones((2, 1), bool))).all()
    found = statistics.spread([61.0, 61.0, 61.0])
    assert np.isnan(found["low"])
    assert np.isnan(found["high"])
