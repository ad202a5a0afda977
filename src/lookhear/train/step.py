"""Components of a training step: the net with its debias wrapper, its optimizer, and net and losses as one module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import checkpoints, config
from lookhear.errors import ModelError, RecipeError
from lookhear.layers.watch_answer import HasLosses
from lookhear.model import build_net, says, served, wrapped
from lookhear.model.options import among
from lookhear.store.batch import OFFERED, Batch

OPTIMIZERS = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": partial(torch.optim.SGD, momentum=0.9),
}


def trainee(recipe: config.Recipe, vocabulary: Sequence[str], cards: Mapping[str, Mapping[str, Any]]) -> nn.Module:
    """The net of a recipe, wrapped by its `debias` section for training."""
    net = build_net(recipe, vocabulary, cards)
    return wrapped(net, recipe, vocabulary, cards) if recipe.debias else net


def started(net: nn.Module, run: str) -> tuple[str, ...]:
    """Start `net` from the weights of a run folder, if given; returns a note on tensors that start anew, if any.

    Raises ModelError if there is no finished run, or its weights are of another network.
    """
    if not run:
        return ()
    path = Path(run) / "model.safetensors"
    if not path.is_file():
        raise ModelError(f"train.start={run}: no finished run is there. Train it first: lookhear train")
    new = checkpoints.inherit(net, checkpoints.tensors(checkpoints.read(path)), path)
    return (f"starts from {run}; anew: {', '.join(new)}",) if new else ()


def optimizer(settings: config.Train, net: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a recipe. Raises RecipeError for invalid settings."""
    own = {} if settings.optimizer == "sgd" else {"betas": tuple(settings.betas)}
    try:
        return OPTIMIZERS[settings.optimizer](
            net.parameters(), lr=settings.lr, weight_decay=settings.weight_decay, fused=True, **own
        )
    except ValueError as error:
        raise RecipeError(f"train.optimizer={settings.optimizer} refuses its settings: {error}") from None


class Step(nn.Module):
    """Net and losses as one module, so that gradients are synchronised once per step with any number of processes.

    Cross-entropy is over the answers that a question offers. A net's own losses are over its whole vocabulary, unless
    it requests the stream `options`: distances between logits are meaningless if some of them are masked.
    """

    def __init__(self, net: nn.Module):
        super().__init__()
        self.net = net

    def forward(self, streams: Batch, labels: Tensor) -> dict[str, Tensor]:
        """The losses of one batch, with each clip encoded once; training minimises their sum."""
        output = says(self.net, streams)
        if not isinstance(self.net, HasLosses):
            return {"answer": F.cross_entropy(among(output.logits, streams.ask.get(OFFERED)), labels)}
        return self.net.losses(output, labels, **served(self.net.losses, streams))
