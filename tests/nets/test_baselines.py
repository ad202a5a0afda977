"""The baselines: they read what they say they read, and nothing else; each does what its paper is about."""

import math
from dataclasses import fields

import pytest
import torch
from torch.nn import functional as F

from lookhear import catalog
from lookhear.errors import RecipeError
from lookhear.nets import audio_only, lavit, mcan, pooled_mlp, question_only, video_only
from lookhear.nets.hcrn import units
from lookhear.nets.psac import parts
from lookhear.store.batch import orders

AUDIO, FRAMES, QUESTION, WORDS = torch.randn(2, 5, 6), torch.randn(2, 5, 8), torch.randn(3, 4), torch.randn(3, 7, 4)
CLIP = torch.tensor([0, 1, 1])


def say(module, sizes, watch, ask):
    torch.manual_seed(0)
    net = module.build(module.Config(answers=9, hidden=16, **sizes)).eval()
    memory = {name: tensor[CLIP] for name, tensor in net.watch(**watch).items()}
    return net.answer(memory, **ask)


@pytest.mark.parametrize(
    ("module", "sizes", "watch", "track"),
    [
        (audio_only, {"audio": 6, "question": 4}, {"audio": AUDIO}, "heard"),
        (video_only, {"frames": 8, "question": 4}, {"frames": FRAMES}, "seen"),
        (pooled_mlp, {"audio": 6, "frames": 8, "question": 4}, {"audio": AUDIO, "frames": FRAMES}, None),
    ],
)
def test_clip_and_question_both_matter(module, sizes, watch, track):
    said = say(module, sizes, watch, {"question": QUESTION})
    assert said.logits.shape == (3, 9)
    for stream in watch:
        other = say(module, sizes, {**watch, stream: watch[stream].flip(0)}, {"question": QUESTION})
        assert not torch.allclose(said.logits, other.logits)
    assert not torch.allclose(said.logits, say(module, sizes, watch, {"question": QUESTION.flip(0)}).logits)
    if track:
        assert torch.allclose(said.attention[track].sum(-1), torch.ones(3))
        assert said.attention[track].shape == (3, 5)


def test_pooled_mlp_cannot_know_when():
    backwards = {"audio": AUDIO.flip(1), "frames": FRAMES.roll(2, 1)}
    sizes = {"audio": 6, "frames": 8, "question": 4}
    said = say(pooled_mlp, sizes, {"audio": AUDIO, "frames": FRAMES}, {"question": QUESTION})
    assert torch.allclose(said.logits, say(pooled_mlp, sizes, backwards, {"question": QUESTION}).logits, atol=1e-5)


def test_question_only_reads_words_and_not_padding():
    padded = torch.cat([WORDS, torch.zeros(3, 5, 4)], dim=1)
    said = [
        say(question_only, {"question": 4, "words": 4}, {}, {"question": QUESTION, "words": words}).logits
        for words in (WORDS, padded, WORDS.flip(0))
    ]
    assert torch.allclose(said[0], said[1], atol=1e-6)
    assert not torch.allclose(said[0], said[2])


# The baselines of the papers' tables. A planted task: at some second the picture holds one sign of four, at some second
# the sound holds one of four, and one word of the question says which of two codes the sign is to be read in.

SMALL = {"answers": 4, "hidden": 32, "audio": 6, "frames": 6, "words": 8, "embed": 16, "joint": 32, "filters": 16}
SMALL |= {"layers": 1, "blocks": 2, "slots": 4, "stretches": 5, "read_layers": 1, "heard_layers": 1, "seen_layers": 1}
SMALL |= {"ring_layers": 2, "dropout": 0.0, "read": "words", "each": 5, "heads": 4, "position": 8, "head": 8}
SEES = ("gru", "bilstm_attention", "mcan", "hcattn", "psac", "hme", "hcrn")
HEARS = ("fcnlstm", "convlstm")
BOTH = ("avsd", "lavit")


def baseline(name, **options):
    """A small one, in evaluation."""
    module = catalog.find("nets", name)
    known = {f.name for f in fields(module.Config)}
    options = ({"variant": "avqa"} if name in HEARS else {}) | options
    torch.manual_seed(0)
    return module.build(module.Config(**{k: v for k, v in (SMALL | options).items() if k in known})).eval()


def planted(rows, seed):
    """(streams of clips, words, answers): answer = sign, or the sign after it, as the word says."""
    g = torch.Generator().manual_seed(seed)
    clip = {side: 0.1 * torch.randn(rows, 6, 6, generator=g) for side in ("audio", "frames")}
    words, every = 0.1 * torch.randn(rows, 4, 8, generator=g), torch.arange(rows)
    sign, code = torch.randint(0, 4, (rows,), generator=g), torch.randint(0, 2, (rows,), generator=g)
    when = torch.randint(0, 6, (rows,), generator=g)
    for side in clip:
        clip[side][every, when, sign] += 4.0
    words[every, torch.randint(0, 4, (rows,), generator=g), code] += 3.0
    return clip, words, (sign + code) % 4


def asked(net, clip, words, rows=None):
    """The net's output about clips that have the streams it orders."""
    memory = net.watch(**{stream: clip[stream] for stream in orders(net.watch)})
    return net.answer({k: v if rows is None else v[rows] for k, v in memory.items()}, words)


@pytest.mark.parametrize("name", SEES + HEARS + BOTH)
def test_fits_what_is_planted(name):
    net, recent = baseline(name).train(), 2.0
    adam = torch.optim.Adam(net.parameters(), 3e-3)
    for step in range(1, 301):  # clips it has not met, at every step
        clip, words, answers = planted(64, step)
        adam.zero_grad()
        loss = F.cross_entropy(asked(net, clip, words).logits, answers)
        loss.backward()
        adam.step()
        recent = 0.8 * recent + 0.2 * loss.item()
        if recent < 0.3:
            break
    clip, words, answers = planted(256, 0)
    with torch.no_grad():
        right = (asked(net.eval(), clip, words).logits.argmax(-1) == answers).float().mean()
    assert right > 0.7, f"{right:.2f} of fresh clips; chance is 0.25"


@pytest.mark.parametrize("name", SEES)
def test_sound_is_heard_only_where_asked_for(name):
    clip, words, _ = planted(3, 0)
    deaf, hears = baseline(name), baseline(name, sound="middle-2crn" if name == "hcrn" else True)
    assert orders(deaf.watch) == ("frames",) and set(orders(hears.watch)) == {"audio", "frames"}
    with torch.no_grad():
        said = asked(hears, clip, words)
        for stream in clip:
            assert not torch.allclose(asked(hears, {**clip, stream: clip[stream].flip(0)}, words).logits, said.logits)
    for weight in said.attention.values():
        assert weight.shape == (3, 6) and torch.allclose(weight.sum(1), torch.ones(3), atol=1e-5)


@pytest.mark.parametrize("name", [n for n in SEES + HEARS + BOTH if n != "psac"])  # its convolutions reach into padding
def test_padding_is_not_read(name):
    clip, words, _ = planted(3, 0)
    net = baseline(name, mask=True)
    with torch.no_grad():
        long = F.pad(words, (0, 0, 0, 3))
        beside = torch.cat([long, torch.randn(1, 7, 8)])  # a longer question in the batch
        said = asked(net, clip, words).logits
        assert torch.allclose(asked(net, clip, long).logits, said, atol=1e-5)
        assert torch.allclose(asked(net, clip, beside, [0, 1, 2, 0]).logits[:3], said, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "reads_order", "follows_time"),
    [
        ("gru", True, False),
        ("bilstm_attention", True, False),
        ("mcan", True, False),
        ("hcattn", True, False),
        ("fcnlstm", True, True),
        ("convlstm", True, True),
        ("psac", True, True),
        ("hme", True, True),
        ("hcrn", True, True),
        ("avsd", True, True),
        ("lavit", True, True),
    ],
)
def test_what_order_changes(name, reads_order, follows_time):
    clip, words, _ = planted(3, 0)
    net, backwards = baseline(name), {side: x.flip(1) for side, x in clip.items()}
    with torch.no_grad():
        said = asked(net, clip, words).logits
        assert torch.allclose(asked(net, clip, words.flip(1)).logits, said, atol=1e-5) is not reads_order
        assert torch.allclose(asked(net, backwards, words).logits, said, atol=1e-5) is not follows_time


def test_deeper_lstm_sees_directions_not_lengths():
    clip, words, _ = planted(3, 0)
    net = baseline("gru")
    with torch.no_grad():
        louder = {"frames": 3 * clip["frames"]}
        assert torch.allclose(asked(net, louder, words).logits, asked(net, clip, words).logits, atol=1e-5)


def test_bilstm_weighs_words_and_reads_both_ways():
    clip, words, _ = planted(3, 0)
    net = baseline("bilstm_attention")
    with torch.no_grad():
        weight = asked(net, clip, words).words["question"]
        assert torch.allclose(weight.sum(1), torch.ones(3), atol=1e-5)
        other = words.clone()
        other[:, -1] += 1
        states, changed = (net.read(x, torch.zeros(3, 4, dtype=torch.bool))[0] for x in (words, other))
    assert torch.allclose(states[:, 0, :32], changed[:, 0, :32])  # forwards, the last word has not been read yet
    assert not torch.allclose(states[:, 0, 32:], changed[:, 0, 32:])


def test_mcan_is_guided_by_words():
    clip, words, _ = planted(3, 0)
    net = baseline("mcan")
    with torch.no_grad():
        one, other = asked(net, clip, words), asked(net, clip, words.flip(0))
        assert not torch.allclose(one.attention["seen"], other.attention["seen"], atol=1e-6)
        x = torch.randn(5, 7)
        norm = mcan.Norm(7)(x)
    assert torch.allclose(norm.std(dim=-1), torch.ones(5), atol=1e-4)  # unbiased, unlike torch's layer norm


@pytest.mark.parametrize("attention", ["alternating", "parallel"])
def test_hcattn_attends_both_ways_at_three_levels(attention):
    clip, words, _ = planted(3, 0)
    net = baseline("hcattn", attention=attention, sound=True)
    with torch.no_grad():
        said = asked(net, clip, F.pad(words, (0, 0, 0, 2)).index_fill(0, torch.tensor([1]), 0.5))
    assert said.hidden["words"].shape == (3, 3, 6)  # row 1 has six words
    assert torch.allclose(said.hidden["words"].sum(-1), torch.ones(3, 3), atol=1e-5)
    assert (said.hidden["words"][0, :, 4:] == 0).all()
    assert torch.allclose(said.hidden["regions"].sum(-1), torch.ones(3), atol=1e-5)


def test_hcattn_refuses_an_attention_it_has_not():
    with pytest.raises(RecipeError, match="'both' is neither"):
        baseline("hcattn", attention="both")


def test_fcnlstm_averages_what_convlstm_follows():
    """What is far apart is exchangeable to a mean of local windows, not to a recurrent net."""
    audio = torch.zeros(1, 48, 6)
    audio[0, 6], audio[0, 34] = torch.randn(6), torch.randn(6)
    swapped = audio.clone()
    swapped[0, 6], swapped[0, 34] = audio[0, 34], audio[0, 6]
    change = {}
    for name in HEARS:
        net = baseline(name, blocks=1)
        with torch.no_grad():
            one, other = (net.watch(audio=x)["heard"] for x in (audio, swapped))
        change[name] = ((one - other).norm() / one.norm()).item()
    assert change["fcnlstm"] < 1e-4 < 1e-3 < change["convlstm"]


def test_psac_tells_equal_seconds_apart_by_their_place():
    net = baseline("psac")
    with torch.no_grad():
        memory = net.watch(frames=torch.ones(1, 6, 6))["seen"][0]
    assert all(not torch.allclose(memory[0], memory[t], atol=1e-3) for t in range(1, 6))
    table = parts.table(9, 6)
    assert not table[0].any() and torch.allclose(table[1, :2], torch.tensor([math.sin(1), math.cos(1)]))


def test_hme_remembers_an_early_second_of_either_stream():
    clip, _, _ = planted(3, 0)
    net = baseline("hme", sound=True, start="clip")
    with torch.no_grad():
        for stream in clip:
            other = {**clip, stream: clip[stream].clone()}
            other[stream][:, 0] += 1
            one, two = (net.watch(**c)["memory"] for c in (clip, other))
            assert not torch.allclose(one[:, -1], two[:, -1], atol=1e-6)
            other[stream][:, 1:] = clip[stream][:, 1:] + 1
            other[stream][:, 0] = clip[stream][:, 0]
            assert torch.allclose(one[:, 0], net.watch(**other)["memory"][:, 0], atol=1e-6)  # none hears ahead


def test_hcrn_relates_one_fixed_subset_of_each_size():
    chosen = units.Fixed()("", 6, units.sizes_of(6, 6), 1)[0]
    assert (chosen > 0).sum(1).tolist() == [5, 4, 3, 2] and torch.allclose(chosen.sum(1), torch.ones(4))
    assert torch.equal(chosen, units.Fixed()("", 6, units.sizes_of(6, 6), 1)[0])
    assert list(units.sizes_of(5, 6)) == [5, 4, 3, 2]  # not as many as it was built for: the full set stays
    assert units.windows(10, 4, 3).tolist() == [[0, 1, 2], [2, 3, 4], [5, 6, 7], [7, 8, 9]]
    torch.manual_seed(0)
    drawn = units.Drawn()("", 6, units.sizes_of(6, 6), 3)
    assert (drawn > 0).sum(2).tolist() == [[5, 4, 3, 2]] * 3 and not torch.equal(drawn[0], drawn[1])
    clip, words, _ = planted(3, 0)
    net = baseline("hcrn")
    with torch.no_grad():
        assert torch.equal(asked(net, clip, words).logits, asked(net, clip, words).logits)
        for length in (1, 2, 5):  # shorter than the stretches are many
            weight = asked(net, {"frames": clip["frames"][:, :length]}, words).attention["seen"]
            assert torch.allclose(weight.sum(1), torch.ones(3), atol=1e-5)


def test_avsd_lets_every_stream_weigh_the_others():
    clip, words, _ = planted(3, 0)
    net = baseline("avsd")
    with torch.no_grad():
        said = asked(net, clip, words)
        deaf = asked(net, {**clip, "audio": clip["audio"].flip(0)}, words)
        blind = asked(net, {**clip, "frames": clip["frames"].flip(0)}, words)
        short = asked(net, {side: x[:, :2] for side, x in clip.items()}, words)
    assert not torch.allclose(said.attention["seen"], deaf.attention["seen"], atol=1e-7)
    assert not torch.allclose(said.attention["heard"], blind.attention["heard"], atol=1e-7)
    quarter = torch.stack([part.sum(1) for part in said.attention["seen"].tensor_split(4, dim=1)])
    assert torch.allclose(quarter, torch.full((4, 3), 0.25), atol=1e-5)
    assert short.logits.isfinite().all()


def test_lavit_goes_round_in_a_ring():
    """One layer: words take in sound, sound the picture, the picture words; what is two steps away does not arrive."""
    clip, words, _ = planted(3, 0)
    net = baseline("lavit", ring_layers=1)
    pooled = {}
    for side, pool in net.pool.items():
        pool.register_forward_hook(lambda _module, _args, out, side=side: pooled.__setitem__(side, out))

    def heard_from(clip, words):
        with torch.no_grad():
            asked(net, clip, words)
        return dict(pooled)

    before = heard_from(clip, words)
    changes = {
        "read": heard_from(clip, words.flip(0)),
        "heard": heard_from({**clip, "audio": clip["audio"].flip(0)}, words),
        "seen": heard_from({**clip, "frames": clip["frames"].flip(0)}, words),
    }
    for changed, after in changes.items():
        moved = {side for side in after if not torch.allclose(after[side], before[side], atol=1e-7)}
        assert moved == {changed, next(side for side, other in lavit.RING.items() if other == changed)}
