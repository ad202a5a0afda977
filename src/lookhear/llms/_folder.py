"""Models in folders and on the hub, in the Hugging Face layout."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lookhear.llms._pack import Eye

CARD = "lookhear.json"


def eye(vision: Any, **pictures: Any) -> Eye:
    """How the vision tower of a config wants its pictures."""
    return Eye(vision.patch_size, vision.temporal_patch_size, vision.spatial_merge_size, **pictures)


def save(llm: Any, folder: Path) -> None:
    """Base, tokenizer and extractor, adapters in `adapter/`, and the manner in `lookhear.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    adapted = llm.model is not llm.base
    if adapted:
        llm.model.save_pretrained(folder / "adapter")
    llm.tokenizer.save_pretrained(folder)
    llm.extractor.save_pretrained(folder)
    manner = asdict(llm.manner)
    (folder / CARD).write_text(json.dumps({"llm": llm.name, "manner": manner}, indent=2) + "\n", "utf-8")
