"""The published tensors of PSAC under the names of `nets.psac`."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from lookhear.layers.translate import renamed

QUESTION, ENCODER = r"ques_encoder\.", r"ques_encoder\.emb_enc\."
LAYER = r"vid_encoder\.layer_stack\.0\."


RULES = [
    (rf"{QUESTION}word_emb\.weight", r"table.weight"),
    (rf"{QUESTION}char_emb\.weight", r"words.letters.weight"),
    (rf"{QUESTION}emb\.conv2d\.(.*)", r"words.windows.\1"),
    (rf"{QUESTION}emb\.conv1d\.out\.weight", r"words.join.weight"),
    (rf"{QUESTION}emb\.high\.gate\.(\d)\.out\.(.*)", r"words.gates.\1.\2"),
    (rf"{QUESTION}emb\.high\.linear\.(\d)\.out\.(.*)", r"words.maps.\1.\2"),
    (rf"{ENCODER}convs\.(\d)\.depthwise_conv\.weight", r"words.depth.\1.weight"),
    (rf"{ENCODER}convs\.(\d)\.pointwise_conv\.(.*)", r"words.point.\1.\2"),
    (rf"{ENCODER}norm_C\.(\d)\.(.*)", r"words.norms.\1.\2"),
    (rf"{ENCODER}norm_1\.(.*)", r"words.norms.4.\1"),
    (rf"{ENCODER}norm_2\.(.*)", r"words.norms.5.\1"),
    (rf"{ENCODER}self_att\.query_conv\.out\.weight", r"words.query.weight"),
    (rf"{ENCODER}self_att\.mem_conv\.out\.weight", r"words.memory.weight"),
    (rf"{ENCODER}FFN_(\d)\.out\.(.*)", r"words.feed\1.\2"),
    (rf"{QUESTION}vqatt\.trans\.weight_v", r"enter.seen.direction"),
    (rf"{QUESTION}vqatt\.trans\.weight_g", r"enter.seen.length"),
    (rf"{QUESTION}vqatt\.trans\.bias", r"enter.seen.bias"),
    (rf"{QUESTION}vqatt\.w4V", r"by_second"),
    (rf"{QUESTION}vqatt\.w4Q", r"by_word"),
    (rf"{QUESTION}vqatt\.w4mlu", r"by_both"),
    (rf"{QUESTION}vq_resizer\.out\.weight", r"merge.weight"),
    (r"vid_encoder\.position_enc\.weight", r"own.seen.places.weight"),
    (r"vid_encoder\.pos_linear\.(.*)", r"own.seen.position.\1"),
    (rf"{LAYER}slf_attn\.w_qs", r"own.seen.query"),
    (rf"{LAYER}slf_attn\.w_ks", r"own.seen.key"),
    (rf"{LAYER}slf_attn\.w_vs", r"own.seen.value"),
    (rf"{LAYER}slf_attn\.proj\.linear\.(.*)", r"own.seen.out.\1"),
    (rf"{LAYER}slf_attn\.layer_norm\.a_2", r"own.seen.norm1.weight"),
    (rf"{LAYER}slf_attn\.layer_norm\.b_2", r"own.seen.norm1.bias"),
    (rf"{LAYER}pos_ffn\.layer_norm\.a_2", r"own.seen.norm2.weight"),
    (rf"{LAYER}pos_ffn\.layer_norm\.b_2", r"own.seen.norm2.bias"),
    (rf"{LAYER}pos_ffn\.w_(\d)\.(.*)", r"own.seen.feed\1.\2"),
    (r"classifier\.main\.(\d)\.weight_v", r"head.\1.direction"),
    (r"classifier\.main\.(\d)\.weight_g", r"head.\1.length"),
    (r"classifier\.main\.(\d)\.bias", r"head.\1.bias"),
]


FLAT = ("by_second", "by_word", "by_both")


def translated(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the published tensors: convolutions of kernel 1 become matrices, axes of length 1 are removed."""
    result = renamed(state, RULES)
    for name, tensor in result.items():
        if name in FLAT:
            result[name] = tensor.flatten()
        elif name == "words.windows.weight":
            result[name] = tensor.squeeze(2)
        elif tensor.dim() == 3 and tensor.shape[-1] == 1:
            result[name] = tensor.squeeze(-1)
    return result
