"""Q-Former connectors equal the official ones; windows are cut as told."""

import json

import pytest
import torch
from einops import rearrange

from lookhear.errors import ModelError, RecipeError
from lookhear.layers import qformer
from tests.adapters.golden_llm import read
from tests.parity import note

SMALL = {"features": 6, "model": 10, "queries": 3, "width": 16, "heads": 4, "inner": 32}


@pytest.mark.parametrize("side", ["visual", "audio"])
def test_golden(side):
    tensors, meta = read("qformer_connectors")
    told, short = json.loads(meta["cfg"]), side[0]
    state = {f"module.{k[4:]}": v for k, v in tensors.items() if k.startswith(f"{short}.w.")}
    net = qformer.from_official(state, side, heads=told["heads"]).eval()
    assert net.config.layers == told["layers"] and net.config.queries == told[short]["queries"]
    pairs = [("a.in4", "a.out4"), ("a.in3", "a.out3")] if side == "audio" else [("v.in", "v.out")]
    with torch.no_grad():
        for given, wanted in pairs:
            x = tensors[given]
            if side == "visual":
                x = rearrange(x, "clip (frame token) wide -> clip frame token wide", token=told["v"]["tokens"])
            note("qformer_connectors", wanted, net(x), tensors[wanted])
            torch.testing.assert_close(net(x), tensors[wanted], rtol=1e-4, atol=1e-5)


def test_moments_do_not_see_each_other():
    torch.manual_seed(0)
    net = qformer.QFormer(qformer.Config(**SMALL)).eval()
    x = torch.randn(2, 4, 5, 6)
    with torch.no_grad():
        whole = net(x)
        assert whole.shape == (2, 12, 10)
        torch.testing.assert_close(whole[:, 3:6], net(x[:, 1]), rtol=1e-5, atol=1e-6)
        order = x[:, :, torch.tensor([4, 2, 0, 1, 3])]
        torch.testing.assert_close(net(order), whole, rtol=1e-4, atol=1e-5)  # no place is marked


def test_windows():
    torch.manual_seed(0)
    net = qformer.QFormer(qformer.Config(**{**SMALL, "queries": 1}, window=17)).eval()
    x = torch.randn(1, 1500, 6)
    with torch.no_grad():
        whole = net(x)
        assert whole.shape == (1, 88, 10)  # 30 s of sound: Crab+ counts 88 tokens
        lone = qformer.QFormer(qformer.Config(**{**SMALL, "queries": 1})).eval()
        lone.load_state_dict(net.state_dict())
        torch.testing.assert_close(whole[:, 5], lone(x[:, 85:102])[:, 0], rtol=1e-5, atol=1e-6)
    with pytest.raises(ModelError, match="too short"):
        net(x[:, :10])


def test_refusals():
    with pytest.raises(ModelError, match="no audio connector"):
        qformer.from_official({"visual_query_tokens": torch.zeros(1, 2, 3)}, "audio")
    with pytest.raises(RecipeError, match="5 heads"):
        qformer.QFormer(qformer.Config(heads=5))
