"""Confidence intervals and significance tests, clustered by video.

Questions about the same video are not independent, so videos are the resampling unit: the bootstrap draws videos, the
permutation test swaps whole videos. Everything is a matrix product over videos, so 200,000 questions take seconds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from random import Random

import numpy as np

from lookhear.pooled import Pooled, Ratio

RESAMPLES = 2000
POINT = 1e-6  # intervals narrower than this count as a point (precision of float32 sums)
EXACT_UP_TO = 1000  # disagreements; above, McNemar's chi-square with continuity correction is as good


def bootstrap(
    values: np.ndarray, clusters: np.ndarray, columns: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """95 % percentile bootstrap intervals of the mean of `values`, clustered by video, one per column.

    `values` (question,) are bools or numbers, `clusters` (question,) is the video of each question, and `columns`
    (question, column) bool selects the questions of each column. Returns (column, 2): the 2.5 and 97.5 percentiles over
    `resamples` draws of videos with replacement. A column without questions gives nan. If all resamples are equal (a
    single video, or the same mean in every video), the bootstrap interval is a point. It is then replaced by the
    Clopper-Pearson interval for that number of videos if the values are in 0..1, by a bound of the same width for
    differences in -1..1, and by nan for other numbers.
    """
    means, counts = _resampled(values, clusters, columns, resamples, seed)
    low, high = np.full((2, columns.shape[1]), np.nan)
    for column in range(columns.shape[1]):
        inside, videos = values[columns[:, column]], np.count_nonzero(counts[:, column])
        if not videos:
            continue
        low[column], high[column] = np.nanpercentile(means[:, column], [2.5, 97.5])
        if high[column] - low[column] < POINT:
            low[column], high[column] = _unvaried(inside, int(videos))
    return np.stack([low, high], axis=1)


def intervals(
    metrics: Sequence[Pooled], clusters: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> list[tuple[float, float]]:
    """95 % bootstrap intervals of metrics given as sums over examples; `clusters` (example,) is the video of each.

    Videos are resampled as in `bootstrap`, the same ones for every metric. If all resamples are equal, the interval of
    a share is the Clopper-Pearson interval for the number of videos, on the scale of the metric; that of any other
    metric is nan.
    """
    result = []
    for metric in metrics:
        sums = _grouped(metric.rows, clusters)
        drawn = [metric.value(weights @ sums) for weights in _weights(len(sums), resamples, seed)] if len(sums) else []
        values = np.concatenate(drawn) if drawn else np.array([np.nan])
        if np.isnan(values).all():
            result.append((math.nan, math.nan))
            continue
        low, high = np.nanpercentile(values, [2.5, 97.5])
        width = float(high - low)
        result.append(_share(metric, sums) if width < POINT * max(1.0, abs(high)) else (float(low), float(high)))
    return result


def exact(share: float, count: int) -> tuple[float, float]:
    """Clopper-Pearson 95 % interval of a `share` (0..1) of `count` videos; `share * count` may be fractional."""
    from scipy.special import betaincinv

    hits = share * count
    low = 0.0 if hits <= 0 else float(betaincinv(hits, count - hits + 1, 0.025))
    return low, 1.0 if hits >= count else float(betaincinv(hits + 1, count - hits, 0.975))


def paired(
    ours: Pooled, theirs: Pooled, clusters: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[tuple[float, float], float]:
    """Paired comparison of one metric of two models on the same examples: 95 % interval of ours - theirs, and p-value.

    Both are resampled with the same videos. The two-sided p-value is from a permutation test that swaps the two models
    on whole videos, as in `permutation`; the smallest possible is 1 / (resamples + 1).
    """
    a, b = _grouped(ours.rows, clusters), _grouped(theirs.rows, clusters)
    gaps = np.concatenate([ours.value(w @ a) - theirs.value(w @ b) for w in _weights(len(a), resamples, seed)])
    seen = abs(ours.total - theirs.total)
    if np.isnan(gaps).all() or math.isnan(seen):
        return (math.nan, math.nan), math.nan
    low, high = np.nanpercentile(gaps, [2.5, 97.5])
    if high - low < POINT * max(1.0, abs(high)):  # a difference without variation gives no interval
        scale = _scale(ours)
        low, high = _around(ours.total - theirs.total, len(a), scale) if scale else (math.nan, math.nan)
    rng = np.random.default_rng(seed)
    beyond = 0
    for count in _chunks(resamples, len(a)):
        kept = rng.integers(0, 2, size=(count, len(a))).astype(float)
        swapped = ours.value(kept @ a + (1 - kept) @ b) - theirs.value(kept @ b + (1 - kept) @ a)
        beyond += int((np.abs(swapped) >= seen - 1e-9).sum())
    return (float(low), float(high)), (beyond + 1) / (resamples + 1)


def difference(
    values: np.ndarray,
    clusters: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of the difference between the means of `values` over two sets of questions, `first` - `second`.

    Both are bool (question,).
    """
    means, _ = _resampled(values, clusters, np.stack([first, second], axis=1), resamples, seed)
    gaps = means[:, 0] - means[:, 1]
    if np.isnan(gaps).all():
        return math.nan, math.nan
    low, high = np.nanpercentile(gaps, [2.5, 97.5])
    if high - low < POINT:
        known = values.dtype == bool
        return _around(float(np.nanmean(gaps)), len(np.unique(clusters)), 1.0) if known else (math.nan, math.nan)
    return float(low), float(high)


def calibration_error(
    confidence: np.ndarray,
    right: np.ndarray,
    clusters: np.ndarray,
    bins: int = 15,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """Expected calibration error (0..1) of `confidence` (question,) and its 95 % interval.

    The error of a resample is biased upwards, because noise only adds to a sum of absolute gaps. The interval is
    therefore the basic bootstrap interval (percentiles reflected about the error), cut off at 0.
    """
    slices = np.minimum((confidence * bins).astype(int), bins - 1)[:, None] == np.arange(bins)
    gaps = slices * (confidence - right)[:, None]
    error = float(np.abs(gaps.mean(axis=0)).sum())
    everything = np.ones((len(right), 1), dtype=bool)
    # the same seed for every slice, so that all draw the same videos
    drawn = [np.abs(_resampled(gap, clusters, everything, resamples, seed)[0]) for gap in gaps.T]
    low, high = np.percentile(sum(drawn), [2.5, 97.5])
    if high - low < POINT:
        return error, (0.0, 1.0)
    return error, (max(0.0, 2 * error - float(high)), max(0.0, 2 * error - float(low)))


def permutation(
    ours: np.ndarray, theirs: np.ndarray, clusters: np.ndarray, columns: np.ndarray, draws: int = 10000, seed: int = 0
) -> np.ndarray:
    """Two-sided p-values, one per column, of the permutation test that two models are equally good.

    Under the null hypothesis the two models may be swapped on any video. `draws` is the number of random swaps; the
    smallest p-value is 1 / (draws + 1). A column in which the two never differ gives 1.
    """
    gaps, _ = _by_cluster(ours.astype(float) - theirs, clusters, columns)
    gaps = gaps[np.any(gaps != 0, axis=1)]
    seen = np.abs(gaps.sum(axis=0))
    rng = np.random.default_rng(seed)
    beyond = np.zeros(columns.shape[1])
    for count in _chunks(draws, len(gaps)):
        signs = rng.integers(0, 2, size=(count, len(gaps)), dtype=np.int8).astype(np.float32) * 2 - 1
        beyond += (np.abs(signs @ gaps) >= seen - 1e-6).sum(axis=0)
    return (beyond + 1) / (draws + 1)


def mcnemar(ours: np.ndarray, theirs: np.ndarray) -> float:
    """McNemar's two-sided p-value for bool (question,) arrays of correct answers; exact for few disagreements.

    It assumes independent questions, so its p-values are too small if videos have several; use `permutation` then.
    """
    only_ours, only_theirs = int(np.sum(ours & ~theirs)), int(np.sum(~ours & theirs))
    n = only_ours + only_theirs
    if n == 0:
        return 1.0
    from scipy.stats import binomtest, chi2  # imported here: 0.6 s of CPU that `lookhear ask` does not need

    if n <= EXACT_UP_TO:
        return float(binomtest(only_ours, n, 0.5).pvalue)
    return float(chi2.sf(max(abs(only_ours - only_theirs) - 1, 0) ** 2 / n, df=1))


def holm(pvalues: Sequence[float]) -> list[float]:
    """Holm's step-down correction for multiple tests: the adjusted p-values."""
    order = sorted(range(len(pvalues)), key=lambda i: pvalues[i])
    adjusted, floor = [0.0] * len(pvalues), 0.0
    for rank, i in enumerate(order):
        floor = max(floor, min(1.0, (len(pvalues) - rank) * pvalues[i]))
        adjusted[i] = floor
    return adjusted


def spread(values: Sequence[float]) -> Mapping[str, float]:
    """Mean, sample standard deviation, range, and the 95 % t-interval of the mean of one number over several seeds."""
    from scipy.stats import t

    n = len(values)
    mean = float(np.mean(values)) if n else math.nan
    deviation = float(np.std(values, ddof=1)) if n > 1 else math.nan
    known = n > 1 and deviation > 0  # equal values of a few seeds give no interval
    half = float(t.ppf(0.975, n - 1)) * deviation / math.sqrt(n) if known else math.nan
    return {
        "runs": n,
        "mean": mean,
        "deviation": deviation,
        "min": min(values, default=math.nan),
        "max": max(values, default=math.nan),
        "low": mean - half,
        "high": mean + half,
    }


def _resampled(
    values: np.ndarray, clusters: np.ndarray, columns: np.ndarray, resamples: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Bootstrap means (resample, column) and the number of questions (video, column)."""
    sums, counts = _by_cluster(values, clusters, columns)
    videos, means = len(sums), [np.empty((0, columns.shape[1]))]
    for weights in _weights(videos, resamples, seed) if videos else []:
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append((weights @ sums) / (weights @ counts))
    return np.concatenate(means), counts


def _grouped(rows: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """Sum rows (example, column) by video: (video, column)."""
    _, index = np.unique(clusters, return_inverse=True)
    sums = np.zeros((int(index.max()) + 1 if len(index) else 0, rows.shape[1]))
    np.add.at(sums, index, rows)
    return sums


def _weights(videos: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Yield counts (draw, video) of each video in bootstrap resamples, in chunks of resamples."""
    rng = np.random.default_rng(seed)
    for draws in _chunks(resamples, videos):
        picked = rng.integers(videos, size=(draws, videos)) + videos * np.arange(draws)[:, None]
        yield np.bincount(picked.ravel(), minlength=draws * videos).reshape(draws, videos).astype(np.float32)


def _share(metric: Pooled, sums: np.ndarray) -> tuple[float, float]:
    """Clopper-Pearson interval of a share on the scale of the metric; nan for a metric that is not a share."""
    scale, videos = _scale(metric), int(np.count_nonzero(sums[:, 1])) if sums.shape[1] > 1 else 0
    if not scale or not videos:
        return math.nan, math.nan
    low, high = exact(min(1.0, max(0.0, metric.total / scale)), videos)
    return scale * low, scale * high


def _scale(metric: Pooled) -> float:
    """Largest value of a metric that is a share of counted examples (1 or 100); 0 for any other metric."""
    if not isinstance(metric, Ratio) or not metric.counted.any():
        return 0.0
    above, below = metric.rows[metric.counted].T
    return float(metric.value(np.array([1.0, 1.0]))) if ((above >= 0) & (above <= below)).all() else 0.0


def _unvaried(values: np.ndarray, videos: int) -> tuple[float, float]:
    """Interval of the mean of values whose mean is equal in every video."""
    mean, low, high = float(values.mean()), values.min(), values.max()
    if low >= 0 and high <= 1:
        return exact(mean, videos)
    return _around(mean, videos, 1.0) if low >= -1 and high <= 1 else (math.nan, math.nan)


def _around(gap: float, videos: int, scale: float) -> tuple[float, float]:
    """Interval around a difference of shares that is equal in all `videos`."""
    half = scale * (1 - 0.025 ** (1 / max(videos, 1)))
    return max(-scale, gap - half), min(scale, gap + half)


def _by_cluster(values: np.ndarray, clusters: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sums of values and numbers of questions, both float32 (video, column); exact for counts below 16 million."""
    _, index = np.unique(clusters, return_inverse=True)
    videos = int(index.max()) + 1 if len(index) else 0
    sums = [np.bincount(index, weights=np.where(c, values, 0.0), minlength=videos) for c in columns.T]
    counts = [np.bincount(index, weights=c, minlength=videos) for c in columns.T]
    shape = (videos, columns.shape[1])
    return np.array(sums, np.float32).T.reshape(shape), np.array(counts, np.float32).T.reshape(shape)


def _chunks(total: int, width: int) -> list[int]:
    size = max(1, min(total, 4_000_000 // max(width, 1)))  # at most 16 MB of float32 at a time
    return [size] * (total // size) + ([total % size] if total % size else [])


def drawn(count: int, most: int) -> list[int]:
    """At most `most` of the indices 0..count - 1, in order: one from each of so many equal parts, with a fixed seed.

    Equal steps would meet one answer alone in a file whose answers take turns.
    """
    if count <= most:
        return list(range(count))
    dice, edges = Random(most), [i * count // most for i in range(most + 1)]
    return [dice.randrange(*part) for part in itertools.pairwise(edges)]
