"""Find model files in a folder, in the hub's cache, or on the hub, and report download sizes in advance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lookhear.errors import ModelError

CARD = "lookhear.json"  # the file in a folder with its model (a file in `llms/`) and input options
WANTED = ("*.json", "*.safetensors", "*.txt", "*.jinja")


@dataclass(frozen=True)
class Plan:
    """Requirements of loading a model in bytes: download, disk space, memory."""

    what: str
    download: int
    disk: int
    memory: int

    def __str__(self) -> str:
        fetch = f"{size(self.download)} to download, " if self.download else ""
        return f"{self.what}: {fetch}{size(self.disk)} on disk, {size(self.memory)} of memory"


def size(count: float) -> str:
    """A number of bytes with a unit."""
    for unit, step in (("GB", 1e9), ("MB", 1e6)):
        if count >= step:
            return f"{count / step:.1f} {unit}"
    return f"{count / 1e3:.0f} kB"


def fetched(where: str | Path, patterns: Sequence[str], name: str, kind: str = "model") -> Path:
    """A folder with the files: `where` itself, or the hub's cache after a download if needed. Raises ModelError."""
    if Path(where).exists():
        return Path(where)
    _must_be_a_name(str(where), name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(where), repo_type=kind, allow_patterns=list(patterns)))
    except Exception as error:
        raise _unreachable(str(where), error) from None


def local(place: Path) -> list[tuple[int, bool]]:
    files = [place] if place.is_file() else [f for f in place.rglob("*") if f.is_file()]
    return [(f.stat().st_size, True) for f in files]


def listed(where: str, patterns: Sequence[str], kind: str, name: str) -> list[tuple[int, bool]]:
    _must_be_a_name(where, name)
    from huggingface_hub import snapshot_download

    try:
        files = snapshot_download(where, repo_type=kind, allow_patterns=list(patterns), dry_run=True)
    except Exception as error:
        try:  # without network, the files may be in the cache
            return local(
                Path(snapshot_download(where, repo_type=kind, allow_patterns=list(patterns), local_files_only=True))
            )
        except Exception:
            raise _unreachable(where, error) from None
    return [(one.file_size or 0, not one.will_download) for one in files]


def _must_be_a_name(where: str, name: str) -> None:
    if where.count("/") != 1 or where.startswith((".", "/")):
        raise ModelError(f"No folder at {where!r} for {name}. Give a folder that holds it, or a name of the hub.")


def _unreachable(where: str, error: Exception) -> ModelError:
    known = type(error).__name__ in ("RepositoryNotFoundError", "GatedRepoError")
    why = "the hub does not show it to you" if known else "the hub cannot be reached"
    return ModelError(
        f"{where!r} is not on this machine and {why}. Go online, or download it elsewhere (hf download {where}) and "
        "give its folder: --model NAME@FOLDER."
    )
