"""lookhear speedrun: train a recipe against the clock and score it on a fixed world."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lookhear.files import dumps


def speedrun(
    recipe: Annotated[Path, typer.Argument(help="A YAML file, or a name of `lookhear list recipes`.")],
    overrides: Annotated[list[str] | None, typer.Argument(help="Keys to change, as section.key=value.")] = None,
    world: Annotated[Path, typer.Option(help="Folder of the fixed world; made if it is missing.")] = Path("speedrun"),
    name: Annotated[str, typer.Option(help="Name of the entry; default: the recipe's name.")] = "",
    out: Annotated[Path, typer.Option(help="Run folder; it must be new.")] = Path("runs/speedrun"),
    record: Annotated[Path, typer.Option(help="File to which the entry is added.")] = Path("speedrun.json"),
    videos: Annotated[int, typer.Option(help="Number of videos for the robustness card.")] = 40,
    as_json: Annotated[bool, typer.Option("--json", help="Print the entry as JSON.")] = False,
) -> None:
    """Train a recipe on a fixed Soundstage and record its points and CPU minutes, with its robustness card.

    The CPU time of training counts, including feature extraction and all processes. Making the world and scoring do not
    count.

    Example: lookhear speedrun soundstage/gated train.epochs=4
    """
    import os
    import sys
    from dataclasses import asdict, replace
    from importlib import import_module

    from lookhear import config, datasets
    from lookhear.errors import RecipeError
    from lookhear.evaluate import speedrun as rules
    from lookhear.evaluate.audit import page
    from lookhear.evaluate.audit.card import audit, of_videos
    from lookhear.evaluate.tables import lay_out
    from lookhear.files import unused
    from lookhear.model import load
    from lookhear.soundstage.scene.splits import named
    from lookhear.soundstage.twins.kinds import KINDS
    from lookhear.soundstage.write.folder import make
    from lookhear.store.features import FeatureStore

    if not unused(out):
        raise RecipeError(f"{str(out)!r} exists: an entry is trained from the beginning. Name another with --out.")
    language = config.of_llm(recipe)
    where = f"root={world}" if language else f"data.root={world}"
    schema: type[Any] = config.LLMRecipe if language else config.Recipe
    options = config.load(recipe, [*(overrides or ()), where], schema)
    options = replace(options, out=str(out))
    if not (world / "card.json").is_file():  # two minutes of CPU: after everything that can be refused
        make(world, named("speedrun"), twins=tuple(KINDS), quiet=as_json)
    rules.check_world(world)
    starts = rules.starting_point(options, world)
    stage = options.stage if language else ""
    loop = ("llm" if stage in ("align", "instruct") else stage) if language else "loop"
    before = os.times()
    import_module(f"lookhear.train.{loop}").train(options, progress=sys.stderr.isatty())
    after = os.times()
    spent = sum(after[:4]) - sum(before[:4])  # user and system time of this process and its finished children
    model = load(out, FeatureStore(world / "features", cache=True))
    scores = rules.points(model, world)
    examples = of_videos(datasets.load("soundstage@twins", world, "test"), videos)
    card = audit(model, examples, films=5)
    page.save(card, out / "card")
    entry = rules.entry(name or recipe.stem, scores, spent, asdict(options), starts, card)
    every = rules.record(record, entry)
    print(dumps(entry) if as_json else lay_out(rules.HEAD, rules.rows(every), "text"))
