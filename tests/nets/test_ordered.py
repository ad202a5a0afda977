"""Order planted in little worlds: two looks find it, a net that knows no order does not."""

import torch
from torch.nn import functional as F

from lookhear.nets import gated, ordered

KINDS, SECONDS = 5, 10
torch.set_num_threads(1)


def planted(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Three of five players begin one after the other and end whenever; who is first, last, or begins after another?"""
    draw = torch.Generator().manual_seed(seed)
    audio = 0.05 * torch.rand(count, SECONDS, KINDS, generator=draw)
    question, answer = torch.zeros(count, 3 + KINDS), torch.zeros(count, dtype=torch.long)
    floor = torch.zeros(count)
    for n in range(count):
        players = torch.randperm(KINDS, generator=draw)[:3].tolist()
        begins = sorted(torch.randperm(SECONDS - 3, generator=draw)[:3].tolist())
        for player, begin in zip(players, begins, strict=True):
            length = int(torch.randint(2, SECONDS - begin + 1, (1,), generator=draw))
            audio[n, begin : begin + length, player] += 1
        kind = int(torch.randint(3, (1,), generator=draw))
        question[n, kind] = 1
        if kind == 2:  # after one of the first two
            place = int(torch.randint(2, (1,), generator=draw))
            question[n, 3 + players[place]] = 1
            answer[n], floor[n] = players[place + 1], 1 / 2
        else:
            answer[n], floor[n] = players[0 if kind == 0 else 2], 1 / 3
    return audio, question, answer, floor


def learned(module, seed: int = 0, steps: int = 350):
    torch.manual_seed(seed)
    sizes = {"answers": KINDS, "audio": KINDS, "frames": 2, "question": 3 + KINDS, "inner": 64, "hidden": 64}
    net = module.build(module.Config(**sizes, dropout=0.0))
    learns = torch.optim.Adam(net.parameters(), 5e-3)
    audio, question, answer, _ = planted(1500, 1)
    draw = torch.Generator().manual_seed(2)
    for _ in range(steps):
        some = torch.randint(len(audio), (64,), generator=draw)
        logits = net.answer(net.watch(audio[some], torch.zeros(64, SECONDS, 2)), question[some]).logits
        F.cross_entropy(logits, answer[some]).backward()
        learns.step()
        learns.zero_grad()
    return net.eval()


def score(net, audio, question, answer) -> float:
    with torch.no_grad():
        logits = net.answer(net.watch(audio, torch.zeros(len(audio), SECONDS, 2)), question).logits
    return float((logits.argmax(-1) == answer).float().mean())


def test_it_learns_order_where_gated_cannot():
    audio, question, answer, floor = planted(600, 3)
    guess = float(floor.mean())
    ours, theirs = (score(learned(module), audio, question, answer) for module in (ordered, gated))
    assert ours > 0.85 and ours > theirs + 0.15 and guess < 0.45, (ours, theirs, guess)


def test_the_order_of_seconds_matters():
    audio, question, _, _ = planted(50, 4)
    net = ordered.build(ordered.Config(answers=5, audio=KINDS, frames=2, question=3 + KINDS)).eval()
    frames = torch.randn(50, SECONDS, 2)
    as_it_is = net.answer(net.watch(audio, frames), question).logits
    assert not torch.allclose(as_it_is, net.answer(net.watch(audio.flip(1), frames), question).logits, atol=1e-5)


def test_what_is_new_by_hand():
    audio = torch.tensor([[[0.0, 1.0], [1.0, 1.0], [1.0, 0.0], [2.0, 0.0]]])
    z = ordered.timeline(audio)
    assert z[0, :, 2:4].tolist() == [[0, 1], [1, 0], [0, 0], [1, 0]], "onsets: over all that came before"
    assert z[0, :, 4:6].tolist() == [[0, 0], [0, 1], [0, 0], [2, 0]], "ends: over all that comes after"
    assert z.shape[-1] == 3 * 2 + 2 * ordered.BINS and z[0, 0, 6] == 1 and z[0, -1, -1] == 1
