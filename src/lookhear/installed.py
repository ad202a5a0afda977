"""Weights that pip packages bring: found by path, never imported, checked by hash, missing ones named with their cure.

A package's code is not run: some want libraries that their weights do not need. Another version, or a damaged file, is
refused, because nothing is known of its layout; a file of the user's own (`weights=FILE`) is not hashed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lookhear.errors import DependencyError, ModelError


@dataclass(frozen=True)
class Installed:
    """One file inside an installed package. `install` is the command that brings it."""

    module: str
    file: str
    sha256: str
    install: str

    def path(self) -> Path | None:
        """Where the file is, or None where the package is not installed."""
        try:
            spec = find_spec(self.module)
        except (ImportError, ValueError):  # a package whose own __spec__ is broken counts as not there
            return None
        return (
            Path(spec.submodule_search_locations[0]) / self.file if spec and spec.submodule_search_locations else None
        )

    def there(self) -> bool:
        """Whether the file is installed; its contents are not read."""
        path = self.path()
        return path is not None and path.is_file()

    def checked(self, what: str) -> Path:
        """The file's path after its hash was compared. `what` says who needs it.

        Raises DependencyError where the package is missing, ModelError where its file is not the one that is known.
        """
        path = self.path()
        if path is None:
            raise DependencyError(f"{what} needs the package {self.module!r}. Install it with: {self.install}")
        if not path.is_file():
            raise ModelError(f"{what}: no {self.file!r} in {str(path.parent)!r}. Install it again with: {self.install}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise ModelError(f"{what}: {str(path)!r} is not the file that is known. Install it with: {self.install}")
        return path
