"""Published checkpoints of HCRN and HAVF: tensor names, sizes, and unused layers."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from lookhear import checkpoints
from lookhear.layers.translate import numbered, renamed
from lookhear.nets.hcrn.config import Config
from lookhear.nets.hcrn.units import sizes_of

RULES = [
    (r"linguistic_input_unit\.encoder_embed\.weight", r"table.weight"),
    (r"linguistic_input_unit\.encoder\.(.*)", r"lstm.\1"),
    (r"visual_input_unit\.appearance_feat_proj\.(.*)", r"see.\1"),
    (r"visual_input_unit\.clip_level_motion_proj\.(.*)", r"motion_low.\1"),
    (r"visual_input_unit\.sequence_encoder\.(.*)", r"follow.\1"),
    (r"visual_input_unit\.video_level_motion_proj\.(.*)", r"motion_high.\1"),
    (r"visual_input_unit\.question_embedding_proj\.(.*)", r"question.\1"),
    (r"visual_input_unit\.audio_feat_proj\.(.*)", r"hear.\1"),
    (r"audio_input_unit\.audio_feat_proj\.(.*)", r"late.audio.\1"),
    (r"audio_input_unit\.question_embedding_proj\.(.*)", r"late.question.\1"),
    (r"audio_input_unit\.fusion\.(.*)", r"late.joint.\1"),
    (r"audio_input_unit\.gate_fusion\.(.*)", r"late.gate.\1"),
    (r"av_latefusion\.audio_feat_proj\.(.*)", r"late.out.\1"),
    (r"feature_aggregation\.v_proj\.(.*)", r"value.\1"),
    (r"feature_aggregation\.q_proj\.(.*)", r"query.\1"),
    (r"feature_aggregation\.cat\.(.*)", r"score.0.\1"),
    (r"feature_aggregation\.attn\.(.*)", r"score.2.\1"),
    (r"output_unit\.question_proj\.(.*)", r"ask.\1"),
    (r"output_unit\.ans_candidates_proj\.(.*)", r"offer.\1"),
    (r"output_unit\.classifier\.(.*)", r"head.\1"),
    (r"visual_input_unit\.clip_level_audio_cond\.cond_feat_proj\.(.*)", r"low.audio.again.\1"),
]
UNIT = r"visual_input_unit\.(clip|video)_level_(motion|audio|question)_cond\.(gate_)?k_objects_fusion\.(\d+)\.(\w+)"
LEVELS = {"clip": "low", "video": "high"}


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors and stack the layers of a unit; unused layers are included."""
    result = renamed(state, RULES)
    units: dict[str, dict[int, Tensor]] = {}
    for name, tensor in state.items():
        if found := re.fullmatch(UNIT, name):
            level, unit, gate, number, kind = found.groups()
            key = f"{LEVELS[level]}.{unit}.{'gate_' if gate else ''}{kind}"
            units.setdefault(key, {})[int(number)] = tensor
    return result | {key: torch.stack([layers[i] for i in sorted(layers)]) for key, layers in units.items()}


def used(state: Mapping[str, Tensor], config: Config) -> dict[str, Tensor]:
    """The translated tensors without layers that the net of `config` never runs."""
    result = {}
    plan = {"low": ("middle-ccrn", config.each), "high": ("middle-vcrn", config.stretches)}
    dead = [part for part in ("hear", "late", "offer") if not wants(part, config)]
    for name, tensor in translated(state).items():
        level, _, rest = name.partition(".")
        if level in plan:
            alone, built_for = plan[level]
            unit, _, kind = rest.partition(".")
            hears = config.sound in (alone, "middle-2crn")
            multiplies = unit == "audio" and level == "low" and config.fuse == "mul"
            if (unit == "audio" and not hears) or (kind.startswith("again.") != multiplies):
                continue
            if not multiplies:
                objects = {"motion": built_for, "audio": built_for - 2, "question": built_for - 2 - hears}[unit]
                own = built_for - 2 if unit == "question" else built_for
                count = len(sizes_of(objects, own))
                first = 1 if objects == own and objects > 2 else 0
                tensor = tensor[first : first + count]
        elif level in dead:
            continue
        result[name] = tensor
    return result


def wants(part: str, config: Config) -> bool:
    """Whether the net of `config` has the part."""
    return {"hear": config.sound.startswith("middle"), "late": config.sound == "late", "offer": config.choose}[part]


def config_of(state_dict: Mapping[str, Tensor], sound: str | None = None, fuse: str = "concat") -> Config:
    """The sizes of a published checkpoint.

    HAVF's checkpoints do not contain the level of sound. `sound` gives it; the default is the released `middle-vcrn` if
    there are sound units, else none.
    """
    state = checkpoints.without_prefixes(state_dict)
    choose = "output_unit.ans_candidates_proj.weight" in state
    unit = r"visual_input_unit\.{}_level_motion_cond\.k_objects_fusion\.(\d+)\."
    if sound is None:
        sound = "middle-vcrn" if "visual_input_unit.video_level_audio_cond.k_objects_fusion.0.weight" in state else ""
    heard = "audio_input_unit.audio_feat_proj.weight"
    audio = checkpoints.size(state, heard, 1) if heard in state else 128
    seen = checkpoints.size(state, "visual_input_unit.appearance_feat_proj.weight", 1)
    return Config(
        answers=4 if choose else checkpoints.size(state, "output_unit.classifier.5.weight"),
        audio=audio,
        frames=seen - audio if sound == "early" else seen,
        motion=checkpoints.size(state, "visual_input_unit.clip_level_motion_proj.weight", 1),
        tokens=checkpoints.size(state, "linguistic_input_unit.encoder_embed.weight"),
        embed=checkpoints.size(state, "linguistic_input_unit.encoder_embed.weight", 1),
        hidden=checkpoints.size(state, "visual_input_unit.appearance_feat_proj.weight"),
        stretches=numbered(state, unit.format("video")) + 1,
        each=numbered(state, unit.format("clip")) + 1,
        sound=sound,
        fuse=fuse,
        choose=choose,
    )
