"""What the plain loops of one process share: a run folder, what learns, checkpoints, the end. `prefer`, `reinforce`.

    with opened(recipe) as run:          None where it is trained already
        while run.more():
            loss.backward(); run.step(loss=…)
        run.finish(tasks)

Everything random in a step follows from the recipe's seed and the step's number, so a killed run and one that was not
end alike, bit by bit, on the same machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from lookhear import config
from lookhear.errors import ModelError, RecipeError
from lookhear.llms import Learner, Prepared
from lookhear.progress import Bars, bars
from lookhear.train import files, outcome
from lookhear.train.learners import check, model_of
from lookhear.train.lessons import Lesson
from lookhear.train.log import Log
from lookhear.train.prepared import Clips
from lookhear.train.schedule import warmed
from lookhear.types import Clip

LOG_EVERY = 5  # steps


class Run:
    """A run while it goes: `llm` with what learns ready to learn, `at` the step it is at."""

    def __init__(self, recipe: config.LLMRecipe, folder: Path, shown: Bars):
        self.recipe, self.settings, self.folder, self.shown = recipe, recipe.train, folder, shown
        made = model_of(recipe)
        if not isinstance(made, Learner):
            raise ModelError(
                f"{made.name} cannot draw replies or weigh them, so stage {recipe.stage} is not for it. "
                "Models of the Qwen-Omni family can: tiny_omni, crab_plus, qwen_omni."
            )
        self.llm = made
        self.llm.model.eval()  # no dropout: what is drawn and what is learned from are of one model
        self.learning = {n: p for n, p in self.llm.model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.learning.values(), lr=self.settings.lr, weight_decay=self.settings.weight_decay
        )
        self.clips = Clips(self.llm, workers=0, folder=self.settings.prepared)
        self.rate = warmed(self.settings)
        self.at, self.digest = 0, ""
        self.kept: dict[str, Tensor] = {}
        self.facts: dict[str, list[float]] = {}
        self.log: Log | None = None

    def _take(self, state: Mapping[str, Any]) -> None:
        """Put the state of a checkpoint back."""
        if state["lessons"] != self.digest:
            raise ModelError(
                f"What is learned from is not what {str(self.folder)!r} was started on. "
                "Name another folder with out=FOLDER, or delete that one."
            )
        with torch.no_grad():
            for name, tensor in self.learning.items():
                tensor.copy_(state["model"][name])
        files.restore(self.optimizer, state["optimizer"])
        self.at, self.kept = int(state["step"]), dict(state["kept"])
        self.shown.say(f"{self.folder}: going on from step {self.at} of {self.settings.steps}.")

    def begin(self, digest: str, kept: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """Take up the run where it stands. `digest` is of what is learned from, `kept` are tensors of its start."""
        files.tell(self.folder, self.recipe)
        self.kept = dict(kept or {})
        self.digest = digest
        with files.resuming(self.folder) as state:
            if state is not None:
                self._take(state)
        self.log = Log(self.folder, self.at, self.settings.report_to, asdict(self.recipe))
        return self.kept

    def more(self) -> bool:
        """Whether there is another step to take."""
        return self.at < self.settings.steps

    def draw(self, count: int) -> list[int]:
        """Which of `count` things a step is about: all come once before any comes again, in a new order each time."""
        size, found = min(self.settings.batch, count), []
        for place in range(self.at * size, (self.at + 1) * size):
            order = list(range(count))
            Random(f"{self.recipe.seed} round {place // count}").shuffle(order)
            found.append(order[place % count])
        return found

    def media(self, clip: Clip) -> Prepared | None:
        """A clip as the model reads it; None where it cannot be read."""
        return self.clips.get(Lesson(self.recipe.stage, clip, ()))

    def update(self) -> None:
        """One step of the optimizer with the gradients there are."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.lr * self.rate(self.at)
        if self.settings.clip_norm:
            torch.nn.utils.clip_grad_norm_(self.learning.values(), self.settings.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()

    def step(self, **facts: float) -> None:
        """A step is done: its facts are logged, and from time to time a checkpoint is written."""
        self.at += 1
        for name, value in facts.items():
            self.facts.setdefault(name, []).append(float(value))
        last = not self.more()
        if self.at % LOG_EVERY == 0 or last:
            means = {name: round(sum(values) / len(values), 6) for name, values in self.facts.items()}
            bad = next((name for name, value in means.items() if not math.isfinite(value)), None)
            if bad:
                raise ModelError(f"{bad} is {means[bad]} at step {self.at} of {self.settings.steps}. Lower train.lr.")
            assert self.log is not None
            self.log.line(self.at, **means)
            self.shown.show(self.recipe.stage, self.at, self.settings.steps, f"loss {means.get('loss', 0):.3f}")
            self.facts = {}
        if self.at % self.settings.checkpoint_every == 0 and not last:
            state = {"step": self.at, "lessons": self.digest, "kept": self.kept}
            state |= {"model": {n: p.detach() for n, p in self.learning.items()}}
            files.save_checkpoint(self.folder, state | {"optimizer": self.optimizer.state_dict()})

    def finish(self, prompts: set[str]) -> None:
        """Write what was learned; `prompts` are the tasks that were asked."""
        if self.clips.failed:
            name, why = next(iter(self.clips.failed.items()))
            self.shown.say(f"{len(self.clips.failed)} clips could not be read. The first: {name}: {why}")
        weights = {name: tensor.detach() for name, tensor in self.learning.items()}
        outcome.save(self.folder, self.recipe, self.llm, weights, prompts)
        files.drop(self.folder / "checkpoint")
        if self.log:
            self.log.close()


@contextmanager
def opened(recipe: config.LLMRecipe, progress: bool = True) -> Iterator[Run | None]:
    """The run that a recipe says, or None where its folder holds it trained to the end."""
    check(recipe)
    if recipe.train.shard or recipe.train.accumulate > 1 or recipe.train.precision != "no":
        raise RecipeError(
            f"Stage {recipe.stage} is one plain process: leave train.shard, accumulate and precision out."
        )
    folder = Path(recipe.out or "runs/llm")
    with files.writing(folder, True), bars(quiet=not progress) as shown:
        if files.claim(recipe, folder, "lookhear.json"):
            shown.say(f"{folder} is trained already.")
            yield None
        else:
            with files.unless_refused(folder):
                yield Run(replace(recipe, out=str(folder)), folder, shown)


def total(logprobs: Sequence[Tensor]) -> Tensor:
    """Sums (reply,) of log-probabilities of the tokens of replies."""
    return torch.stack([one.sum() for one in logprobs])
