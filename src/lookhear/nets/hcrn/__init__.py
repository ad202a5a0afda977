"""HCRN: one unit, the relation of subsets under a condition, over the frames of a stretch and over stretches.

    frames of a stretch ─ CRN(motion) [─ CRN(sound)] ─ CRN(question) ─┐ 8 stretches
                                        ├─ CRN(motion of all) [─ CRN(sound)] ─ CRN(question) ─ attention ─ answers
                               tokens ─ BiLSTM ┘

Le et al., "Hierarchical Conditional Relation Networks for Video Question Answering", CVPR 2020: the unit (algorithm 1),
two levels of it (figure 3), the question's attention over what is left. With sound, Yang et al., "AVQA", ACM MM 2022
(HAVF on HCRN): `sound` names the level where it enters, in their words.

`variant="released"` equals the official networks (thaolmk54/hcrn-videoqa; AlyssaYoung/AVQA) tensor by tensor, without
the layers they build and never run. Stretches are 16 seconds in a row, starts evenly spread, in the place of 16 frames
around a moment; without a `motion` stream a stretch's motion is the mean change from second to second; sound is the
mean of `audio` over the clip, one vector as published. A unit that does not get as many objects as it was built for
keeps the full set as well, as released. `sound="early"` is what that level would do if it ran (it crashes as released).
The official code draws subsets anew at every call, in evaluation too, so it does not give the same answer twice; here
they are fixed, or drawn in training alone (`subsets`). Batch norm in front of the answers mixes a training batch.
With `choose`, `answer(memory, tokens, candidates)` scores a question's own candidates, (question, option, word) ids,
and the loss is hinge; no dataset serves `candidates` yet, so that form is for published checkpoints and own loops.
The evidence is the attention over the last objects, traced back through the subsets they are the means of.
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from lookhear import checkpoints
from lookhear.errors import RecipeError
from lookhear.layers.translate import fitted
from lookhear.nets.hcrn.config import Config
from lookhear.nets.hcrn.network import HCRN, ChoosingHCRN
from lookhear.nets.hcrn.official import config_of, used
from lookhear.nets.hcrn.units import SUBSETS

LEVELS = ("", "middle-vcrn", "middle-ccrn", "middle-2crn", "late", "early")


def build(config: Config) -> HCRN:
    """Build the net with random weights."""
    allowed = {"variant": ("released",), "sound": LEVELS, "fuse": ("concat", "mul"), "subsets": tuple(SUBSETS)}
    for field, values in allowed.items():
        if getattr(config, field) not in values:
            there = ", ".join(map(repr, values))
            raise RecipeError(f"hcrn has no {field}={getattr(config, field)!r}. There are: {there}.")
    if config.choose and config.read != "tokens":
        raise RecipeError("hcrn: candidates are read as tokens; set read=tokens.")
    net = (ChoosingHCRN if config.choose else HCRN)(config)
    if any(unit.outputs < 1 for level in (net.low, net.high) for unit in level.values()):
        raise RecipeError(
            f"hcrn: each={config.each} and stretches={config.stretches} leave a unit nothing to relate; give 5 or more."
        )
    return net


def from_official(state_dict: Mapping[str, Tensor], sound: str | None = None, fuse: str = "concat") -> HCRN:
    """The released network from a published checkpoint of HCRN or of HAVF.

    A HAVF checkpoint does not say at which level its sound enters: `sound` does, `middle-vcrn` by default.
    """
    state = checkpoints.without_prefixes(state_dict)
    config = config_of(state, sound, fuse)
    return fitted(build(config), used(state, config))  # type: ignore[return-value]
