"""CLAP equals LAION's front end and network, from its own files and from transformers folders."""

import numpy as np
import pytest
import torch

from lookhear import config
from lookhear.encoders import clap
from lookhear.errors import ModelError, RecipeError
from lookhear.types import Media
from tests.encoders.goldens import error, golden


def media(seconds):
    wave = np.random.default_rng(0).normal(0, 0.1, round(seconds * 48_000)).astype(np.float32)
    return Media(None, np.zeros(0), wave, 48_000, seconds)


def test_the_front_end_equals_the_original():
    g, _ = golden("audio_frontends")
    mel = clap.front_end(g["clap.wav48k_quantised"][None])[0]
    assert mel.shape == (1001, 64)
    assert error(mel[:420], g["clap.nonfusion_logmel_first420"]) < 1e-4


def test_the_network_equals_the_original():
    g, _ = golden("clap_htsat_tiny")
    branch = {f"module.audio_branch.{k.removeprefix('sd.')}": v for k, v in g.items() if k.startswith("sd.")}
    head = {"audio_projection.0": (16, 128), "audio_projection.2": (16, 16)}
    head = {f"module.{k}.weight": torch.randn(s) for k, s in head.items()} | {
        f"module.{k}.bias": torch.zeros(16) for k in head
    }
    net = clap.from_official({"state_dict": branch | head}, "golden").eval()
    mel = clap.front_end(g["wav_period"].repeat(200)[None])
    assert error(mel[:, :16], g["logmel_first16"][:, 0]) < 1e-4
    with torch.inference_mode():
        pooled = net.audio_model(input_features=mel[:, None]).pooler_output
    assert (pooled - g["embedding"]).abs().max() < 5e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    from transformers import ClapAudioConfig, ClapAudioModelWithProjection

    folder = tmp_path_factory.mktemp("clap")
    torch.manual_seed(0)
    sizes = {"patch_embeds_hidden_size": 8, "hidden_size": 64, "depths": [1, 1, 1, 1], "projection_dim": 16}
    net = ClapAudioModelWithProjection(ClapAudioConfig(**sizes, num_attention_heads=[1, 1, 2, 2], enable_fusion=False))
    net.save_pretrained(folder)
    return folder


def test_a_folder_on_disk_becomes_an_encoder(folder):
    built = config.build("encoders", {"name": "clap", "weights": str(folder)})
    (out,) = built([media(2.6)])
    assert built.streams == {"audio": 16}
    assert out["audio"].shape == (3, 16)
    assert torch.allclose(out["audio"].norm(dim=-1), torch.ones(3))


def test_bad_input_is_one_line(folder, tmp_path):
    with pytest.raises(RecipeError, match="at most 10 s"):
        clap.build(clap.Config(seconds=11))
    with pytest.raises(ModelError, match="No CLAP at"):
        clap.build(clap.Config(str(tmp_path)))
    torch.save({"state_dict": {"weight": torch.zeros(1)}}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match="LAION's names"):
        clap.build(clap.Config(str(tmp_path / "other.pt")))
