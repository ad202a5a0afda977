"""A feature store on the Hugging Face hub: a dataset repository with the store's files and a generated card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.errors import FeatureError, not_installed
from lookhear.store.official import OFFICIAL

LEFT_OUT = ("ledger.jsonl", "replies/*", "*.part", ".*", "**/.*")  # files of a store that belong to this machine only


def push(root: Path | str, repo: str, private: bool | None = None, token: str | None = None) -> str:
    """Upload the store at `root` to the dataset repository `repo` (NAME/STORE); returns its address.

    Raises FeatureError if there is no store, DependencyError without huggingface_hub.
    """
    hub, root = library(), Path(root)
    cards = signatures(root)
    adopted = [name for name, one in cards.items() if one.get("weights") == OFFICIAL]
    if adopted:
        raise FeatureError(f"{root}: {', '.join(adopted)} are adopted: their files lie elsewhere. Share those.")
    api = hub.HfApi(token=token)
    where = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
    card = page(repo, cards).encode()
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=repo, repo_type="dataset")
    api.upload_folder(repo_id=repo, repo_type="dataset", folder_path=root, ignore_patterns=[*LEFT_OUT, "README.md"])
    return str(where)


def pull(
    repo: str,
    revision: str | None = None,
    cache_dir: Path | str | None = None,
    token: str | None = None,
    local_files_only: bool = False,
) -> Path:
    """Download the store in the dataset repository `repo` into the hub's cache; returns its folder.

    Raises FeatureError if the repository is not available or holds no store.
    """
    folder = snapshot(repo, "dataset", revision, cache_dir, token, local_files_only)
    signatures(folder)
    return folder


def snapshot(
    repo: str,
    kind: str,
    revision: str | None,
    cache_dir: Path | str | None,
    token: str | None,
    local_files_only: bool,
) -> Path:
    """Download a repository into the hub's cache. Interrupted downloads resume; the hub library checks the hashes."""
    hub = library()
    try:
        return Path(
            hub.snapshot_download(
                repo,
                repo_type=kind,
                revision=revision,
                cache_dir=cache_dir,
                token=token,
                local_files_only=local_files_only,
            )
        )
    except (OSError, ValueError) as error:  # errors of HTTP, of repository names and of missing files
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise FeatureError(f"{repo!r} cannot be downloaded from the hub: {reason}") from None


def signatures(root: Path) -> dict[str, Mapping[str, Any]]:
    """Encoder -> its signature, for every encoder in a store. Raises FeatureError if there is none."""
    found: dict[str, Mapping[str, Any]] = {
        path.parent.name: files.read_json(path, dict) for path in sorted(root.glob("*/card.json"))
    }
    if not found:
        raise FeatureError(f"No feature store at {str(root)!r}: no folder in it has a card.json.")
    return found


def page(repo: str, cards: Mapping[str, Mapping[str, Any]]) -> str:
    """The card of a store: each encoder with its streams, sampling and sha256 of weights."""
    lines = ["---", "tags: [audio-visual, features, lookhear]", "---", f"# {repo.rpartition('/')[2]}", ""]
    lines += ["Signed features of audio-visual clips, one array a clip and stream, as lookhear reads them.", ""]
    lines += ["| encoder | streams (width) | sampling | weights (sha256) |", "| --- | --- | --- | --- |"]
    for name, card in cards.items():
        streams = ", ".join(f"{stream} ({width})" for stream, width in card.get("streams", {}).items())
        sampling, weights = card.get("sampling", "-"), str(card.get("weights", "-"))[:16]
        lines.append(f"| `{name}` | {streams} | {sampling} | {weights} |")
    lines += ["", "```python", "from lookhear.store.features import FeatureStore", ""]
    return "\n".join([*lines, f'store = FeatureStore.from_pretrained("{repo}")', "```", ""])


def library() -> Any:
    """The module huggingface_hub. Raises DependencyError."""
    try:
        import huggingface_hub
    except ImportError as error:
        raise not_installed(error, "The Hugging Face hub") from None
    return huggingface_hub
