"""The pooled baselines: they read what they say they read, and nothing else."""

import pytest
import torch

from lookhear.nets import audio_only, pooled_mlp, question_only, video_only

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
