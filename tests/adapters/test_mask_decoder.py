"""The mask decoder and its losses equal the official ones; the paper's form does what the code forgot."""

import json

import pytest
import torch

from lookhear.errors import ModelError, RecipeError
from lookhear.layers import mask_decoder as masks
from tests.adapters.golden_llm import read, weights
from tests.parity import note


def close(ours, theirs, rtol=1e-4, atol=1e-4):
    torch.testing.assert_close(ours.float().reshape(theirs.shape), theirs.float(), rtol=rtol, atol=atol)


def test_golden():
    g, meta = read("seg_module")
    net = masks.from_official(weights("seg_module"), side=56).eval()

    def same(key: str, ours: torch.Tensor, **tolerance) -> None:
        note("seg_module", key, ours, g[key])
        close(ours, g[key], **tolerance)

    features = [g["feat0"], g["feat1"]]
    states = g["pred_embeddings"].clone().requires_grad_()
    same("text_fc", net.text_hidden_fcs[0](states), atol=1e-5)
    same("fused", net.prompts(states), atol=1e-5)
    same("neck0", torch.cat([net.necked(f[:1]) for f in features]))
    same("dense_pe", net.pe_layer(4, 4), atol=1e-5)
    made = net.mask_decoder.queries(net.prompts(states)[:1, 0], 0) - net.mask_decoder.level_embed.weight[0]
    same("query_tokens_level0", made)  # kept from before the level is added
    for ours, theirs in zip(net.levels(states[:1], [f[:1] for f in features]), ("0", "1"), strict=True):
        same(f"mask_level{theirs}", ours)
    said = [net(states[i : i + 1], [f[i : i + 1] for f in features], semantic=i == 2)[0] for i in range(3)]
    same("pred.s4", said[0])
    same("pred.refavs", said[1])
    same("pred.avss", said[2], rtol=2e-3, atol=2e-3)  # kept in float16
    pairs = [(said[i], g["gt_mask"][i]) for i in range(3)]
    loss = sum(masks.losses(pairs[:2], pairs[2:]).values())
    same("mask_loss", loss, atol=1e-5)
    loss.backward()
    same("grad_pred_embeddings", states.grad, atol=1e-5)
    dead = {n for n, p in net.named_parameters() if p.grad is None}
    assert dead == set(json.loads(meta["params_without_grad"]))


def test_loss_goldens():
    g, _ = read("loss_seg_crab")
    logits = g["mask_logits"].clone().requires_grad_()
    terms = masks.losses([(logits, g["mask_gt"])])
    close(terms["bce"], g["bce"], atol=1e-6)
    close(2 * terms["dice"], g["dice"], atol=1e-6)
    (terms["bce"] + 2 * terms["dice"]).backward()
    close(logits.grad, g["grad_dice_plus_bce"], atol=1e-8)
    classes = masks.losses([], [(g["sem_logits"][0], g["sem_gt"])])
    close(classes["classes"], g["ce"], atol=1e-6)


SMALL = {"features": 6, "states": 8, "queries": 4, "classes": 5, "low": 8, "side": 16}


@pytest.fixture
def given():
    torch.manual_seed(0)
    return torch.randn(2, 6, 8), [torch.randn(2, 4, 6), torch.randn(2, 4, 6)]


def test_rows_are_alone_and_sizes_are_as_told(given):
    states, features = given
    net = masks.MaskDecoder(masks.Config(**SMALL)).eval()
    with torch.no_grad():
        whole = net(states, features, semantic=True)
        assert whole.shape == (2, 5, 16, 16) and net(states, features).shape == (2, 1, 16, 16)
        close(whole[1:], net(states[1:], [f[1:] for f in features], semantic=True), atol=1e-5)
        assert [m.shape[-1] for m in net.levels(states, features)] == [4, 8]


def test_the_paper_trains_what_the_code_leaves_out(given):
    states, features = given
    for variant, dead in (("released", 18), ("paper", 0)):
        net = masks.MaskDecoder(masks.Config(variant, **SMALL))
        loss = net(states, features).square().mean() + net(states, features, semantic=True).square().mean()
        loss.backward()
        assert sum(p.grad is None for p in net.parameters()) == dead
    assert net.of_tokens.grad.abs().sum() > 0 and net.of_scales.grad.abs().sum() > 0


def test_it_learns_which_half(given):
    states, features = given
    torch.manual_seed(1)
    net = masks.MaskDecoder(masks.Config(**SMALL))
    want = torch.zeros(2, 1, 16, 16)
    want[0, 0, :8], want[1, 0, :, 8:] = 1, 1
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    told = []
    for _ in range(8):
        loss = sum(masks.losses(list(zip(net(states, features), want, strict=True))).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(float(loss.detach()))
    assert told[-1] < 0.7 * told[0]


def test_refusals(given):
    states, _ = given
    net = masks.MaskDecoder(masks.Config(**SMALL))
    with pytest.raises(ModelError, match="5 patches make no square"):
        net(states, [torch.randn(2, 5, 6)] * 2)
    with pytest.raises(RecipeError, match="released, paper"):
        masks.MaskDecoder(masks.Config("both"))
    with pytest.raises(ModelError, match="no mask decoder"):
        masks.from_official({"a": torch.zeros(1)})
    state = {f"module.seg_module.{k}": v for k, v in net.state_dict().items()}
    again = masks.from_official(state, side=16)
    assert again.config == net.config
    del state["module.seg_module.no_mask_embed.weight"]
    with pytest.raises(ModelError, match=r"lacks 'module\.seg_module\.no_mask_embed"):
        masks.from_official(state)
