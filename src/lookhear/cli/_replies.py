"""Options of `ask` and `evaluate` for the replies of a language model, and the arguments they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

MaxTokens = Annotated[int, typer.Option(min=0, help="Most tokens of a language model's reply; 0: the task's default.")]
Temperature = Annotated[
    float, typer.Option(min=0, help="Sampling temperature of replies; 0 takes the likeliest token.")
]
TopP = Annotated[float, typer.Option(min=0, max=1, help="Draw from the likeliest tokens with this total probability.")]
Seed = Annotated[int, typer.Option(help="Seed of sampled replies.")]
Beams = Annotated[int, typer.Option(min=1, help="Number of beams in beam search.")]
Stop = Annotated[list[str] | None, typer.Option(help="Text that ends a reply (repeatable).")]
Window = Annotated[
    float, typer.Option(min=0, help="Seconds of each window that longer videos are split into; 0: no windows.")
]


def generation_arguments(
    max_tokens: int, temperature: float, top_p: float, seed: int, beams: int, stop: Sequence[str] | None, window: float
) -> dict[str, Any]:
    """Keyword arguments of `lookhear.load` for these options; empty if all are defaults. Raises RecipeError."""
    made: dict[str, Any] = {"window": window} if window else {}
    if (max_tokens, temperature, top_p, seed, beams, stop or []) == (0, 0.0, 1.0, 0, 1, []):
        return made
    from lookhear.layers.generation import Generation

    how = Generation(max_tokens, temperature, top_p, 0, seed, beams, tuple(stop or ()))
    return made if how.plain else made | {"generation": how}
