"""HCRN: conditional relation units over the frames of each segment, then over all segments.

    frames of a stretch ─ CRN(motion) [─ CRN(sound)] ─ CRN(question) ─┐ 8 stretches
                                        ├─ CRN(motion of all) [─ CRN(sound)] ─ CRN(question) ─ attention ─ answers
                               tokens ─ BiLSTM ┘

Le et al., "Hierarchical Conditional Relation Networks for Video Question Answering", CVPR 2020: the unit (algorithm 1),
its two levels (figure 3), and the question's attention over the resulting objects. With sound, Yang et al., "AVQA", ACM
MM 2022 (HAVF on HCRN): `sound` names the level at which it enters, in their terms. A stretch is a temporal segment.

`variant="released"` equals the official networks (thaolmk54/hcrn-videoqa; AlyssaYoung/AVQA) tensor by tensor, without
the layers that they build and never run. A stretch has 16 consecutive seconds instead of 16 frames around a moment;
starts are evenly spaced. Without a `motion` stream, the motion of a stretch is the mean change from second to second.
Sound is the mean of `audio` over the clip, one vector as published. A unit with fewer objects than it was built for
keeps the full set as well, as released. `sound="early"` is the intended function of that level, which crashes as
released. The official code draws subsets at every call, also in evaluation, so its answers vary; here they are fixed,
or drawn in training only (`subsets`). Batch norm before the answers mixes a training batch. With `choose`,
`answer(memory, tokens, candidates)` scores a question's own candidates, (question, option, word) ids, and the loss is
the hinge loss; no dataset provides `candidates` yet, so that form is for published checkpoints and your own loops. The
evidence is the attention over the last objects, traced back through the subsets whose means they are.
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
            f"hcrn: each={config.each} and stretches={config.stretches} leave a unit without subsets; give 5 or more."
        )
    return net


def from_official(state_dict: Mapping[str, Tensor], sound: str | None = None, fuse: str = "concat") -> HCRN:
    """The released network from a published checkpoint of HCRN or of HAVF.

    A HAVF checkpoint does not contain the level of its sound: `sound` gives it, `middle-vcrn` by default.
    """
    state = checkpoints.without_prefixes(state_dict)
    config = config_of(state, sound, fuse)
    return fitted(build(config), used(state, config))  # type: ignore[return-value]
