"""OGM, OGM-GE and OPM against their official code, and around our nets."""

import json

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lookhear.debias import _balance, ogm, opm
from lookhear.errors import RecipeError
from lookhear.types import Output
from tests.nets.official import Golden

CASES = [f"{fusion}_{side}_{alpha}" for fusion in ("concat", "sum") for side in "va" for alpha in ("0.8", "0.1")]


def logits_alone(golden, fusion):
    heads = golden.part(f"{fusion}/weights/")
    heads = {k.removeprefix("fusion_module."): v for k, v in heads.items()}
    a, v = golden[f"{fusion}/train/a"], golden[f"{fusion}/train/v"]
    if fusion == "concat":
        return _balance.concat_alone(a, v, heads["fc_out.weight"], heads["fc_out.bias"])
    return F.linear(a, heads["fc_x.weight"], heads["fc_x.bias"]), F.linear(v, heads["fc_y.weight"], heads["fc_y.bias"])


@pytest.mark.parametrize("case", CASES)
def test_ogm_golden(case):
    """Unimodal scores, ratio, coefficients; gradients scaled; noise drawn in the order of the official parameters."""
    golden = Golden("nets_c", "ogm")
    fusion, _, alpha = case.split("_")
    labels = golden[f"{case}/labels"]
    heard, seen = (float(_balance.score(x, labels)) for x in logits_alone(golden, fusion))
    k_audio, k_visual = ogm.coefficients(heard, seen, float(alpha))
    golden.check(f"{case}/ratio_v", torch.tensor(seen / heard), relative=2e-6)
    golden.check(f"{case}/coeff_a", torch.tensor(k_audio), relative=2e-6)
    golden.check(f"{case}/coeff_v", torch.tensor(k_visual), relative=2e-6)
    kernels = {n: v for n, v in golden.weights.items() if "running" not in n and not n.endswith("num_batches_tracked")}
    for noise, part in ((False, "grad_ogm"), (True, "grad_ogm_ge")):
        torch.manual_seed(5)
        for side, factor in (("audio_net", k_audio), ("visual_net", k_visual)):
            named = {n: nn.Parameter(v.clone()) for n, v in kernels.items() if n.startswith(side)}
            for name, parameter in named.items():
                known = f"{case}/grad_normal/{name}"
                parameter.grad = golden[known].clone() if known in golden else torch.ones_like(parameter)
            ogm.modulate(named.values(), factor, noise, 4, True)
            for name, parameter in named.items():
                if f"{case}/{part}/{name}" in golden:
                    golden.check(f"{case}/{part}/{name}", parameter.grad, relative=2e-5, absolute=1e-7)


def test_opm_golden():
    golden = Golden("nets_c", "opm")
    heads = golden.part("weights/")
    weight, bias = (heads[n].clone().requires_grad_() for n in sorted(heads, reverse=True))
    for case in json.loads(golden.meta["cases"]):
        first, second = (golden[f"inputs/feature_{i}"].clone().requires_grad_() for i in (1, 2))
        labels, acts = golden[f"{case}/labels"], bool(golden[f"{case}/executed"])
        q_base, scale = (float(part[1:]) for part in case.split("_")[1:3])
        one, two = _balance.concat_alone(first, second, weight.detach(), bias.detach())
        scores = _balance.score(one, labels), _balance.score(two, labels)
        golden.check(f"{case}/p1", scores[0])
        rate = opm.rates(*scores, q_base, scale)
        golden.check(f"{case}/q", torch.stack(rate))
        share = opm.theta(rate, (first.shape[1], second.shape[1]))
        x, y = first, second
        if acts:
            keep = golden[f"{case}/keep_modality"].bool()
            x, y = (opm.dropped(z, keep[:, i], share.detach()) for i, z in enumerate((first, second)))
        golden.check(f"{case}/cleaned_1", x)
        golden.check(f"{case}/cleaned_2", y)
        logits = F.linear(torch.cat([x, y], dim=1), weight, bias)
        golden.check(f"{case}/logits", logits)
        loss = F.cross_entropy(logits, labels) + (share.square() / 2 if acts else 0.0)
        gradients = torch.autograd.grad(loss, [first, second])
        for i, gradient in enumerate(gradients, start=1):
            golden.check(f"{case}/grad_feature_{i}", gradient, relative=2e-5)


class Small(nn.Module):
    """Two encoders and a head."""

    def __init__(self):
        super().__init__()
        self.hear, self.see, self.head = nn.Linear(4, 8), nn.Linear(6, 8), nn.Linear(16, 5)

    def watch(self, audio, frames):
        return {"heard": self.hear(audio.mean(1)), "seen": self.see(frames.mean(1))}

    def answer(self, memory, question):
        return Output(self.head(torch.cat([memory["heard"], memory["seen"]], -1)) + 0 * question.sum())


def step(net, clips=6):
    torch.manual_seed(1)
    streams = {"audio": torch.randn(clips, 3, 4), "frames": torch.randn(clips, 3, 6)}
    labels = torch.randint(0, 5, (clips,))
    net.zero_grad()
    output = net.answer(net.watch(**streams), torch.zeros(clips, 2))
    found = net.losses(output, labels)
    sum(found.values()).backward()
    return found


def test_ogm_slows_the_stronger_encoder_alone():
    torch.manual_seed(0)
    bare = Small()
    net = ogm.build(ogm.Config("paper", alpha=0.8, noise=False))(bare).train()
    step(net)
    before = {n: p.grad.clone() for n, p in bare.named_parameters()}
    net.after_backward(0)
    facts = net.facts()
    for n, p in bare.named_parameters():
        side = {"hear": "audio", "see": "visual"}.get(n.split(".")[0])
        factor = facts[f"factor_{side}"] if side and p.dim() > 1 else 1.0
        assert torch.allclose(p.grad, factor * before[n])
    assert min(facts["factor_audio"], facts["factor_visual"]) < 1 == max(facts["factor_audio"], facts["factor_visual"])
    net.after_backward(51)  # past the last epoch: as it was
    assert "sgd" in net.note("adamw") and not net.note("sgd")
    released = ogm.build(ogm.Config())(Small())
    assert "has none" in released.note("sgd")
    with pytest.raises(RecipeError, match="Name prefixes"):
        ogm.build(ogm.Config(audio_encoder=["nothing"]))(Small())


def test_opm_drops_the_stronger_stream_and_is_silent_in_evaluation():
    net = opm.build(opm.Config(warmup=-1, chance=1.0, q_base=1.0))(Small()).train()
    step(net)
    assert sorted(net.facts().values())[0] == 0 < max(net.facts().values())
    strong = max(net.rate, key=net.rate.get)
    given = {"audio": torch.ones(4, 3, 4), "frames": torch.ones(4, 3, 6)}
    left = net.dropped(given)
    name = {"audio": "audio", "visual": "frames"}[strong]
    assert not left[name].any() and all((x == 2).all() for n, x in left.items() if n != name)
    assert "discrepancy" in step(net)
    assert net.eval().dropped(given) is given
