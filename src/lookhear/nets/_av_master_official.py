"""The published AV-Master by its own names: its tensors, which of them reach no output, and what it computes inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from lookhear.nets._av_master_heads import SIDES, cosine

if TYPE_CHECKING:
    from lookhear.nets.av_master import AVMaster


def _names() -> dict[str, str]:
    """Published prefix -> ours."""
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
DEAD = (  # in the published checkpoint, in no output
    *("fc_p", "fc_spat_q", "audio_fusion", "visual_fusion", "SM_fusion", "fc_av_fusion"),
    *("GlobalSelf_Module.layers.0.cm_attn", "GlobalSelf_Module.norm1", "GlobalSelf_Module.norm2"),
    *(f"{side}P_Module.norm{n}" for side in "AV" for n in (1, 2)),
    *("AugInformation.object_embeddings", "AugInformation.focus_capture.encoder.layers.0.w"),
    *(f"fc_answer_pred{n}.{part}_embedding" for n in ("", "2", "3") for part in ("class", "positional")),
    *(f"fc_answer_pred{n}.layer_ca.{layer}.memory_intermediate" for n in ("", "2", "3") for layer in (0, 1)),
)


def trace(
    net: AVMaster,
    audio: Tensor,
    frames: Tensor,
    question: Tensor,
    words: Tensor,
    audio_negative: Tensor,
    frames_negative: Tensor,
) -> dict[str, Tensor]:
    """Every inner tensor of the released network, by its name in the published code; slow, to be looked at.

    One row per question in all streams. The templates are carried in full, one second at a time; fusion makes the
    tensors that the network itself never holds.
    """
    streams = {"seen": net.see(frames), "heard": net.hear(audio)}
    others = {"seen": net.see(frames_negative), "heard": net.hear(audio_negative)}
    text, asked, names = net.text(words), net.ask(question), {"seen": "visual", "heard": "audio"}
    found = {"word_feat": text["words"].unsqueeze(1), "qst_feat": asked.unsqueeze(1)}
    memory, likes, far = dict(streams), {}, {}
    focus, attn = net.focus["both"], net.mix.self_attn
    for side in SIDES:
        name, x = names[side], streams[side]
        found |= {f"{name}_feat": x, f"aug_embed_{name}": focus.embed(x), f"neg_{name}_feat": others[side]}
        new, cross, weights = focus.frames(x[None], net.bias[side][None])
        t = focus.embed(x[None, :, :1]).expand(-1, -1, focus.templates, -1)
        for second in range(x.shape[1]):
            e, t = focus.step(t, new[:, :, second], cross[:, :, second], weights, None)
            found |= {f"focus_{name}_step{second}": t[0], f"focus_{name}_enc_step{second}": e[0]}
        found[f"tdpp_{name}"] = focus.mixed(t[0])
        likes[side] = found[f"{name}_pre"] = net.prefer[side](x, text["words"])
        far[side] = found[f"neg_{name}_pre"] = net.prefer[side](others[side], text["words"])
        memory |= {f"{side}_mix_ask": attn.ask(x), f"{side}_mix_give": attn.give(x)}
        memory[f"{side}_object"], memory[f"{side}_effect"] = net.fuse.prepare(side, found[f"tdpp_{name}"])
    fused = found["fused_seq"] = net.mix(torch.cat([streams["heard"], streams["seen"], text["words"]], dim=1))
    parts = [fused]
    for side in SIDES:
        added = memory[f"{side}_object"]
        parts.append(fused + net.fuse.scores(side, fused, added).softmax(dim=1).transpose(1, 2) @ added)
    found["fusion_concat"] = torch.cat(parts, dim=-1)
    found["fusion_linear"] = net.fuse.out(found["fusion_concat"])
    best = found["f_fu"] = net.joint(memory, text)[0]
    for side in SIDES:
        found[f"sim_fu_{names[side]}"] = cosine(best, likes[side].mean(dim=1))
        found[f"sim_fu_neg_{names[side]}"] = cosine(best, far[side].mean(dim=1))
    seen_by = {
        "qa": ("joint", best.unsqueeze(1)),
        "audio": ("audio", likes["heard"]),
        "visual": ("visual", likes["seen"]),
    }
    return found | {f"logits_{name}": net.decide[head](asked, x)[0] for name, (head, x) in seen_by.items()}
