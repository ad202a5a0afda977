"""The gated net compares where a net that puts question and clip side by side does not, and says when it listened."""

import torch
from torch.nn import functional as F

from lookhear.nets import gated, pooled_mlp

KINDS, SECONDS = 4, 5
SIZES = {"answers": 2, "audio": KINDS + 12, "frames": 8, "question": 2 * KINDS, "dropout": 0.0}


def compared(rows, seed):
    """(streams, question, answer): which of two named kinds is louder. Each is heard in some seconds, amid noise."""
    g = torch.Generator().manual_seed(seed)
    level = torch.randn(rows, 1, KINDS, generator=g)
    audio = torch.randn(rows, SECONDS, KINDS + 12, generator=g)
    audio[..., :KINDS] = level + 0.2 * audio[..., :KINDS]
    pair = torch.stack([torch.randperm(KINDS, generator=g)[:2] for _ in range(rows)])
    one, other = (level[torch.arange(rows), 0, k] for k in pair.T)
    question = F.one_hot(pair, KINDS).flatten(1).float()
    return {"audio": audio, "frames": torch.randn(rows, SECONDS, 8, generator=g)}, question, (one > other).long()


def right(module, steps=60, **options):
    """Part of fresh comparisons that a net answers after some steps on 64 each."""
    torch.manual_seed(0)
    net = module.build(module.Config(hidden=32, **SIZES, **options)).train()
    adam = torch.optim.Adam(net.parameters(), 3e-3)
    for step in range(1, steps + 1):
        streams, question, answer = compared(64, step)
        adam.zero_grad()
        F.cross_entropy(net.answer(net.watch(**streams), question).logits, answer).backward()
        adam.step()
    streams, question, answer = compared(400, 0)
    with torch.no_grad():
        said = net.eval().answer(net.watch(**streams), question).logits.argmax(-1)
    return float((said == answer).float().mean())


def test_a_product_learns_to_compare_sooner_than_a_sum():
    product, listened = (right(gated, heads=heads, inner=64) for heads in (0, 2))
    beside = right(pooled_mlp)
    assert product > 0.75 and listened > 0.75, (product, listened)
    assert beside < min(product, listened) - 0.1, (beside, product, listened)


def test_listens_to_seconds_only_with_heads():
    streams, question, _ = compared(3, 0)
    torch.manual_seed(0)
    looks, pools = (gated.build(gated.Config(**SIZES, heads=heads)).eval() for heads in (2, 0))
    with torch.no_grad():
        said = looks.answer(looks.watch(**streams), question)
        assert said.attention["heard"].shape == (3, SECONDS)
        assert torch.allclose(said.attention["heard"].sum(1), torch.ones(3), atol=1e-5)
        other = looks.answer(looks.watch(**streams), question.flip(1)).attention["heard"]
        assert not torch.allclose(said.attention["heard"], other, atol=1e-4)
        assert pools.answer(pools.watch(**streams), question).attention == {}


def test_a_question_of_zeros_still_has_an_answer_and_the_clip_counts():
    streams, question, _ = compared(3, 0)
    torch.manual_seed(0)
    net = gated.build(gated.Config(**SIZES)).eval()
    with torch.no_grad():
        said = net.answer(net.watch(**streams), 0 * question).logits
        assert said.isfinite().all()
        for stream in streams:
            changed = {**streams, stream: streams[stream].flip(0)}
            assert not torch.allclose(net.answer(net.watch(**changed), question).logits, said, atol=1e-5)


def test_with_places_the_picture_says_whom_to_listen_to():
    streams, question, _ = compared(3, 0)
    other = {**streams, "frames": streams["frames"].flip(0)}
    for places in (0, 2):
        torch.manual_seed(0)
        net = gated.build(gated.Config(**SIZES, places=places)).eval()
        with torch.no_grad():
            one, two = (net.answer(net.watch(**s), question).attention["heard"] for s in (streams, other))
        assert torch.allclose(one, two, atol=1e-4) is not bool(places)


def test_knows_no_order():
    streams, question, _ = compared(3, 0)
    torch.manual_seed(0)
    net = gated.build(gated.Config(**SIZES, places=2)).eval()
    with torch.no_grad():
        said = net.answer(net.watch(**streams), question).logits
        backwards = {name: stream.flip(1) for name, stream in streams.items()}
        assert torch.allclose(net.answer(net.watch(**backwards), question).logits, said, atol=1e-5)
