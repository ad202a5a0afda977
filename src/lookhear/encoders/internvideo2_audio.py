"""InternVideo2's audio tower (stage 2), one vector per second of sound: BEATs on 64 mel bands. 16 kHz, 768-d.

    second ─ Kaldi log-mel 98 x 64 ─ patches of 16 x 16: 6 in time, 4 in frequency ─ BEATs ─▶ patches, their mean

The output is the mean over patches before the projection for retrieval. The network was trained on pieces of ten
seconds (248 patches), which `seconds=10` gives as one row each. The sizes are read from the shapes in the file, which
holds no `cfg`; the largest relative distance is that of all published BEATs (800). Written from the paper (arXiv
2403.15377) and its formulas. Weights: a stage-2 checkpoint that was trained with sound (gated; their own terms), of
which the `audio_encoder.` tensors are used. Together with `internvideo2` it is the best row of AV-Master's Table XI.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from lookhear import checkpoints
from lookhear.encoders import beats
from lookhear.errors import ModelError

PREFIX = "audio_encoder."
DISTANCE = 800  # not a shape: the largest distance of the relative position buckets
UNUSED = ("predictor.",)  # AudioSet classes of fine-tuned BEATs


@dataclass(frozen=True)
class Config(beats.Config):
    """Weights and output streams."""

    weights: str = "InternVideo2-stage2_6b-224p-f4.pt"
    """a stage-2 file with tensors `audio_encoder.*`, or a folder that holds it"""


class InternVideo2AudioEncoder(beats.BeatsEncoder):
    """Media in, `audio` (time, dim) out, and optionally `patches` (time, patch, dim)."""

    name = "internvideo2_audio"
    bands = 64


def sizes(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """BEATs' `cfg` from the shapes of its tensors. Raises ModelError."""
    try:
        embed, width = (len(state[f"{name}layer_norm.weight"]) for name in ("", "encoder."))
        bias = state["encoder.layers.0.self_attn.relative_attention_bias.weight"]
        inner, kernel = len(state["encoder.layers.0.fc1.bias"]), state["encoder.pos_conv.0.weight_g"].shape[-1]
        groups = width // state["encoder.pos_conv.0.weight_v"].shape[1]
    except KeyError as error:
        raise ModelError(
            f"Not a checkpoint with InternVideo2's audio tower: {PREFIX}{error.args[0]} is missing."
        ) from None
    return {
        "embed_dim": embed,
        "encoder_embed_dim": width,
        "encoder_ffn_embed_dim": inner,
        "encoder_layers": len({k.split(".")[2] for k in state if k.startswith("encoder.layers.")}),
        "encoder_attention_heads": bias.shape[1],
        "num_buckets": bias.shape[0],
        "max_distance": DISTANCE,
        "conv_bias": "patch_embedding.bias" in state,
        "conv_pos": kernel,
        "conv_pos_groups": groups,
        **dict.fromkeys(("deep_norm", "gru_rel_pos", "relative_position_embedding"), True),
    }


def build(config: Config) -> InternVideo2AudioEncoder:
    """The encoder. Raises RecipeError or ModelError."""
    beats.check(config, "internvideo2_audio")
    path = checkpoints.locate(config.weights, ("*nternVideo2*.pt*", "*.pt", "*.pth", "*.safetensors"))
    state = checkpoints.tensors(checkpoints.read(path), "module")
    own = beats.renamed({k.removeprefix(PREFIX): v for k, v in state.items() if k.startswith(PREFIX)})
    return InternVideo2AudioEncoder(config, checkpoints.load(beats.BEATs(sizes(own)), own, path, ignore=UNUSED))
