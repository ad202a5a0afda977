"""Caption metrics: CIDEr-D, BLEU 1 to 4, ROUGE-L, and METEOR with exact matches only.

Written here because the libraries need a Java program to split words (pycocoevalcap), a download of word lists (nltk's
METEOR) or torch models, and the arithmetic is short. On the same words, CIDEr, BLEU and ROUGE equal pycocoevalcap's.
Differences from COCO's evaluation: words are lower-case runs of letters, digits and inner apostrophes, where COCO uses
the Stanford tokenizer and then drops punctuation. METEOR matches exact words only, without stems and synonyms, so it is
called `meteor_exact` and is lower than the Java one. Each caption has one Answer or several as references.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np

from lookhear.pooled import Pooled, mean, totals
from lookhear.types import Answer

ORDER = 4  # longest n-gram
SIGMA = 6.0  # width of CIDEr-D's Gaussian length penalty, in words
Grams = Counter[tuple[str, ...]]


def captions(answers: Sequence[Answer], references: Sequence[Answer | Sequence[Answer]]) -> dict[str, float]:
    """`cider_d`, `bleu_1` … `bleu_4`, `rouge_l` and `meteor_exact`, all times 100, as papers print them.

    CIDEr-D computes idf from these references, so it depends on the whole set; its maximum is 1000 here (10 on the
    published scale).
    """
    return totals(pooled(answers, references))


def pooled(answers: Sequence[Answer], references: Sequence[Answer | Sequence[Answer]]) -> dict[str, Pooled]:
    """The numbers of `captions` as sums over captions: BLEU from counts, the others from each caption's score."""
    predicted = [words(answer.text) for answer in answers]
    true = [[words(r.text) for r in ([some] if isinstance(some, Answer) else some)] for some in references]
    if len(predicted) != len(true):
        raise ValueError(f"{len(predicted)} captions for {len(true)} references")
    counts = np.array([_bleu_counts(a, b) for a, b in zip(predicted, true, strict=True)])
    counts = counts.reshape(len(predicted), 2 * ORDER + 3)
    return {
        "cider_d": mean(cider_d(predicted, true) if predicted else []),
        **{f"bleu_{n}": Pooled(counts, partial(_bleu, order=n)) for n in range(1, ORDER + 1)},
        "rouge_l": mean([rouge_l(a, b) for a, b in zip(predicted, true, strict=True)]),
        "meteor_exact": mean([meteor_exact(a, b) for a, b in zip(predicted, true, strict=True)]),
    }


def words(text: str) -> list[str]:
    """The words of `text` in lower case, without punctuation."""
    return re.findall(r"\w+(?:['’]\w+)*", text.casefold())


def bleu(said: Sequence[Sequence[str]], true: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    """BLEU 1 to 4 (0..1) of the whole set (Papineni et al., 2002), with brevity penalty by the closest reference."""
    sums = np.sum([_bleu_counts(a, b) for a, b in zip(said, true, strict=True)], axis=0)
    return [float(_bleu(sums, n)) / 100 for n in range(1, ORDER + 1)]


def _bleu_counts(caption: Sequence[str], references: Sequence[Sequence[str]]) -> list[int]:
    """Matched n-grams and all n-grams (n = 1 to 4), caption length, length of the closest reference, and 1."""
    hits, total = [], []
    for n in range(1, ORDER + 1):
        counts = _grams(caption, n)
        most: Grams = Counter()
        for reference in references:
            most |= _grams(reference, n)
        hits.append((counts & most).total())
        total.append(counts.total())
    closest = min((abs(len(r) - len(caption)), len(r)) for r in references)[1]
    return [*hits, *total, len(caption), closest, 1]


def _bleu(sums: np.ndarray, order: int) -> np.ndarray:
    """BLEU in percent from sums (…, column) of `_bleu_counts`; 0 for empty captions, nan without examples."""
    hits, total = sums[..., :order], sums[..., ORDER : ORDER + order]
    length, closest, asked = np.moveaxis(sums[..., -3:], -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        brevity = np.minimum(1.0, np.exp(1 - closest / length))
        precision = np.log(hits / np.maximum(total, 1)).mean(axis=-1)  # -inf where an order has no hit: BLEU is 0
        value = np.where(length > 0, brevity * np.exp(precision), 0.0)
    return 100 * np.where(asked > 0, value, np.nan)


def cider_d(captions: Sequence[Sequence[str]], true: Sequence[Sequence[Sequence[str]]]) -> list[float]:
    """CIDEr-D (0..10) of each caption (Vedantam et al., CVPR 2015): clipped tf-idf cosine with a length penalty.

    Document frequencies come from these references; a set of one caption has zero idf and scores 0.
    """
    documents: Grams = Counter()
    for references in true:
        documents.update({gram for r in references for n in range(1, ORDER + 1) for gram in _grams(r, n)})
    size = math.log(len(true)) if true else 0.0
    idf = {gram: size - math.log(count) for gram, count in documents.items()}

    @lru_cache(maxsize=1)  # a caption is weighed once for all its references, and once if the next one is equal
    def weighed(caption: tuple[str, ...]) -> list[dict[tuple[str, ...], float]]:
        counts = [_grams(caption, n) for n in range(1, ORDER + 1)]
        return [{gram: count * idf.get(gram, size) for gram, count in some.items()} for some in counts]

    scores = []
    for caption, references in zip(captions, true, strict=True):
        total = 0.0
        ours = weighed(tuple(caption))
        for reference in references:
            near = math.exp(-((len(caption) - len(reference)) ** 2) / (2 * SIGMA**2))
            theirs = weighed.__wrapped__(tuple(reference))
            for a, b in zip(ours, theirs, strict=True):
                shared = sum(min(a[gram], b[gram]) * b[gram] for gram in a.keys() & b.keys())
                norm = math.sqrt(sum(v * v for v in a.values()) * sum(v * v for v in b.values()))
                total += near * shared / norm if norm else 0.0
        scores.append(float(10 * total / (ORDER * len(references))))
    return scores


def rouge_l(caption: Sequence[str], references: Sequence[Sequence[str]], beta: float = 1.2) -> float:
    """ROUGE-L (0..1): F score of the longest common subsequence, with the best precision and recall over references."""
    if not caption or not all(references):
        return 0.0
    common = [_subsequence(caption, reference) for reference in references]
    precision = max(common) / len(caption)
    recall = max(n / len(r) for n, r in zip(common, references, strict=True))
    return (1 + beta**2) * precision * recall / (recall + beta**2 * precision) if precision else 0.0


def meteor_exact(caption: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """METEOR (0..1; Lavie and Agarwal, 2007) with exact matches, best over references: α = 0.9, β = 3, γ = 0.5.

    Words are aligned so that they continue the previous chunk if possible.
    """
    return max((_meteor(caption, reference) for reference in references), default=0.0)


def _meteor(caption: Sequence[str], reference: Sequence[str]) -> float:
    free: dict[str, list[int]] = {}
    for place, word in enumerate(reference):
        free.setdefault(word, []).append(place)
    matches: list[tuple[int, int]] = []
    for place, word in enumerate(caption):
        if places := free.get(word):
            follows = matches[-1][1] + 1 if matches and matches[-1][0] == place - 1 else -1
            there = follows if follows in places else places[0]
            places.remove(there)
            matches.append((place, there))
    if not matches:
        return 0.0
    precision, recall = len(matches) / len(caption), len(matches) / len(reference)
    mean = precision * recall / (0.9 * precision + 0.1 * recall)
    breaks = sum(a[0] + 1 != b[0] or a[1] + 1 != b[1] for a, b in pairwise(matches))
    chunks = 1 + breaks
    return mean * (1 - 0.5 * (chunks / len(matches)) ** 3)


def _grams(caption: Sequence[str], n: int) -> Grams:
    return Counter(tuple(caption[i : i + n]) for i in range(len(caption) - n + 1))


def _subsequence(a: Sequence[str], b: Sequence[str]) -> int:
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0
        for j, other in enumerate(b, start=1):
            before, row[j] = row[j], before + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]
