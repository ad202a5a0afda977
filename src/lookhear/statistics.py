"""Intervals and tests for accuracies, with questions about one video kept together.

Questions about the same video are not independent, so videos are what is resampled: a bootstrap draws videos, a
permutation test flips whole videos. Everything is a matrix product over videos, so 200,000 questions take seconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from lookhear.pooled import Pooled, Ratio

RESAMPLES = 2000
POINT = 1e-6  # width below which an interval is a point, as float32 sums have it
EXACT_UP_TO = 1000  # disagreements; above, McNemar's chi-square with continuity correction is as good


def bootstrap(
    values: np.ndarray, clusters: np.ndarray, columns: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> np.ndarray:
    """95 % intervals of the mean of `values`, one for each column of questions.

    `values` (question,) bools or numbers, `clusters` (question,) the video of each, `columns` (question, column) bool:
    which questions a column is about. Returns (column, 2): the 2.5 and 97.5 percentiles over `resamples` draws of as
    many videos as there are, with replacement. A column without questions gives nan. Where no redrawing differs (one
    video, all right, every video half right) the bootstrap can only return a point. Then Clopper and Pearson's
    interval for so many videos stands in for shares (0 to 1), a bound as wide for differences (-1 to 1), and nan for
    other numbers, of which nothing is known.
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
    """95 % intervals of metrics given as sums over examples; `clusters` (example,) is the video of each.

    Videos are redrawn as in `bootstrap`, the same ones for every metric. Where no redrawing differs, Clopper and
    Pearson's interval for the number of videos stands in for a share, on its own scale; of any other metric nothing is
    known then: nan.
    """
    found = []
    for metric in metrics:
        sums = _grouped(metric.rows, clusters)
        drawn = [metric.value(weights @ sums) for weights in _weights(len(sums), resamples, seed)] if len(sums) else []
        values = np.concatenate(drawn) if drawn else np.array([np.nan])
        if np.isnan(values).all():
            found.append((math.nan, math.nan))
            continue
        low, high = np.nanpercentile(values, [2.5, 97.5])
        width = float(high - low)
        found.append(_share(metric, sums) if width < POINT * max(1.0, abs(high)) else (float(low), float(high)))
    return found


def exact(share: float, count: int) -> tuple[float, float]:
    """Clopper and Pearson's 95 % interval of a share of `count` videos, which need not be a whole number of them."""
    from scipy.special import betaincinv

    hits = share * count
    low = 0.0 if hits <= 0 else float(betaincinv(hits, count - hits + 1, 0.025))
    return low, 1.0 if hits >= count else float(betaincinv(hits + 1, count - hits, 0.975))


def paired(
    ours: Pooled, theirs: Pooled, clusters: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> tuple[tuple[float, float], float]:
    """Of one metric of two answerers of the same examples: 95 % interval of ours less theirs, and p-value.

    Both are redrawn with the same videos. The two-sided p-value is that of swapping the two answerers' names on whole
    videos, as in `permutation`; the smallest is 1 / (resamples + 1).
    """
    a, b = _grouped(ours.rows, clusters), _grouped(theirs.rows, clusters)
    gaps = np.concatenate([ours.value(w @ a) - theirs.value(w @ b) for w in _weights(len(a), resamples, seed)])
    seen = abs(ours.total - theirs.total)
    if np.isnan(gaps).all() or math.isnan(seen):
        return (math.nan, math.nan), math.nan
    low, high = np.nanpercentile(gaps, [2.5, 97.5])
    if high - low < POINT * max(1.0, abs(high)):  # nothing is known of a difference that no redrawing changes
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
    one: np.ndarray,
    other: np.ndarray,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % interval of the mean of `values` over questions `one` less that over questions `other` (bool, question)."""
    means, _ = _resampled(values, clusters, np.stack([one, other], axis=1), resamples, seed)
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

    A resample has more error than what it was drawn from, because noise only ever adds to a sum of absolute gaps. So
    the interval is the basic one, the percentiles mirrored about the error itself, and it is cut off at 0.
    """
    slices = np.minimum((confidence * bins).astype(int), bins - 1)[:, None] == np.arange(bins)
    gaps = slices * (confidence - right)[:, None]
    found = float(np.abs(gaps.mean(axis=0)).sum())
    everything = np.ones((len(right), 1), dtype=bool)
    # one seed for every slice, so that all are of the same videos
    drawn = [np.abs(_resampled(gap, clusters, everything, resamples, seed)[0]) for gap in gaps.T]
    low, high = np.percentile(sum(drawn), [2.5, 97.5])
    if high - low < POINT:
        return found, (0.0, 1.0)
    return found, (max(0.0, 2 * found - float(high)), max(0.0, 2 * found - float(low)))


def permutation(
    ours: np.ndarray, theirs: np.ndarray, clusters: np.ndarray, columns: np.ndarray, draws: int = 10000, seed: int = 0
) -> np.ndarray:
    """Two-sided p-values, one for each column, that two answerers of the same questions are equally good.

    Under that hypothesis the names of the two may be swapped for any video. `draws` random swaps; the smallest p is
    1 / (draws + 1). A column in which the two never differ gives 1.
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
    """McNemar's two-sided p-value over bool (question,) arrays of who was right; exact where that is cheap.

    Takes questions as independent, so it is too sure where videos have several; `permutation` is not.
    """
    only_ours, only_theirs = int(np.sum(ours & ~theirs)), int(np.sum(~ours & theirs))
    n = only_ours + only_theirs
    if n == 0:
        return 1.0
    from scipy.stats import binomtest, chi2  # here: 0.6 s of CPU that an answer does not need

    if n <= EXACT_UP_TO:
        return float(binomtest(only_ours, n, 0.5).pvalue)
    return float(chi2.sf(max(abs(only_ours - only_theirs) - 1, 0) ** 2 / n, df=1))


def holm(pvalues: Sequence[float]) -> list[float]:
    """Holm's step-down correction: what each p-value is worth when all of them were looked at."""
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
    known = n > 1 and deviation > 0  # equal numbers of a few seeds do not say that the next is equal too
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
    """Means (resample, column) over as many videos as there are, drawn with replacement; questions (video, column)."""
    sums, counts = _by_cluster(values, clusters, columns)
    videos, means = len(sums), [np.empty((0, columns.shape[1]))]
    for weights in _weights(videos, resamples, seed) if videos else []:
        with np.errstate(invalid="ignore", divide="ignore"):
            means.append((weights @ sums) / (weights @ counts))
    return np.concatenate(means), counts


def _grouped(rows: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """(video, column) sums of rows (example, column)."""
    _, index = np.unique(clusters, return_inverse=True)
    sums = np.zeros((int(index.max()) + 1 if len(index) else 0, rows.shape[1]))
    np.add.at(sums, index, rows)
    return sums


def _weights(videos: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """(draw, video) how often each video is in a redrawing of as many as there are, some redrawings at a time."""
    rng = np.random.default_rng(seed)
    for draws in _chunks(resamples, videos):
        picked = rng.integers(videos, size=(draws, videos)) + videos * np.arange(draws)[:, None]
        yield np.bincount(picked.ravel(), minlength=draws * videos).reshape(draws, videos).astype(np.float32)


def _share(metric: Pooled, sums: np.ndarray) -> tuple[float, float]:
    """The exact interval of a share on the metric's own scale; nan of a metric that is none."""
    scale, videos = _scale(metric), int(np.count_nonzero(sums[:, 1])) if sums.shape[1] > 1 else 0
    if not scale or not videos:
        return math.nan, math.nan
    low, high = exact(min(1.0, max(0.0, metric.total / scale)), videos)
    return scale * low, scale * high


def _scale(metric: Pooled) -> float:
    """What a metric that is a share of counted examples gives for all of them, 0 for any other metric."""
    if not isinstance(metric, Ratio) or not metric.counted.any():
        return 0.0
    above, below = metric.rows[metric.counted].T
    return float(metric.value(np.array([1.0, 1.0]))) if ((above >= 0) & (above <= below)).all() else 0.0


def _unvaried(values: np.ndarray, videos: int) -> tuple[float, float]:
    """An interval of the mean of values that are alike in every video."""
    mean, low, high = float(values.mean()), values.min(), values.max()
    if low >= 0 and high <= 1:
        return exact(mean, videos)
    return _around(mean, videos, 1.0) if low >= -1 and high <= 1 else (math.nan, math.nan)


def _around(gap: float, videos: int, scale: float) -> tuple[float, float]:
    """An interval about a difference of shares in which none of so many videos differs from the others."""
    half = scale * (1 - 0.025 ** (1 / max(videos, 1)))
    return max(-scale, gap - half), min(scale, gap + half)


def _by_cluster(values: np.ndarray, clusters: np.ndarray, columns: np.ndarray) -> tuple[np.ndarray, ...]:
    """Sum of values and number of questions, (video, column) each, as float32 (exact for counts below 16 million)."""
    _, index = np.unique(clusters, return_inverse=True)
    videos = int(index.max()) + 1 if len(index) else 0
    sums = [np.bincount(index, weights=np.where(c, values, 0.0), minlength=videos) for c in columns.T]
    counts = [np.bincount(index, weights=c, minlength=videos) for c in columns.T]
    shape = (videos, columns.shape[1])
    return np.array(sums, np.float32).T.reshape(shape), np.array(counts, np.float32).T.reshape(shape)


def _chunks(total: int, width: int) -> list[int]:
    size = max(1, min(total, 4_000_000 // max(width, 1)))  # at most 16 MB of float32 at a time
    return [size] * (total // size) + ([total % size] if total % size else [])
