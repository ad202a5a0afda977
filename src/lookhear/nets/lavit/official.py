"""The published tensors of LAViT under the names of `nets.lavit`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from lookhear.layers.translate import renamed, stacked

BLOCK = {
    "attention.self": "own.attention",
    "attention.output.dense": "own.attention.out_proj",
    "attention.output.LayerNorm": "own.norm",
    "intermediate.dense": "feed.0",
    "output.dense": "feed.2",
    "output.LayerNorm": "norm",
}
CROSS = {"l": "read", "a": "heard", "v": "seen"}
RULES = [
    (r"bert\.embeddings\.word_embeddings\.weight", r"table.weight"),
    (r"bert\.embeddings\.position_embeddings\.weight", r"position.weight"),
    (r"bert\.embeddings\.token_type_embeddings\.weight", r"kind.weight"),
    (r"bert\.embeddings\.LayerNorm\.(.*)", r"norm.\1"),
    (r"bert\.encoder\.v_fc\.feature_fc\.(.*)", r"enter.seen.maps.0.\1"),
    (r"bert\.encoder\.v_fc\.feature_ln\.(.*)", r"enter.seen.norms.0.\1"),
    (r"bert\.encoder\.v_fc\.coord_fc\.(.*)", r"enter.seen.maps.1.\1"),
    (r"bert\.encoder\.v_fc\.coord_in\.(.*)", r"enter.seen.norms.1.\1"),
    (r"bert\.pooler\.dense\.(.*)", r"pool.read.0.\1"),
    (r"bert\.a_pooler\.dense\.(.*)", r"pool.heard.0.\1"),
    (r"bert\.v_pooler\.dense\.(.*)", r"pool.seen.0.\1"),
    (r"answer_head\.logit_fc\.(.*)", r"head.\1"),
    *(
        (rf"bert\.encoder\.{old}\.(\d+)\.{part.replace('.', '[.]')}\.(.*)", rf"own.{side}.\1.{new}.\2")
        for old, side in (("layer", "read"), ("a_layers", "heard"), ("v_layers", "seen"))
        for part, new in BLOCK.items()
    ),
    *(
        (rf"bert\.encoder\.x_layers\.(\d+)\.{a}{b}_attention\.{old}\.(.*)", rf"ring.\1.cross.{CROSS[a]}.{new}.\2")
        for a, b in ("la", "av", "vl")
        for old, new in (
            ("self", "attention"),
            ("output\\.dense", "attention.out_proj"),
            ("output\\.LayerNorm", "norm"),
        )
    ),
    *(
        (rf"bert\.encoder\.x_layers\.(\d+)\.{a}_{old}\.(.*)", rf"ring.\1.own.{side}.{new}.\2")
        for a, side in CROSS.items()
        for old, new in (
            ("self_att\\.self", "own.attention"),
            ("self_att\\.output\\.dense", "own.attention.out_proj"),
            ("self_att\\.output\\.LayerNorm", "own.norm"),
            ("inter\\.dense", "feed.0"),
            ("output\\.dense", "feed.2"),
            ("output\\.LayerNorm", "norm"),
        )
    ),
]
SOUND = r"bert\.encoder\.a_fc\."


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors to our parameter names."""
    state = stacked(state, ("query", "key", "value"), "in_proj_weight", "in_proj_bias")
    return renamed(state, [*RULES, *sound_rules(state)])


def sound_rules(state: Mapping[str, Tensor]) -> list[tuple[str, str]]:
    """Rules for the sound's input layer: one or two projections of features, then that of coordinates."""
    parts = ("left", "righ", "cord") if stereo(state) else ("feat", "cord")
    kinds = (("fc", "maps"), ("ln", "norms"))
    return [(rf"{SOUND}{p}_{k}\.(.*)", rf"enter.heard.{new}.{i}.\1") for i, p in enumerate(parts) for k, new in kinds]


def stereo(state: Mapping[str, Tensor]) -> bool:
    """Whether a checkpoint has separate projections for left and right."""
    return "bert.encoder.a_fc.left_fc.weight" in state
