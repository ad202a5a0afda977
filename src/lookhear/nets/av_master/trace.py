"""All intermediate tensors of the released AV-Master under their published names, for parity checks."""

from __future__ import annotations

import torch
from torch import Tensor

from lookhear.nets.av_master import AVMaster
from lookhear.nets.av_master.heads import SIDES, cosine


def trace(
    net: AVMaster,
    audio: Tensor,
    frames: Tensor,
    question: Tensor,
    words: Tensor,
    audio_negative: Tensor,
    frames_negative: Tensor,
) -> dict[str, Tensor]:
    """All intermediate tensors of the released network by their names in the published code; slow, for inspection.

    All streams have one row per question. All templates are computed, one second at a time. The fusion materialises
    tensors that the network itself never holds.
    """
    streams = {"seen": net.see(frames), "heard": net.hear(audio)}
    others = {"seen": net.see(frames_negative), "heard": net.hear(audio_negative)}
    text, asked, names = net.wording(words), net.ask(question), {"seen": "visual", "heard": "audio"}
    traced = {"word_feat": text["words"].unsqueeze(1), "qst_feat": asked.unsqueeze(1)}
    memory, likes, far = dict(streams), {}, {}
    assert net.mix is not None and net.fuse is not None, "a net without these has nothing to trace"
    focus, attn = net.focus["both"], net.mix.self_attn
    for side in SIDES:
        name, x = names[side], streams[side]
        traced |= {f"{name}_feat": x, f"aug_embed_{name}": focus.embed(x), f"neg_{name}_feat": others[side]}
        new, cross, weights = focus.frames(x[None], net.bias[side][None])
        t = focus.embed(x[None, :, :1]).expand(-1, -1, focus.templates, -1)
        for second in range(x.shape[1]):
            e, t = focus.step(t, new[:, :, second], cross[:, :, second], weights, None)
            traced |= {f"focus_{name}_step{second}": t[0], f"focus_{name}_enc_step{second}": e[0]}
        traced[f"tdpp_{name}"] = focus.mixed(t[0])
        likes[side] = traced[f"{name}_pre"] = net.prefer[side](x, text["words"])
        far[side] = traced[f"neg_{name}_pre"] = net.prefer[side](others[side], text["words"])
        memory[f"{side}_object"], memory[f"{side}_effect"] = net.fuse.prepare(side, traced[f"tdpp_{name}"])
    both = memory["both"] = torch.cat([streams["heard"], streams["seen"]], dim=1)
    memory |= {"both_query": attn.fold_query(both), "both_value": attn.fold_value(both)}
    fused = traced["fused_seq"] = net.mix(torch.cat([streams["heard"], streams["seen"], text["words"]], dim=1))
    parts = [fused]
    for side in SIDES:
        added = memory[f"{side}_object"]
        parts.append(fused + net.fuse.scores(side, fused, added).softmax(dim=1).transpose(1, 2) @ added)
    traced["fusion_concat"] = torch.cat(parts, dim=-1)
    traced["fusion_linear"] = net.fuse.out(traced["fusion_concat"])
    best = traced["f_fu"] = net.joint(memory, text)[0]
    for side in SIDES:
        traced[f"sim_fu_{names[side]}"] = cosine(best, likes[side].mean(dim=1))
        traced[f"sim_fu_neg_{names[side]}"] = cosine(best, far[side].mean(dim=1))
    seen_by = {
        "qa": ("joint", best.unsqueeze(1)),
        "audio": ("audio", likes["heard"]),
        "visual": ("visual", likes["seen"]),
    }
    return traced | {f"logits_{name}": net.decide[head](asked, x)[0] for name, (head, x) in seen_by.items()}
