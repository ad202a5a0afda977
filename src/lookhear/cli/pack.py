"""lookhear pack: move the many small files of a feature store into a few shards with an index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lookhear.files import dumps


def pack(
    store: Annotated[Path, typer.Argument(help="Folder of the feature store.")],
    encoder: Annotated[list[str] | None, typer.Option(help="Only this encoder's features (repeatable).")] = None,
    per_shard: Annotated[int, typer.Option(min=1, help="Clips per shard, at the first packing.")] = 4096,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Move a feature store's files into shards, which every command reads like the files.

    Features extracted later stay files until this is run again. A killed run can be run again to resume.

    Example: lookhear pack stage/features
    """
    from lookhear.store.packs import pack_store

    moved = pack_store(store, encoder, per_shard)
    if as_json:
        print(dumps({"store": str(store), "moved": moved}))
        return
    for stream, count in moved.items():
        print(f"{stream}: {count} files moved into shards")
