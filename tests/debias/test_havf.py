"""HAVF: three decoders, options that are not offered, and a run folder that keeps the wrapper."""

import pytest
import torch

from lookhear import config
from lookhear.debias import havf
from lookhear.errors import RecipeError
from lookhear.store.batch import orders


def net(**options):
    torch.manual_seed(0)
    small = {
        "name": "mcan",
        "hidden": 16,
        "layers": 1,
        "heads": 2,
        "frames": 12,
        "audio": 8,
        "read": "words",
        "words": 10,
    }
    return config.build("nets", {**small, "answers": 7, **options})


def around(inner, **options):
    return havf.build(havf.Config(hidden=8, answers=7, audio=8, frames=12, words=10, **options))(inner)


STREAMS = {"audio": torch.randn(2, 5, 8), "frames": torch.randn(2, 5, 12)}
WORDS, LABELS = torch.randn(2, 4, 10), torch.tensor([1, 4])
OFFERED = torch.zeros(2, 7, dtype=torch.bool).index_fill(1, torch.tensor([1, 2, 4, 6]), True)


def test_what_is_not_offered_is_not_answered():
    wrapped = around(net(sound=True), options=True).eval()
    assert orders(wrapped.answer) == ("words", "options") and set(orders(wrapped.watch)) == {"audio", "frames"}
    output = wrapped.answer(wrapped.watch(**STREAMS), WORDS, OFFERED)
    chances = output.logits.exp()
    assert torch.allclose(chances[OFFERED].view(2, 4).sum(1), torch.ones(2), atol=1e-5)
    assert (chances[~OFFERED] < 1e-6).all()
    losses = wrapped.losses(output, LABELS)
    assert set(losses) == {"by_early", "by_middle", "by_late"} and all(1 <= x < 20 for x in losses.values())
    single = wrapped.decoders()["middle"]
    said = single.answer(single.watch(**STREAMS), WORDS).logits.masked_fill(~OFFERED, -torch.inf)
    assert torch.allclose(output.hidden["by_middle"], said)


def test_a_deaf_net_hears_early_and_late():
    wrapped = around(net()).eval()
    assert set(orders(wrapped.watch)) == {"audio", "frames"} and orders(wrapped.answer) == ("words",)
    one = wrapped.answer(wrapped.watch(**STREAMS), WORDS).logits
    other = wrapped.answer(wrapped.watch(**{**STREAMS, "audio": STREAMS["audio"].flip(0)}), WORDS).logits
    assert set(wrapped.decoders()) == {"early", "late"} and not torch.allclose(one, other)


def test_a_net_that_does_not_see_is_refused():
    blind = config.build("nets", {"name": "audio_only", "audio": 8, "question": 10, "answers": 7})
    with pytest.raises(RecipeError, match="havf joins sound with frames or patches"):
        around(blind)
