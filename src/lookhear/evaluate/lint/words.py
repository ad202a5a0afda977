"""Guess answers from the words of the question alone, in folds by video: scikit-learn's GroupKFold(5), unshuffled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from lookhear.evaluate.videos import video_of
from lookhear.types import Example

FOLDS = 5


def folds(examples: Sequence[Example]) -> list[tuple[np.ndarray, np.ndarray]]:
    """The places (train, test) of each fold; the questions of a video are in one fold."""
    from sklearn.model_selection import GroupKFold

    groups = np.array([video_of(e) for e in examples])
    return list(GroupKFold(FOLDS).split(np.zeros(len(examples)), groups=groups))


def guessed(examples: Sequence[Example]) -> list[str]:
    """The answer of a logistic regression (C = 1) on the TF-IDF of the question's unigrams and bigrams.

    Where a training fold has one answer only, or no word in two questions, the most frequent answer of the fold.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    truth, said = np.array([e.truth.text for e in examples]), [""] * len(examples)
    for train, test in folds(examples):
        known = truth[train].tolist()
        guess: Sequence[str] = [Counter(known).most_common(1)[0][0]] * len(test)
        terms = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
        try:
            seen = terms.fit_transform([examples[i].question for i in train])
        except ValueError:  # no word occurs in two questions
            seen = None
        if seen is not None and len(set(known)) > 1:
            model = LogisticRegression(C=1, max_iter=2000).fit(seen, truth[train])
            guess = model.predict(terms.transform([examples[i].question for i in test])).tolist()
        for i, text in zip(test, guess, strict=True):
            said[i] = text
    return said
