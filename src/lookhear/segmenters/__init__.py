"""Models that turn a box and points into a mask."""

from pathlib import Path

from lookhear.errors import ModelError


def check(where: str) -> None:
    """Raise ModelError where `where` is neither a folder nor written like a name of the hub; nothing is loaded."""
    if where and not Path(where).is_dir() and where.count("/") != 1:
        raise ModelError(f"No segmenter at {where!r}. Give a folder, or a name of the hub: facebook/sam2.1-hiera-large")
