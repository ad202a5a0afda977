"""Router analysis of I-LoRA: weights by head, layer, module, task and token type, and similarity of heads.

    with recorded(llm) as record: llm.answer(…)
    record.means(phase="decode", modality="audio") ─▶ layer ─▶ (head,)      record.examples() ─▶ (example, layer, head)
    alike(llm.model) ─▶ layer ─▶ (head, head) cosines

Crab+ (2026) figures 7 to 9: weights of tasks against each other, mean weight and preference of each head, and cosines
of the flattened B matrices, over all layers and by depth. The paper does not say over which tokens it averages, and
Crab's code keeps only generated tokens. Here `phase` is `prefill` (prompt tokens), `decode` (generated tokens) or
`all`, and `modality` is `text`, `video`, `audio` or `all`.
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
    """One forward pass: its phase, token counts (row, modality), and layer -> summed routes (row, modality, head)."""

    phase: str
    counts: np.ndarray
    sums: dict[str, np.ndarray] = field(default_factory=dict)


@dataclass
class Record:
    """Router weights call by call. Layers of towers are not recorded, because their tokens are not those of the LLM."""

    calls: list[Call] = field(default_factory=list)

    def means(self, phase: str = "all", modality: str = "all") -> dict[str, np.ndarray]:
        """Layer -> (head,) mean weights over the tokens of a phase and modality; empty without such tokens."""
        phases, kinds = _phases(phase), _modalities(modality)
        totals: dict[str, np.ndarray] = {}
        total = 0.0
        for call in self.calls:
            if call.phase in phases:
                total += float(call.counts[:, kinds].sum())
                for name, sums in call.sums.items():
                    totals[name] = totals.get(name, 0) + sums[:, kinds].sum(axis=(0, 1))
        return {name: sums / total for name, sums in totals.items()} if total else {}

    def examples(self, phase: str = "all", modality: str = "all") -> np.ndarray:
        """(example, layer, head) mean weights of every row of every batch.

        A pass over several tokens begins a batch; passes over one token continue it.
        """
        phases, kinds = _phases(phase), _modalities(modality)
        batches: list[list[Call]] = []
        for call in self.calls:
            if call.phase == "prefill" or not batches:
                batches.append([])
            batches[-1].append(call)
        rows = []
        for batch in batches:
            counted = [call for call in batch if call.phase in phases]
            if not counted:
                continue
            count = np.sum([call.counts[:, kinds].sum(axis=1) for call in counted], axis=0)
            per_call = [np.stack([s[:, kinds].sum(axis=1) for s in call.sums.values()], axis=1) for call in counted]
            sums = np.sum(per_call, axis=0)
            kept = count > 0
            rows.append(sums[kept] / count[kept][:, None, None])
        return np.concatenate(rows) if rows else np.zeros((0, 0, 0))


@contextmanager
def recorded(llm: Any) -> Iterator[Record]:
    """Context manager: record the routers of a language model's adapters.

    `llm` is a model of `llms/`: its `base.model` takes `input_ids`, and `places` has the ids of the media placeholder
    tokens. Raises ModelError if the model has no I-LoRA adapters.
    """
    layers = {name: layer for name, layer in ilora.layers(llm.model).items() if "language_model" in name}
    layers = layers or ilora.layers(llm.model)
    if not layers:
        raise ModelError(f"{llm.name} has no I-LoRA adapters, so it has no routers.")
    record, state = Record(), _ForwardPass()

    def before(_: nn.Module, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        ids = given.get("input_ids", args[0] if args else None)
        mask = given.get("attention_mask")
        if ids is None:
            raise ModelError("Routers can be told apart by kind of token only where the model is given tokens.")
        state.begin(record, ids, mask, llm.places)

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


class _ForwardPass:
    """The current forward pass."""

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
    """(depth, module) of an adapted layer: `…layers.3.self_attn.q_proj` is (3, "q_proj"). Raises RecipeError."""
    match = PLACE.search(name)
    if match is None:
        raise RecipeError(f"{name!r} is no layer of a block.")
    return int(match[1] or match[3]), match[2] or match[4]


def by_depth(means: Mapping[str, np.ndarray]) -> np.ndarray:
    """(depth, …) values by layer, averaged over the modules of each depth."""
    groups: dict[int, list[np.ndarray]] = {}
    for name, value in means.items():
        groups.setdefault(place(name)[0], []).append(value)
    return np.array([np.mean(groups[depth], axis=0) for depth in sorted(groups)])


def by_module(means: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Module (q_proj, up_proj, …) -> values averaged over depths."""
    groups: dict[str, list[np.ndarray]] = {}
    for name, value in means.items():
        groups.setdefault(place(name)[1], []).append(value)
    return {module: np.mean(values, axis=0) for module, values in groups.items()}


def preferences(by_task: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Task -> weight of each head minus its mean over tasks (Crab+ figure 8b)."""
    mean = np.mean(list(by_task.values()), axis=0)
    return {task: value - mean for task, value in by_task.items()}


def apart(points: Mapping[str, np.ndarray]) -> float:
    """Share of the variance of (example, …) points that is between tasks: 1 is all, 0 as much as for random groups.

    This is the adjusted R² of the tasks' means; nan if it is undefined.
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
    """Layer -> (head, head) cosines of the flattened B (Crab+ figure 9; its mean over all is 0.630)."""
    cosines = {}
    for name, layer in ilora.layers(model).items():
        heads = layer.ilora_B[adapter].detach().float().transpose(0, 1).flatten(1)
        heads = nn.functional.normalize(heads, dim=-1)
        cosines[name] = (heads @ heads.T).cpu().numpy()
    return cosines


def between(cosines: np.ndarray) -> float:
    """The mean of (…, head, head) cosines over pairs of different heads; nan for one head."""
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
