"""Training loop of nets.

    recipe ─▶ questions ─▶ features ─▶ batches by clip ─▶ watch once · answer each ─▶ losses ─▶ run folder

Random numbers of a step (batch, negatives, dropout) depend only on the recipe's seed and the step, so an interrupted
and resumed run ends with the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from lookhear import checkpoints, config
from lookhear.catalog import unknown
from lookhear.errors import RecipeError
from lookhear.model import says, within
from lookhear.model.costs import Cost, line
from lookhear.model.options import PAIRED, YES, among, right_pairs
from lookhear.progress import Bars
from lookhear.store.batch import OFFERED, orders
from lookhear.train import costs, files, world
from lookhear.train.inputs import Inputs
from lookhear.train.runner import Runner, claimed
from lookhear.train.schedule import factor
from lookhear.train.step import OPTIMIZERS, Step, optimizer, started, trainee
from lookhear.types import Example

LOG_EVERY = 20  # steps


@dataclass
class Best:
    """The best validation accuracy in percent so far, and its epoch; -1 for none."""

    accuracy: float = -1.0
    epoch: int = -1


def train(recipe: config.Recipe, progress: bool = True) -> Path:
    """Train a net from `recipe` and return its run folder; resumes an interrupted run."""
    settings = recipe.train
    if settings.optimizer not in OPTIMIZERS:
        raise RecipeError(unknown("optimizer", settings.optimizer, OPTIMIZERS))
    least = {"epochs": settings.epochs, "batch": settings.batch, "checkpoint_every": settings.checkpoint_every}
    for name, value in (least | {"validate_every": settings.validate_every}).items():
        if value < 1:
            raise RecipeError(f"train.{name}={value}: must be 1 or more.")
    run = Path(recipe.out or Path("runs") / str(recipe.net.get("name", "net")))
    accelerator = Accelerator(
        mixed_precision=settings.precision, kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)]
    )
    with claimed(recipe, run, "model.safetensors", main=accelerator.is_main_process, progress=progress) as shown:
        if shown is not None:
            _Run(replace(recipe, out=str(run)), run, accelerator, shown).go()
    return run


class _Run:
    """State of a training run."""

    def __init__(self, recipe: config.Recipe, folder: Path, accelerator: Accelerator, shown: Bars):
        self.recipe, self.settings, self.folder = recipe, recipe.train, folder
        self.accelerator, self.shown, self.main = accelerator, shown, accelerator.is_main_process
        self.inputs = Inputs(recipe, accelerator.main_process_first(), shown.show)
        torch.manual_seed(recipe.seed)
        net = trainee(recipe, self.inputs.questions.vocabulary, self.inputs.cards)
        self.notes = started(net.net if recipe.debias and not net.stays else net, self.settings.start)
        learns = optimizer(self.settings, net)
        processes = accelerator.num_processes
        self.steps_per_epoch = -(-len(self.inputs.epoch(0)) // processes)
        self.step, self.optimizer = accelerator.prepare(Step(net), learns)
        self.schedule = LambdaLR(learns, factor(self.settings, self.steps_per_epoch))
        steps = self.settings.epochs * self.steps_per_epoch
        self.run = Runner(recipe, folder, shown, steps, self.inputs.questions.digest, processes, self.main)
        self.best = Best()
        self.cost: Cost | None = None
        self.clock = costs.Clock(accelerator.device)

    @property
    def net(self) -> nn.Module:
        return self.accelerator.unwrap_model(self.step).net

    def go(self) -> None:
        """Train to the end."""
        run, inputs = self.run, self.inputs
        if self.main:
            files.start(self.folder, self.recipe, inputs.questions.vocabulary, inputs.cards, inputs.scale)
            watched = orders(self.net.watch)
            world.keep(self.folder, inputs.pool, self.recipe.features, watched, inputs.cards, inputs.store)
            within.write(self.folder, (example.question for example in inputs.questions.train))
            for note in (*inputs.questions.notes, *self.notes):
                self.shown.say(note)
            if self.recipe.debias and (note := self.net.note(self.settings.optimizer)):
                self.shown.say(note)
        self.accelerator.wait_for_everyone()
        run.begin(self._put_back)
        if inputs.questions.notes and not run.step:
            run.note(notes=inputs.questions.notes)
        self.began = time.perf_counter()
        self.since: list[dict[str, Tensor]] = []
        while not run.ended:
            epoch, first = divmod(run.step, self.steps_per_epoch)
            every = inputs.epoch(epoch)
            mine = every[self.accelerator.process_index :: self.accelerator.num_processes]
            for index in range(first, self.steps_per_epoch):
                self._train_step(mine[index] if index < len(mine) else every[index])
            self._end_of_epoch(epoch)
        if self.main:
            if self.cost is not None:  # a run that went on from a checkpoint times its last part
                self.shown.say(f"{self.folder}: {line(costs.write(self.folder, self.cost, self.clock))}.")
            files.finish(self.folder)
        run.close()

    def _train_step(self, examples: Sequence[Example]) -> None:
        """One step on one batch."""
        run, device = self.run, self.accelerator.device
        self.step.train()
        torch.manual_seed(self._seed(1))
        streams = self.inputs.batch(examples, self._seed(2)).to(device)
        if self.cost is None and self.main:
            net = self.net.net if self.recipe.debias else self.net
            vocabulary, cards = self.inputs.questions.vocabulary, self.inputs.cards
            self.cost = costs.before(self.recipe, net, streams, vocabulary, cards, self.shown.say)
        self.clock.start()
        losses = self.step(streams, self.inputs.targets(examples).to(device))
        self.accelerator.backward(torch.stack(list(losses.values())).sum())
        if self.recipe.debias:
            self.net.after_backward(run.step // self.steps_per_epoch)
        if self.settings.clip_norm:
            self.accelerator.clip_grad_norm_(self.step.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        self.clock.stop()
        run.step += 1
        self.since.append({n: v.detach() for n, v in losses.items()})
        last = run.step % self.steps_per_epoch == 0
        if run.step % LOG_EVERY == 0 or last:
            self._log_losses()
        if run.step % self.settings.checkpoint_every == 0 and not last:
            self._checkpoint()

    def _log_losses(self) -> None:
        """Log the mean losses since the last line. Raises ModelError for a non-finite loss."""
        losses = {n: float(torch.stack([s[n] for s in self.since]).mean()) for n in self.since[0]}
        loss = sum(losses.values())
        self.run.finite({f"The loss {name!r}": value for name, value in losses.items()})
        took = time.perf_counter() - self.began
        self.began = time.perf_counter()
        self.since.clear()
        self.run.note(
            epoch=(self.run.step - 1) // self.steps_per_epoch,
            lr=self.schedule.get_last_lr()[0],
            loss=loss,
            losses=losses,
            **({"balance": facts} if self.recipe.debias and (facts := self.net.facts()) else {}),
            seconds=round(took, 3),
        )
        self.run.show(f"loss {loss:.3f}  {self._best()}")

    def _end_of_epoch(self, epoch: int) -> None:
        """Validate, keep the best (ties go to the later epoch), checkpoint."""
        last = epoch + 1 == self.settings.epochs
        if self.main and (last or (epoch + 1) % self.settings.validate_every == 0):
            right, total = self._validate() if self.inputs.questions.val else (0, 0)
            accuracy = 100 * right / total if total else 0.0
            if accuracy >= self.best.accuracy:
                self.best = Best(accuracy, epoch)
                answers = self.net.net if self.recipe.debias and not self.net.stays else self.net
                checkpoints.save(answers.state_dict(), self.folder / "checkpoint" / "best.safetensors")
            if total:
                self.run.note(epoch=epoch, val={"accuracy": accuracy, "correct": right, "total": total})
            self.run.show(self._best())
        self._checkpoint()
        self.accelerator.wait_for_everyone()

    @torch.inference_mode()
    def _validate(self) -> tuple[int, int]:
        """(correct, total) on the validation questions, with each clip encoded once."""
        net, questions = self.net.eval(), self.inputs.questions
        wanted = [*orders(net.watch), *orders(net.answer)]
        right, sure, asked = 0, list[float](), list[Example]()
        for examples in self.inputs.validation():
            streams = self.inputs.batch(examples, self._seed(2), wanted).to(self.accelerator.device)
            logits = among(says(net, streams).logits, streams.ask.get(OFFERED)).cpu()
            if self.recipe.data.options == "text":
                sure += logits.float().softmax(-1)[:, PAIRED.index(YES)].tolist()
                asked += examples
                continue
            right += int((logits.argmax(-1) == torch.tensor(questions.labels(examples))).sum())
        return right_pairs(sure, asked) if asked else (right, len(questions.val))

    def _seed(self, purpose: int) -> int:
        """A seed that depends on the run, step, process and purpose."""
        key = ((self.recipe.seed * 8 + purpose) * 4096 + self.accelerator.process_index) << 32
        return (key + self.run.step) % (1 << 63)

    def _checkpoint(self) -> None:
        scaler = self.accelerator.scaler
        state = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            "best": asdict(self.best),
        }
        self.run.checkpoint(state)

    def _put_back(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        files.restore(self.optimizer, state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])
        if state["scaler"] and self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.best = Best(**state["best"])

    def _best(self) -> str:
        return f"best {self.best.accuracy:.1f} %" if self.inputs.questions.val and self.best.accuracy >= 0 else ""
