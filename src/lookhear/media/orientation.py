"""Orientation of a stored picture: a display matrix as one of the eight rotations and reflections of a rectangle.

x' = a x + c y        a, b, c, d: the matrix's first two rows and columns; x to the right, y down
y' = b x + d y        if |b| + |c| > |a| + |d|, rows become columns; a negative sign reverses that axis
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

NAME = "turned and mirrored as displayed"  # part of the signature of features
EXIF_ORIENTATION = 274  # the tag; its values 1 to 8 as (transposed, left_right, top_bottom)
EXIF = {
    2: (False, True, False),
    3: (False, True, True),
    4: (False, False, True),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


@dataclass(frozen=True)
class Orientation:
    """Rows and columns are swapped first (`transposed`), then the result is reversed along its axes."""

    transposed: bool = False
    left_right: bool = False
    top_bottom: bool = False

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """`pixels` (height, width, …) in the displayed orientation; the same array if nothing changes."""
        shown = pixels.swapaxes(0, 1) if self.transposed else pixels
        shown = shown[:, ::-1] if self.left_right else shown
        shown = shown[::-1] if self.top_bottom else shown
        return np.ascontiguousarray(shown)

    @property
    def mirrored(self) -> bool:
        """Whether the transformation is a reflection: an odd number of reversals, including the transposition."""
        return self.transposed ^ self.left_right ^ self.top_bottom

    @property
    def rotation(self) -> int:
        """Counter-clockwise rotation in degrees, applied before a left-right reflection if there is one."""
        lower = self.left_right != self.mirrored  # left and right are reversed by the rotation alone
        if self.transposed:
            return 270 if lower else 90
        return 180 if lower else 0


UPRIGHT = Orientation()


def of_matrix(a: float, b: float, c: float, d: float) -> Orientation:
    """The nearest orientation to a display matrix; a picture rotated by 30 degrees is shown as stored."""
    if abs(b) + abs(c) > abs(a) + abs(d):
        return Orientation(True, c < 0, b < 0)
    return Orientation(False, a < 0, d < 0)


def of_frame(frame: av.VideoFrame) -> Orientation:
    """The orientation of a decoded frame, from the display matrix of the file or of the codec."""
    try:
        matrix = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV 18 does not support EXIF and lists nothing: only the angle is available
        turns = round(frame.rotation / 90) % 4
        return (UPRIGHT, Orientation(True, False, True), Orientation(False, True, True), Orientation(True, True))[turns]
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d = struct.unpack("=9i", bytes(matrix))[:5]  # type: ignore[call-overload]  # PyAV's stubs hide the buffer
    return of_matrix(a, b, c, d)


def of_image(path: Path) -> Orientation:
    """The orientation in the EXIF data of an image file; as stored if there are none or they cannot be read."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return Orientation(*EXIF.get(image.getexif().get(EXIF_ORIENTATION, 1), (False, False, False)))
    except (OSError, ValueError, TypeError, SyntaxError, Image.DecompressionBombError):
        return UPRIGHT  # the frame decoder reports the error
