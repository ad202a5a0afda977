"""Weights of words: what a net attends to in the question, row by row of its text stream."""

import pytest
import torch

from lookhear.layers.attention import trim_padding
from lookhear.nets import av_master, mccd, qa_tiger
from tests.nets.test_contract import forms, make, say, serve

READERS = {"av_master", "qa_tiger", "mccd", "hcattn", "avsd", "mcan", "bilstm_attention"}
TINY = {"audio": 5, "frames": 7, "question": 4, "words": 6, "hidden": 16, "heads": 4}


@pytest.mark.parametrize("form", [f for f in forms() if f[0] in READERS], ids="-".join)
def test_words_sum_to_one_and_padding_weighs_nothing(form):
    net, sizes = make(*form)
    watch, ask = serve(form[0], net, sizes)
    stream = "tokens" if "tokens" in ask else "words"
    ask[stream][0, 3:] = 0
    with torch.no_grad():
        output = say(net.eval(), watch, ask)
    assert output.words and set(output.words) <= {"seen", "heard", "both", "question"}
    for weight in output.words.values():
        assert weight.shape[0] == 4 and weight.shape[1] <= ask[stream].shape[1] and (weight >= 0).all()
        assert torch.allclose(weight.sum(1), torch.ones(4), atol=1e-4)
        if form[0] != "avsd" and form[:2] != ("hcattn", "parallel"):  # AVSD as released weighs padding
            assert weight[0, 3:].abs().max() < 1e-6


def text(seed=0):
    torch.manual_seed(seed)
    words = torch.randn(2, 9, 6)
    words[:, 7:] = 0
    words[1, 4:] = 0
    return torch.randn(2, 4, 5), torch.randn(2, 3, 7), torch.randn(2, 4), words


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_av_master_shows_the_attention_of_its_preferences(variant):
    torch.manual_seed(1)
    net = av_master.build(av_master.Config(variant, answers=6, inner=12, templates=3, **TINY)).eval()
    audio, frames, question, words = text()
    with torch.no_grad():
        memory = net.watch(audio, frames)
        given = net.answer(memory, question, words).words
        rows, mask = trim_padding(words)
        for side in ("seen", "heard"):
            layer = net.prefer[side]
            attention = layer.cm_attn if variant == "released" else layer.cab.attention
            _, weight = attention(memory[side], net.read(rows), mask)
            assert torch.allclose(given[side], weight.mean(dim=1), atol=1e-6) and given[side].shape == (2, 7)
        assert not torch.allclose(given["seen"], given["heard"], atol=1e-3)
        assert not net.train().answer(net.watch(audio, frames), question, words).words
    alone = av_master.build(av_master.Config(variant, answers=6, inner=12, streams="audio", **TINY)).eval()
    with torch.no_grad():
        assert set(alone.answer(alone.watch(audio, frames), question, words).words) == {"heard"}


def test_qa_tiger_shows_the_attention_of_each_stream():
    torch.manual_seed(1)
    net = qa_tiger.build(qa_tiger.Config(answers=6, patches=5, experts=2, top_k=2, **TINY)).eval()
    audio, frames, question, words = text()
    with torch.no_grad():
        memory = net.watch(audio, frames.repeat(1, 2, 1)[:, :4], torch.randn(2, 4, 3, 5))
        given = net.answer(memory, question, words).words
        rows, mask = trim_padding(words)
        keys, values = net.early.qst_attn.project(net.read(rows), "kv").chunk(2, dim=-1)
        _, weight = net.early.qst_attn.attend(memory["query"], keys, values, mask)
    assert torch.allclose(given["heard"], weight[:, :4].mean(dim=1), atol=1e-6)
    assert torch.allclose(given["seen"], weight[:, 4:].mean(dim=1), atol=1e-6)


def test_mccd_places_the_last_token_where_it_stands_in_the_question():
    torch.manual_seed(1)
    sizes = {"tokens": 40, "audio": 5, "frames": 7, "width": 16, "visual": 8, "layers": 2, "heads": 4, "inner": 16}
    net = mccd.build(mccd.Config("released", 6, words=5, **sizes)).eval()
    tokens = torch.tensor([[1, 5, 6, 7, 8, 9, 2, 0], [1, 5, 6, 2, 0, 0, 0, 0]])
    with torch.no_grad():
        memory = net.watch(torch.randn(2, 4, 5), torch.randn(2, 4, 7))
        weight = net.answer(memory, tokens).words["both"]
        read = net.answer(memory, torch.tensor([[1, 5, 6, 7, 2], [1, 5, 6, 2, 0]])).words["both"]
    assert weight.shape == (2, 7) and not weight[0, 4:6].any() and not weight[1, 4:].any()
    assert torch.allclose(weight[0, [0, 1, 2, 3, 6]], read[0]) and torch.allclose(weight[1, :4], read[1, :4])
