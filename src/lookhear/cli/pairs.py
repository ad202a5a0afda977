"""lookhear pairs: write counterfactual twins as preference pairs or rewarded questions for other trainers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import dumps


def pairs(
    out: Annotated[Path, typer.Argument(help="Folder to write the rows and the sound of every clip into.")],
    root: Annotated[Path, typer.Option(help="Folder of a Soundstage made with --twins.")],
    dataset: Annotated[
        str, typer.Option(help="soundstage@twins, or soundstage@twins_evidence, which asks for seconds too.")
    ] = "soundstage@twins",
    split: Annotated[str, typer.Option(help="Which questions to write.")] = "train",
    shape: Annotated[str, typer.Option(help="Format of the rows: swift, swift_grpo, trl or verl.")] = "swift",
    contrast: Annotated[
        str, typer.Option(help="answer: replies about one clip; clip: one reply about two clips; both.")
    ] = "both",
    reward: Annotated[
        list[str] | None, typer.Option(help="For verl: a reward and its weight, such as answer=1 (repeatable).")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Write twins as preference pairs (DPO) or rewarded questions (GRPO) for ms-swift, TRL and verl.

    The rewards are functions of lookhear.train.rewards. The exit code is 1 if clips could not be read.

    Example: lookhear pairs rows --root world --shape swift
    """
    from lookhear import datasets
    from lookhear.curate.twins.write import write
    from lookhear.errors import RecipeError
    from lookhear.train import rewards

    weights: dict[str, float] = {}
    for word in reward or ():
        name, _, value = word.partition("=")
        try:
            weights[name] = float(value or 1)
        except ValueError:
            raise RecipeError(f"--reward {word}: a reward and a number, as answer=1.") from None
    if weights:
        rewards.check(weights)
    card = write(out, shape, split, datasets.load(dataset, root, split), contrast, weights, as_json)
    print(dumps(card) if as_json else f"{card['rows']} rows about {card['clips']} clips: {out / card['file']}")
    if card["unread"]:
        raise typer.Exit(1)
