"""Figure of an answer's regions: boxes, points and masks drawn over their frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from lookhear.types import Media, Region

TINT, EDGE = (194, 98, 47), (255, 214, 120)
SIDE = 640  # pixels of the picture's longer side


def where(media: Media, regions: Sequence[Region], path: Path | str) -> Path | None:
    """Draw `regions` over their frame (see `frame_of`), into `path`; None without frames or regions."""
    if media.frames is None or not len(media.frames) or not regions:
        return None
    frame = frame_of(media, regions)
    scale = SIDE / max(frame.shape[:2])
    picture = Image.fromarray(frame).resize((round(frame.shape[1] * scale), round(frame.shape[0] * scale)))
    for region in regions:
        if region.mask is not None:
            mask = Image.fromarray((np.asarray(region.mask) > 0).astype(np.uint8) * 130).resize(picture.size)
            picture.paste(Image.new("RGB", picture.size, TINT), mask=mask)
    draw = ImageDraw.Draw(picture)
    line = max(2, SIDE // 200)
    for region in regions:
        if region.box is None:
            continue
        left, top, right, bottom = (edge * side for edge, side in zip(region.box, picture.size * 2, strict=True))
        if (left, top) == (right, bottom):
            draw.ellipse((left - 2 * line, top - 2 * line, left + 2 * line, top + 2 * line), EDGE, TINT, line // 2)
            continue
        draw.rectangle((left, top, right, bottom), outline=EDGE, width=line)
        draw.text((left + 2 * line, top + line), region.label, fill=EDGE, stroke_width=1, stroke_fill="black")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)
    return path


def masks(regions: Sequence[Region], path: Path | str) -> Path | None:
    """Write the union of all masks, white on black, at their own size, to `path`; None without masks."""
    found = [np.asarray(r.mask) > 0 for r in regions if r.mask is not None]
    if not found:
        return None
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((np.any(found, axis=0) * 255).astype(np.uint8)).save(path)
    return Path(path)


def frame_of(media: Media, regions: Sequence[Region]) -> np.ndarray:
    """The frame of the regions: the one nearest to their time, the middle one if they have no time."""
    assert media.frames is not None, "regions lie in a picture"
    time = next((r.time for r in regions if r.time is not None), None)
    return media.frames[len(media.frames) // 2 if time is None else int(np.abs(media.times - time).argmin())]
