"""Builds the API reference into site/ from docstrings: `make docs`. A warning is an error."""

import pkgutil
import warnings
from pathlib import Path

import pdoc

import lookhear

warnings.filterwarnings("error", module="pdoc")
warnings.filterwarnings("ignore", "Error parsing type annotation", module="pdoc")  # jaxtyping's axes are no names
for name in lookhear.__all__:
    getattr(lookhear, name)  # lazy names resolve on first use; pdoc looks into the module's dictionary
pdoc.render.configure(docformat="markdown")
rooms = sorted(
    f"lookhear.{m.name}" for m in pkgutil.iter_modules(lookhear.__path__) if m.name not in ("cli", "__main__")
)
pdoc.pdoc("lookhear", *rooms, output_directory=Path("site"))
