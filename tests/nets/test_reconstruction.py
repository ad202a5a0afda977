"""Stage I of TM-AVQA against its official code."""

import pytest
import torch
from torch.nn import functional as F

from lookhear import config
from lookhear.debias import tm_avqa
from lookhear.errors import FeatureError
from lookhear.layers.reconstruction import Reconstruction, borrowed, info_nce, picture_error, smaller
from tests.nets.official import Golden, gradients, trajectory

DEAD = ("layer_norm.", "rec_audio_attn.", "multiplier", "question_encoder.fc.")


def translated(state):
    return {k: v for k, v in state.items() if not k.startswith(DEAD)}


def published(golden):
    weights = golden.weights
    dim, audio = weights["fc_audio.weight"].shape
    tokens, inner = len(weights["question_encoder.word2vec.weight"]), len(weights["out_block.linear1.weight"])
    net = Reconstruction(audio, dim, tokens, inner)
    net.load_state_dict(translated(weights))
    return net.eval()


@pytest.mark.parametrize("top", [1, 2])
@pytest.mark.parametrize("keep", ["audio", "visual"])
def test_reconstruction_golden(keep, top):
    golden = Golden("nets_c", "tm_avqa_stage1")
    net, case = published(golden), f"keep_{keep}_top{top}"
    audio, maps, tokens = (golden[f"inputs/{n}"] for n in ("audio", "visual", "question"))
    complete = golden["inputs/flag"] == 1

    def parts(net):
        words = net.words(tokens)
        if keep == "audio":
            made, row, kept = net.picture(audio, words)
            error = picture_error(made, borrowed(smaller(maps), kept.detach(), complete, top), released=True)
        else:
            made, row, kept = net.sound(smaller(maps), words)
            error = F.mse_loss(made, borrowed(audio, kept.detach(), complete, top))
        return made, error, info_nce(row, kept) + info_nce(row, words.mean(dim=1))

    made, error, contrast = parts(net)
    golden.check(f"{case}/mse", error)
    golden.check(f"{case}/contrastive", contrast)
    if top == 1:
        golden.check(f"{case}/reconstructed", made)
        loss = lambda net: parts(net)[1] + 0.1 * parts(net)[2]  # noqa: E731
        golden.gradients(gradients(net, golden.weights, translated, loss)[1], f"{case}/grads/", relative=5e-5)
        taken = trajectory(net, golden.weights, translated, loss)
        golden.check(f"{case}/traj_losses", taken, relative=1e-4)


@pytest.mark.parametrize("mix", ["all_present", "mixed", "all_audio_missing", "all_visual_missing"])
def test_insertion_golden(mix):
    golden, weights = Golden("nets_c", "tm_avqa_stage2_insert"), Golden("nets_c", "tm_avqa_stage1")
    net, flags = published(weights), golden[f"{mix}/flags"]
    maps = golden.drawn("visual", (5, 10, 14, 14, 16)).clamp(min=0) * (flags != 20).view(-1, 1, 1, 1, 1)
    audio = golden.drawn("audio", (5, 10, 12)).abs() * (flags != 10).view(-1, 1, 1)
    with torch.no_grad():
        sound, picture, found = tm_avqa.inserted(net, audio, maps, golden["inputs/question"], flags, tm_avqa.Config())
    golden.check(f"{mix}/audio", sound)
    if picture.shape[2] == 14:
        golden.check(f"{mix}/visual", picture[:, :, :2, :2].permute(0, 1, 4, 2, 3))
    else:
        golden.check(f"{mix}/visual", picture[:, :, 0, 0])
    for theirs, ours in (("mse_visual_from_audio", "picture"), ("mse_audio_from_visual", "sound")):
        golden.check(f"{mix}/{theirs}", found.get(ours, torch.zeros(())))


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_a_net_answers_about_what_is_missing(variant):
    torch.manual_seed(0)
    inner = config.build("nets", {"name": "avst", "audio": 6, "patches": 16, "tokens": 9, "answers": 5, "words": 4})
    options = {"name": "tm_avqa", "variant": variant, "inner": 16, "audio": 6, "patches": 16, "tokens": 9}
    wrapped = config.build("debias", options)(inner)
    streams = {"audio": torch.randn(4, 20, 6), "patches": torch.randn(4, 20, 49, 16)}
    tokens, missing = torch.randint(1, 9, (4, 4)), torch.tensor([30, 10, 20, 30])
    output = wrapped.answer(wrapped.watch(**streams), tokens, missing)
    losses = wrapped.losses(output, torch.tensor([0, 1, 2, 3]), patches_negative=torch.randn(4, 20, 49, 16))
    assert {"answer", "match", "picture", "sound"} == set(losses)
    sum(losses.values()).backward()
    assert wrapped.made.rec_audio[0].weight.grad.abs().sum() > 0
    silent = wrapped.eval().answer(wrapped.watch(**{**streams, "audio": 9 + streams["audio"]}), tokens, missing)
    first = wrapped.answer(wrapped.watch(**streams), tokens, missing)
    assert torch.allclose(silent.logits[1], first.logits[1], atol=1e-4)  # a sound that is missing is not heard
    assert not torch.allclose(silent.logits[0], first.logits[0], atol=1e-3)
    with pytest.raises(FeatureError, match="49 or 196 patches"):
        wrapped.watch(streams["audio"], streams["patches"][:, :, :8])


@pytest.mark.slow
def test_reconstruction_golden_full():
    golden = Golden("nets_c", "tm_avqa_stage1_fullwidth")
    net, tokens = published(golden), golden["inputs/question"]
    audio, maps = golden.drawn("audio", (2, 10, 128)).abs(), golden.drawn("visual", (2, 10, 14, 14, 512)).clamp(min=0)
    with torch.no_grad():
        words = net.words(tokens)
        picture, _, _ = net.picture(audio, words)
        sound, _, _ = net.sound(smaller(maps), words)
    golden.check("keep_audio/reconstructed", picture[:, ::3].flatten(2, 3)[:, :, :8])
    golden.check("keep_visual/reconstructed", sound)
