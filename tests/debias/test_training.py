"""A wrapped net goes through the training loop's own step, in the place of the net."""

import pytest
import torch

from lookhear.debias import coca, mccd
from lookhear.model import says
from lookhear.nets import avst
from lookhear.nets import mccd as net_mccd
from lookhear.store.batch import Batch, wants
from lookhear.train.step import Step

SMALL = {"audio": 6, "frames": 8, "tokens": 12, "width": 16, "visual": 8}
NETS = {
    "avst": lambda: avst.build(avst.Config(audio=6, patches=8, tokens=12, answers=3)),
    "avst_baseline": lambda: avst.build(avst.Config(form="baseline", audio=6, patches=8, tokens=12, answers=3)),
    "mccd": lambda: net_mccd.build(net_mccd.Config(**SMALL, answers=3, layers=2, heads=4, inner=16, positions=20)),
}
WIDTHS = {"audio": 6, "frames": 8, "patches": 8, "tokens": 12, "answers": 3, "hidden": 8}


def batch() -> tuple[Batch, torch.Tensor]:
    torch.manual_seed(0)
    watch = {"audio": torch.randn(2, 4, 6), "frames": torch.randn(2, 4, 8), "patches": torch.randn(2, 4, 5, 8)}
    clip = torch.tensor([0, 0, 1, 1, 1])
    ask = {"tokens": torch.randint(1, 12, (5, 16)), "patches_negative": torch.randn(5, 4, 5, 8)}
    return Batch(watch, clip, ask), torch.tensor([0, 1, 2, 0, 1])


@pytest.mark.parametrize("around", [None, "mccd", "coca"])
@pytest.mark.parametrize("name", NETS)
def test_a_step_under_the_loop(name, around):
    torch.manual_seed(1)
    net = NETS[name]()
    build = {None: None, "mccd": lambda: mccd.build(mccd.Config(**WIDTHS)), "coca": lambda: coca.build(coca.Config())}
    trained = build[around]()(net) if around else net
    assert wants(trained) == wants(net)
    streams, labels = batch()
    step = Step(trained).train()
    optimizer = torch.optim.Adam(step.parameters(), lr=1e-2)
    told = []
    for _ in range(12):
        losses = step(streams, labels)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        told.append(float(losses["answer"].detach()))
    assert min(told[-3:]) < told[0]
    extra = {"mccd": {"distance", "cycle"}, "coca": {"shortcuts"}, None: set()}[around]
    assert set(losses) == {"answer", *extra, *({"match"} if name == "avst" else ())}
    with torch.inference_mode():
        assert torch.equal(says(trained.eval(), streams).logits, says(net.eval(), streams).logits)
