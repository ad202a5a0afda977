"""Questions are answered in pieces of bounded size, and equal wordings are read once, with the same answers."""

import pytest
import torch

from lookhear.model.pieces import AT_ONCE, FEW, gathered, together
from lookhear.model.wordings import Wordings
from lookhear.nets import av_master, qa_tiger


def nets():
    torch.manual_seed(0)
    yield av_master.build(
        av_master.Config(answers=5, audio=4, frames=6, question=4, words=4, hidden=16, inner=8, templates=4, heads=2)
    )
    yield av_master.build(
        av_master.Config("paper", answers=5, audio=4, frames=6, question=4, words=4, hidden=16, templates=4, heads=2)
    )
    yield qa_tiger.build(
        qa_tiger.Config("paper", 5, audio=4, frames=6, patches=7, question=4, words=4, hidden=16, experts=4, top_k=2)
    )


def test_pieces_hold_every_question_once_and_never_more_than_fit():
    most = AT_ONCE["cpu"]
    rows = [0] * (2 * most + 3) + [1, 2, 1, 2] + [3] * FEW + list(range(4, 4 + most))
    pieces = together(rows)
    assert sorted(i for piece in pieces for i in piece) == list(range(len(rows)))
    assert max(map(len, pieces)) <= most
    assert {len({rows[i] for i in piece}) for piece in pieces[:3]} == {1}
    assert together([]) == []


@pytest.mark.parametrize("index", range(3))
@torch.no_grad()
def test_expanded_memory_and_kept_wordings_answer_as_one_by_one(index):
    net = list(nets())[index].eval()
    shapes = {"audio": (6, 4), "frames": (6, 6), "patches": (6, 3, 7)}
    memory = net.watch(*(torch.randn(1, *shapes[n]) for n in net.watch_streams))
    question, words = torch.randn(5, 4), torch.randn(5, 5, 4)
    words[2, 3:], words[4] = 0, words[1]
    texts, served = ["a", "b", "c", "d", "b"], []

    def serve(new):
        served.append([texts[i] for i in new])
        return words[new]

    wordings = Wordings()
    for _ in range(2):
        read = wordings(net, texts, serve)
        got = net.answer(gathered(memory, [0] * 5), question, read)
        alone = torch.cat([net.answer(memory, question[i : i + 1], words[i : i + 1]).logits for i in range(5)])
        assert torch.allclose(got.logits, alone, atol=1e-5)
    assert served == [["a", "b", "c", "d"]]
    next(net.parameters()).add_(0.1)  # other weights read anew
    wordings(net, texts, serve)
    assert len(served) == 2
    name, module = next((n, m) for n, m in net.named_modules() if isinstance(m, torch.nn.Linear))
    module.weight = torch.nn.Parameter(module.weight.clone())  # another parameter
    wordings(net, texts, serve)
    assert len(served) == 3
    net.set_submodule(name, torch.nn.Linear(module.in_features, module.out_features))  # another module
    wordings(net, texts, serve)
    assert len(served) == 4


@torch.no_grad()
def test_kept_wordings_have_a_budget():
    net = next(nets()).eval()
    one = sum(x[0].nbytes for x in net.wording(torch.randn(1, 5, 4)).values())
    wordings = Wordings(room=2 * one)
    for text in "abcab":
        wordings(net, [text], lambda new: torch.randn(len(new), 5, 4))
        assert wordings.used == one * len(wordings.kept) <= 2 * one
    assert list(wordings.kept) == ["a", "b"]
