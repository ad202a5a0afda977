"""Training loop of language models: stage `align` (connectors), then stage `instruct` (adapters and connectors).

    sampler ─▶ clips of a step ─ split over processes and parts ─▶ llm.loss ─▶ mean over all target tokens
                                └ a blank clip for a missing modality (see batches.py) ┘

A step does not depend on the number of processes: each clip is weighted by its target tokens. Random numbers depend
only on the recipe's seed and the step, so an interrupted and resumed run ends with the same weights.

Run folder: recipe.yaml, log.jsonl, adapter/ (PEFT, with the connectors) or connectors.safetensors, lookhear.json (the
base model). `model.load` reads it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import load_file
from torch import Tensor, nn

from lookhear import checkpoints, config, llms
from lookhear.errors import RecipeError
from lookhear.files import json_lines
from lookhear.layers.casting import cast
from lookhear.llms import Prepared, Trainable
from lookhear.progress import Bars
from lookhear.train import engines, files, lessons, outcome
from lookhear.train.batches import Batches
from lookhear.train.estimate import Estimate, estimate, tokens_of
from lookhear.train.learners import check, model_of, named
from lookhear.train.lessons import Ask, Curriculum, Lesson, Truth
from lookhear.train.meter import Meter
from lookhear.train.prepared import Clips, size
from lookhear.train.runner import Runner, claimed, put_back
from lookhear.train.schedule import warmed
from lookhear.train.validation import Best, losses

LOG_EVERY = 5  # steps
SHARDED = engines.SHARDED


class Step(nn.Module):
    """Model and loss as one module, so that gradients are synchronised once per step under any engine."""

    def __init__(self, llm: Trainable):
        super().__init__()
        self.llm, self.model = llm, llm.model

    def forward(
        self, clips: Sequence[Prepared], asks: Sequence[Sequence[Ask]], masks: Sequence[Sequence[Truth]] | None = None
    ) -> Tensor:
        """Mean loss over the target tokens of some clips; with `masks` plus the mask loss."""
        if masks is None:
            return self.llm.loss(clips, asks)
        return self.llm.loss(clips, asks, masks)


def train(recipe: config.LLMRecipe, progress: bool = True) -> Path:
    """Train a language model from `recipe` and return its run folder; resumes an interrupted run."""
    check(recipe)
    if recipe.stage not in ("align", "instruct"):
        raise RecipeError(
            f"Stage {recipe.stage} has a loop of its own: lookhear train, or lookhear.train.{recipe.stage}."
        )
    run, settings = Path(recipe.out or "runs/llm"), recipe.train
    accelerator = engines.accelerator(settings)
    with claimed(recipe, run, "lookhear.json", main=accelerator.is_main_process, progress=progress) as shown:
        if shown is not None:
            accelerator.wait_for_everyone()
            _Run(replace(recipe, out=str(run)), run, accelerator, shown).go()
    return run


class _Run:
    """State of a training run."""

    def __init__(self, recipe: config.LLMRecipe, folder: Path, accelerator: Accelerator, shown: Bars):
        self.recipe, self.settings, self.folder = recipe, recipe.train, folder
        self.accelerator, self.shown, self.main = accelerator, shown, accelerator.is_main_process
        self.draws = llms.of(named(recipe)[0]).masked
        self.curriculum: Curriculum = lessons.read(recipe, self.draws)
        masked = any(one.masks for some in self.curriculum.lessons.values() for one in some)
        self.llm = model_of(recipe, draws=masked)
        self.sharded = any(kind in str(accelerator.distributed_type) for kind in SHARDED)
        if self.sharded:  # sharded parameters must have one dtype
            cast(self.llm.model, next(self.llm.model.parameters()).dtype)
        self.clips = Clips(self.llm, workers=self.settings.workers, folder=self.settings.prepared)
        self.batches = Batches(self.llm, self.curriculum, recipe, self.clips, accelerator)
        self.settings = replace(self.settings, steps=self.batches.steps(self.settings))
        self.held = lessons.read(recipe, self.draws, validating=True) if self.settings.val_every else None
        self.learning = {n: p for n, p in self.llm.model.named_parameters() if p.requires_grad}
        self.estimate = self._estimate()
        engines.settle(accelerator, self.settings, self.llm.model)
        optimizer = torch.optim.AdamW(
            self.learning.values(), lr=self.settings.lr, weight_decay=self.settings.weight_decay
        )
        self.step, self.optimizer = accelerator.prepare(Step(self.llm), optimizer)
        if self.sharded:  # FSDP has replaced the parameters
            self.learning = {n: p for n, p in self.llm.model.named_parameters() if p.requires_grad}
        self.rate = warmed(self.settings)
        self.best = Best()
        processes, digest = accelerator.num_processes, self.curriculum.digest
        self.run = Runner(recipe, folder, shown, self.settings.steps, digest, processes, self.main)

    def go(self) -> None:
        """Train to the end."""
        run = self.run
        if self.main:
            files.tell(self.folder, self.recipe)
            for note in (*self.curriculum.notes, str(self.estimate)):
                self.shown.say(note)
        self.accelerator.wait_for_everyone()
        run.begin(self._put_back)
        if not run.step:
            counted = {"all": sum(p.numel() for p in self.llm.model.parameters())}
            counted["learning"] = sum(p.numel() for p in self.learning.values())
            run.note(
                engine=str(self.accelerator.distributed_type),
                tasks=self.batches.sizes,
                weights=counted,
                notes=self.curriculum.notes,
                estimate=self.estimate.to_json(),
            )
        self.meter = Meter(self.clips, self.estimate)
        self.step.train()
        try:
            while not run.ended and not self._enough():
                self._train_step()
                if run.due(LOG_EVERY):
                    self._log_losses()
                if self.settings.val_every and run.due(self.settings.val_every):
                    self._validate()
                if run.due(self.settings.checkpoint_every) and not run.ended:
                    self._checkpoint()
        finally:
            self.clips.close()
        self._finish()

    def _train_step(self) -> None:
        """One step."""
        at = self.run.step
        drawn = self.batches.next(at)
        parts = self.settings.accumulate
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.lr * self.rate(at)
        total = torch.zeros((), device=self.accelerator.device)
        for number, part in enumerate(self.batches.parts(drawn)):
            torch.manual_seed((self.recipe.seed * 4096 + self.accelerator.process_index) * 10**6 + at * parts + number)
            with self.accelerator.accumulate(self.step):
                loss = self.step(part.clips, part.asks, part.masks if part.masked else None) * part.share
                self.accelerator.backward(loss * parts)  # Accelerate divides by the number of parts
                if self.accelerator.sync_gradients and self.settings.clip_norm and not engines.clips(self.accelerator):
                    self.accelerator.clip_grad_norm_(self.step.parameters(), self.settings.clip_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
            total += loss.detach()
        self.run.step += 1
        self.meter.step(total, len(drawn), sum(one.tokens for one in drawn))

    def _estimate(self) -> Estimate:
        """Estimate the run's resources. Raises ModelError if they are not available."""
        firsts = [one for some in self.curriculum.lessons.values() for one in some[:1]]
        read = [clip for one in firsts if (clip := self.clips.get(one)) is not None]
        longest = max((tokens_of(self.llm, clip) for clip in read), default=0)
        targets = [len(self.batches.tokens(t)) + 24 for one in firsts for _, t in one.asks[: self.settings.asks]]
        row = longest + self.settings.asks * max(targets, default=0)
        processes = self.accelerator.num_processes
        at_once = math.ceil(self.settings.batch / (self.settings.accumulate * processes))
        needs = estimate(
            self.llm.model, row * self.settings.batch, row * at_once, self.settings.steps, self.folder,
            clips=sum(self.batches.sizes.values()) if self.settings.prepared else 0,
            clip_bytes=max(map(size, read), default=0.0),
            checkpointing=self.settings.checkpointing, processes=processes,
        )  # fmt: skip
        if self.settings.check_memory:
            needs.check()
        return needs

    def _log_losses(self) -> None:
        """Log the mean loss since the last line. Raises ModelError for a non-finite loss."""
        loss = float(self.accelerator.reduce(self.meter.loss(), "mean"))
        self.run.finite({"The loss": loss})
        self.run.note(loss=loss, lr=self.settings.lr * self.rate(self.run.step - 1), **self.meter.facts())
        self.run.show(f"loss {loss:.3f}")

    def _validate(self) -> None:
        """Compute validation losses, equal in every process, and keep the best weights."""
        self.step.eval()
        per_task = losses(self.held.lessons, self._held_loss)  # type: ignore[union-attr]
        self.step.train()
        self.meter.pause()
        if per_task and self.best.better(self.run.step, per_task):
            weights = engines.weights(self.accelerator, self.step, self.learning)
            if self.main:
                checkpoints.save(weights, self.folder / "checkpoint" / "best.safetensors")
        self.run.note(val={"loss": per_task, "mean": sum(per_task.values()) / max(1, len(per_task))})
        self.accelerator.wait_for_everyone()

    def _held_loss(self, lesson: Lesson) -> Tensor | None:
        asks = list(lesson.asks[: self.settings.asks])
        masks = [list(lesson.masks[: len(asks)])] if lesson.masks else [[None] * len(asks)]
        clip = self.clips.get(lesson)
        return None if clip is None else self.step([clip], [asks], masks if lesson.masks else None)

    def _enough(self) -> bool:
        """Whether early stopping applies (see `train.patience`)."""
        return bool(self.settings.patience) and self.best.stale >= self.settings.patience

    def _checkpoint(self) -> None:
        """Write a checkpoint: one file, or one part per process for sharded models.

        The parts go to a folder of their own, and the last ones stay until the file that names the new ones is whole.
        """
        state: dict[str, Any] = {"sampler": self.batches.state(), "best": self.best.state()}
        parts = self.folder / "checkpoint" / f"shards-{self.run.step}"
        if self.sharded:
            engines.save(self.accelerator, parts)
            state["shards"] = parts.name
        else:
            scaler = self.accelerator.scaler
            state |= {"model": {n: p.detach() for n, p in self.learning.items()}}
            state |= {"optimizer": self.optimizer.state_dict(), "scaler": scaler.state_dict() if scaler else None}
        self.run.checkpoint(state)
        self.accelerator.wait_for_everyone()
        if self.main:
            for old in (self.folder / "checkpoint").glob("shards-*"):
                if old != parts:
                    files.drop(old)

    def _put_back(self, state: Mapping[str, Any]) -> None:
        if self.sharded:
            engines.load(self.accelerator, self.folder / "checkpoint" / state["shards"])
        else:
            put_back(self.learning, state["model"])
            files.restore(self.optimizer, state["optimizer"])
            if state["scaler"] and self.accelerator.scaler:
                self.accelerator.scaler.load_state_dict(state["scaler"])
        self.batches.restore(state["sampler"])
        self.best = Best(**state["best"])

    def _finish(self) -> None:
        """Write the trained weights: the best ones if there was validation, else the last."""
        weights = engines.weights(self.accelerator, self.step, self.learning)
        if not self.main:
            return
        best = self.folder / "checkpoint" / "best.safetensors"
        if best.is_file():
            weights = load_file(best)
            self.shown.say(f"kept: step {self.best.step}, validation loss {self.best.loss:.4f}")
        if note := self.clips.note():
            self.shown.say(note)
        outcome.save(self.folder, self.recipe, self.llm, weights, self.curriculum.tasks)
        self.run.close()


def curve(run: Path) -> Mapping[int, float]:
    """Step -> loss, from the log of a run."""
    lines = json_lines(run / "log.jsonl")
    return {line["step"]: line["loss"] for line in lines if "loss" in line}
