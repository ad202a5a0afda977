"""Answer networks over extracted features: one file or folder per paper.

A file here defines `Config` and `build(config) -> Net`, and may define `from_official(state_dict) -> Net`, which reads
published weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from lookhear.types import Memory, Output


class Net(nn.Module):
    """The type of a network: a torch module whose `watch` and `answer` declare, by argument names, the streams they
    read.

    `watch` maps streams of clips to a memory with one row per clip. `answer` maps a memory with one row per question,
    and streams of questions, to an Output. A network need not inherit from this class. It may also have `losses(output,
    labels, ...) -> {name: loss}`; without it, training uses cross-entropy.
    """

    watch: Callable[..., Memory]
    answer: Callable[..., Output]
