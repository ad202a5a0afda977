"""Localisation tasks: boxes, three points and masks of sounding or referred players, second by second.

A second is used if each player on stage sounds either all through it or not at all, and no source off stage sounds.
Boxes and points are whole pixels of a 224 x 224 picture. A mask file belongs to one second of one scene. Each pixel
holds the number of its player, counted from 1 in the order of `scene.players`; 0 is the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from lookhear import files
from lookhear.datasets.reading.masks import box_of, inscribed
from lookhear.soundstage.picture.painter import masks
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Player, Scene
from lookhear.soundstage.tasks.events import tenths

SIZE = 224  # coordinates refer to a picture of this size in pixels, whatever size it is rendered in
SMALLEST = 0.004  # smallest visible area of a player that is asked about, as a fraction of the picture
Record = dict[str, Any]


def segmentation(rng: Random, scene: Scene, folder: Path, size: int) -> list[Record]:
    """Records of form s4 (one player sounds), ms3 (several), and avss (by type) for a second of one of these."""
    facts = Facts(scene)
    if not facts.distinguishable:
        return []
    sounding = _sounding(facts)
    one = [k for k, players in enumerate(sounding) if players and len(players) == 1]
    many = [k for k, players in enumerate(sounding) if players and len(players) > 1]
    records = []
    for form, choice in (("s4", one), ("ms3", many)):
        if choice and (record := _marked(scene, rng.choice(choice), sounding, form, folder, size)):
            records.append(record)
    if records:
        source = rng.choice(records)
        records += filter(None, [_marked(scene, int(source["start"]), sounding, "avss", folder, size)])
    return records


def grounding(record: Record) -> Record:
    """The same record in the form arig: the box only."""
    regions = [[label, place] for label, place in record["regions"] if len(place) == 4]
    kept = {k: v for k, v in record.items() if k not in ("mask", "owners")}
    return kept | {"id": record["id"].replace("s4", "arig"), "form": "arig", "regions": regions}


def pointed(scene: Scene, player: Player, second: int, folder: Path, size: int) -> Record | None:
    """Regions and mask of one player in the middle of a second; None if too little of it is visible."""
    owned = _owned(scene, second, folder, size)
    index = _index(scene, player)
    if not _enough(owned[index]):
        return None
    return {
        "regions": _regions(player.instrument, owned[index]),
        "mask": _file(scene, second),
        "owners": {player.instrument: [index + 1]},
    }


def _marked(
    scene: Scene, second: int, sounding: list[list[Player] | None], form: str, folder: Path, size: int
) -> Record | None:
    players = sounding[second] or []
    owned = _owned(scene, second, folder, size)
    if not all(_enough(owned[_index(scene, p)]) for p in players):
        return None
    kinds: dict[str, list[int]] = {}
    for player in sorted(players, key=lambda p: p.x or 0.0):
        kinds.setdefault(player.instrument, []).append(_index(scene, player) + 1)
    if form == "avss":
        owners = kinds
    else:
        owners = {", ".join(kinds): [n for numbers in kinds.values() for n in numbers]}
    return {
        "id": f"{scene.id}-{form}",
        "start": float(second),
        "end": float(second + 1),
        "form": form,
        "answer": ", ".join(kinds),
        "regions": [r for label, ns in owners.items() for r in _regions(label, _together(owned, ns))],
        "mask": _file(scene, second),
        "owners": owners,
    }


def _sounding(facts: Facts) -> list[list[Player] | None]:
    """For each second the players on stage that sound all through it; None if unclear or if a source off stage
    sounds."""
    length = int(facts.scene.seconds)
    stage = [tenths(p.sounding, length) for p in facts.visible]
    others = [tenths(p.sounding, length) for p in facts.offstage]
    others += [tenths([facts.scene.voiceover], length)] if facts.scene.voiceover else []
    found: list[list[Player] | None] = []
    for k in range(length):
        clear = not any(part[k] for part in others) and all(part[k] in (0, 10) for part in stage)
        found.append([p for p, part in zip(facts.visible, stage, strict=True) if part[k]] if clear else None)
    return found


def _owned(scene: Scene, second: int, folder: Path, size: int) -> np.ndarray:
    """Masks bool (player, size, size) in the middle of a second, read from the mask file, which is made if it is
    missing."""
    import numpy as np
    from PIL import Image

    path = folder / Path(_file(scene, second)).name
    if path.is_file():
        with Image.open(path) as image:
            numbers = np.asarray(image)
    else:
        numbers = np.zeros((size, size), np.uint8)
        for index, mask in enumerate(masks(scene, second + 0.5, size)):
            numbers[mask] = index + 1
        with files.whole(path) as part:
            Image.fromarray(numbers).save(part, format="PNG", optimize=False)
    return numbers == np.arange(1, len(scene.players) + 1, dtype=np.uint8)[:, None, None]


def _file(scene: Scene, second: int) -> str:
    return f"masks/{scene.id}_{second}.png"


def _index(scene: Scene, player: Player) -> int:
    return next(i for i, p in enumerate(scene.players) if p is player)


def _enough(mask: np.ndarray) -> bool:
    return bool(mask.mean() >= SMALLEST)


def _together(owned: np.ndarray, numbers: Sequence[int]) -> np.ndarray:
    """Union of the masks of several players, whose numbers count from 1."""
    return np.logical_or.reduce(owned[[n - 1 for n in numbers]])


def _regions(label: str, mask: np.ndarray) -> list[list[Any]]:
    """The box and three points inside the mask, each as [label, pixels]."""
    box = box_of(mask)
    assert box is not None
    scale = SIZE / mask.shape[0]
    points = [[_pixel((x + 0.5) * scale), _pixel((y + 0.5) * scale)] for x, y in inscribed(mask)]
    return [[label, [_pixel(edge * SIZE) for edge in box]], *([label, point] for point in points)]


def _pixel(value: float) -> int:
    return min(max(round(value), 0), SIZE - 1)
