"""Equal to the direct forms at sizes that golden files do not have: other batches, lengths, choices, odd remainders."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from bench import avst as avst_direct
from bench import mccd as mccd_direct
from bench._av_master_direct import Direct as DirectAVMaster
from bench._av_master_direct import Han
from bench._qa_tiger_direct import Direct as DirectQATiger
from bench._tspm_direct import Direct as DirectTSPM
from lookhear.nets import av_master, avst, mccd, pstp_net, qa_tiger, tspm
from lookhear.nets.qa_tiger.parts import Experts
from tests.nets.test_tspm import calm


def draw(*shapes, seed=0):
    torch.manual_seed(seed)
    return [torch.randn(*shape) for shape in shapes]


def close(mine, theirs):
    torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("rows", "seconds", "words"), [(1, 7, 3), (5, 1, 1), (3, 61, 77)])
def test_av_master(rows, seconds, words):
    torch.manual_seed(1)
    direct = DirectAVMaster(dim=16, inner=12, frames=10, answers=5, heads=8, templates=3).eval()
    net = av_master.from_official(direct.state_dict()).eval()
    audio, frames, question, text = draw((rows, seconds, 128), (rows, seconds, 10), (rows, 10), (rows, words, 10))
    theirs, _ = direct(audio, frames, question, text)
    for learning in (True, False):
        with torch.set_grad_enabled(learning):
            output = net.answer(net.watch(audio, frames), question, text)
        for mine, their in zip((output.opinions[n] for n in ("joint", "audio", "visual")), theirs, strict=True):
            close(mine, their)
        close(output.logits, sum(theirs))


@pytest.mark.parametrize(("rows", "seconds"), [(1, 6), (3, 10), (4, 10), (5, 7), (2, 1)])
@pytest.mark.parametrize("top_k", [1, 3, 5])
def test_experts_mix_the_batch_as_published(rows, seconds, top_k):
    """Choices repeated time-major index what is laid out batch-major."""
    torch.manual_seed(2)
    experts = Experts(16, 4, 0.0, 5, top_k, True, ("heard",)).eval()
    x, q = draw((rows, seconds, 16), (rows, 16))
    choice = experts.choose(q, x)
    flat = torch.stack([expert(x.flatten(0, 1)) for expert in experts.experts], dim=1)  # (row second) expert dim
    places = choice["topk_inds"].repeat(seconds, 1)  # (second row) choice
    picked = flat[torch.arange(rows * seconds).unsqueeze(1), places].view(rows, seconds, top_k, 16)
    theirs = torch.einsum("rk,rkt,rtkd->rd", choice["topk_probs"], choice["gauss_weight"], picked)
    assert theirs.isfinite().all()
    close(experts(choice, {"heard": x})[1]["heard"], theirs)


@pytest.mark.parametrize(("rows", "seconds"), [(1, 9), (5, 7)])
def test_qa_tiger(rows, seconds):
    torch.manual_seed(3)
    direct = DirectQATiger(dim=16, experts=4, answers=6).eval()
    net = qa_tiger.from_official(direct.state_dict()).eval()
    given = draw((rows, seconds, 128), (rows, seconds, 768), (rows, seconds, 3, 1024), (rows, 768), (rows, 11, 768))
    close(net.answer(net.watch(*given[:3]), *given[3:]).logits, direct(*given))


@pytest.mark.parametrize(("rows", "seconds", "patches"), [(1, 10, 4), (4, 23, 1)])
def test_tspm(rows, seconds, patches):
    torch.manual_seed(4)
    direct = DirectTSPM(dim=16, answers=6).eval()
    audio, frames, places, *asked = draw(
        (rows, seconds, 128), (rows, seconds, 768), (rows, seconds, patches, 1024), (rows, 768), (rows, 768)
    )
    for variant in ("paper", "released"):
        net = tspm.from_official(direct.state_dict(), variant)
        for learning in (False, True):
            calm(net).train(learning)
            output = net.answer(net.watch(audio, frames, places), *asked)
            laid = places
            if variant == "released":  # the patches of second k lie where the k-th picked second is
                laid = places.clone()
                for row, seconds_picked in enumerate(output.hidden["seconds"]):
                    laid[row, seconds_picked] = places[row, : len(seconds_picked)]
            close(output.logits, direct(audio, frames, laid, *asked))


def mha(attention, heads):
    """The same weights in torch's own module."""
    made = nn.MultiheadAttention(attention.dim, heads, batch_first=True)
    made.load_state_dict(attention.state_dict())
    return made.eval()


@pytest.mark.parametrize(
    ("seconds", "segments", "top_k", "top_m", "patches"), [(60, 12, 2, 25, 49), (12, 4, 3, 2, 5), (13, 4, 1, 1, 3)]
)
def test_pstp_net_searches_as_published(seconds, segments, top_k, top_m, patches):
    """All of `concat` and `released`, with loops where the published code has them; odd seconds are in no segment."""
    rows, sizes = 3, {"answers": 5, "audio": 4, "frames": 6, "patches": 7, "question": 4, "words": 4, "hidden": 16}
    given = draw((rows, seconds, 4), (rows, seconds, 6), (rows, seconds, patches, 7), (rows, 4), (rows, 9, 4), seed=5)
    audio, frames, places, question, words = given
    torch.manual_seed(6)
    config = pstp_net.Config("concat", segments=segments, top_k=top_k, top_m=top_m, **sizes)
    net = pstp_net.build(config).eval()
    a, v, w, q = net.hear(audio), net.see(frames), net.read(words), net.ask(question)
    size = seconds // segments
    both = torch.cat([a, v], dim=-1)
    means = torch.stack([both[:, n * size : (n + 1) * size].mean(1) for n in range(segments)], dim=1)
    _, weight = mha(net.pick_segments, 4)(q[:, None], *[net.segment(means.tanh())] * 2)
    best = weight[:, 0].argsort(dim=-1)[:, -top_k:].sort(dim=-1).values
    second = [[int(s) * size + t for s in row for t in range(size)] for row in best]
    first = net.look(places[0, second[0][0]])[None]
    _, weight = mha(net.pick_patches, 4)(q[:1, None], first, first)
    chosen = int(weight[0, 0].argsort()[-top_m:].max())  # one list for all, of which the last patch stays
    block, guided, picked = mha(net.guide.attn, 4), [], []
    for row in range(rows):
        few = torch.stack([net.look(places[row, t, chosen]).expand(top_m, -1) for t in second[row]])
        taken, _ = block(a[row, second[row]][:, None], few, few)
        inner = net.guide.linear2(net.guide.linear1(taken).relu())
        guided.append(net.guide.norm(taken + inner)[:, 0])
        picked.append(few.flatten(0, 1))
    a_t, v_t = (torch.stack([x[row, second[row]] for row in range(rows)]) for x in (a, v))
    searched = torch.cat([a_t, a, a, v_t, torch.stack(picked), torch.stack(guided), v, v, w], dim=1)
    layer = Han(16, 0.1, cross=False).eval()
    layer.load_state_dict(net.mix.state_dict())
    plain = pstp_net.build(pstp_net.Config("released", **sizes)).eval()
    plain.load_state_dict({n: x for n, x in net.state_dict().items() if n in plain.state_dict()})
    for sequence, form, media in ((searched, net, given[:3]), (torch.cat([a, v, w], 1), plain, given[:2])):
        theirs = net.head((layer(sequence).mean(1) * q).tanh())
        close(form.answer(form.watch(*media), question, words).logits, theirs)


@pytest.mark.parametrize(("rows", "seconds", "length"), [(1, 1, 14), (3, 3, 17), (2, 10, 14)])
def test_avst(rows, seconds, length):
    torch.manual_seed(7)
    weights = avst_direct.weights(audio=6, width=16, tokens=30, answers=7)
    audio, own, other = draw((rows, seconds, 6), (rows, seconds, 4, 16), (rows, seconds, 4, 16))
    tokens = torch.randint(1, 30, (rows, length))
    tokens[0, 12:] = 0 if length == 14 else tokens[0, 12:]
    x = {"audio": audio, "patches": own, "negative": other, "tokens": tokens}
    net = avst.from_official(weights).eval()
    output = net.answer(net.watch(audio, own), tokens)
    logits, match = avst_direct.forward(weights, x)
    close(output.logits, logits)
    labels = torch.zeros(rows, dtype=torch.long)
    close(sum(net.losses(output, labels, other).values()), F.cross_entropy(logits, labels) + 0.5 * match)


@pytest.mark.parametrize(("rows", "heard", "seen", "length"), [(1, 3, 3, 14), (4, 5, 7, 9), (2, 1, 2, 2)])
def test_mccd(rows, heard, seen, length):
    sizes = {"audio": 6, "frames": 8, "width": 16, "visual": 20, "inner": 32, "tokens": 40, "answers": 5}
    torch.manual_seed(8)
    weights = mccd_direct.weights(**sizes, positions=32, layers=2)
    audio, frames = draw((rows, heard, 6), (rows, seen, 8))
    tokens = torch.randint(2, 40, (rows, length))
    tokens[rows - 1, length - 1 :] = 0
    net = mccd.from_official(weights, heads=4).eval()
    output = net.answer(net.watch(audio, frames), tokens)
    theirs = mccd_direct.forward(weights, audio, frames, tokens, heads=4)
    for mine, their in zip(
        (output.logits, *map(output.opinions.get, ("question", "audio", "visual"))), theirs, strict=True
    ):
        close(mine, their)
