"""What routers of I-LoRA do: their weights token by token, and how alike the heads are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from lookhear.errors import RecipeError
from lookhear.ilora.method import layers


@dataclass
class Routes:
    """Routes by layer, in the order they were made: tensors (..., token, head)."""

    by_layer: dict[str, list[Tensor]] = field(default_factory=dict)

    def means(self) -> dict[str, Tensor]:
        """Mean weight of each head, by layer, over all tokens recorded."""
        return {
            n: torch.cat([r.float().flatten(0, -2) for r in rs]).mean(dim=0) for n, rs in self.by_layer.items() if rs
        }


@contextmanager
def recorded(model: nn.Module, phase: str = "all") -> Iterator[Routes]:
    """Context manager: record routes of `all` tokens, of `prefill` (several at once) or of `decode` (single tokens)."""
    if phase not in ("all", "prefill", "decode"):
        raise RecipeError(f"No phase is called {phase!r}. There are: all, prefill, decode.")
    routes = Routes()

    def listener(kept: list[Tensor]) -> Any:
        def listen(route: Tensor) -> None:
            single = route.ndim > 2 and route.shape[-2] == 1
            if phase == "all" or (phase == "decode") == single:
                kept.append(route.cpu())

        return listen

    adapted = layers(model)
    try:
        for name, layer in adapted.items():
            layer.listener = listener(routes.by_layer.setdefault(name, []))
        yield routes
    finally:
        for layer in adapted.values():
            layer.listener = None


def similarity(model: nn.Module, adapter: str = "default") -> dict[str, float]:
    """Mean cosine between the heads of each layer; Crab+ reports 0.630 over all, lower in deep layers."""
    result = {}
    for name, layer in layers(model).items():
        heads = nn.functional.normalize(layer.ilora_B[adapter].detach().float().transpose(0, 1).flatten(1), dim=-1)
        n = len(heads)
        result[name] = float(((heads @ heads.T).sum() - heads.square().sum()) / max(n * (n - 1), 1))
    return result
