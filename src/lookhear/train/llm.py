"""Training a language model: connectors first (`align`), then adapters and connectors on all tasks (`instruct`).

    sampler ─▶ clips of a step ─ shared out over processes and parts ─▶ llm.loss ─▶ mean over all target tokens
                                └ a blank clip where a part lacks what others may have ┘

A step is the same whatever the number of processes: each clip is weighed by its target tokens. What is random in it
follows from the recipe's seed and the step's number, so a run that was killed and one that was not end alike.
Processes that share a model out (FSDP, DeepSpeed) wait for one another in every layer; a part without sound, say, would
let its process pass by the audio tower and all stand still. So a clip that asks nothing, black and silent, stands in.

Run folder: recipe.yaml, log.jsonl, adapter/ (PEFT, with the connectors) or connectors.safetensors, lookhear.json (the
base they belong to). `model.load` reads it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from accelerate import Accelerator, DistributedDataParallelKwargs
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from lookhear import config
from lookhear.errors import ModelError
from lookhear.files import write_json
from lookhear.llms import LLM, Prepared
from lookhear.progress import Bars, bars
from lookhear.train import files, lessons
from lookhear.train.learners import check, method_of, model_of
from lookhear.train.lessons import Ask, Clips, Curriculum, Lesson
from lookhear.train.log import Log
from lookhear.train.sampler import Sampler

LOG_EVERY = 5  # steps
SHARDED = ("FSDP", "DEEPSPEED", "MEGATRON_LM")


class Step(nn.Module):
    """The model and its loss as one module, so that gradients are exchanged once a step under any engine."""

    def __init__(self, llm: LLM):
        super().__init__()
        self.llm, self.model = llm, llm.model

    def forward(self, clips: Sequence[Prepared], asks: Sequence[Sequence[Ask]]) -> Tensor:
        """Mean loss of the target tokens of some clips."""
        return self.llm.loss(clips, asks)


def train(recipe: config.LLMRecipe, progress: bool = True) -> Path:
    """Train what `recipe` says and return its run folder; goes on where an interrupted run of it stopped."""
    check(recipe)
    run, settings = Path(recipe.out or "runs/llm"), recipe.train
    accelerator = Accelerator(
        mixed_precision=settings.precision,
        gradient_accumulation_steps=settings.accumulate,
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=False)],
    )
    main = accelerator.is_main_process
    with files.writing(run, main), bars(quiet=not (progress and main)) as shown:
        if files.claim(recipe, run, "lookhear.json"):
            shown.say(f"{run} is trained already.")
            return run
        accelerator.wait_for_everyone()
        _Run(replace(recipe, out=str(run)), run, accelerator, shown).go()
    return run


def factor(settings: config.Tuning) -> Callable[[int], float]:
    """Step (from 0) -> what the learning rate is multiplied by: up in a straight line, then half a cosine to zero."""
    warm = math.ceil(settings.warmup * settings.steps)

    def at(step: int) -> float:
        if step < warm:
            return (step + 1) / warm
        if settings.schedule == "constant":
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warm) / max(1, settings.steps - warm))))

    return at


class _Run:
    """Everything a run holds while it goes."""

    def __init__(self, recipe: config.LLMRecipe, run: Path, accelerator: Accelerator, shown: Bars):
        self.recipe, self.settings, self.run = recipe, recipe.train, run
        self.accelerator, self.shown, self.main = accelerator, shown, accelerator.is_main_process
        self.curriculum: Curriculum = lessons.read(recipe)
        self.sizes = {task: len(some) for task, some in self.curriculum.lessons.items()}
        if self.settings.epochs:
            rounds = math.ceil(self.settings.epochs * sum(self.sizes.values()) / self.settings.batch)
            self.settings = replace(self.settings, steps=rounds)
        weights = {task: wanted.weight for task, wanted in recipe.tasks.items()}
        self.sampler = Sampler(
            self.sizes, self.settings.batch, recipe.mix, recipe.temperature, weights, seed=recipe.seed
        )
        self.llm = model_of(recipe)
        self.sharded = any(kind in str(accelerator.distributed_type) for kind in SHARDED)
        if self.sharded:  # what is shared out together has to be of one precision
            self.llm.model.to(next(self.llm.model.parameters()).dtype)
        self.clips = Clips(self.llm)
        self.learning = {n: p for n, p in self.llm.model.named_parameters() if p.requires_grad}
        optimizer = torch.optim.AdamW(
            self.learning.values(), lr=self.settings.lr, weight_decay=self.settings.weight_decay
        )
        self.step, self.optimizer = accelerator.prepare(Step(self.llm), optimizer)
        self.schedule = LambdaLR(self.optimizer.optimizer, factor(self.settings))
        self.blanks = self._blanks()
        self.at = 0

    def go(self) -> None:
        """From where the run stands to its end."""
        if self.main:
            files.tell(self.run, self.recipe)
            for note in self.curriculum.notes:
                self.shown.say(note)
        self.accelerator.wait_for_everyone()
        self._resume()
        self.log = Log(self.run, self.at) if self.main else None
        if self.log and not self.at:
            counted = {"all": sum(p.numel() for p in self.llm.model.parameters())}
            counted["learning"] = sum(p.numel() for p in self.learning.values())
            self.log.line(0, tasks=self.sizes, weights=counted, notes=self.curriculum.notes)
        self.began, self.since = time.perf_counter(), []
        self.step.train()
        while self.at < self.settings.steps:
            self._one()
            last = self.at == self.settings.steps
            if self.at % LOG_EVERY == 0 or last:
                self._tell()
            if self.at % self.settings.checkpoint_every == 0 and not last:
                self._checkpoint()
        self._finish()

    def _one(self) -> None:
        """One step."""
        drawn = [self.curriculum.lessons[task][place] for task, place in self.sampler.next()]
        asked = [
            one.some(Random(f"{self.recipe.seed} {self.at} {k}"), self.settings.asks) for k, one in enumerate(drawn)
        ]
        tokens = [sum(len(self._tokens(target)) for _, target in some) for some in asked]
        processes, parts = self.accelerator.num_processes, self.settings.accumulate
        told = torch.zeros((), device=self.accelerator.device)
        for part in range(parts):
            mine = range(part * processes + self.accelerator.process_index, len(drawn), parts * processes)
            clips, asks, count = self._given(
                [drawn[k] for k in mine], [asked[k] for k in mine], [tokens[k] for k in mine]
            )
            share = count / sum(tokens) * processes
            torch.manual_seed(
                (self.recipe.seed * 4096 + self.accelerator.process_index) * 10**6 + self.at * parts + part
            )
            with self.accelerator.accumulate(self.step):
                loss = self.step(clips, asks) * share
                self.accelerator.backward(loss * parts)  # which it divides by the number of parts
                if self.accelerator.sync_gradients and self.settings.clip_norm:
                    self.accelerator.clip_grad_norm_(self.step.parameters(), self.settings.clip_norm)
                self.optimizer.step()
                self.optimizer.zero_grad()
            told += loss.detach()
        self.schedule.step()
        self.at += 1
        self.since.append(told)

    def _given(
        self, drawn: Sequence[Lesson], asked: Sequence[list[Ask]], tokens: Sequence[int]
    ) -> tuple[list[Prepared], list[list[Ask]], int]:
        """Clips and questions of a part, and its target tokens; blanks stand in for what it lacks."""
        read = [self.clips.get(one) for one in drawn]
        kept = [k for k, one in enumerate(read) if one is not None]
        clips, asks = [read[k] for k in kept], [asked[k] for k in kept]
        count = sum(tokens[k] for k in kept)
        there = {name for one in clips for name in one}
        for blank in self.blanks if self.accelerator.num_processes > 1 or not clips else ():
            if not set(blank) <= there:
                clips.append(blank)
                asks.append([] if count else [("", "nothing")])  # of weight 0: every loss needs a token
        return clips, asks, count

    def _blanks(self) -> list[Prepared]:
        """A blank video, and a blank still where the first clip of some task is one."""
        blanks = [lessons.blank(self.llm)]
        firsts = [self.clips.get(some[0]) for some in self.curriculum.lessons.values()]
        if any(one is not None and "pixel_values" in one for one in firsts):
            blanks.append(lessons.blank(self.llm, still=True))
        return blanks

    def _tokens(self, target: str) -> Sequence[int]:
        """The target as tokens, with the one that ends it."""
        own = getattr(self.llm, "reply", None)
        return own(target) if own else self.llm.tokens([[("", target)]])[0][0][1]

    def _tell(self) -> None:
        """Log the mean loss since last time; a loss that is no number ends the run."""
        loss = float(self.accelerator.reduce(torch.stack(self.since).mean(), "mean"))
        if not math.isfinite(loss):
            raise ModelError(
                f"The loss is {loss} at step {self.at} of {self.settings.steps}. Lower train.lr, or set "
                "train.clip_norm=1 and train.precision=no."
            )
        seconds, self.began, self.since = time.perf_counter() - self.began, time.perf_counter(), []
        if self.log:
            self.log.line(self.at, loss=loss, lr=self.schedule.get_last_lr()[0], seconds=round(seconds, 3))
        self.shown.show("training", self.at, self.settings.steps, f"loss {loss:.3f}")

    def _checkpoint(self) -> None:
        """What an interrupted run goes on from: one file, or where the model is shared out, each process's part."""
        state: dict[str, Any] = {
            "step": self.at,
            "sampler": self.sampler.state(),
            "schedule": self.schedule.state_dict(),
            "lessons": self.curriculum.digest,
            "processes": self.accelerator.num_processes,
        }
        if self.sharded:
            self.accelerator.save_state(str(self.run / "checkpoint" / "shards"))
        else:
            scaler = self.accelerator.scaler
            state |= {"model": {n: p.detach() for n, p in self.learning.items()}}
            state |= {"optimizer": self.optimizer.state_dict(), "scaler": scaler.state_dict() if scaler else None}
        if self.main:
            files.save_checkpoint(self.run, state)
        self.accelerator.wait_for_everyone()

    def _resume(self) -> None:
        state = files.load_checkpoint(self.run)
        if state is None:
            return
        if state["lessons"] != self.curriculum.digest:
            raise ModelError(
                f"The lessons are not those that {str(self.run)!r} was started on. "
                "Name another folder with out=FOLDER, or delete that one."
            )
        files.check_processes(self.run, state["processes"], self.accelerator.num_processes)
        if self.sharded:
            self.accelerator.load_state(str(self.run / "checkpoint" / "shards"))
        else:
            with torch.no_grad():
                for name, tensor in self.learning.items():
                    tensor.copy_(state["model"][name])
            self.optimizer.load_state_dict(state["optimizer"])
            if state["scaler"] and self.accelerator.scaler:
                self.accelerator.scaler.load_state_dict(state["scaler"])
        self.sampler.restore(state["sampler"])
        self.schedule.load_state_dict(state["schedule"])
        self.at = int(state["step"])
        self.shown.say(f"{self.run}: going on from step {self.at} of {self.settings.steps}.")

    def _finish(self) -> None:
        """Write what was learned; the card goes last: where it is, the rest is."""
        whole = self.accelerator.get_state_dict(self.step) if self.sharded else None
        if not self.main:
            return
        if self.clips.failed:
            name, why = next(iter(self.clips.failed.items()))
            self.shown.say(
                f"{len(self.clips.failed)} clips could not be read and were passed by. The first: {name}: {why}"
            )
        model = self.llm.model
        if whole is not None:
            whole = {name.removeprefix("model."): tensor for name, tensor in whole.items()}
        if method_of(self.recipe) == "none":
            kept = {n: (whole or self.learning)[n] for n in self.learning}
            files.save_weights(self.run / "connectors.safetensors", kept)
        else:
            model.save_pretrained(self.run / "adapter", **({"state_dict": whole} if whole else {}))
        told = {"llm": self.recipe.llm["name"], "base": str(self.recipe.llm.get("where", ""))}
        write_json(self.run / "lookhear.json", told)
        files.drop(self.run / "checkpoint")
        if self.log:
            self.log.close()


def curve(run: Path) -> Mapping[int, float]:
    """Step -> loss, as a run's log tells."""
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()]
    return {line["step"]: line["loss"] for line in lines if "loss" in line}
