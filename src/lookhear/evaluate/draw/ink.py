"""Common parts of all figures: colours, import of matplotlib, and saving."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lookhear.errors import not_installed

INK, SOFT, LINE, PAPER, FILL = "#1d1b26", "#8a8794", "#dedad2", "#fbfaf7", "#f0ede6"
SEEN, HEARD = "#2f6f8f", "#c2622f"
ROWS = ("#2f6f8f", "#c2622f", "#6a8f3c", "#8a5fa8", "#b8912b", "#4c9a94", "#a34a5e", "#7a7f87")  # colours of methods
DPI = 130


def figure(wide: float, high: float) -> Any:
    """An empty matplotlib Figure, in inches. Raises DependencyError without matplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise not_installed(error, "Drawing") from None
    return Figure(figsize=(wide, high), facecolor=PAPER)


def bare(axes: Any) -> None:
    """Remove the frame and the tick marks of `axes`."""
    axes.set_facecolor(PAPER)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, colors=SOFT, labelsize=9)


def save(drawn: Any, path: Path | str) -> Path:
    """Write a figure in the format of the suffix. SVG text stays text; equal figures give equal files."""
    from matplotlib import rc_context

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": path.name, "font.family": "sans-serif"}):
        dateless = {"Date": None} if path.suffix == ".svg" else None
        drawn.savefig(path, dpi=DPI, facecolor=PAPER, metadata=dateless)
    return path
