"""The published checkpoint of AV-Master: mapping of its tensor names to ours, and its unused tensors."""

from __future__ import annotations


def _names() -> dict[str, str]:
    """Published prefix -> our prefix."""
    focus, capture = "AugInformation.focus_capture", "focus.both"
    names = {
        "fc_a": "hear",
        "fc_v": "see",
        "fc_word": "read",
        "fc_q": "ask",
        "GlobalSelf_Module.layers.0": "mix",
        "AP_Module.layers.0": "prefer.heard",
        "VP_Module.layers.0": "prefer.seen",
        "bisa_v.weight": "bias.seen",
        "bias_a.weight": "bias.heard",
        "AugInformation.video_embeddings": f"{capture}.embed",
        **{f"{focus}.encoder.layers.0.linear{n + 1}": f"{capture}.{w}" for n, w in enumerate(("old", "new", "blend"))},
        f"{focus}.encoder.layers.0.b": f"{capture}.offset",
        f"{focus}.decoder.layers.0.linear1": f"{capture}.up",
        f"{focus}.decoder.layers.0.linear2": f"{capture}.down",
        f"{focus}.decoder.layers.0": capture,  # attention and norms keep their names
        f"{focus}.decoder.norm": f"{capture}.norm",
        "linear_visual_layer": "fuse.out",
    }
    for letter, side in (("v", "seen"), ("a", "heard")):
        names |= {f"Uo_{letter}": f"fuse.object.{side}", f"wo_{letter}": f"fuse.weigh.{side}"}
        names[f"bo_{letter}"] = f"fuse.offset.{side}"
    for old, new in (("fc_answer_pred", "joint"), ("fc_answer_pred2", "audio"), ("fc_answer_pred3", "visual")):
        for n in range(2):
            layer, ours = f"{old}.layer_ca.{n}", f"decide.{new}.layers.{n}"
            names |= {f"{layer}.attention.self.{w}": f"{ours}.{w}" for w in ("query", "key", "value")}
            names |= {f"{layer}.attention.output.dense": f"{ours}.out", f"{layer}.output.dense": f"{ours}.down"}
            names |= {
                f"{layer}.attention.output.LayerNorm": f"{ours}.norm1",
                f"{layer}.output.LayerNorm": f"{ours}.norm2",
            }
            names[f"{layer}.hidden_intermediate.dense"] = f"{ours}.up"
        names |= {f"{old}.head.transform.dense": f"decide.{new}.dense", f"{old}.head.bias": f"decide.{new}.bias"}
        names |= {f"{old}.head.transform.LayerNorm": f"decide.{new}.norm", f"{old}.head.decoder": f"decide.{new}.head"}
    return names


OFFICIAL = _names()
DEAD = (  # in the published checkpoint, but without influence on any output
    *("fc_p", "fc_spat_q", "audio_fusion", "visual_fusion", "SM_fusion", "fc_av_fusion"),
    *("GlobalSelf_Module.layers.0.cm_attn", "GlobalSelf_Module.norm1", "GlobalSelf_Module.norm2"),
    *(f"{side}P_Module.norm{n}" for side in "AV" for n in (1, 2)),
    *("AugInformation.object_embeddings", "AugInformation.focus_capture.encoder.layers.0.w"),
    *(f"fc_answer_pred{n}.{part}_embedding" for n in ("", "2", "3") for part in ("class", "positional")),
    *(f"fc_answer_pred{n}.layer_ca.{layer}.memory_intermediate" for n in ("", "2", "3") for layer in (0, 1)),
)
