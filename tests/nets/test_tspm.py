"""TSPM equals the official tensors, with the patches of seconds 0..9 as published and with those that are picked."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from lookhear.errors import ModelError
from lookhear.nets import tspm
from tests.conftest import shared
from tests.nets.goldens import close, close_gradients, official_shapes, recipe_input, recipe_weights, steps, weights_of

FORMS = [
    ("released", "outputs/", "grads/", "traj/losses"),
    ("paper", "outputs_topk/", "grads/topk/", "traj/losses_topk"),
]
HIDDEN = {"temp_weights": "picked", "audio_sel": "heard_picked", "visual_feat_sp": "seen_picked"}


def run(net, audio, frames, patches, question, prompt):
    return net.answer(net.watch(audio, frames, patches), question, prompt)


def calm(net):
    """In training mode, dropout off."""
    for module in net.modules():
        if hasattr(module, "dropout"):
            module.dropout = 0.0
    return net.train()


@pytest.mark.parametrize(("variant", "outputs", "grads", "losses"), FORMS)
def test_official(variant, outputs, grads, losses):
    tensors = load_file(shared("goldens", "nets_a", "tspm.safetensors"))
    given = [tensors[f"inputs/{n}"] for n in ("audio", "visual", "visual_patch", "question", "question_prompt")]
    given[3:] = [x[:, 0] for x in given[3:]]
    labels = tensors["inputs/labels"]
    net = tspm.from_official(weights_of(tensors), variant).eval()
    output = run(net, *given)
    close(output.logits, tensors[outputs + "logits"], "logits")
    assert torch.equal(output.hidden["seconds"], tensors[outputs + "topk_index"][:, 0])
    for theirs, mine in HIDDEN.items():
        close(output.hidden[mine].reshape(tensors[outputs + theirs].shape), tensors[outputs + theirs], theirs)
    calm(net)
    learning = run(net, *given)  # training works out the picked seconds only
    close(learning.logits, tensors[outputs + "logits"], "training")
    F.cross_entropy(learning.logits, labels).backward()
    close_gradients(net, tspm.OFFICIAL, tensors, grads)
    taken = steps(net, lambda: F.cross_entropy(run(net, *given).logits, labels))
    assert taken == pytest.approx(tensors[losses].tolist(), rel=1e-4)


def test_official_width():
    tensors = load_file(shared("goldens", "nets_a", "tspm_full.safetensors"))
    state = recipe_weights(official_shapes(tspm.build(tspm.Config()), tspm.OFFICIAL))
    shapes = {"audio": (60, 128), "visual": (60, 768), "visual_patch": (60, 14, 1024)}
    given = [recipe_input(name, shape) for name, shape in shapes.items()]
    given += [recipe_input(name, (1, 768))[:, 0] for name in ("question", "question_prompt")]
    for variant, name in (("released", "outputs/logits"), ("paper", "outputs_topk/logits")):
        net = tspm.from_official(state, variant).eval()
        close(run(net, *given).logits, tensors[name], variant)
    net = tspm.from_official(state).eval()
    F.cross_entropy(run(net, *given).logits, torch.tensor([5, 17])).backward()
    close_gradients(net, tspm.OFFICIAL, tensors, "grads/")


def test_evidence_lies_where_it_was_looked_for():
    torch.manual_seed(0)
    sizes = {"answers": 5, "audio": 4, "frames": 6, "patches": 7, "question": 4, "prompt": 4, "hidden": 16, "top_k": 3}
    given = [torch.randn(2, *shape) for shape in ((9, 4), (9, 6), (9, 2, 7), (4,), (4,))]
    for variant in ("released", "paper"):
        net = tspm.build(tspm.Config(variant, **sizes)).eval()
        output = run(net, *given)
        picked = torch.zeros(2, 9).scatter(1, output.hidden["seconds"], 1.0) > 0
        assert not output.attention["heard"][~picked].any()
        where = picked if variant == "paper" else torch.arange(9).expand(2, -1) < 3
        assert not output.attention["seen"][~where].any()
        for side in ("seen", "heard"):
            assert torch.allclose(output.attention[side].sum(1), torch.ones(2), atol=1e-5)
        few = [x[:, :2] if x.dim() > 2 else x for x in given]  # a clip shorter than top_k
        assert run(net, *few).logits.isfinite().all()


def test_picking_is_not_trained():
    net = calm(tspm.build(replace(tspm.Config(), hidden=16, audio=4, frames=6, patches=7, question=4, prompt=4)))
    run(net, *(torch.randn(2, *shape) for shape in ((12, 4), (12, 6), (12, 2, 7), (4,), (4,)))).logits.sum().backward()
    still = {n.split(".")[0] for n, p in net.named_parameters() if p.grad is None}
    assert still == {"pick", "prompt"}


def test_a_foreign_checkpoint_is_refused():
    with pytest.raises(ModelError, match="input_a"):
        tspm.from_official({"head.weight": torch.ones(3, 4)})
