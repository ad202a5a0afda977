"""Training loop of nets.

    recipe ─▶ questions ─▶ features ─▶ batches by clip ─▶ watch once · answer each ─▶ losses ─▶ run folder

Random numbers of a step (batch, negatives, dropout) depend only on the recipe's seed and the step, so an interrupted
and resumed run ends with the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from lookhear import config
from lookhear.catalog import unknown
from lookhear.errors import ModelError, RecipeError
from lookhear.model import says, within
from lookhear.model.costs import Cost, line
from lookhear.model.options import PAIRED, YES, among, right_pairs, with_options
from lookhear.progress import Bars, bars
from lookhear.store.batch import NEGATIVE, OFFERED, Batch, batch, batches, orders, wants
from lookhear.store.features import FeatureStore
from lookhear.store.fill import encoders_of
from lookhear.store.scale import measure, scaled
from lookhear.train import costs, files, questions, world
from lookhear.train.log import Log
from lookhear.train.questions import Questions
from lookhear.train.schedule import factor
from lookhear.train.step import OPTIMIZERS, Step, optimizer, trainee
from lookhear.types import Example

LOG_EVERY = 20  # steps
CACHE = 4e9  # largest size of all clip features, in bytes, for keeping them in memory


@dataclass
class Position:
    """Position of a run: step, best validation accuracy, and its epoch."""

    step: int = 0
    best: float = -1.0
    best_epoch: int = -1


def train(recipe: config.Recipe, progress: bool = True) -> Path:
    """Train a net from `recipe` and return its run folder; resumes an interrupted run."""
    settings = recipe.train
    if settings.optimizer not in OPTIMIZERS:
        raise RecipeError(unknown("optimizer", settings.optimizer, OPTIMIZERS))
    for name in ("epochs", "batch", "checkpoint_every", "validate_every"):
        if getattr(settings, name) < 1:
            raise RecipeError(f"train.{name}={getattr(settings, name)}: must be 1 or more.")
    run = Path(recipe.out or Path("runs") / str(recipe.net.get("name", "net")))
    accelerator = Accelerator(
        mixed_precision=settings.precision, kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)]
    )
    main = accelerator.is_main_process
    with files.writing(run, main), bars(quiet=not (progress and main)) as shown:
        if files.claim(recipe, run):
            shown.say(f"{run} is trained already.")
            return run
        with files.unless_refused(run):
            _Run(replace(recipe, out=str(run)), run, accelerator, shown).go()
    return run


class _Run:
    """State of a training run."""

    def __init__(self, recipe: config.Recipe, run: Path, accelerator: Accelerator, shown: Bars):
        self.recipe, self.settings, self.run = recipe, recipe.train, run
        self.accelerator, self.shown, self.main = accelerator, shown, accelerator.is_main_process
        found = questions.read(recipe.data)
        with torch.device("meta"):  # only for its argument names; sizes are known with the features
            plan = trainee(recipe, found.vocabulary, {})
        self.wanted = wants(plan)
        store = FeatureStore(questions.store_of(recipe))
        with accelerator.main_process_first():
            found = questions.with_features(found, recipe, self.wanted, store, shown.show)
        self.questions: Questions = found
        self.cards = {name: store.card(name) for name in encoders_of(recipe.features, self.wanted)}
        self.store = FeatureStore(store.root, cache=self._bytes(store) < CACHE)
        self.pool = list(dict.fromkeys(e.clip for e in found.train))
        whole = recipe.data.standardize
        self.scale = measure(found.train, self.wanted, recipe.features, self.store) if whole else {}
        self.labels = dict(zip((e.id for e in found.train), found.labels(found.train), strict=True))
        torch.manual_seed(recipe.seed)
        net = trainee(recipe, found.vocabulary, self.cards)
        learns = optimizer(self.settings, net)
        self.steps_per_epoch = -(-len(self._epoch(0)) // accelerator.num_processes)
        self.steps = self.settings.epochs * self.steps_per_epoch
        self.step, self.optimizer = accelerator.prepare(Step(net), learns)
        self.schedule = LambdaLR(learns, factor(self.settings, self.steps_per_epoch))
        self.at = Position()
        self.cost: Cost | None = None
        self.clock = costs.Clock(accelerator.device)

    @property
    def net(self) -> nn.Module:
        return self.accelerator.unwrap_model(self.step).net

    def go(self) -> None:
        """Train to the end."""
        if self.main:
            files.start(self.run, self.recipe, self.questions.vocabulary, self.cards, self.scale)
            world.keep(self.run, self.pool, self.recipe.features, orders(self.net.watch), self.cards, self.store)
            within.write(self.run, (example.question for example in self.questions.train))
            for note in self.questions.notes:
                self.shown.say(note)
            if self.recipe.debias and (note := self.net.note(self.settings.optimizer)):
                self.shown.say(note)
        self.accelerator.wait_for_everyone()
        self._resume()
        self.log = Log(self.run, self.at.step, self.settings.report_to, asdict(self.recipe)) if self.main else None
        self._note(**({"notes": self.questions.notes} if self.questions.notes and not self.at.step else {}))
        self.began = time.perf_counter()
        self.since: list[dict[str, Tensor]] = []
        while self.at.step < self.steps:
            epoch, first = divmod(self.at.step, self.steps_per_epoch)
            line = self._epoch(epoch)
            mine = line[self.accelerator.process_index :: self.accelerator.num_processes]
            for index in range(first, self.steps_per_epoch):
                self._one(mine[index] if index < len(mine) else line[index])
            self._end_of_epoch(epoch)
        if self.main:
            self._keep_costs()
            files.finish(self.run)
            self.log.close()

    def _one(self, examples: Sequence[Example]) -> None:
        """One step on one batch."""
        self.step.train()
        torch.manual_seed(self._seed(1))
        streams = self._batch(examples).to(self.accelerator.device)
        if self.cost is None and self.main:
            net = self.net.net if self.recipe.debias else self.net
            self.cost = costs.before(self.recipe, net, streams, self.questions.vocabulary, self.cards, self.shown.say)
        self.clock.start()
        labels = torch.tensor([self.labels[e.id] for e in examples], device=self.accelerator.device)
        losses = self.step(streams, labels)
        self.accelerator.backward(torch.stack(list(losses.values())).sum())
        if self.recipe.debias:
            self.net.after_backward(self.at.step // self.steps_per_epoch)
        if self.settings.clip_norm:
            self.accelerator.clip_grad_norm_(self.step.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.schedule.step()
        self.clock.stop()
        self.at.step += 1
        self.since.append({n: v.detach() for n, v in losses.items()})
        last = self.at.step % self.steps_per_epoch == 0
        if self.at.step % LOG_EVERY == 0 or last:
            self._tell()
        if self.at.step % self.settings.checkpoint_every == 0 and not last:
            self._checkpoint()

    def _keep_costs(self) -> None:
        """Write and say what the run cost; one that went on from a checkpoint times its last part."""
        if self.cost is not None:
            told = costs.write(self.run, self.cost, self.clock)
            self.shown.say(f"{self.run}: {line(told)}.")

    def _tell(self) -> None:
        """Log the mean losses since the last line. Raises ModelError for a non-finite loss."""
        losses = {n: float(torch.stack([s[n] for s in self.since]).mean()) for n in self.since[0]}
        loss = sum(losses.values())
        if not torch.isfinite(torch.tensor(loss)):
            raise ModelError(
                f"The loss is {loss} at step {self.at.step} of {self.steps} ({losses}). Lower train.lr, or set "
                "train.clip_norm=1 and train.precision=no."
            )
        took = time.perf_counter() - self.began
        self.began = time.perf_counter()
        self.since.clear()
        self._note(
            epoch=(self.at.step - 1) // self.steps_per_epoch,
            lr=self.schedule.get_last_lr()[0],
            loss=loss,
            losses=losses,
            **({"balance": facts} if self.recipe.debias and (facts := self.net.facts()) else {}),
            seconds=round(took, 3),
        )
        self.shown.show("training", self.at.step, self.steps, f"loss {loss:.3f}  {self._best()}")

    def _end_of_epoch(self, epoch: int) -> None:
        """Validate, keep the best (ties go to the later epoch), checkpoint."""
        last = epoch + 1 == self.settings.epochs
        if self.main and (last or (epoch + 1) % self.settings.validate_every == 0):
            right, total = self._validate() if self.questions.val else (0, 0)
            score = 100 * right / total if total else 0.0
            if score >= self.at.best:
                self.at.best, self.at.best_epoch = score, epoch
                answers = self.net.net if self.recipe.debias and not self.net.stays else self.net
                files.save_weights(self.run / "checkpoint" / "best.safetensors", answers.state_dict())
            if total:
                self._note(epoch=epoch, val={"accuracy": score, "correct": right, "total": total})
            self.shown.show("training", self.at.step, self.steps, self._best())
        self._checkpoint()
        self.accelerator.wait_for_everyone()

    @torch.inference_mode()
    def _validate(self) -> tuple[int, int]:
        """(correct, total) on the validation questions, with each clip encoded once."""
        net = self.net.eval()
        wanted = [*orders(net.watch), *orders(net.answer)]
        right, sure, asked = 0, list[float](), list[Example]()
        for examples in batches(
            self.questions.val, 4 * self.settings.batch, max(1, self.settings.clips), torch.Generator()
        ):
            streams = self._batch(examples, wanted).to(self.accelerator.device)
            logits = among(says(net, streams).logits, streams.ask.get(OFFERED)).cpu()
            if self.recipe.data.options == "text":
                sure += logits.float().softmax(-1)[:, PAIRED.index(YES)].tolist()
                asked += examples
                continue
            right += int((logits.argmax(-1) == torch.tensor(self.questions.labels(examples))).sum())
        return right_pairs(sure, asked) if asked else (right, len(self.questions.val))

    def _epoch(self, epoch: int) -> list[list[Example]]:
        generator = torch.Generator().manual_seed(self.recipe.seed * 1_000_003 + epoch)
        return batches(self.questions.train, self.settings.batch, self.settings.clips, generator)

    def _batch(self, examples: Sequence[Example], wanted: Sequence[str] | None = None) -> Batch:
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
            generator=torch.Generator().manual_seed(self._seed(2)),
        )
        streams = with_options(
            streams,
            examples,
            self.questions.vocabulary,
            data.options,
            wanted is None,
            OFFERED in (wanted or self.wanted),
        )
        return scaled(streams, self.scale)

    def _seed(self, purpose: int) -> int:
        """A seed that depends on the run, step, process and purpose."""
        key = ((self.recipe.seed * 8 + purpose) * 4096 + self.accelerator.process_index) << 32
        return (key + self.at.step) % (1 << 63)

    def _checkpoint(self) -> None:
        if not self.main:
            return
        scaler = self.accelerator.scaler
        state = {
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": scaler.state_dict() if scaler else None,
            "position": asdict(self.at),
            "questions": self.questions.digest,
            "processes": self.accelerator.num_processes,
        }
        files.save_checkpoint(self.run, state)

    def _resume(self) -> None:
        state = files.load_checkpoint(self.run)
        if state is None:
            return
        if state["questions"] != self.questions.digest:
            raise ModelError(
                f"The training questions are not those that {str(self.run)!r} was started on. "
                "Name another folder with out=FOLDER, or delete that one."
            )
        files.check_processes(self.run, state["processes"], self.accelerator.num_processes)
        self.net.load_state_dict(state["net"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.at = Position(**state["position"])
        self.schedule.load_state_dict(state["schedule"])
        if state["scaler"] and self.accelerator.scaler:
            self.accelerator.scaler.load_state_dict(state["scaler"])
        self.shown.say(f"{self.run}: going on from step {self.at.step} of {self.steps}.")

    def _note(self, **facts: Any) -> None:
        if self.log is not None and facts:
            self.log.line(self.at.step, **facts)

    def _best(self) -> str:
        return f"best {self.at.best:.1f} %" if self.questions.val and self.at.best >= 0 else ""

    def _bytes(self, store: FeatureStore) -> float:
        """Estimated memory of the features of all clips in bytes, from the first clip."""
        one = self.questions.train[0]
        plain = [w for w in self.wanted if not w.endswith(NEGATIVE)]
        size = sum(t.nbytes for t in batch([one], plain, self.recipe.features, store, absent="blank").watch.values())
        return size * len({e.clip for e in [*self.questions.train, *self.questions.val]})
