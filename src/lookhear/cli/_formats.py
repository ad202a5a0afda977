"""The option --format of commands that print tables: a wrong one is refused before any work, used or not."""

from __future__ import annotations

from typing import Annotated

import typer


def checked_format(format: str) -> str:
    """`format` itself. Raises RecipeError where no table is laid out so."""
    if format != "text":
        from lookhear.evaluate import tables

        tables.check(format)
    return format


Format = Annotated[str, typer.Option(callback=checked_format, help="text, markdown, latex or csv.")]
