"""Options of `ask` and `evaluate` for the replies of a language model, and the arguments they become."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from lookhear.layers.generation import Generation

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
    """Keyword arguments of `lookhear.load` for these options; empty if all are defaults. Raises RecipeError."""
    from lookhear.layers.generation import Generation

    how: Generation = Generation(max_tokens, temperature, top_p, 0, seed, beams, tuple(stop or ()))
    made: dict[str, Any] = {} if how.plain else {"generation": how}
    return made | ({"window": window} if window else {})
