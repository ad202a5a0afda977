"""Approximate location of a class in a frame: a box around the maximum of its class activation map.

The map is a grid over the central square that the classifier processes; the box is given in the whole frame.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

Box = tuple[float, float, float, float]
HALF = 0.5  # threshold between the map's minimum (0) and maximum (1) for the box


def box(grid: Float[np.ndarray, "row column"], height: int, width: int, crop: float) -> Box:
    """Box (left, top, right, bottom in 0..1 of the frame) around the strongest part of a class activation map.

    `crop` is the part of the frame's shorter side that the grid covers.
    """
    mask = grid >= grid.min() + HALF * (grid.max() - grid.min())
    top, left = (int(i) for i in np.unravel_index(int(grid.argmax()), grid.shape))
    inside = _connected(mask, top, left)
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    high, wide = grid.shape
    square = crop * min(height, width)
    down, along = square / height, square / width

    def across(edge: float, count: int, share: float) -> float:
        return round(0.5 + (edge / count - 0.5) * share, 3)

    return (
        across(columns[0], wide, along),
        across(rows[0], high, down),
        across(columns[-1] + 1, wide, along),
        across(rows[-1] + 1, high, down),
    )


def _connected(mask: np.ndarray, row: int, column: int) -> np.ndarray:
    """The connected part of a mask that contains one of its places (4-neighbourhood)."""
    joined = np.zeros_like(mask)
    joined[row, column] = True
    while True:
        grown = joined.copy()
        grown[1:] |= joined[:-1]
        grown[:-1] |= joined[1:]
        grown[:, 1:] |= joined[:, :-1]
        grown[:, :-1] |= joined[:, 1:]
        grown &= mask
        if (grown == joined).all():
            return joined
        joined = grown


def side(place: Box) -> str:
    """Left, middle or right, by the centre of a box."""
    middle = (place[0] + place[2]) / 2
    return "left" if middle < 0.4 else "right" if middle > 0.6 else "middle"


def height(place: Box) -> str:
    """Top, middle or bottom, by the centre of a box."""
    middle = (place[1] + place[3]) / 2
    return "top" if middle < 0.35 else "bottom" if middle > 0.65 else "middle"
