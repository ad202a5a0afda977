"""Export a trained language model to a folder that is independent of its run folder and base model.

LoRA, or I-LoRA of one head     merged into the weights: plain transformers loads the folder
I-LoRA of several heads         weights beside adapter/: lookhear loads the folder; so does PEFT after `import
                                lookhear.peft`, over the weights loaded by transformers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lookhear import config, files
from lookhear.errors import ModelError
from lookhear.ilora import fit
from lookhear.ilora.method import ILoraConfig
from lookhear.model import tuned


def export(run: Path, out: Path, reports: Mapping[str, Any] | None = None) -> str:
    """Write the folder `out` from a run folder and return a text about the adapters (merged or kept).

    `reports` are reports of `lookhear evaluate --out` by name; their metrics are written to the model card. Raises
    ModelError.
    """
    if not tuned.card(run):
        raise ModelError(f"{str(run)!r} is no run folder of a language model. Train one: lookhear train RECIPE.")
    if out.exists() and any(out.iterdir()):
        raise ModelError(f"{str(out)!r} is not empty. Name a new folder.")
    llm: Any = tuned.load(run)
    how = "no adapters: connectors are in the weights"
    if fit.is_adapted(llm.spoken):
        (adapter,) = llm.spoken.peft_config.values()
        heads = adapter.heads if isinstance(adapter, ILoraConfig) else 1
        merged = heads == 1
        if not merged:
            llm.spoken.save_pretrained(out / tuned.ADAPTER)
        _settle(llm.spoken, merged)
        if merged:
            bare, how = llm.spoken.merge_and_unload(safe_merge=True), "adapters are merged into the weights"
        else:
            bare, how = llm.spoken.unload(), f"adapters of {heads} heads, routed token by token, lie in adapter/"
        if llm.spoken is llm.model:
            llm.model = bare
        else:
            llm.model.language = bare
    llm.save(out)
    files.write(out / "README.md", page(run, how, reports or {}))
    return how


def _settle(spoken: Any, trained: bool) -> None:
    """Replace PEFT's `modules_to_save` wrappers by the trained module, or by the original one."""
    for name, module in list(spoken.named_modules()):
        if hasattr(module, "modules_to_save") and hasattr(module, "original_module"):
            kept = module.modules_to_save["default"] if trained else module.original_module
            parent, _, last = name.rpartition(".")
            setattr(spoken.get_submodule(parent), last, kept)


def page(run: Path, how: str, reports: Mapping[str, Any]) -> str:
    """The model card: Markdown with the YAML header of the Hugging Face hub."""
    card = tuned.card(run)
    recipe: Any = asdict(config.load(run / "recipe.yaml", (), config.LLMRecipe))
    lines = ["---", "library_name: lookhear", f"base_model: {card['base']}", "tags: [audio-visual, question-answering]"]
    lines += ["---", f"# {run.name}", f"{card['llm']}, stage {card.get('stage', 'instruct')}; {how}.", ""]
    lines += ["## Trained on", "", "| task | dataset | split | clips |", "| --- | --- | --- | --- |"]
    log = run / "log.jsonl"
    rows = files.json_lines(log) if log.is_file() else []
    counts: Mapping[str, int] = next((row["tasks"] for row in rows if "tasks" in row), {})
    for name, task in recipe["tasks"].items():
        lines.append(f"| {name} | {task['dataset']} | {task['split']} | {counts.get(name, '')} |")
    adapter = ", ".join(f"{k} {v}" for k, v in recipe["adapter"].items()) or "none"
    train = recipe["train"]
    lines += ["", f"Adapter: {adapter}. {train['steps']} steps of {train['batch']} clips, learning rate {train['lr']}."]
    if losses := [row["loss"] for row in rows if "loss" in row]:
        lines.append(f"Training loss at the end: {losses[-1]:.4f}.")
    if card.get("options"):
        lines.append("Options: " + ", ".join(f"{k}={v}" for k, v in card["options"].items()) + ".")
    if reports:
        lines += [
            "",
            "## Metrics",
            "",
            "| report | kind | metric | value | 95 % interval |",
            "| --- | --- | --- | --- | --- |",
        ]
        for name, report in reports.items():
            for kind, metrics in report.get("metrics", {}).items():
                for metric, one in metrics.items():
                    low, high = one["interval"]
                    lines.append(f"| {name} | {kind} | {metric} | {one['value']} | {low} to {high} |")
    lines += ["", "```", "import lookhear", 'model = lookhear.load("FOLDER")', "```", ""]
    return "\n".join(lines)
