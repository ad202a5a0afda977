"""Weight files inside installed pip packages: found by path and checked by hash, without importing the package.

The package is not imported, because some packages require libraries that their weights do not need. A file of another
version, or a damaged file, is refused. A file of the user's own (`weights=FILE`) is not hashed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from lookhear.errors import DependencyError, ModelError


@dataclass(frozen=True)
class Installed:
    """One file inside an installed package. `install` is the command that installs it."""

    module: str
    file: str
    sha256: str
    install: str

    def path(self) -> Path | None:
        """Path of the file, or None if the package is not installed."""
        try:
            spec = find_spec(self.module)
        except (ImportError, ValueError):  # a package with a broken __spec__ counts as not installed
            return None
        return (
            Path(spec.submodule_search_locations[0]) / self.file if spec and spec.submodule_search_locations else None
        )

    def is_installed(self) -> bool:
        """Whether the file is installed; its contents are not read."""
        path = self.path()
        return path is not None and path.is_file()

    def checked(self, what: str) -> Path:
        """Path of the file after its hash was checked; `what` names the user of the file in error messages.

        Raises DependencyError if the package is missing, ModelError if the hash differs.
        """
        path = self.path()
        if path is None:
            raise DependencyError(f"{what} needs the package {self.module!r}. Install it with: {self.install}")
        if not path.is_file():
            raise ModelError(f"{what}: no {self.file!r} in {str(path.parent)!r}. Install it again with: {self.install}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != self.sha256:
            raise ModelError(f"{what}: {str(path)!r} is not the file that is known. Install it with: {self.install}")
        return path
