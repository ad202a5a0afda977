"""Reinforcement learning on twins: the model's own replies, rewarded for correctness and for depending on the sound.

a step    families ─ watch, once a clip ─▶ `group` replies to each question of each clip ─ rewards ─▶ advantages
advantage = (reward - mean of the group)
its standard deviation
loss      = - mean over replies of  min(r · A, clip(r, 1 ± clip) · A) + kl · divergence,  r token by token

Group-relative policy optimisation (Shao et al. 2024) with one addition. The same question about the clips of a family
is sampled with the *same random numbers*, so that replies can be compared one by one: a difference between the replies
to a clip and its twin is caused by the difference of the clips. Clips with equal model inputs are sampled once, so a
model that cannot hear gets equal replies about a sound and its twin, equal causal rewards, and no gradient.

Equal replies of a group are evaluated once, and groups with equal rewards not at all.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from lookhear import config, tasks
from lookhear.errors import RecipeError
from lookhear.llms import Prepared
from lookhear.train import families, rewards
from lookhear.train.families import Family
from lookhear.train.rewards import TwinReply
from lookhear.train.straight import Run, opened
from lookhear.types import Example, Reply

Rollout = tuple[str, str, tuple[int, ...]]  # clip by the hash of its model inputs, prompt, tokens of a reply


@dataclass
class Rolled:
    """The samples of a step: each example's replies, and the clips by the hash of their model inputs."""

    media: dict[str, Prepared] = field(default_factory=dict)
    replies: list[tuple[Example, str, str, list[Reply]]] = field(default_factory=list)  # example, clip, prompt, group


def train(recipe: config.LLMRecipe, progress: bool = True) -> Path:
    """Train the model of `recipe` and return its run folder; resumes an interrupted run."""
    settings = replace(recipe.reinforce, rewards=recipe.reinforce.rewards or {"answer": 1.0})
    rewards.check(settings.rewards)
    for name in ("group", "max_tokens", "updates"):
        least = 2 if name == "group" else 1
        if getattr(settings, name) < least:
            raise RecipeError(f"reinforce.{name}={getattr(settings, name)}: must be {least} or more.")
    if settings.temperature <= 0 or not 0 < settings.clip < 1 or settings.kl < 0:
        raise RecipeError("reinforce: temperature is above 0, clip between 0 and 1, kl 0 or more.")
    with opened(recipe, progress) as run:
        if run is not None:
            _train(run, settings)
    return Path(recipe.out or "runs/llm")


def _train(run: Run, settings: config.Reinforce) -> None:
    pool = families.read(run.recipe, settings.deaf)
    if settings.rewards.get("causal") and not any(len(some) > 1 for f in pool for some in f.asked.values()):
        raise RecipeError(
            "The causal reward needs twins: learn from soundstage@twins, or from soundstage@twins_evidence."
        )
    start = run.start(
        families.digest(pool), {n: p.detach().clone() for n, p in run.learning.items()} if settings.kl else {}
    )
    while not run.ended:
        clock = [time.perf_counter()]
        waited = run.clips.waited
        rolled = roll(run, settings, [pool[place] for place in run.draw(len(pool))])
        clock.append(time.perf_counter())
        advantages, facts = judged(rolled, settings)
        clock.append(time.perf_counter())
        facts["loss"] = learn(run, settings, rolled, advantages, start)
        clock.append(time.perf_counter())
        took = clock[-1] - clock[0]
        for name, (began, ended) in zip(("rollout", "reward", "update"), pairwise(clock), strict=True):
            facts[f"share_{name}"] = (ended - began) / took
        facts["share_decode"] = (run.clips.waited - waited) / took  # share of the rollout's time
        run.done(**facts, rollouts_per_second=facts["rollouts"] / took, lr=run.settings.lr * run.rate(run.step))
    run.finish({e.task for family in pool for some in family.asked.values() for e in some})


def roll(run: Run, settings: config.Reinforce, some: Sequence[Family]) -> Rolled:
    """Sample replies to `train.asks` questions of each family, preferring questions whose answer a twin changes."""
    rolled, wanted = Rolled(), list[tuple[Example, str, str, Tensor]]()
    for family in some:
        rng = Random(f"{run.recipe.seed} {run.step} {family.base}")
        pairs = rng.sample(sorted(family.asked), len(family.asked))
        pairs.sort(key=lambda p: all(e.meta.get("must") != "change" for e in family.asked[p]))
        for pair in pairs[: run.settings.asks]:
            draws = _draws(f"{run.recipe.seed} {run.step} {pair}", settings)
            for example in family.asked[pair]:
                clip = run.media(example.clip)
                if clip is not None:
                    key = _fingerprint(clip)
                    rolled.media.setdefault(key, clip)
                    wanted.append((example, key, tasks.find(example.task).prompt(example), draws))
    if not wanted:
        return rolled
    rows = {key: i for i, key in enumerate(rolled.media)}
    seen = run.llm.watch(list(rolled.media.values()))
    once = {(key, prompt, example.meta.get("pair", example.id)): draws for example, key, prompt, draws in wanted}
    every = [one for one in once for _ in range(settings.group)]
    said = run.llm.sample(
        seen, [rows[key] for key, _, _ in every], [prompt for _, prompt, _ in every], torch.cat(list(once.values())),
        settings.temperature,
    )  # fmt: skip
    groups = {one: said[i * settings.group : (i + 1) * settings.group] for i, one in enumerate(once)}
    for example, key, prompt, _ in wanted:
        rolled.replies.append((example, key, prompt, groups[key, prompt, example.meta.get("pair", example.id)]))
    return rolled


def judged(rolled: Rolled, settings: config.Reinforce) -> tuple[list[tuple[Rollout, float]], dict[str, float]]:
    """(replies with their non-zero advantages, means of all rewards)."""
    families_of: dict[str, list[tuple[Example, list[Reply]]]] = {}
    for example, _, _, group in rolled.replies:
        families_of.setdefault(str(example.meta.get("pair", example.id)), []).append((example, group))
    kept: list[tuple[Rollout, float]] = []
    sums = dict.fromkeys(settings.rewards, 0.0)
    signal = 0
    for example, clip, prompt, group in rolled.replies:
        beside = families_of[str(example.meta.get("pair", example.id))]
        values = []
        for k, reply in enumerate(group):
            others = _others(example, beside, k)
            points = {name: rewards.REWARDS[name](example, reply.text, others) for name in settings.rewards}
            sums = {name: sums[name] + points[name] for name in sums}
            values.append(sum(settings.rewards[name] * value for name, value in points.items()))
        spread = torch.tensor(values, dtype=torch.float64)
        if float(spread.max() - spread.min()) < 1e-9:
            gains = [0.0] * len(group)
        else:
            signal += 1
            gains = ((spread - spread.mean()) / (spread.std() + 1e-6)).tolist()
        kept += [((clip, prompt, r.tokens), a) for r, a in zip(group, gains, strict=True) if a or settings.kl]
    count = sum(len(group) for *_, group in rolled.replies)
    means = {name: value / max(count, 1) for name, value in sums.items()}
    return kept, means | {"signal": signal / max(len(rolled.replies), 1), "rollouts": float(count)}


def learn(
    run: Run,
    settings: config.Reinforce,
    rolled: Rolled,
    advantages: Sequence[tuple[Rollout, float]],
    start: Mapping[str, Tensor],
) -> float:
    """Optimizer steps on replies and their advantages; returns the loss of the last step."""
    weights: dict[Rollout, list[float]] = {}
    for said, advantage in advantages:
        weights.setdefault(said, []).append(advantage)
    if not weights:
        return 0.0  # all rewards are equal: no gradient and no step
    clips = list(dict.fromkeys(clip for clip, _, _ in weights))
    asks = [[(prompt, tokens) for c, prompt, tokens in weights if c == clip] for clip in clips]
    media = [rolled.media[clip] for clip in clips]
    gains = [[torch.tensor(weights[clip, *ask]) for ask in some] for clip, some in zip(clips, asks, strict=True)]
    count = sum(len(group) for *_, group in rolled.replies)
    old: list[list[Tensor]] = []
    reference = []
    if settings.kl:
        with torch.no_grad(), _as_at_start(run, start):
            reference = run.llm.logprobs(media, asks)
    loss = torch.zeros(())
    for _ in range(settings.updates):
        now = run.llm.logprobs(media, asks)
        old = old or [[one.detach() for one in some] for some in now]
        loss = torch.zeros((), device=now[0][0].device)
        for i, some in enumerate(now):
            for j, logprob in enumerate(some):
                ratio = (logprob - old[i][j]).exp()[None]
                gain = gains[i][j].to(logprob)[:, None]  # one row for each time the reply was sampled
                surrogate = torch.minimum(ratio * gain, ratio.clamp(1 - settings.clip, 1 + settings.clip) * gain)
                loss = loss - surrogate.mean(1).sum() / count
                if settings.kl:
                    apart = reference[i][j] - logprob
                    loss = loss + settings.kl * len(gain) * (apart.exp() - apart - 1).mean() / count
        loss.backward()
        run.update()
    return float(loss.detach())


def _others(example: Example, beside: Sequence[tuple[Example, list[Reply]]], k: int) -> list[TwinReply]:
    """The `k`-th replies to the same question: for a clip those about its twins, for a twin the one about the clip."""
    if not example.meta.get("twin"):
        return [TwinReply(str(e.meta["must"]), group[k].text) for e, group in beside if e.meta.get("twin")]
    must = str(example.meta["must"])
    return [TwinReply(must, group[k].text) for e, group in beside if not e.meta.get("twin")]


def _draws(words: str, settings: config.Reinforce) -> Tensor:
    """Random numbers in 0..1 (group, token), which depend only on `words`."""
    seed = int.from_bytes(hashlib.sha256(words.encode()).digest()[:7], "big")
    return torch.rand(settings.group, settings.max_tokens, generator=torch.Generator().manual_seed(seed))


def _fingerprint(clip: Prepared) -> str:
    """Equal for clips with equal model inputs."""
    made = hashlib.sha256()
    for name, value in sorted(clip.items()):
        made.update(name.encode())
        made.update(value.numpy().tobytes() if torch.is_tensor(value) else repr(value).encode())
    return made.hexdigest()


@contextmanager
def _as_at_start(run: Run, start: Mapping[str, Tensor]) -> Iterator[None]:
    """Context manager: the model with its initial weights."""
    now: dict[str, Any] = {name: tensor.detach().clone() for name, tensor in run.learning.items()}
    try:
        for name, tensor in run.learning.items():
            tensor.data.copy_(start[name])
        yield
    finally:
        for name, tensor in run.learning.items():
            tensor.data.copy_(now[name])
