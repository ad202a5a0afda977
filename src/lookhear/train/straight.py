"""Shared by the single-process loops `prefer` and `reinforce`: model, trained parameters, steps, result.

    with opened(recipe) as run:          None: training has ended already
        kept = run.start(digest)
        while not run.ended:
            loss.backward(); run.update(); run.done(loss=…)
        run.finish(tasks)

Random numbers depend only on the recipe's seed and the step, so an interrupted and resumed run ends with the same
weights, bit by bit, on the same machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from lookhear import config
from lookhear.errors import ModelError, RecipeError
from lookhear.llms import Learner, Prepared
from lookhear.progress import Bars
from lookhear.train import files, outcome
from lookhear.train.learners import check, model_of
from lookhear.train.lessons import Lesson
from lookhear.train.prepared import Clips
from lookhear.train.runner import Runner, claimed, put_back
from lookhear.train.schedule import warmed
from lookhear.types import Clip

LOG_EVERY = 5  # steps


class Run(Runner):
    """A single-process run: `llm` is in evaluation mode, its `learning` parameters have gradients."""

    recipe: config.LLMRecipe

    def __init__(self, recipe: config.LLMRecipe, folder: Path, shown: Bars):
        super().__init__(recipe, folder, shown, recipe.train.steps, "")
        self.settings, self.stage, self.seed = recipe.train, recipe.stage, recipe.seed
        made = model_of(recipe)
        if not isinstance(made, Learner):
            raise ModelError(
                f"{made.name} can neither sample replies nor weigh them, which stage {recipe.stage} needs. "
                "Models of the Qwen-Omni family can: tiny_omni, crab_plus, qwen_omni."
            )
        self.llm = made
        self.llm.model.eval()  # no dropout, so that sampling and training use the same probabilities
        self.learning = {n: p for n, p in self.llm.model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.learning.values(), lr=self.settings.lr, weight_decay=self.settings.weight_decay
        )
        self.clips = Clips(self.llm, workers=0, folder=self.settings.prepared)
        self.rate = warmed(self.settings)
        self.kept: dict[str, Tensor] = {}
        self.facts: dict[str, list[float]] = {}

    def start(self, digest: str, kept: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Start or resume. `digest` is a hash of the training data, `kept` are tensors stored at the start."""
        files.tell(self.folder, self.recipe)
        self.kept, self.digest = dict(kept or {}), digest
        self.begin(self._put_back)
        return self.kept

    def _put_back(self, state: Mapping[str, Any]) -> None:
        put_back(self.learning, state["model"])
        files.restore(self.optimizer, state["optimizer"])
        self.kept = dict(state["kept"])

    def draw(self, count: int) -> list[int]:
        """Indices below `count` for a step: each occurs once before any is repeated, in a new order each pass."""
        size, found = min(self.settings.batch, count), []
        for place in range(self.step * size, (self.step + 1) * size):
            order = list(range(count))
            Random(f"{self.seed} round {place // count}").shuffle(order)
            found.append(order[place % count])
        return found

    def media(self, clip: Clip) -> Prepared | None:
        """The preprocessed clip; None if it cannot be read."""
        return self.clips.get(Lesson(self.stage, clip, ()))

    def update(self) -> None:
        """One optimizer step with the current gradients."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.lr * self.rate(self.step)
        if self.settings.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.learning.values(), self.settings.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def done(self, **facts: float) -> None:
        """End a step: log the means of its facts, and write a checkpoint if one is due."""
        self.step += 1
        for name, value in facts.items():
            self.facts.setdefault(name, []).append(float(value))
        if self.due(LOG_EVERY):
            means = {name: round(sum(values) / len(values), 6) for name, values in self.facts.items()}
            self.finite(means)
            self.note(**means)
            self.show(f"loss {means.get('loss', 0):.3f}", self.stage)
            self.facts = {}
        if self.due(self.settings.checkpoint_every) and not self.ended:
            model = {n: p.detach() for n, p in self.learning.items()}
            self.checkpoint({"kept": self.kept, "model": model, "optimizer": self.optimizer.state_dict()})

    def finish(self, prompts: set[str]) -> None:
        """Write the result; `prompts` are the trained tasks."""
        if note := self.clips.note():
            self.shown.say(note)
        weights = {name: tensor.detach() for name, tensor in self.learning.items()}
        outcome.save(self.folder, self.recipe, self.llm, weights, prompts)
        self.close()


@contextmanager
def opened(recipe: config.LLMRecipe, progress: bool = True) -> Iterator[Run | None]:
    """Context manager: the run of a recipe, or None if training has ended.

    Raises RecipeError for multi-process options.
    """
    check(recipe)
    if recipe.train.shard or recipe.train.accumulate > 1 or recipe.train.precision != "no":
        raise RecipeError(
            f"Stage {recipe.stage} is one plain process: leave train.shard, accumulate and precision out."
        )
    folder = Path(recipe.out or "runs/llm")
    with claimed(recipe, folder, "lookhear.json", progress=progress) as shown:
        yield None if shown is None else Run(replace(recipe, out=str(folder)), folder, shown)


def total(logprobs: Sequence[Tensor]) -> Tensor:
    """Sums (reply,) of the log-probabilities of the replies' tokens."""
    return torch.stack([one.sum() for one in logprobs])
