"""Which questions are answered at once, so that memory does not grow with how many there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter

import torch
from torch import Tensor

AT_ONCE = {"cpu": 16}  # questions: what they need together stays in a processor's cache
MANY = 256  # the same on an accelerator
FEW = 4  # questions of one clip in a row, from which they are answered apart from those of other clips


def together(rows: Sequence[int], device: str = "cpu") -> list[list[int]]:
    """Indices of questions answered at once, given the row of each one's clip.

    Where a clip is asked `FEW` or more questions in a row, they are answered apart from those of other clips.
    """
    most = AT_ONCE.get(device, MANY)
    runs = [[i for i, _ in run] for _, run in groupby(enumerate(rows), key=itemgetter(1))]
    pieces: list[list[int]] = [[]]
    for run in runs:
        if len(run) >= FEW:
            pieces += [*(run[i : i + most] for i in range(0, len(run), most)), []]
        elif len(pieces[-1]) + len(run) <= most:
            pieces[-1] += run
        else:
            pieces.append(run)
    return [piece for piece in pieces if piece]


def gathered(memory: Mapping[str, Tensor], rows: Sequence[int]) -> dict[str, Tensor]:
    """A row of memory for each question; of one clip the same row, not copied."""
    if len(set(rows)) == 1:
        return {n: t[rows[0]].expand(len(rows), *t.shape[1:]) for n, t in memory.items()}
    return {n: t[torch.tensor(rows, device=t.device)] for n, t in memory.items()}
