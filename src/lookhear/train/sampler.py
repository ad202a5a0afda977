"""Multi-task sampler: which tasks and clips are in each training step of a language model.

    sizes {qa: 3000, event: 400} ─ mix ─▶ step 17: qa 12, qa 2044, event 7, …       the same for equal seeds

Every clip of a task is drawn once before any is drawn again. The `state` consists of a few numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

from lookhear.catalog import unknown
from lookhear.errors import RecipeError

MIXES = ("proportional", "equal", "temperature", "round_robin")


def shares(
    sizes: Mapping[str, int], mix: str, temperature: float = 2.0, weights: Mapping[str, float] | None = None
) -> dict[str, float]:
    """Task -> sampling probability: proportional to its size, equal, or size ** (1 / temperature), times its weight.

    Raises RecipeError for an unknown mix or an empty task.
    """
    if mix not in MIXES:
        raise RecipeError(unknown("mix", mix, MIXES))
    if temperature <= 0:
        raise RecipeError(f"temperature={temperature:g}: it is positive; 1 is proportional.")
    empty = next((task for task, size in sizes.items() if size < 1), None)
    if empty is not None or not sizes:
        raise RecipeError(f"Task {empty!r} has nothing to learn from." if empty else "No tasks: name some in `tasks`.")
    power = {"proportional": 1.0, "temperature": 1 / temperature}.get(mix, 0.0)
    wanted = {task: size**power * (weights or {}).get(task, 1.0) for task, size in sizes.items()}
    if min(wanted.values()) < 0 or not sum(wanted.values()) > 0:
        raise RecipeError(f"Weights of tasks must not be negative, nor all zero: {dict(weights or {})}.")
    return {task: part / sum(wanted.values()) for task, part in wanted.items()}


class Sampler:
    """Iterator over steps, each a list of (task, clip index).

    `round_robin` takes tasks in turn, a task of weight 2 twice in a row; the other mixes draw by `shares`.
    """

    def __init__(
        self,
        sizes: Mapping[str, int],
        batch: int,
        mix: str = "proportional",
        temperature: float = 2.0,
        weights: Mapping[str, float] | None = None,
        seed: int = 0,
    ):
        self.sizes, self.batch, self.mix, self.seed = dict(sizes), batch, mix, seed
        self.shares = shares(sizes, mix, temperature, weights)
        least = min(part for part in self.shares.values() if part > 0)
        self.turns = [task for task, part in self.shares.items() for _ in range(round(part / least))]
        self.drawn = dict.fromkeys(self.sizes, 0)
        self.step = 0
        self._orders: dict[str, tuple[int, list[int]]] = {}

    def __iter__(self) -> Iterator[list[tuple[str, int]]]:
        while True:
            yield self.next()

    def next(self) -> list[tuple[str, int]]:
        """The draws of the next step."""
        if self.mix == "round_robin":
            first = self.step * self.batch
            tasks = [self.turns[(first + k) % len(self.turns)] for k in range(self.batch)]
        else:
            rng = Random(f"{self.seed} step {self.step}")
            tasks = rng.choices(list(self.shares), list(self.shares.values()), k=self.batch)
        self.step += 1
        return [(task, self._next_clip(task)) for task in tasks]

    def _next_clip(self, task: str) -> int:
        """The next clip of a task, in an order that is reshuffled in each pass."""
        turn, place = divmod(self.drawn[task], self.sizes[task])
        if self._orders.get(task, (-1,))[0] != turn:
            order = list(range(self.sizes[task]))
            Random(f"{self.seed} {task} {turn}").shuffle(order)
            self._orders[task] = turn, order
        self.drawn[task] += 1
        return self._orders[task][1][place]

    def state(self) -> dict[str, Any]:
        """The state of the sampler."""
        return {"step": self.step, "drawn": dict(self.drawn)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Restore a `state`."""
        self.step, self.drawn = int(state["step"]), dict(state["drawn"])
