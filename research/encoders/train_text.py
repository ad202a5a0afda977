"""Train stage_text to read the 33 questions of MUSIC-AVQA: which one, about which instruments and places.

Run:   python -m research.encoders.train_text              (`make encoders` runs all three)
Cost:  about 2 CPU-minutes on one thread
Score: printed by `python -m research.encoders.probe`
"""

from __future__ import annotations

import argparse
import json
import re
import time
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from lookhear.encoders._stage import WEIGHTS, save
from lookhear.encoders.stage_text import SLOTS, Reader, numbers, split
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import DOMAINS
from lookhear.soundstage.scene.scene import INSTRUMENTS
from research.encoders.loop import train

LIST = list(TEMPLATES)
OTHER_WORDS = {  # said in other words now and then, so that meaning does not hang on one of them
    "video": ("clip", "film", "recording", "footage", "scene"),
    "musical": ("music",),
    "instrument": ("player", "performer", "musician"),
    "instruments": ("players", "performers", "musicians"),
    "sounding": ("playing", "audible", "heard"),
    "sound": ("tone", "noise"),
    "sounds": ("plays",),
    "throughout": ("during", "over"),
    "performance": ("concert", "show"),
    "kind": ("type", "sort"),
    "types": ("kinds", "sorts"),
}


def question(rng: Random) -> tuple[list[str], tuple[int, ...]]:
    """A question in words, and what it says: first and second instrument, first and second other slot, template."""
    number = rng.randrange(len(LIST))
    objects, slots = [], []

    def filled(match: re.Match) -> str:
        name = match[1]
        if name == "Object":
            objects.append(rng.choice([i for i in INSTRUMENTS if i not in objects]))
            return objects[-1]
        values = DOMAINS.get(name) or DOMAINS["LR"]
        slots.append(rng.choice([v for v in values if v not in slots]))
        return slots[-1]

    words = split(re.sub(r"<(\w+)>", filled, LIST[number]))
    named = [INSTRUMENTS.index(o) for o in objects] + [len(INSTRUMENTS)] * 2
    said = [SLOTS.index(s) for s in slots] + [len(SLOTS)] * 2
    kept = set(objects + slots)
    if rng.random() < 0.5:
        words = [rng.choice(OTHER_WORDS[w]) if w in OTHER_WORDS and rng.random() < 0.3 else w for w in words]
    if rng.random() < 0.3:
        words = [w for w in words if w in kept or rng.random() > 0.12] or words
    return words, (*named[:2], *said[:2], number)


def main() -> None:
    """Train and write the weights, the vocabulary in their header."""
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--steps", type=int, default=1500)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--lr", type=float, default=1.5e-3)
    options.add_argument("--out", type=Path, default=WEIGHTS / "stage_text.safetensors")
    given = options.parse_args()
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)
    start, rng = time.process_time(), Random(given.seed)
    fixed = [w for text in LIST for w in split(re.sub(r"<\w+>", " ", text))]
    words = list(dict.fromkeys([*fixed, *SLOTS, *INSTRUMENTS]))
    vocabulary = {word: i + 2 for i, word in enumerate(words)}
    net = Reader(len(vocabulary))
    tags = {w: i for i, w in enumerate([*INSTRUMENTS, *SLOTS])}
    neither = len(INSTRUMENTS) + len(SLOTS)

    def loss_of(step: int, generator: torch.Generator) -> dict[str, Tensor]:
        drawn = [question(rng) for _ in range(64)]
        texts = [text for text, _ in drawn]
        number, pieces = numbers(texts, vocabulary)
        spelled = torch.rand(number.shape, generator=generator) < 0.15  # known words are also read by their letters
        heads = net(torch.where(spelled & (number > 1), 1, number), pieces)
        true = torch.tensor([what for _, what in drawn])
        tag = torch.full(number.shape, -1)
        for i, text in enumerate(texts):
            for j, word in enumerate(text[: number.shape[1]]):
                tag[i, j] = tags.get(word, neither)
        names = ("first", "second", "slot", "slot_two", "question")
        found = {k: F.cross_entropy(heads[k], true[:, i]) for i, k in enumerate(names)}
        again = heads["again"].split([len(SLOTS) + 1, len(SLOTS) + 1, len(LIST)], -1)
        found["again"] = 0.3 * sum(F.cross_entropy(a, true[:, 2 + i]) for i, a in enumerate(again))
        found["tag"] = F.cross_entropy(heads["tag"].flatten(0, 1), tag.flatten(), ignore_index=-1)
        return found

    train(net, loss_of, given.steps, given.lr, given.seed)
    save(net, given.out, {"vocabulary": json.dumps(words)})
    print(f"{given.out}: {given.out.stat().st_size / 1e6:.2f} MB, {time.process_time() - start:.0f} CPU-s in all")


if __name__ == "__main__":
    main()
