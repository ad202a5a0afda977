"""lookhear export: write a trained language model as a folder in the Hugging Face layout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer


def export(
    run: Annotated[Path, typer.Argument(help="Run folder of a language model.")],
    out: Annotated[Path, typer.Argument(help="New folder to write.")],
    report: Annotated[
        list[Path] | None, typer.Option(help="Folder of a report of lookhear evaluate, for the model card.")
    ] = None,
    push: Annotated[str, typer.Option(help="Upload it to this repository of the Hugging Face hub: NAME/MODEL.")] = "",
) -> None:
    """Write weights, tokenizer, adapters and a model card into one folder; LoRA and a single head are merged.

    Example: lookhear export runs/instruct my-model --report report
    """
    from lookhear.errors import ModelError
    from lookhear.model.exported import export as write

    reports = {}
    for folder in report or ():
        try:
            reports[folder.name] = json.loads((folder / "report.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ModelError(f"No report in {str(folder)!r} ({error}). Write one: lookhear evaluate --out.") from None
    print(f"{out}: {write(run, out, reports)}")
    if push:
        import huggingface_hub

        huggingface_hub.create_repo(push, exist_ok=True)
        print(huggingface_hub.upload_folder(repo_id=push, folder_path=out))
