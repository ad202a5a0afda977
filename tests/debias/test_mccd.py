"""The MCCD objective around any net: its formulas, whom it touches, and that the net's contract is kept."""

import copy
import inspect

import pytest
import torch
import torch.nn.functional as F

from lookhear import config
from lookhear.debias import mccd
from lookhear.errors import RecipeError
from lookhear.nets import avst, pooled_mlp, question_only
from lookhear.types import Output

WIDTHS = {"audio": 5, "frames": 6, "question": 7, "words": 7, "answers": 4}
NAME = {"q": "question", "a": "audio", "v": "visual"}


@pytest.fixture
def batch():
    torch.manual_seed(0)
    watch = {"audio": torch.randn(2, 3, 5), "frames": torch.randn(2, 3, 6)}
    clip = torch.tensor([0, 1, 1])
    return watch, clip, {"question": torch.randn(3, 7)}, torch.tensor([0, 3, 1])


def wrapped(**options) -> mccd.MCCD:
    torch.manual_seed(1)
    net = pooled_mlp.build(pooled_mlp.Config(audio=5, frames=6, question=7, answers=4, hidden=16, dropout=0.0))
    return config.build("debias", {"name": "mccd", "hidden": 16, **options}, **WIDTHS)(net)


def step(net, batch) -> tuple[Output, dict]:
    watch, clip, ask, labels = batch
    memory = net.watch(**watch)
    output = net.answer({k: v[clip] for k, v in memory.items()}, **ask)
    return output, net.losses(output, labels)


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_formulas(variant, batch):
    net = wrapped(variant=variant)
    output, losses = step(net, batch)
    f = output.logits
    z = {m: output.hidden[f"alone_{m}"] for m in ("question", "audio", "visual")}
    d = {m: ((f - z[m]) ** 2).sum(dim=1).sqrt() for m in z}
    if variant == "released":
        away = 0.01 * sum(0.333 / (d[m].mean() + 1e-5) for m in z)
        factor = 0.333 * 0.333
    else:
        away = 0.01 / 3 * sum((1 / (d[m] + 1e-5)).mean() for m in z)
        factor = 0.3 / 3
    p = {m: z[m].softmax(dim=1) for m in z}
    pairs = [(NAME[one], NAME[other]) for one, other in ("qa", "av", "vq")]
    kl = [(p[one] * (p[one] / p[other]).log()).sum(dim=1).mean() for one, other in pairs]
    torch.testing.assert_close(losses["answer"], F.cross_entropy(f, batch[3]))
    torch.testing.assert_close(losses["distance"], away, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(losses["cycle"], factor * sum(kl), rtol=1e-4, atol=1e-7)


def test_learners_see_one_modality_each(batch):
    net = wrapped()
    watch, clip, ask, _ = batch
    before, _ = step(net, batch)
    deaf = {**watch, "audio": watch["audio"] * 0 + 1}
    after, _ = step(net, (deaf, clip, ask, batch[3]))
    changed = {m: not torch.equal(before.hidden[f"alone_{m}"], after.hidden[f"alone_{m}"]) for m in NAME.values()}
    assert changed == {"question": False, "audio": True, "visual": False}


def test_gradients_reach_net_and_learners_and_nothing_is_done_without(batch):
    net = wrapped()
    _, losses = step(net, batch)
    (losses["distance"] + losses["cycle"]).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.net.head[0].parameters())
    assert all(p.grad is not None for p in net.learners.parameters())
    with torch.inference_mode():
        memory = net.watch(**batch[0])
        output = net.answer({k: v[batch[1]] for k, v in memory.items()}, **batch[2])
        assert not any(k.startswith("alone_") for k in (*memory, *output.hidden))
        bare = net.net.answer({k: v[batch[1]] for k, v in net.net.watch(**batch[0]).items()}, **batch[2])
    assert torch.equal(bare.logits, output.logits)
    with pytest.raises(RecipeError, match="gradients"):
        net.losses(output, batch[3])


def test_it_pushes_the_joint_answer_away_and_draws_the_single_ones_together(batch):
    net = wrapped(alpha=1.0, beta=3.0)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    told = []
    for _ in range(40):
        _, losses = step(net, batch)
        told.append({k: float(v.detach()) for k, v in losses.items()})
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
    assert told[-1]["distance"] < 0.5 * told[0]["distance"]
    assert told[-1]["cycle"] < told[0]["cycle"]
    assert told[-1]["answer"] < told[0]["answer"]


def test_rows_of_the_ablation_table(batch):
    full = step(wrapped(), batch)[1]
    assert not step(wrapped(alpha=0.0), batch)[1]["distance"].any()
    assert not step(wrapped(beta=0.0), batch)[1]["cycle"].any()
    without = [step(wrapped(without=m), batch)[1] for m in NAME.values()]
    for losses in without:
        assert losses["distance"] < full["distance"]
        torch.testing.assert_close(losses["cycle"], full["cycle"])  # as released, the cycle keeps that learner
    torch.testing.assert_close(sum(x["distance"] for x in without), 2 * full["distance"])


@pytest.mark.parametrize("off", ["alpha", "beta"])
def test_a_term_that_is_off_stays_off_where_it_would_be_infinite(batch, off):
    """Without the cycle nothing bounds the unimodal logits: a run diverged after 140 steps from 0 times infinity."""
    net = wrapped(**{off: 0.0})
    with torch.no_grad():
        for learner in net.learners.values():
            learner.layers[-1].weight.mul_(float("inf"))
    losses = step(net, batch)[1]
    assert losses[{"alpha": "distance", "beta": "cycle"}[off]] == 0
    losses["answer"].backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in net.net.parameters())


def test_the_order_form_of_the_net_is_kept():
    net = avst.build(avst.Config(audio=5, patches=8, tokens=20, answers=4))
    around = mccd.build(mccd.Config(audio=5, patches=8, tokens=20, answers=4, hidden=8))(net)
    for method in ("watch", "answer", "losses"):
        assert list(inspect.signature(getattr(around, method)).parameters) == list(
            inspect.signature(getattr(net, method)).parameters
        )
    assert set(around.learners) == {"question", "audio", "visual"}
    twin = copy.deepcopy(around)
    maps = torch.randn(2, 3, 4, 8)
    memory = twin.watch(torch.randn(2, 3, 5), maps)
    output = twin.answer(memory, torch.tensor([[3, 4, 0], [5, 6, 7]]))
    losses = twin.losses(output, torch.tensor([0, 1]), maps.flip(0))
    assert set(losses) == {"answer", "match", "distance", "cycle"}
    assert not [n for n in around.net.state_dict() if "learner" in n]


def test_a_net_that_only_reads_has_one_learner_and_no_cycle():
    net = question_only.build(question_only.Config(question=7, words=7, answers=4))
    around = mccd.build(mccd.Config(**WIDTHS, hidden=8))(net)
    assert set(around.learners) == {"question"}
    output = around.answer(around.watch(), torch.randn(2, 7), torch.randn(2, 3, 7))
    losses = around.losses(output, torch.tensor([0, 1]))
    assert float(losses["cycle"].detach()) == 0
    assert float(losses["distance"].detach()) > 0


class LateFusion(torch.nn.Module):
    """A net that is given its picture with the question."""

    def __init__(self):
        super().__init__()
        self.head = torch.nn.Linear(5 + 6 + 7, 4)

    def watch(self, audio):
        return {"audio": audio.mean(dim=1)}

    def answer(self, memory, frames, question):
        return Output(self.head(torch.cat([memory["audio"], frames.mean(dim=1), question], dim=-1)))


def test_streams_are_taken_where_the_net_takes_them():
    around = mccd.build(mccd.Config(**WIDTHS, hidden=8, without="visual"))(LateFusion())
    assert around.hears_at == {"audio": "watch", "question": "answer", "visual": "answer"}
    output = around.answer(around.watch(torch.randn(2, 3, 5)), torch.randn(2, 3, 6), torch.randn(2, 7))
    assert set(around.opinions(output)) == {"question", "audio", "visual"}
    sum(around.losses(output, torch.tensor([0, 1])).values()).backward()


def test_padding_is_not_counted():
    learner = mccd.Learner(("words",), mccd.Config(**WIDTHS, hidden=8))
    words = torch.randn(2, 3, 7)
    padded = F.pad(words, (0, 0, 0, 2))
    torch.testing.assert_close(learner({"words": padded}), learner({"words": words}))


def test_what_it_refuses():
    with pytest.raises(RecipeError, match="released, paper"):
        mccd.build(mccd.Config(variant="x"))
    with pytest.raises(RecipeError, match="question, audio, visual"):
        mccd.build(mccd.Config(without="video"))
    with pytest.raises(RecipeError, match="Did you mean 'alpha'"):
        config.build("debias", {"name": "mccd", "alfa": 1})
