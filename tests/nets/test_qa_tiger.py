"""QA-TIGER equals the official tensors, with the mixing of its batches and without."""

import pytest
import torch
from safetensors.torch import load_file
from torch.nn import functional as F

from lookhear.errors import ModelError, RecipeError
from lookhear.nets import qa_tiger
from tests.conftest import shared
from tests.nets.goldens import close, close_gradients, official_shapes, recipe_input, recipe_weights, steps, weights_of

FILES = {"qa_tiger": None, "qa_tiger_top3of5": 3}
ORDER = ("inputs/audio", "inputs/video", "inputs/patch", "outputs/clip_quest", "outputs/clip_words")


def tiny(**changes):
    torch.manual_seed(0)
    sizes = {"answers": 5, "audio": 4, "frames": 6, "patches": 7, "question": 4, "words": 4, "hidden": 16, "experts": 4}
    return qa_tiger.build(qa_tiger.Config(**{**sizes, "top_k": 2, **changes})).eval()


def streams(rows=3):
    torch.manual_seed(1)
    return [torch.randn(rows, *shape) for shape in ((6, 4), (6, 6), (6, 3, 7), (4,), (5, 4))]


def run(net, audio, frames, patches, question, words):
    return net.answer(net.watch(audio, frames, patches), question, words)


@pytest.mark.parametrize("file", FILES)
def test_official(file):
    tensors = load_file(shared("goldens", "nets_a", f"{file}.safetensors"))
    net = qa_tiger.from_official(weights_of(tensors), top_k=FILES[file]).eval()
    given = [tensors[name] for name in ORDER]
    output = run(net, *given)
    close(output.logits, tensors["outputs/logits"], "logits")
    for name, theirs in tensors.items():
        mine = output.hidden.get(name.removeprefix("outputs/"))
        if mine is not None and theirs.dtype == torch.int64:
            assert torch.equal(mine, theirs), name
        elif mine is not None:
            close(mine.reshape(theirs.shape), theirs, name)
    alone = torch.cat([run(net, *(x[i : i + 1] for x in given)).logits for i in range(len(given[0]))])
    close(alone, tensors["outputs/logits_run_one_by_one"], "one by one")
    intended = qa_tiger.from_official(weights_of(tensors), "paper", FILES[file]).eval()
    close(run(intended, *given).logits, tensors["outputs/logits_run_one_by_one"], "paper")
    labels = tensors["inputs/labels"]
    F.cross_entropy(output.logits, labels).backward()
    close_gradients(net, qa_tiger.OFFICIAL, tensors, "grads/")
    taken = steps(net, lambda: F.cross_entropy(run(net, *given).logits, labels), betas=(0.95, 0.999))
    assert taken == pytest.approx(tensors["traj/losses"].tolist(), rel=1e-4)


def test_official_width():
    tensors = load_file(shared("goldens", "nets_a", "qa_tiger_full.safetensors"))
    state = recipe_weights(official_shapes(qa_tiger.build(qa_tiger.Config()), qa_tiger.OFFICIAL))
    net = qa_tiger.from_official(state).eval()
    shapes = {"audio": (60, 128), "video": (60, 768), "patch": (60, 14, 1024)}
    shapes |= {"clip_quest": (768,), "clip_words": (77, 768)}
    output = run(net, *(recipe_input(name, shape) for name, shape in shapes.items()))
    close(output.logits, tensors["outputs/logits"], "logits")
    F.cross_entropy(output.logits, torch.tensor([5, 17])).backward()
    close_gradients(net, qa_tiger.OFFICIAL, tensors, "grads/")


def test_only_the_published_form_mixes_its_batch():
    given = streams()
    for variant, mixes in (("released", True), ("paper", False)):
        net = tiny(variant=variant)
        alone = torch.cat([run(net, *(x[i : i + 1] for x in given)).logits for i in range(3)])
        assert torch.allclose(run(net, *given).logits, alone, atol=1e-5) is not mixes


def test_experts_are_summed_as_written_down():
    """Every expert at every second, chosen, weighted and summed one at a time."""
    net, x, q = tiny(variant="paper"), torch.randn(2, 6, 16), torch.randn(2, 16)
    experts = net.listen
    choice = experts.choose(q, x)
    expected = torch.zeros(2, 16)
    for b in range(2):
        for k, e in enumerate(choice["topk_inds"][b]):
            for t in range(6):
                weight = choice["topk_probs"][b, k] * choice["gauss_weight"][b, k, t]
                expected[b] += weight * experts.experts[e](x[b, t])
    _, raw = experts(choice, {"heard": x})
    assert torch.allclose(raw["heard"], expected, atol=1e-5)
    assert torch.allclose(choice["gauss_weight"].amax(-1), torch.ones(2, 2))


def test_what_cannot_be_is_refused():
    with pytest.raises(RecipeError, match="top_k=9 of 4"):
        tiny(top_k=9)
    with pytest.raises(ModelError, match="audio_proj"):
        qa_tiger.from_official({"head.weight": torch.ones(3, 4)})
