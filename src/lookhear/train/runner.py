"""Shared by all training loops: run folder, resuming, checkpoints, the check for finite losses, and the log.

    with claimed(recipe, folder, "model.safetensors") as shown:      None: training has ended already
        runner = Runner(recipe, folder, shown, steps, digest)
        runner.begin(put_back)                                       resumes at the last checkpoint, or at step 0
        while not runner.ended:
            … ; runner.step += 1
            if runner.due(recipe.train.checkpoint_every):
                runner.checkpoint(state)
        runner.close()

The loops are `loop` (nets), `llm` (align, instruct) and `straight` (prefer, reinforce).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lookhear import config
from lookhear.errors import ModelError
from lookhear.progress import Bars, bars
from lookhear.train import files
from lookhear.train.log import Log


@contextmanager
def claimed(
    recipe: config.Recipe | config.LLMRecipe, folder: Path, done: str, *, main: bool = True, progress: bool = True
) -> Iterator[Bars | None]:
    """Context manager: hold a run folder; yields the progress bars, or None if training has ended.

    `done` is the file that exists only after training has ended. A new folder is removed again if training fails
    before its first checkpoint. Raises RecipeError if the folder holds another run.
    """
    with files.writing(folder, main), bars(quiet=not (progress and main)) as shown:
        if files.claim(recipe, folder, done):
            shown.say(f"{folder} is trained already.")
            yield None
            return
        with files.unless_refused(folder) if main else nullcontext():
            yield shown


class Runner:
    """A run and its folder; `step` of `steps` steps are done.

    `digest` is a hash of the training data. `processes` is the number of processes; the `main` one writes.
    """

    def __init__(
        self,
        recipe: config.Recipe | config.LLMRecipe,
        folder: Path,
        shown: Bars,
        steps: int,
        digest: str,
        processes: int = 1,
        main: bool = True,
    ):
        self.recipe, self.folder, self.shown = recipe, folder, shown
        self.steps, self.digest, self.processes, self.main = steps, digest, processes, main
        self.step = 0
        self.log: Log | None = None

    @property
    def ended(self) -> bool:
        return self.step >= self.steps

    def due(self, every: int) -> bool:
        """Whether an action that is repeated every `every` steps, and at the end, is due now."""
        return self.step % every == 0 or self.ended

    def begin(self, put_back: Callable[[Mapping[str, Any]], None]) -> None:
        """Resume: pass the last checkpoint, if there is one, to `put_back`; then open the log.

        Raises ModelError for a damaged checkpoint, other training data, or another number of processes.
        """
        with files.resuming(self.folder) as state:
            if state is not None:
                if state["digest"] != self.digest:
                    raise ModelError(
                        f"The training data are not those that {str(self.folder)!r} was started on. "
                        "Name another folder with out=FOLDER, or delete that one."
                    )
                files.check_processes(self.folder, state["processes"], self.processes)
                put_back(state)
                self.step = int(state["step"])
                self.shown.say(f"{self.folder}: going on from step {self.step} of {self.steps}.")
        if self.main:
            self.log = Log(self.folder, self.step, self.recipe.train.report_to, asdict(self.recipe))

    def checkpoint(self, state: Mapping[str, Any]) -> None:
        """Write `state` (main process), with the fields that `begin` checks."""
        if self.main:
            mine = {"step": self.step, "digest": self.digest, "processes": self.processes}
            files.save_checkpoint(self.folder, mine | dict(state))

    def finite(self, losses: Mapping[str, float]) -> None:
        """Raises ModelError if a loss is NaN or infinite."""
        for name, value in losses.items():
            if not math.isfinite(value):
                raise ModelError(
                    f"{name} is {value} at step {self.step} of {self.steps}. Lower train.lr, or set "
                    "train.clip_norm=1 and train.precision=no."
                )

    def note(self, **facts: Any) -> None:
        """Append a line to the log (main process)."""
        if self.log is not None and facts:
            self.log.line(self.step, **facts)

    def show(self, text: str, name: str = "training") -> None:
        """Show the progress of the run."""
        self.shown.show(name, self.step, self.steps, text)

    def close(self) -> None:
        """Remove the checkpoints and close the log (main process)."""
        if self.main:
            files.drop(self.folder / "checkpoint")
        if self.log is not None:
            self.log.close()


def put_back(learning: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> None:
    """Copy the weights of a checkpoint into the trained parameters. Raises KeyError for a missing one."""
    with torch.no_grad():
        for name, tensor in learning.items():
            tensor.copy_(weights[name])
