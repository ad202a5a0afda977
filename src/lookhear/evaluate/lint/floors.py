"""Blind floors of multiple-choice and yes/no questions from length, position and words, in percent.

Folds are those of `lint.words`. Every classifier is a logistic regression (C = 1) that predicts whether an option is
right; the option with the highest score is chosen. The features of `shape` are 9 numbers per option and its one-hot
position (19 in all, standardised on the training folds), those of `words` the TF-IDF of the option's unigrams and
bigrams, those of `both` the two concatenated. None uses picture, sound or question, except that `shape` counts words
shared with the question.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lookhear import statistics
from lookhear.errors import DatasetError
from lookhear.evaluate.lint.words import FOLDS, folds, guessed
from lookhear.evaluate.videos import clusters_of, video_of
from lookhear.types import Example

WORD = re.compile(r"\w+")
TERMS = r"(?u)\b\w+\b"
QUOTES = "\"'“”‘’"
LINKS = frozenset(["and", "while", "as", "to", "with", "after", "before"])
LIMITS = frozenset(["only", "never", "always", "no", "not", "all"])
PLACES = 10  # width of the one-hot position


@dataclass(frozen=True)
class Floor:
    """A blind score in percent, its 95 % interval over videos, further numbers (F1 and yes rate), and the metric."""

    value: float
    interval: tuple[float, float]
    beside: Mapping[str, float]
    metric: str = "accuracy"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        rounded = {name: round(number, 2) for name, number in self.beside.items()}
        return {self.metric: round(self.value, 2), "interval": [round(edge, 2) for edge in self.interval], **rounded}


def place(example: Example) -> int | None:
    """The position of the right option, None if the answer is no option."""
    options = list(example.meta.get("options", ()))
    known = example.meta.get("place")
    if known is not None:
        return int(known)
    text = example.reference.text if example.reference else None
    return options.index(text) if text in options else None


def choices(
    examples: Sequence[Example], resamples: int = 1000, seed: int = 0, learned: bool = True
) -> dict[str, Floor]:
    """The floors of multiple-choice questions whose answer is an option; empty without any.

    Classifiers are fitted if `learned` is True and there are at least FOLDS videos.
    """
    closed = [e for e in examples if len(e.meta.get("options", ())) > 1 and place(e) is not None]
    if not closed:
        return {}
    right = np.array([place(e) for e in closed])
    options = [[str(option) for option in e.meta["options"]] for e in closed]
    counts = np.array([len(texts) for texts in options])
    longest = np.array([int(np.argmax([len(text) for text in texts])) for texts in options])
    shortest = np.array([int(np.argmin([len(text) for text in texts])) for texts in options])
    hits = {
        "chance": 1 / counts,
        "position_prior": right == Counter(right.tolist()).most_common(1)[0][0],
        "longest_option_first_of_ties": longest == right,
        "longest_option_ties_shared": np.array([_shared(texts, r) for texts, r in zip(options, right, strict=True)]),
        "shortest_option_first_of_ties": shortest == right,
    }
    if learned and len(set(map(video_of, closed))) >= FOLDS:
        shapes = [shape(e.question, texts) for e, texts in zip(closed, options, strict=True)]
        hits |= _learned(closed, shapes, options, right)
    clusters = clusters_of(closed)
    return {name: _floor(np.asarray(hit, float), clusters, resamples, seed) for name, hit in hits.items()}


def shape(question: str, options: Sequence[str]) -> np.ndarray:
    """(option, 19) features of form: lengths, shared words, digits, quotes, function words, one-hot position."""
    lengths = np.array([len(option) for option in options], dtype=float)
    words = [WORD.findall(option.lower()) for option in options]
    sets, asked = [set(one) for one in words], set(WORD.findall(question.lower()))
    rows = []
    for i, option in enumerate(options):
        others = [len(sets[i] & other) / max(1, len(sets[i] | other)) for j, other in enumerate(sets) if j != i]
        rows.append(
            [
                (lengths[i] - lengths.mean()) / (lengths.std() + 1e-9),
                lengths[i] == lengths.max(),
                lengths[i] == lengths.min(),
                len(sets[i] & asked) / (len(sets[i]) + 1),
                sum(others) / max(1, len(others)),
                any(c.isdigit() for c in option),
                sum(c in QUOTES for c in option),
                sum(word in LINKS for word in words[i]),
                sum(word in LIMITS for word in words[i]),
            ]
        )
    table = np.array(rows, dtype=float)
    table[:, 3:] -= table[:, 3:].mean(axis=0)
    where = np.eye(PLACES)[np.minimum(np.arange(len(options)), PLACES - 1)]
    return np.hstack([table, where])


def yes_no(examples: Sequence[Example], resamples: int = 1000, seed: int = 0, learned: bool = True) -> dict[str, Floor]:
    """Floors of yes/no questions: always yes, always no, and the question's words (TF-IDF) in folds by video."""
    closed = [e for e in examples if e.reference is not None and tuple(e.meta.get("labels", ())) == ("yes", "no")]
    if not closed:
        return {}
    truth = np.array([e.reference.text == "yes" for e in closed if e.reference])
    clusters = clusters_of(closed)
    guesses = {"always_yes": np.ones(len(closed), bool), "always_no": np.zeros(len(closed), bool)}
    if learned and len(set(map(video_of, closed))) >= FOLDS and len(set(truth.tolist())) == 2:
        guesses["question_words"] = np.array(guessed(closed)) == "yes"
    scores = {}
    for name, guess in guesses.items():
        hits = (guess & truth).sum()
        f1 = 200 * hits / (guess.sum() + truth.sum()) if guess.sum() + truth.sum() else 0.0
        beside = {"f1": float(f1), "yes_rate": 100 * float(guess.mean())}
        scores[name] = _floor((guess == truth).astype(float), clusters, resamples, seed, beside)
    return scores


def _learned(
    examples: Sequence[Example], shapes: Sequence[np.ndarray], options: Sequence[Sequence[str]], right: np.ndarray
) -> dict[str, np.ndarray]:
    import scipy.sparse as sparse
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    hits = {name: np.zeros(len(right)) for name in ("prior_folds", "shape", "words", "both")}
    for train, test in folds(examples):
        often = Counter(right[train].tolist())
        hits["prior_folds"][test] = right[test] == max(often, key=lambda of_options: (often[of_options], -of_options))
        truth = np.concatenate([np.arange(len(options[i])) == right[i] for i in train])
        scale = StandardScaler().fit(np.vstack([shapes[i] for i in train]))
        seen, unseen = (scale.transform(np.vstack([shapes[i] for i in part])) for part in (train, test))
        terms = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True, token_pattern=TERMS)
        tables: dict[str, tuple[Any, Any]] = {"shape": (seen, unseen)}
        try:
            read = terms.fit_transform([text for i in train for text in options[i]])
            unread = terms.transform([text for i in test for text in options[i]])
            joined = (sparse.hstack([sparse.csr_matrix(a), b]).tocsr() for a, b in ((seen, read), (unseen, unread)))
            tables |= {"words": (read, unread), "both": tuple(joined)}
        except ValueError:  # no word occurs in two options
            hits["words"][test] = hits["prior_folds"][test]
        for name, (learn, ask) in tables.items():
            model = LogisticRegression(C=1, max_iter=2000).fit(learn, truth)
            scores = np.split(model.decision_function(ask), np.cumsum([len(options[i]) for i in test])[:-1])
            hits[name][test] = [
                int(np.argmax(of_options)) == right[i] for of_options, i in zip(scores, test, strict=True)
            ]
        if "both" not in tables:
            hits["both"][test] = hits["shape"][test]
    return hits


def _shared(options: Sequence[str], right: int) -> float:
    lengths = [len(option) for option in options]
    most = [i for i, length in enumerate(lengths) if length == max(lengths)]
    return (right in most) / len(most)


def _floor(
    hits: np.ndarray, clusters: np.ndarray, resamples: int, seed: int, beside: Mapping[str, float] | None = None
) -> Floor:
    edges = 100 * statistics.bootstrap(hits, clusters, np.ones((len(hits), 1), dtype=bool), resamples, seed)[0]
    return Floor(100 * float(hits.mean()), (float(edges[0]), float(edges[1])), beside or {})


def best(floors: Mapping[str, Floor]) -> tuple[str, Floor]:
    """(name, floor) of the highest floor, which a score should exceed. Raises DatasetError without floors."""
    if not floors:
        raise DatasetError("No question with options or yes and no, so there is no blind floor.")
    score: Callable[[str], float] = lambda name: floors[name].value  # noqa: E731
    name = max(floors, key=score)
    return name, floors[name]
