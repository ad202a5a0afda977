"""What a net makes of questions' words, made once for equal wordings and kept within a budget of memory.

Benchmarks ask in templates: the 9,129 test questions of MUSIC-AVQA have 1,298 wordings.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from lookhear.layers.attention import weights_state
from lookhear.layers.watch_answer import WatchAnswer

ROOM = 256 << 20  # bytes kept


class Wordings:
    """Wordings by their text, the least recently asked dropped first, all of them when the net's weights change."""

    def __init__(self, room: int = ROOM) -> None:
        self.room, self.used = room, 0
        self.kept: OrderedDict[str, dict[str, Tensor]] = OrderedDict()
        self.weights: tuple[tuple[int, int], ...] = ()

    def __call__(
        self, net: WatchAnswer, texts: Sequence[str], words: Callable[[list[int]], Tensor]
    ) -> dict[str, Tensor]:
        """`net.wording` of the words of `texts`, a row a text; `words(indices)` serves those not yet known."""
        weights = weights_state(net)
        if weights != self.weights:
            self.kept.clear()
            self.used, self.weights = 0, weights
        rows = {text: self.kept[text] for text in texts if text in self.kept}
        new = {text: i for i, text in enumerate(texts) if text not in rows}
        if new:
            made = net.wording(words(list(new.values())))
            rows |= {text: _row(made, i) for i, text in enumerate(new)}
        for text, row in rows.items():
            self.used += 0 if text in self.kept else _bytes(row)
            self.kept[text] = row
            self.kept.move_to_end(text)
        while self.used > self.room:
            self.used -= _bytes(self.kept.popitem(last=False)[1])
        return _together([rows[text] for text in texts])


def _bytes(row: dict[str, Tensor]) -> int:
    return sum(x.nbytes for x in row.values())


def _row(made: dict[str, Tensor], i: int) -> dict[str, Tensor]:
    """Row `i`, without its padding."""
    row = {name: x[i] for name, x in made.items()}
    padding = row.pop("padding_mask", None)
    length = None if padding is None else int((~padding).nonzero().max()) + 1
    return {name: x[:length].clone() for name, x in row.items()}


def _together(rows: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The inverse of `_row`: as long as the longest, with a `padding_mask` where some are shorter."""
    lengths = [len(next(iter(row.values()))) for row in rows]
    made = {name: pad_sequence([row[name] for row in rows], batch_first=True) for name in rows[0]}
    if len(set(lengths)) > 1:
        place = torch.arange(max(lengths), device=next(iter(made.values())).device)
        made["padding_mask"] = place >= torch.tensor(lengths, device=place.device).unsqueeze(1)
    return made
