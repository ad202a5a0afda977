"""PSTP-Net equals the official tensors, as published and with the line enabled that uses its search."""

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from lookhear.errors import ModelError, RecipeError
from lookhear.nets import pstp_net
from tests.conftest import shared
from tests.nets.goldens import close, close_gradients, official_shapes, recipe_input, recipe_weights, steps, weights_of

FORMS = [
    ("released", "outputs/", "grads/", "traj/losses"),
    ("concat", "outputs_concat/", "grads/concat/", "traj/losses_concat"),
]
NAMES = pstp_net.LIVE | pstp_net.SEARCH
HIDDEN = {"temp_weights": "picked", "a_guided_visual": "guided", "fused_seq": "fused", "avq_feat": "vector"}
SIZES = {"answers": 5, "audio": 4, "frames": 6, "patches": 6, "question": 4, "words": 4, "hidden": 16}


def run(net, audio, frames, patches, question, words):
    watched = (audio, frames) if net.config.variant == "released" else (audio, frames, patches)
    return net.answer(net.watch(*watched), question, words)


@pytest.mark.parametrize(("variant", "outputs", "grads", "losses"), FORMS)
def test_official(variant, outputs, grads, losses):
    tensors = load_file(shared("goldens", "nets_a", "pstp_net.safetensors"))
    given = [tensors[f"inputs/{n}"] for n in ("audio", "visual", "patch", "question", "qst_word")]
    given[3:] = [x[:, 0] for x in given[3:]]
    labels = tensors["inputs/labels"]
    net = pstp_net.from_official(weights_of(tensors), variant).eval()
    output = run(net, *given)
    close(output.logits, tensors[outputs + "logits"], "logits")
    for theirs, mine in HIDDEN.items():
        if mine in output.hidden and theirs != "avq_feat":
            close(output.hidden[mine].reshape(tensors[outputs + theirs].shape), tensors[outputs + theirs], theirs)
    if variant == "concat":
        assert torch.equal(output.hidden["segments"], tensors[outputs + "topk_index"][:, 0])
        close(output.hidden["patches"][:, :, 0], tensors[outputs + "patch_top_m_frame"], "patch")
        close(output.hidden["sequence"], tensors[outputs + "fusion_seq"], "sequence")
    F.cross_entropy(output.logits, labels).backward()
    close_gradients(net, NAMES, tensors, grads)
    taken = steps(net, lambda: F.cross_entropy(run(net, *given).logits, labels))
    assert taken == pytest.approx(tensors[losses].tolist(), rel=1e-4)


def test_official_width():
    tensors = load_file(shared("goldens", "nets_a", "pstp_net_full.safetensors"))
    state = recipe_weights(official_shapes(pstp_net.build(pstp_net.Config("paper")), NAMES))
    shapes = {"audio": (60, 128), "visual": (60, 512), "patch": (60, 49, 512)}
    given = [recipe_input(name, shape) for name, shape in shapes.items()]
    given += [recipe_input("question", (1, 512))[:, 0], recipe_input("qst_word", (1, 77, 512))[:, 0]]
    for variant, name in (("concat", "outputs_concat/logits"), ("released", "outputs/logits")):
        net = pstp_net.from_official(state, variant).eval()
        output = run(net, *given)
        close(output.logits, tensors[name], variant)
    F.cross_entropy(output.logits, torch.tensor([5, 17])).backward()
    close_gradients(net, NAMES, tensors, "grads/")


def test_the_paper_keeps_patches_of_its_own():
    torch.manual_seed(0)
    given = [torch.randn(2, *shape) for shape in ((13, 4), (13, 6), (13, 8, 6), (4,), (5, 4))]  # 12 segments of 1 s
    net = pstp_net.build(pstp_net.Config("paper", top_m=3, **SIZES)).eval()
    output = run(net, *given)
    few, seconds = output.hidden["patches"], output.hidden["seconds"]
    assert few.shape == (2, 2, 3, 16)
    asked = net.ask(given[3])
    for b in range(2):
        for n, second in enumerate(seconds[b]):
            patches = net.look(given[2][b, second])
            weight = net.pick_patches(asked[b].view(1, 1, -1), patches[None])[1].view(-1)
            assert torch.allclose(few[b, n], patches[weight.topk(3).indices.sort().values], atol=1e-6)


def test_what_cannot_be_is_refused():
    with pytest.raises(RecipeError, match="released, concat, paper"):
        pstp_net.build(pstp_net.Config("joined"))
    with pytest.raises(ModelError, match="fc_a"):
        pstp_net.from_official({"head.weight": torch.ones(3, 4)})
