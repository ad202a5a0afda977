"""lookhear export: write a trained model and its card into a folder that others can load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="Run folder of a net or of a language model.")],
    out: Annotated[Path, typer.Argument(help="New folder to write.")],
    report: Annotated[
        list[Path] | None, typer.Option(help="Folder of a report of lookhear evaluate, for the model card.")
    ] = None,
    push: Annotated[str, typer.Option(help="Upload it to this repository of the Hugging Face hub: NAME/MODEL.")] = "",
) -> None:
    """Write a trained model and its model card into one folder, and upload it with --push.

    For a language model: weights, tokenizer and adapters; LoRA and a single head are merged. For a net: its run folder
    without the files that only training needs. `lookhear.from_pretrained("NAME/MODEL")` loads a pushed model.

    Example: lookhear export runs/instruct my-model --report report
    """
    from lookhear.config import of_llm
    from lookhear.errors import FileError, ModelError
    from lookhear.files import read_json
    from lookhear.model import hub
    from lookhear.model.exported import export as write
    from lookhear.model.tuned import card

    reports = {}
    for folder in report or ():
        try:
            reports[folder.name] = read_json(folder / "report.json", dict)
        except FileError as error:
            raise ModelError(f"No report in {str(folder)!r} ({error}). Write one: lookhear evaluate --out.") from None
    if of_llm(run / "recipe.yaml") or card(run):
        print(f"{out}: {write(run, out, reports)}")
    else:
        hub.write(run, out, reports)
        print(f"{out}: a net's run folder with its card")
    if push:
        print(hub.push_to_hub(out, push, reports))
