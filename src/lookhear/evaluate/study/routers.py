"""Router analysis of I-LoRA: weights by head, layer, module, task and token type, and similarity of heads.

    with recorded(llm) as record: llm.answer(…)
    record.means(phase="decode", modality="audio") ─▶ layer ─▶ (head,)      record.examples() ─▶ (example, layer, head)
    alike(llm.model) ─▶ layer ─▶ (head, head) cosines

Crab+ (2026) figures 7 to 9: weights of tasks against each other, how much each head is used, which tasks prefer it, how
alike the flattened B are, over all and by depth. Its text does not say over which tokens it averages, and Crab's code
keeps those of generation alone: `phase` is `prefill` (what is read), `decode` (what is said) or `all`, `modality` one
of `text`, `video` and `audio`, or `all`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lookhear.errors import ModelError, RecipeError
from lookhear.ilora import method as ilora

PHASES = ("prefill", "decode")
MODALITIES = ("text", "video", "audio")
PLACE = re.compile(r"layers\.(\d+)\.(?:\w+\.)*(\w+)$|blocks\.(\d+)\.(?:\w+\.)*(\w+)$")


@dataclass
class Call:
    """One pass through the model: which phase, tokens counted (row, modality), routes summed (row, modality, head)."""

    phase: str
    counts: np.ndarray
    sums: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Record:
    """What routers did, call by call. A tower's layers, whose tokens are no rows of a batch, are not recorded."""

    calls: list[Call] = field(default_factory=list)

    def means(self, phase: str = "all", modality: str = "all") -> dict[str, np.ndarray]:
        """Layer -> mean weight of each head over the tokens of that phase and kind; empty where there were none."""
        wanted, kinds = _phases(phase), _modalities(modality)
        found: dict[str, np.ndarray] = {}
        total = 0.0
        for call in self.calls:
            if call.phase in wanted:
                total += float(call.counts[:, kinds].sum())
                for name, sums in call.sums.items():
                    found[name] = found.get(name, 0) + sums[:, kinds].sum(axis=(0, 1))
        return {name: sums / total for name, sums in found.items()} if total else {}

    def examples(self, phase: str = "all", modality: str = "all") -> np.ndarray:
        """(example, layer, head) mean weights of every row of every batch that was read or answered.

        A batch begins with a pass over several tokens; passes over one token go on with it.
        """
        wanted, kinds = _phases(phase), _modalities(modality)
        batches: list[list[Call]] = []
        for call in self.calls:
            if call.phase == "prefill" or not batches:
                batches.append([])
            batches[-1].append(call)
        rows = []
        for batch in batches:
            some = [call for call in batch if call.phase in wanted]
            if not some:
                continue
            count = np.sum([call.counts[:, kinds].sum(axis=1) for call in some], axis=0)
            per_call = [np.stack([s[:, kinds].sum(axis=1) for s in call.sums.values()], axis=1) for call in some]
            sums = np.sum(per_call, axis=0)
            kept = count > 0
            rows.append(sums[kept] / count[kept][:, None, None])
        return np.concatenate(rows) if rows else np.zeros((0, 0, 0))


@contextmanager
def recorded(llm: Any) -> Iterator[Record]:
    """Record the routers of a language model's adapters for a while.

    `llm` is any of `llms/`: its `base.model` takes `input_ids`, and `places` names the tokens that stand for media.
    Raises ModelError where the model has no I-LoRA.
    """
    layers = {name: layer for name, layer in ilora.layers(llm.model).items() if "language_model" in name}
    layers = layers or ilora.layers(llm.model)
    if not layers:
        raise ModelError(f"{llm.name} has no I-LoRA adapters, so there are no routers to look at.")
    record, state = Record(), _Now()

    def before(_: nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        ids = given.get("input_ids", args[0] if args else None)
        mask = given.get("attention_mask")
        if ids is None:
            raise ModelError("Routers can be told apart by kind of token only where the model is given tokens.")
        state.begin(record, ids, mask, getattr(llm, "places", {}))

    def listener(name: str) -> Any:
        return lambda route: state.add(name, route)

    hook = llm.base.model.register_forward_pre_hook(before, with_kwargs=True)
    try:
        for name, layer in layers.items():
            layer.listener = listener(name)
        yield record
    finally:
        hook.remove()
        for layer in layers.values():
            layer.listener = None


class _Now:
    """The call that is under way."""

    def begin(self, record: Record, ids: Tensor, mask: Tensor | None, places: Mapping[str, int]) -> None:
        kind = torch.zeros_like(ids)
        for name in ("video", "image"):
            if name in places:
                kind[ids == places[name]] = 1
        if "audio" in places:
            kind[ids == places["audio"]] = 2
        real = (
            torch.ones_like(ids, dtype=torch.bool) if mask is None or mask.ndim != 2 else mask[:, -ids.shape[1] :] > 0
        )
        shares = nn.functional.one_hot(kind, len(MODALITIES)).double() * real[..., None]
        self.shares = shares  # (row, token, modality)
        self.call = Call("prefill" if ids.shape[1] > 1 else "decode", shares.sum(1).cpu().numpy())
        record.calls.append(self.call)

    def add(self, name: str, route: Tensor) -> None:
        if route.ndim == 3 and route.shape[:2] == self.shares.shape[:2]:
            sums = torch.einsum("rtm,rth->rmh", self.shares, route.double()).cpu().numpy()
            self.call.sums[name] = self.call.sums.get(name, 0) + sums


def place(name: str) -> tuple[int, str]:
    """(depth, kind) of an adapted layer: `…layers.3.self_attn.q_proj` is (3, "q_proj")."""
    match = PLACE.search(name)
    if match is None:
        raise RecipeError(f"{name!r} is no layer of a block.")
    return int(match[1] or match[3]), match[2] or match[4]


def by_depth(means: Mapping[str, np.ndarray]) -> np.ndarray:
    """(depth, …) of values by layer, averaged over the modules of each depth."""
    groups: dict[int, list[np.ndarray]] = {}
    for name, value in means.items():
        groups.setdefault(place(name)[0], []).append(value)
    return np.array([np.mean(groups[depth], axis=0) for depth in sorted(groups)])


def by_module(means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Kind of layer (q_proj, up_proj, …) -> values averaged over depths."""
    groups: dict[str, list[np.ndarray]] = {}
    for name, value in means.items():
        groups.setdefault(place(name)[1], []).append(value)
    return {module: np.mean(values, axis=0) for module, values in groups.items()}


def preferences(by_task: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Task -> how much more than its average over tasks each head weighs there (Crab+ figure 8b)."""
    mean = np.mean(list(by_task.values()), axis=0)
    return {task: value - mean for task, value in by_task.items()}


def apart(points: Mapping[str, np.ndarray]) -> float:
    """How much of the spread of (example, …) points lies between tasks rather than within: 0 none, 1 all.

    The share of variance that the tasks' means explain, less what as many random groups would.
    """
    flat = {task: np.asarray(value).reshape(len(value), -1) for task, value in points.items() if len(value)}
    every = np.concatenate(list(flat.values()))
    whole = ((every - every.mean(0)) ** 2).sum()
    within = sum(((value - value.mean(0)) ** 2).sum() for value in flat.values())
    n, k = len(every), len(flat)
    if not whole or n <= k:
        return float("nan")
    return float(1 - (within / (n - k)) / (whole / (n - 1)))


def alike(model: nn.Module, adapter: str = "default") -> dict[str, np.ndarray]:
    """Layer -> (head, head) cosines of the flattened B (Crab+ figure 9; 0.630 over all there)."""
    found = {}
    for name, layer in ilora.layers(model).items():
        heads = layer.ilora_B[adapter].detach().float().transpose(0, 1).flatten(1)
        heads = nn.functional.normalize(heads, dim=-1)
        found[name] = (heads @ heads.T).cpu().numpy()
    return found


def between(cosines: np.ndarray) -> float:
    """The mean over pairs of different heads of (…, head, head) cosines."""
    n = cosines.shape[-1]
    return float(cosines[..., ~np.eye(n, dtype=bool)].mean()) if n > 1 else float("nan")


def _phases(phase: str) -> tuple[str, ...]:
    if phase not in ("all", *PHASES):
        raise RecipeError(f"No phase is called {phase!r}. There are: all, {', '.join(PHASES)}.")
    return PHASES if phase == "all" else (phase,)


def _modalities(modality: str) -> list[int]:
    if modality not in ("all", *MODALITIES):
        raise RecipeError(f"No kind of token is called {modality!r}. There are: all, {', '.join(MODALITIES)}.")
    return list(range(len(MODALITIES))) if modality == "all" else [MODALITIES.index(modality)]
