"""Batches of a net's training: the questions of a recipe with the features of their clips."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch

from lookhear import config
from lookhear.model.options import with_options
from lookhear.store.batch import NEGATIVE, OFFERED, Batch, batch, batches, wants
from lookhear.store.features import FeatureStore
from lookhear.store.fill import Progress, encoders_of
from lookhear.store.scale import measure, scaled
from lookhear.train import questions
from lookhear.train.step import trainee
from lookhear.types import Example

CACHE = 4e9  # largest size of all clip features, in bytes, for keeping them in memory


class Inputs:
    """Questions and features of a run.

    `first` is a context manager: the first of several processes computes missing features, the others then read them.
    """

    def __init__(self, recipe: config.Recipe, first: AbstractContextManager[Any], show: Progress | None):
        self.recipe = recipe
        self.questions = questions.read(recipe.data)
        with torch.device("meta"):  # only for its argument names; its sizes depend on the features
            plan = trainee(recipe, self.questions.vocabulary, {})
        self.wanted = wants(plan)
        store = FeatureStore(recipe.data.store_folder)
        with first:
            self.questions = questions.with_features(self.questions, recipe, self.wanted, store, show)
        self.cards = {name: store.card(name) for name in encoders_of(recipe.features, self.wanted)}
        self.store = FeatureStore(store.root, cache=self._bytes(store) < CACHE)
        self.pool = list(dict.fromkeys(e.clip for e in self.questions.train))
        self.scale = {}
        if recipe.data.standardize:
            self.scale = measure(self.questions.train, self.wanted, recipe.features, self.store)
        train = self.questions.train
        self.labels = dict(zip((e.id for e in train), self.questions.labels(train), strict=True))

    def epoch(self, epoch: int) -> list[list[Example]]:
        """The batches of an epoch, in an order that depends on the recipe's seed."""
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + epoch)
        return batches(self.questions.train, self.recipe.train.batch, self.recipe.train.clips, generator)

    def validation(self) -> list[list[Example]]:
        """The batches of the validation questions."""
        settings = self.recipe.train
        return batches(self.questions.val, 4 * settings.batch, max(1, settings.clips), torch.Generator())

    def batch(self, examples: Sequence[Example], seed: int, wanted: Sequence[str] | None = None) -> Batch:
        """Features of some questions. `seed` draws the negatives; `wanted` are the streams (None: all)."""
        data = self.recipe.data
        streams = batch(
            examples,
            wanted or self.wanted,
            self.recipe.features,
            self.store,
            seconds=data.seconds,
            fit=data.fit,
            absent="blank",
            pool=self.pool,
            generator=torch.Generator().manual_seed(seed),
        )
        offered = OFFERED in (wanted or self.wanted)
        streams = with_options(streams, examples, self.questions.vocabulary, data.options, wanted is None, offered)
        return scaled(streams, self.scale)

    def targets(self, examples: Sequence[Example]) -> torch.Tensor:
        """Class indices (question,) of the reference answers."""
        return torch.tensor([self.labels[e.id] for e in examples])

    def _bytes(self, store: FeatureStore) -> float:
        """Estimated memory of the features of all clips in bytes, from the first clip."""
        first = self.questions.train[0]
        plain = [w for w in self.wanted if not w.endswith(NEGATIVE)]
        streams = batch([first], plain, self.recipe.features, store, absent="blank").watch
        return sum(t.nbytes for t in streams.values()) * len(
            {e.clip for e in [*self.questions.train, *self.questions.val]}
        )
