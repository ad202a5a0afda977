"""How a language model is to reply, as `ask` and `evaluate` are told: options of a command, and what they make."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    pass

MaxTokens = Annotated[int, typer.Option(min=0, help="Longest reply of a language model; 0: as the task has it.")]
Temperature = Annotated[float, typer.Option(min=0, help="Draw replies: 0 takes the likeliest token, 1 as it comes.")]
TopP = Annotated[float, typer.Option(min=0, max=1, help="Draw from the likeliest tokens of this much probability.")]
Seed = Annotated[int, typer.Option(help="Of drawn replies.")]
Beams = Annotated[int, typer.Option(min=1, help="Beam search with so many beams.")]
Stop = Annotated[list[str] | None, typer.Option(help="A text before which a reply ends; again for more.")]
Window = Annotated[float, typer.Option(min=0, help="Ask about windows of so many seconds of longer videos.")]


def told(
    max_tokens: int, temperature: float, top_p: float, seed: int, beams: int, stop: Sequence[str] | None, window: float
) -> dict[str, Any]:
    """What `lookhear.load` is told of them; nothing where all are as they come. Raises RecipeError."""
    made: dict[str, Any] = {"window": window} if window else {}
    if (max_tokens, temperature, top_p, seed, beams, stop or []) == (0, 0.0, 1.0, 0, 1, []):
        return made
    from lookhear.layers.generation import Generation

    how = Generation(max_tokens, temperature, top_p, 0, seed, beams, tuple(stop or ()))
    return made if how.plain else made | {"generation": how}
