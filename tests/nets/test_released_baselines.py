"""Baselines against their official code: outputs, inner tensors, gradients, steps of Adam, official width."""

import json

import pytest
import torch
from torch.nn import functional as F

from lookhear.nets import hcattn, mcan
from tests.nets.official import Golden, gradient_norms, gradients, trajectory


def test_mcan_golden():
    golden = Golden("baselines", "mcan")
    net = mcan.from_official({f"module.{k}": v for k, v in golden.weights.items()}).eval()
    image, words, labels = golden["inputs/img_feat"], golden["inputs/ques_ix"], golden["inputs/labels"]
    shares = golden["inputs/soft_targets"]

    def says(net, image=image):
        return net.answer(net.watch(image), words)

    output = says(net)
    golden.check("outputs/logits", output.logits)
    golden.check("outputs/attflat_img.weights", output.attention["seen"])
    golden.check("outputs/loss_bce_sum", net.losses(output, shares)["answer"])
    golden.check("padded/logits", says(net, golden["padded/img_feat"]).logits)
    absent = words == 0
    x, y = golden["outputs/lstm"], golden["outputs/img_feat_linear"]
    for i, layer in enumerate(net.think):
        x = layer.join(layer.alone(x, absent))
        golden.check(f"outputs/enc{i}", x)
    for i, layer in enumerate(net.guided["seen"]):
        y = layer.join(layer.alone(y), golden["outputs/enc5"], absent)
        golden.check(f"outputs/dec{i}", y)
    bce = lambda net: net.losses(says(net), shares)["answer"]  # noqa: E731
    ce = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, mcan.translated, bce)
    golden.gradients(found)
    gradient_norms(golden, found)
    golden.gradients(gradients(net, golden.weights, mcan.translated, ce)[1], "grads_ce/")
    adam = lambda p: torch.optim.Adam(p, lr=1e-3, betas=(0.9, 0.98), eps=1e-9)  # noqa: E731
    for name, loss in (("bce_sum", bce), ("ce", ce)):
        taken = trajectory(net, golden.weights, mcan.translated, loss, optimizer=adam)
        golden.check(f"traj/{name}", taken, relative=1e-4)


def test_mcan_golden_full():
    golden = Golden("baselines", "mcan_full")
    net = mcan.from_official(golden.weights).eval()
    assert sum(p.numel() for p in net.parameters()) == int(golden.meta["params"])
    with torch.no_grad():
        output = net.answer(net.watch(golden.drawn("img_feat", (2, 60, 512))), golden["inputs/ques_ix"])
    golden.check("outputs/logits", output.logits)


@pytest.mark.parametrize("attention", ["alternating", "parallel"])
def test_hcattn_golden(attention):
    golden = Golden("baselines", f"hcattn_{attention}")
    net = hcattn.from_official(golden.weights).eval()
    regions, tokens, labels = (golden[f"inputs/{n}"] for n in ("regions", "question", "labels"))

    def says(net):
        return net.answer(net.watch(regions), tokens)

    golden.check("outputs/logits", says(net).logits)
    padding = tokens == 0
    for i, (level, side) in enumerate((("word", "word"), ("phrase", "phrase"), ("question", "question"))):
        q, v = golden[f"outputs/{level}"], golden["outputs/img"]
        found = net.levels[i](q, padding, v, net.levels[i].take(v))
        names = ("asked", "seen", "word_weights", "region_weights")
        golden.checks({f"{side}_level.{n}": x for n, x in zip(names, found, strict=True)})
    loss = lambda net: F.cross_entropy(says(net).logits, labels)  # noqa: E731
    _, found = gradients(net, golden.weights, hcattn.translated, loss)
    golden.gradients(found)
    gradient_norms(golden, found)
    golden.check("traj/ce", trajectory(net, golden.weights, hcattn.translated, loss), relative=1e-4)
