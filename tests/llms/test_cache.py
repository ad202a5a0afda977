"""Watched once, asked often: what is said after the cache is what is said from the whole text at once."""

from dataclasses import replace

import pytest
import torch

from lookhear.layers import kv_cache
from lookhear.llms import LLM
from tests.llms import small

QUESTIONS = ("Who plays?", "Which of the instruments starts first, and from where in the picture does it sound?")
ROWS = [0, 0, 1, 2, 3, 4, 4]
ASKED = [QUESTIONS[i % 2] for i in range(len(ROWS))]


@pytest.fixture(scope="module", params=["crab_plus", "2.5", "3"])
def llm(request):
    return small.plus() if request.param == "crab_plus" else small.omni(request.param)


def test_answers_after_the_cache_are_those_of_generate(llm):
    media = small.mixed()
    seen = llm.watch(media)
    replies = llm.answer(seen, ROWS, ASKED, 8)
    whole = [small.generated(llm, media[row], prompt, 8) for row, prompt in zip(ROWS, ASKED, strict=True)]
    assert [r.tokens for r in replies] == whole
    assert len({r.tokens for r in replies}) > 3, "the clips and questions must make a difference"
    assert all(r.score < 0 for r in replies)
    again = llm.answer(seen, ROWS, ASKED, 8)
    assert [r.tokens for r in again] == whole, "asking leaves the cache as it was"


def test_batched_is_one_by_one(llm):
    media = small.mixed()
    together = llm.answer(llm.watch(media), ROWS, ASKED, 6)
    for row, prompt, reply in zip(ROWS, ASKED, together, strict=True):
        (alone,) = llm.answer(llm.watch([media[row]]), [0], [prompt], 6)
        assert alone.tokens == reply.tokens
        assert alone.score == pytest.approx(reply.score, abs=1e-4)


def test_the_loss_of_all_questions_at_once_is_that_of_each(llm):
    media = small.mixed()
    asks = [
        [(QUESTIONS[0], "a cat"), (QUESTIONS[1], "the dog, later")],
        [(QUESTIONS[0], "x")],
        [],
        [(QUESTIONS[1], "y")],
    ]
    together = llm.loss(media[:4], asks)
    single, tokens = 0.0, 0
    for one, pairs in zip(media[:4], asks, strict=True):
        for prompt, target in pairs:
            count = len(llm.reply(target))
            single, tokens = single + count * llm.loss([one], [[(prompt, target)]]).item(), tokens + count
    assert together.item() == pytest.approx(single / tokens, rel=1e-5)


def test_the_loss_is_that_of_the_library():
    llm = small.plus()
    media, prompt, target = small.clip(), QUESTIONS[1], "violin"
    prepared = llm.prepare(media)
    asked, reply = llm.prefix(prepared) + llm.question(prompt), llm.reply(target)
    ids = torch.tensor([asked + reply])
    labels = torch.tensor([[-100] * len(asked) + reply])
    tensors = llm.tensors([prepared])
    theirs = llm.base(input_ids=ids, attention_mask=torch.ones_like(ids), labels=labels, **tensors).loss
    torch.testing.assert_close(llm.loss([prepared], [[(prompt, target)]]), theirs, rtol=1e-5, atol=1e-5)


def test_gradients_reach_every_part_and_checkpointing_changes_nothing():
    llm = small.plus()
    asks = [[(QUESTIONS[0], "a"), (QUESTIONS[1], "b")]]
    llm.loss([small.clip()], asks).backward()
    parts = ("language_model.layers.0", "visual.blocks.0", "audio_tower.layers.0")
    grads = {p: next(w.grad for n, w in llm.model.named_parameters() if p in n and w.ndim > 1).clone() for p in parts}
    assert all(g.abs().max() > 0 for g in grads.values())
    llm.model.zero_grad()
    llm.model.train()
    llm.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    llm.loss([small.clip()], asks).backward()
    for part, grad in grads.items():
        found = next(w.grad for n, w in llm.model.named_parameters() if part in n and w.ndim > 1)
        torch.testing.assert_close(found, grad, rtol=1e-4, atol=1e-6)


def test_padding_on_the_right_says_something_else():
    """What the release does: a shorter question of a batch goes on from padding."""
    llm = small.plus()
    prefix = llm.prefix({})
    asked = [prefix + llm.question(q) for q in QUESTIONS]
    alone = small.generated(llm, {}, QUESTIONS[0], 8)
    longest = max(map(len, asked))
    said = {}
    for side in ("left", "right"):
        pads = [[llm.pad] * (longest - len(one)) for one in asked]
        rows = [p + a if side == "left" else a + p for p, a in zip(pads, asked, strict=True)]
        ids = torch.tensor(rows)
        marks = [([0] * len(p), [1] * len(a)) for p, a in zip(pads, asked, strict=True)]
        mask = torch.tensor([p + a if side == "left" else a + p for p, a in marks])
        out = llm.base.generate(
            input_ids=ids, attention_mask=mask, max_new_tokens=8, do_sample=False, pad_token_id=llm.pad,
            eos_token_id=sorted(llm.stop),
        )  # fmt: skip
        said[side] = tuple(out[0, longest:].tolist())
    ours = llm.answer(llm.watch([{}]), [0, 0], QUESTIONS, 8)[0].tokens
    assert said["left"][: len(ours)] == ours == alone[: len(ours)]
    assert said["right"][: len(ours)] != ours


def test_mixed_rows_of_left_padding():
    ids, mask = kv_cache.pad_left([[1, 2, 3], [], [4]], 9)
    assert ids.tolist() == [[1, 2, 3], [9, 9, 9], [9, 9, 4]]
    assert mask.tolist() == [[True] * 3, [False] * 3, [False, False, True]]


def test_a_question_sees_its_clip_and_itself_only():
    batch = kv_cache.packed([[1, 2], [3]], [[([4], [5, 6]), ([7, 8], [9])], []], pad=0, device=None)
    assert batch.ids.tolist() == [[1, 2, 4, 5, 6, 7, 8, 9], [0, 0, 0, 0, 0, 0, 0, 3]]
    assert batch.labels.tolist()[0] == [-100, -100, 5, 6, -100, -100, 9, -100]
    sees = batch.mask(torch.float32)[:, 0] == 0
    assert sees[0, 5].nonzero().squeeze(1).tolist() == [0, 1, 5]
    assert sees[0, 4].nonzero().squeeze(1).tolist() == [0, 1, 2, 3, 4]
    assert sees[1, 3].nonzero().squeeze(1).tolist() == [3], "padding sees itself"
    positions = batch.positions(torch.tensor([[[0, 5], [0, 0]]]), torch.tensor([6, 1]))
    assert positions[0, 0].tolist() == [0, 5, 6, 7, 8, 6, 7, 8]


def test_it_stops_where_it_is_told():
    llm = small.plus()
    seen = llm.watch([small.clip()])
    (full,) = llm.answer(seen, [0], [QUESTIONS[1]], 8)
    assert len(full.tokens) == 8
    llm.stop = llm.stop | {full.tokens[3]}
    (cut,) = llm.answer(seen, [0, 0], [QUESTIONS[1], QUESTIONS[0]], 8)[:1]
    assert cut.tokens == full.tokens[: full.tokens.index(full.tokens[3])]
    assert llm.answer(seen, [0], ["?"], 0)[0].text == ""


def test_it_is_a_language_model_of_the_shelf(llm):
    assert isinstance(llm, LLM)
    assert replace(llm.options) == llm.options
