"""Thirty pairs to look at, clip beside twin as frame and spectrogram: python -m research.twins.sheet OUT.png."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from lookhear.datasets.reading.templates import fill
from lookhear.soundstage.picture.painter import frames
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import world
from lookhear.soundstage.sound.mix import sound
from lookhear.soundstage.twins.families import Family, families
from lookhear.soundstage.twins.kinds import Twin
from lookhear.soundstage.write.render import spectrogram

SIZE, WIDE, ROW = 96, 190, 134  # pixels of a frame, of a spectrogram, of a pair


def chosen(count: int) -> list[tuple[Family, Twin]]:
    """Pairs of every kind, as evenly as can be."""
    found: list[tuple[Family, Twin]] = []
    used: Counter[str] = Counter()
    for family in families(a.scene for a in world(Settings(train=80, val=0, test=0, seed=30))):
        twin = min(family.twins, key=lambda t: used[t.kind])
        if used[twin.kind] <= count // 9:
            used[twin.kind] += 1
            found.append((family, twin))
        if len(found) == count:
            break
    return found


def drawn(family: Family, twin: Twin) -> Image.Image:
    """Base above what its twin shows and sounds like, and the question that tells them apart."""
    asked = next(a for a in family.asked if a.others.get(twin.id, a.base) != a.base)
    names = ", ".join(family.base.players[i].instrument for i in twin.players)
    card = Image.new("RGB", (2 * (SIZE + WIDE) + 16, ROW), (250, 248, 244))
    draw, font = ImageDraw.Draw(card), ImageFont.load_default(11)
    answers = (asked.base, asked.others[twin.id])
    for k, (seen, heard) in enumerate(((family.base, family.base), (twin.picture, twin.sound))):
        x = k * (SIZE + WIDE + 8)
        frame = next(islice(frames(seen, SIZE, 1, twin.crowd), 5, None))
        card.paste(Image.fromarray(frame), (x, 30))
        card.paste(spectrogram(sound(heard), height=SIZE, width=WIDE), (x + SIZE, 30))
        draw.text((x + 2, 16), f"{'twin' if k else 'clip'}: {answers[k]}", (120, 30, 40) if k else (30, 60, 120), font)
    draw.text((2, 2), f"{twin.kind} ({names}): {fill(asked.template, asked.values)}?", (20, 20, 30), font)
    return card


def main() -> None:
    """Draw them, in two columns."""
    cards = [drawn(*one) for one in chosen(30)]
    wide, high = cards[0].size
    sheet = Image.new("RGB", (2 * wide + 12, 15 * (high + 6)), (255, 255, 255))
    for k, card in enumerate(cards):
        sheet.paste(card, (k % 2 * (wide + 12), k // 2 * (high + 6)))
    Path(sys.argv[1]).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(sheet)).quantize(128).save(sys.argv[1], optimize=True)


if __name__ == "__main__":
    main()
