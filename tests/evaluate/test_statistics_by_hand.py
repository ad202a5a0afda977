"""Every interval and p-value again, by hand: plain loops over the same draws, and numbers worked out on paper."""

import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from lookhear import statistics
from lookhear.pooled import ratio

RNG = np.random.default_rng(7)
CLUSTERS = np.array(["b", "a", "b", "c", "a", "d", "e", "e", "f", "g", "g", "g"])
RIGHT = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0], bool)
THEIRS = np.array([0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 0], bool)
HALF = np.arange(12) % 2 == 0
COLUMNS = np.stack([np.ones(12, bool), HALF], axis=1)
NAMES = sorted(set(CLUSTERS))


def redrawn(draws: int, seed: int):
    """The questions of each redrawing of the videos, with repetition."""
    picked = np.random.default_rng(seed).integers(len(NAMES), size=(draws, len(NAMES)))
    of = [np.flatnonzero(name == CLUSTERS) for name in NAMES]
    return [np.concatenate([of[v] for v in row]) for row in picked]


def percentiles(values):
    return tuple(np.nanpercentile(values, [2.5, 97.5]))


@pytest.mark.parametrize("seed", [0, 5])
def test_bootstrap(seed):
    numbers = RNG.normal(size=12)
    given = {} if seed == 0 else {"seed": seed}
    for values in (RIGHT, numbers):
        found = statistics.bootstrap(values, CLUSTERS, COLUMNS, 300, **given)
        for column, asked in enumerate(COLUMNS.T):
            means = [values[q[asked[q]]].mean() if asked[q].any() else math.nan for q in redrawn(300, seed)]
            assert found[column] == pytest.approx(percentiles(means), abs=1e-6)


def test_a_column_without_questions_does_not_stop_the_next():
    columns = np.stack([np.zeros(12, bool), HALF], axis=1)
    found = statistics.bootstrap(RIGHT, CLUSTERS, columns, 100)
    assert np.isnan(found[0]).all()
    assert found[1] == pytest.approx(statistics.bootstrap(RIGHT, CLUSTERS, columns[:, 1:], 100)[0])


@pytest.mark.parametrize("seed", [0, 5])
def test_intervals_of_a_ratio_in_percent(seed):
    above, below = RIGHT.astype(float), np.ones(12)
    given = {} if seed == 0 else {"seed": seed}
    empty = ratio(np.zeros(12), np.zeros(12))
    found = statistics.intervals([empty, ratio(above, below)], CLUSTERS, 300, **given)
    assert found[0] == pytest.approx((math.nan, math.nan), nan_ok=True)
    assert found[1] == pytest.approx(percentiles([100 * RIGHT[q].mean() for q in redrawn(300, seed)]), abs=1e-4)
    assert all(isinstance(x, float) for pair in found for x in pair)


def test_nothing_at_all_has_no_interval():
    nothing = ratio(np.zeros(0), np.zeros(0))
    assert statistics.intervals([nothing], np.array([], str), 10) == [pytest.approx((math.nan, math.nan), nan_ok=True)]
    assert statistics.bootstrap(RIGHT[:0], CLUSTERS[:0], COLUMNS[:0], 10).shape == (2, 2)


def test_an_unvaried_share_has_the_exact_interval_on_its_own_scale():
    """Three videos, every question right: Clopper and Pearson of 3 of 3."""
    (found,) = statistics.intervals([ratio(np.ones(6), np.ones(6))], np.array(list("aabbcc")), 50)
    assert found == pytest.approx((100 * 0.025 ** (1 / 3), 100.0))
    (found,) = statistics.intervals([ratio(np.full(6, 0.5), np.ones(6))], np.array(list("aabbcc")), 50)
    low, high = statistics.exact(0.5, 3)
    assert found == pytest.approx((100 * low, 100 * high))
    (found,) = statistics.intervals([ratio(np.full(6, 3.0), np.ones(6))], np.array(list("aabbcc")), 50)
    assert np.isnan(found).all(), "above 1: not a share, so nothing is known"


@pytest.mark.parametrize(("hits", "count"), [(0, 5), (1, 5), (3, 5), (5, 5), (1, 2), (17, 40)])
def test_exact_is_clopper_and_pearson(hits, count):
    theirs = stats.binomtest(hits, count).proportion_ci(0.95, "exact")
    assert statistics.exact(hits / count, count) == pytest.approx((theirs.low, theirs.high))


@pytest.mark.parametrize("seed", [0, 3])
def test_paired(seed):
    ours, theirs = ratio(RIGHT.astype(float), np.ones(12)), ratio(THEIRS.astype(float), np.ones(12))
    given = {} if seed == 0 else {"seed": seed}
    interval, p = statistics.paired(ours, theirs, CLUSTERS, 400, **given)
    gaps = [100 * (RIGHT[q].mean() - THEIRS[q].mean()) for q in redrawn(400, seed)]
    assert interval == pytest.approx(percentiles(gaps), abs=1e-4)
    kept = np.random.default_rng(seed).integers(0, 2, size=(400, len(NAMES)))
    seen, beyond = abs(RIGHT.mean() - THEIRS.mean()), 0
    for row in kept:
        mine = np.array([row[NAMES.index(c)] for c in CLUSTERS], bool)
        a, b = np.where(mine, RIGHT, THEIRS), np.where(mine, THEIRS, RIGHT)
        beyond += abs(a.mean() - b.mean()) >= seen - 1e-9
    assert p == pytest.approx((beyond + 1) / 401)
    assert 0.02 < p < 0.9, "a case that tells"


def test_paired_where_no_redrawing_differs():
    clusters = np.array(list("abcd"))
    one, other = ratio(np.ones(4), np.ones(4)), ratio(np.zeros(4), np.ones(4))
    interval, p = statistics.paired(one, other, clusters, 200)
    assert interval == pytest.approx((100 - 100 * (1 - 0.025**0.25), 100.0))
    assert p == pytest.approx(2 / 16, abs=0.06)
    interval, _ = statistics.paired(ratio(np.full(4, 3.0), np.ones(4)), other, clusters, 200)
    assert np.isnan(interval).all()
    interval, p = statistics.paired(ratio(np.zeros(4), np.zeros(4)), other, clusters, 20)
    assert np.isnan(interval).all() and math.isnan(p)


def test_many_videos_take_several_chunks(monkeypatch):
    ours, theirs = ratio(RIGHT.astype(float), np.ones(12)), ratio(THEIRS.astype(float), np.ones(12))
    whole = statistics.paired(ours, theirs, CLUSTERS, 400)
    p = statistics.permutation(RIGHT, THEIRS, CLUSTERS, COLUMNS, 400)
    monkeypatch.setattr(statistics, "_chunks", lambda total, width: [150, 150, 100])
    again = statistics.paired(ours, theirs, CLUSTERS, 400)
    assert again[0] == pytest.approx(whole[0], abs=1e-6) and again[1] == whole[1]
    assert statistics.permutation(RIGHT, THEIRS, CLUSTERS, COLUMNS, 400) == pytest.approx(p, abs=0.06)


@pytest.mark.parametrize(
    ("total", "width", "wanted"),
    [(10, 4, [10]), (7, 2_000_000, [2, 2, 2, 1]), (6, 2_000_000, [2, 2, 2]), (3, 9_000_000, [1, 1, 1]), (5, 0, [5])],
)
def test_chunks_hold_four_million_numbers_at_most(total, width, wanted):
    assert statistics._chunks(total, width) == wanted


@pytest.mark.parametrize("seed", [0, 2])
def test_difference(seed):
    given = {} if seed == 0 else {"seed": seed}
    found = statistics.difference(RIGHT, CLUSTERS, HALF, ~HALF, 300, **given)

    def mean(q):
        return RIGHT[q].mean() if len(q) else math.nan

    gaps = [mean(q[HALF[q]]) - mean(q[~HALF[q]]) for q in redrawn(300, seed)]
    assert found == pytest.approx(percentiles(gaps), abs=1e-6) and all(isinstance(x, float) for x in found)
    none = np.zeros(12, bool)
    assert np.isnan(statistics.difference(RIGHT, CLUSTERS, none, HALF, 20)).all()
    every, four = np.ones(4, bool), np.array(list("abcd"))
    constant = statistics.difference(every, four, every, every)
    assert constant == pytest.approx((-(1 - 0.025**0.25), 1 - 0.025**0.25))
    assert np.isnan(statistics.difference(np.full(4, 2.0), four, every, every)).all()


@pytest.mark.parametrize("seed", [0, 2])
def test_calibration_error(seed):
    confidence = np.array([0.95, 0.2, 0.7, 1.0, 0.55, 0.4, 0.9, 0.33, 0.8, 0.66, 0.05, 0.5])
    given = {} if seed == 0 else {"seed": seed}
    for bins in (15, 4):
        found, interval = statistics.calibration_error(
            confidence, RIGHT, CLUSTERS, **({} if bins == 15 else {"bins": bins}), resamples=300, **given
        )

        def error(q, bins=bins):
            gaps = dict.fromkeys(range(bins), 0.0)
            for i in q:
                gaps[min(int(confidence[i] * bins), bins - 1)] += confidence[i] - RIGHT[i]
            return sum(abs(gap) for gap in gaps.values()) / len(q)

        assert found == pytest.approx(error(np.arange(12)))
        low, high = percentiles([error(q) for q in redrawn(300, seed)])
        assert interval == pytest.approx((max(0, 2 * found - high), max(0, 2 * found - low)), abs=1e-6)
    sure = statistics.calibration_error(np.ones(4), np.ones(4, bool), np.array(list("abcd")))
    assert sure == (0.0, (0.0, 1.0))


def test_permutation_is_the_share_of_all_swaps_that_go_as_far():
    """Six videos differ: all 64 swaps, which 20,000 random ones come close to."""
    found = statistics.permutation(RIGHT, THEIRS, CLUSTERS, COLUMNS, 20_000)
    for column, asked in enumerate(COLUMNS.T):
        gaps = [float((RIGHT.astype(int) - THEIRS)[asked & (n == CLUSTERS)].sum()) for n in NAMES]
        gaps = [g for g in gaps if g]
        sums = [abs(np.dot(signs, gaps)) for signs in product((1, -1), repeat=len(gaps))]
        assert found[column] == pytest.approx(np.mean([s >= abs(sum(gaps)) for s in sums]), abs=0.015)
    assert found == pytest.approx(statistics.permutation(RIGHT, THEIRS, CLUSTERS, COLUMNS, 20_000)), (
        "the same every time"
    )
    default = statistics.permutation(RIGHT, THEIRS, CLUSTERS, COLUMNS)
    assert default == pytest.approx(statistics.permutation(RIGHT, THEIRS, CLUSTERS, COLUMNS, 10_000, 0), abs=0)
    assert statistics.permutation(RIGHT, RIGHT, CLUSTERS, COLUMNS, 99).tolist() == [1, 1]


def test_mcnemar_hands_over_at_a_thousand():
    def both(only_ours, only_theirs):
        ours = np.array([True] * only_ours + [False] * only_theirs)
        return statistics.mcnemar(ours, ~ours)

    assert both(520, 480) == pytest.approx(stats.binomtest(520, 1000).pvalue, abs=1e-12)
    assert both(521, 480) == pytest.approx(stats.chi2.sf(40**2 / 1001, 1), abs=1e-12)
    assert both(501, 501) == pytest.approx(1.0)


def test_spread():
    found = statistics.spread([1.0, 2.0, 6.0])
    half = stats.t.ppf(0.975, 2) * math.sqrt(7) / math.sqrt(3)
    wanted = {"runs": 3, "mean": 3.0, "deviation": math.sqrt(7), "min": 1.0, "max": 6.0}
    assert found == pytest.approx(wanted | {"low": 3 - half, "high": 3 + half})
    two = statistics.spread([0.1, 0.3])
    assert two["deviation"] == pytest.approx(math.sqrt(0.02)) and two["low"] < 0.1 < two["mean"] == pytest.approx(0.2)
    one = statistics.spread([4.0])
    assert one["mean"] == one["min"] == one["max"] == 4.0
    assert math.isnan(one["deviation"]) and math.isnan(one["low"]) and math.isnan(one["high"])
    equal = statistics.spread([4.0, 4.0])
    assert equal["deviation"] == 0 and math.isnan(equal["low"])
    none = statistics.spread([])
    assert none["runs"] == 0 and all(math.isnan(none[k]) for k in ("mean", "deviation", "min", "max", "low", "high"))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ([0.5, 0.5], statistics.exact(0.5, 2)),
        ([1.0, 1.0], statistics.exact(1.0, 2)),
        ([-1.0, -1.0], (-1.0, -1 + (1 - 0.025**0.5))),
        ([-0.2, -0.2], (-0.2 - (1 - 0.025**0.5), -0.2 + (1 - 0.025**0.5))),
        ([2.0, 2.0], (math.nan, math.nan)),
        ([-1.5, -1.5], (math.nan, math.nan)),
    ],
)
def test_values_alike_in_every_video(values, wanted):
    found = statistics.bootstrap(np.array(values), np.array(["a", "b"]), np.ones((2, 1), bool), 50)[0]
    assert found == pytest.approx(np.clip(wanted, -1, 1), nan_ok=True)


def test_some_of_many_are_drawn_from_all_over_and_never_in_step_with_what_takes_turns():
    assert statistics.drawn(3, 5) == [0, 1, 2] and statistics.drawn(0, 5) == []
    for count, most in ((24, 12), (1000, 10), (101, 100)):
        some = statistics.drawn(count, most)
        assert some == statistics.drawn(count, most) and len(set(some)) == most
        assert all(i * count // most <= place < (i + 1) * count // most for i, place in enumerate(some))
    for most in (12, 40, 60):  # two answers that take turns: neither is missed
        assert 0.2 < sum(place % 2 for place in statistics.drawn(120, most)) / most < 0.8
