"""Measure mean and spread of what the shipped encoders read in a Soundstage, and write them into their weights.

Run:   lookhear soundstage world --split demo && python -m research.encoders.scale world   (after any training of them)
Cost:  about 20 CPU-seconds
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from lookhear import config, datasets
from lookhear.encoders._stage import WEIGHTS, rescale
from lookhear.media.decode import decode


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("world", type=Path)
    parser.add_argument("--clips", type=int, default=200)
    given = parser.parse_args()
    examples = datasets.load("soundstage", given.world, "train")
    clips = list(dict.fromkeys(e.clip for e in examples))[: given.clips]
    texts = list(dict.fromkeys(e.question for e in examples))
    for name in ("stage_vision", "stage_audio", "stage_text"):
        encoder = config.build("encoders", {"name": name})
        items = texts if encoder.reads == "text" else (decode(c, encoder.sampling) for c in clips)
        read: dict[str, list[torch.Tensor]] = {}
        for item in items:
            for stream, numbers in encoder([item])[0].items():
                rows = encoder.plain(stream, numbers).reshape(-1, numbers.shape[-1])
                read.setdefault(stream, []).append(rows[(numbers.reshape(rows.shape) != 0).any(-1)])  # no filled rows
        rescale(WEIGHTS / f"{name}.safetensors", {stream: torch.cat(rows) for stream, rows in read.items()})
        print(name, {stream: tuple(torch.cat(rows).shape) for stream, rows in read.items()})


if __name__ == "__main__":
    main()
