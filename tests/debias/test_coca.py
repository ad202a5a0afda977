"""COCA: the net is asked with other clips' streams, and learns not to answer by a shortcut."""

import pytest
import torch

from lookhear import config
from lookhear.debias import coca
from lookhear.errors import RecipeError
from lookhear.nets import pooled_mlp, question_only, video_only


def around(**options):
    torch.manual_seed(1)
    net = pooled_mlp.build(pooled_mlp.Config(audio=4, frames=4, question=4, answers=4, hidden=32, dropout=0.0))
    return config.build("debias", {"name": "coca", **options})(net)


def world(seed: int, rows: int = 64):
    """The answer is what is heard; in training the question gives it away as well, nine times in ten."""
    g = torch.Generator().manual_seed(seed)
    answer = torch.randint(0, 4, (rows,), generator=g)
    hint = torch.where(torch.rand(rows, generator=g) < 0.9, answer, torch.randint(0, 4, (rows,), generator=g))
    eye = torch.eye(4)
    audio = eye[answer][:, None] + 0.7 * torch.randn(rows, 3, 4, generator=g)
    return {"audio": audio, "frames": torch.randn(rows, 3, 4, generator=g)}, {"question": eye[hint]}, answer


def test_the_shortcuts_are_the_net_with_other_streams():
    net = around()
    watch, ask, labels = world(0, 3)
    output = net.answer(net.watch(**watch), **ask)
    assert set(net.cuts) == {"question", "question_audio", "question_visual"}
    for name, cut in (
        ("question", {"audio", "frames"}),
        ("question_audio", {"frames"}),
        ("question_visual", {"audio"}),
    ):
        other = {n: s.roll(1, 0) if n in cut else s for n, s in watch.items()}
        theirs = net.net.answer(net.net.watch(**other), **ask).logits
        torch.testing.assert_close(output.hidden[f"by_{name}"], theirs)
    bare = net.net.answer(net.net.watch(**watch), **ask).logits
    torch.testing.assert_close(output.logits, bare)
    p = torch.stack([output.hidden[f"by_{s}"].softmax(-1)[torch.arange(3), labels] for s in net.cuts], dim=1)
    w = (p / 0.5).softmax(dim=1).detach()
    losses = net.losses(output, labels)
    torch.testing.assert_close(losses["shortcuts"], 0.3 * (w * -(1 - p).log()).sum(dim=1).mean())


def test_it_takes_weight_off_the_question():
    def trained(weight: float) -> float:
        net = around(weight=weight)
        optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
        for step in range(80):
            watch, ask, labels = world(step)
            losses = net.losses(net.answer(net.watch(**watch), **ask), labels)
            optimizer.zero_grad()
            sum(losses.values()).backward()
            optimizer.step()
        watch, ask, labels = world(999, 400)
        wrong = {"question": torch.eye(4)[(labels + 1) % 4]}  # the question now misleads
        with torch.no_grad():
            said = net.net.answer(net.net.watch(**watch), **wrong).logits.argmax(-1)
        return float((said == labels).float().mean())

    assert trained(2.0) > trained(0.0) + 0.05


def test_one_clip_no_gradients_and_nets_that_only_see_or_only_read():
    net = around()
    watch, ask, labels = world(0, 1)
    losses = net.losses(net.answer(net.watch(**watch), **ask), labels)
    assert not losses["shortcuts"].detach().any()
    with torch.no_grad():
        assert not any("/" in n for n in net.watch(**world(0, 3)[0]))
    seeing = video_only.build(video_only.Config(frames=4, question=4, answers=4))
    assert set(coca.build(coca.Config())(seeing).cuts) == {"question"}
    with pytest.raises(RecipeError, match="sound and picture"):
        coca.build(coca.Config())(question_only.build(question_only.Config()))
    with pytest.raises(RecipeError, match="temperature"):
        coca.build(coca.Config(temperature=0))
