"""BEATs and the Kaldi filter bank equal the official code, and the published layout loads."""

import numpy as np
import pytest
import torch

from lookhear import checkpoints, config
from lookhear.encoders import beats
from lookhear.errors import FeatureError, ModelError, RecipeError
from lookhear.frontends import kaldi
from lookhear.types import Media
from tests.encoders.goldens import error, golden


def media(seconds, seed=0):
    wave = np.random.default_rng(seed).normal(0, 0.1, round(seconds * 16000)).astype(np.float32)
    return Media(None, np.zeros(0), wave, 16000, seconds)


def published():
    g, meta = golden("beats_tiny", "av_llm")
    return g, meta["cfg"], {k.removeprefix("w."): v for k, v in g.items() if k.startswith("w.")}


CFG = {
    "embed_dim": 24, "encoder_embed_dim": 32, "encoder_layers": 2, "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 4, "conv_bias": False, "conv_pos": 8, "conv_pos_groups": 4, "num_buckets": 20,
    "max_distance": 60, "deep_norm": True, "gru_rel_pos": True, "relative_position_embedding": True,
    "finetuned_model": False, "predictor_class": 5,
}  # fmt: skip


def test_the_network_equals_the_original():
    g, cfg, state = published()
    net = checkpoints.load(beats.BEATs(cfg), state, "golden").eval()
    with torch.inference_mode():
        patches = net(g["fbank"])
        assert error(patches, g["features"]) < 5e-6
        assert error(net(g["fbank_198"]), g["features_198"]) < 5e-6
        assert error(net.probabilities(patches), g["probs"]) < 5e-6


@pytest.mark.parametrize("name", ["arig", "rand"])
def test_the_front_end_equals_the_original(name):
    g, _ = golden("fbank_examples", "av_llm")
    wave, theirs = g[f"{name}.wav"].float(), g[f"{name}.fbank"]
    if theirs.ndim == 3:
        wave = wave.reshape(len(theirs), -1)
    ours = beats.front_end(wave)
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() < 1e-4


def test_filter_banks_of_the_other_encoders():
    g, _ = golden("audio_frontends")
    wave = g["wav16k"]
    assert error(beats.front_end(wave), g["beats.fbank128"]) < 1e-4
    assert error(kaldi.fbank(wave - wave.mean(), 128, "hanning"), g["ast.fbank"]) < 1e-4


def test_silence_is_the_floor():
    rows = kaldi.fbank(torch.zeros(16000))
    assert rows.shape == (98, 128)
    assert torch.allclose(rows, torch.tensor(kaldi.FLOOR).log())


@pytest.mark.parametrize("names", ["published", "newer torch"])
def test_the_published_layout_loads_from_disk(tmp_path, names):
    torch.manual_seed(0)
    net = beats.BEATs(CFG).eval()
    state = net.state_dict()
    if names == "newer torch":
        old = {"weight_g": "parametrizations.weight.original0", "weight_v": "parametrizations.weight.original1"}
        for short, long in old.items():
            state = {k.replace(short, long): v for k, v in state.items()}
    torch.save({"cfg": CFG, "model": state, "label_dict": {0: "/m/0"}}, tmp_path / "BEATs_tiny.pt")
    built = config.build("encoders", {"name": "beats", "weights": str(tmp_path), "patches": True})
    (out,) = built([media(3.0)])
    assert built.streams == {"audio": 32, "patches": 32}
    assert out["patches"].shape == (3, 48, 32)
    assert torch.allclose(out["audio"], out["patches"].mean(1))
    assert built.signature()["sha256"] == checkpoints.sha256(net)
    assert built([media(2.4)])[0]["audio"].shape == (2, 32)
    long = config.build("encoders", {"name": "beats", "weights": str(tmp_path), "seconds": 2.0})
    assert long([media(4.0)])[0]["audio"].shape == (2, 32)


def test_bad_input_is_one_line(tmp_path):
    with pytest.raises(ModelError, match="No weights at 'BEATs_iter3"):
        beats.build(beats.Config())
    torch.save({"model": {}}, tmp_path / "BEATs_empty.pt")
    with pytest.raises(ModelError, match="holds no `cfg`"):
        beats.build(beats.Config(str(tmp_path)))
    with pytest.raises(RecipeError, match=r"seconds=0\.1"):
        beats.build(beats.Config(seconds=0.1))
    with pytest.raises(ModelError, match="deep_norm"):
        beats.BEATs(CFG | {"deep_norm": False})
    torch.save({"cfg": CFG, "model": beats.BEATs(CFG).state_dict()}, tmp_path / "BEATs_empty.pt")
    with pytest.raises(FeatureError, match="without a sound track"):
        beats.build(beats.Config(str(tmp_path)))([Media(np.zeros((1, 8, 8, 3)), np.zeros(1), None, 16000, 1.0)])
