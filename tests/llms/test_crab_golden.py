"""Crab in small equals the official code: what goes into the language model, its logits, and both its losses."""

import json
from types import SimpleNamespace

import torch

from lookhear.layers import kv_cache
from lookhear.llms import crab
from lookhear.llms.crab import clips as clips_of
from lookhear.llms.crab.parts import from_official, part_of
from tests.adapters.golden_llm import read, weights
from tests.parity import note

SMALL = crab.Config(
    language={
        "vocab_size": 40, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
        "num_attention_heads": 4, "rms_norm_eps": 1e-6,
    },
    vision={
        "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 5, "num_attention_heads": 4, "image_size": 56,
    },
    hearing={
        "embed_dim": 24, "encoder_embed_dim": 20, "encoder_layers": 2, "encoder_ffn_embed_dim": 64,
        "encoder_attention_heads": 4, "conv_pos": 8, "conv_pos_groups": 4, "num_buckets": 20, "max_distance": 60,
        "predictor_class": 5,
    },
    layers=(1, 3, 4), queries=3, heard_queries=2,
    connector={"width": 32, "layers": 2, "heads": 4, "inner": 64}, mask_queries=10,
)  # fmt: skip


def close(ours, theirs, part, rtol=1e-4, atol=1e-4):
    note("crab_e2e_tiny", part, ours, theirs)
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=atol)


def test_golden():
    g, meta = read("crab_e2e_tiny")
    net = crab.Net(SMALL)
    placed = from_official(net, weights("crab_e2e"))
    assert set(placed.taken) == {"language", "vision", "hearing", "look", "listen", "segment"} and placed.dead > 0
    llm = crab.Crab(net, SimpleNamespace(ids=json.loads(meta["special_ids"]), pad=2, end=2))
    ids, begins = [g[f"in{i}.ids"].tolist() for i in range(2)], []
    for i, row in enumerate(ids):
        label = g[f"in{i}.labels"]
        begins.append(int((label != -100).nonzero()[0]))
        assert row[begins[-1] :] == label[begins[-1] :].tolist()
    ends = [row.index(end) + 1 for row, end in zip(ids, (42, 48), strict=True)]  # behind <image_end>, <audio_end>
    clips = [
        {"prefix": row[:end], **{k: g[f"in{i}.{k}"] for k in ("video", "audio", "image") if f"in{i}.{k}" in g}}
        for i, (row, end) in enumerate(zip(ids, ends, strict=True))
    ]
    asks = [[(row[end:begin], row[begin:])] for row, end, begin in zip(ids, ends, begins, strict=True)]

    packed = kv_cache.packed([llm.prefix(c) for c in clips], asks, 2, "cpu")
    embeds, pictures = clips_of.embedded(llm.words, llm.model, packed.ids, clips)
    mask = packed.segment >= 0
    assert torch.equal(mask.int(), g["attention_mask"])
    close(embeds, g["inputs_embeds"], "inputs_embeds")
    positions = (mask.long().cumsum(-1) - 1).clamp(min=0)
    assert torch.equal(positions, g["position_ids"])
    logits = net.language(inputs_embeds=embeds, attention_mask=mask.long(), position_ids=positions).logits
    close(logits[mask], g["logits"][mask], "logits")
    for level, name in zip(pictures[0], ("avs.feat0", "avs.feat1"), strict=True):
        close(level[None], g[name], name)

    close(llm.losses(clips, asks)["text"], g["loss"], "loss")
    one = llm.losses(clips[:1], asks[:1], [[g["in0.mask"]]])
    close(one["text"], g["avs.text_loss"], "avs.text_loss")
    close(sum(one.values()), g["avs.total_loss"], "avs.total_loss")
    alone = kv_cache.packed([llm.prefix(clips[0])], asks[:1], 2, "cpu")
    theirs = g["avs.mask_token_mask"][0].nonzero().squeeze(1)
    ours = torch.isin(alone.labels[0], torch.tensor([51, 52, 53, 54, 55, 56])).nonzero().squeeze(1)
    assert ours.tolist() == theirs.tolist(), "the state that predicts <mask_i>, not the one that reads it"


def test_parts_of_published_names():
    wrap = "base_model.model."
    for name, part in {
        f"{wrap}model.layers.0.self_attn.q_proj.lora_B2.weight": "adapters",
        f"{wrap}model.vl_projector.visual_ln.weight": "look",
        f"{wrap}model.al_projector.audio_Qformer.bert.encoder.layer.0.intermediate_query.dense.bias": "listen",
        f"{wrap}model.al_projector.audio_Qformer.bert.encoder.layer.0.intermediate.dense.bias": "dead",
        f"{wrap}model.al_projector.audio_Qformer.bert.encoder.layer.0.attention.output.dense.bias": "listen",
        f"{wrap}model.al_projector.audio_Qformer.cls.predictions.bias": "dead",
        f"{wrap}model.seg_module.no_mask_embed.weight": "segment",
        f"{wrap}lm_head.weight": "language",
        f"{wrap}model.embed_tokens.weight": "language",
        "optimizer.step": None,
    }.items():
        assert part_of(name) == part, name
