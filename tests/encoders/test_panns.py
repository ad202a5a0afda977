"""PANNs equals the official front end and network, and its file loads."""

import numpy as np
import pytest
import torch

from lookhear import checkpoints, config
from lookhear.encoders import panns
from lookhear.errors import FeatureError, ModelError, RecipeError
from lookhear.frontends import decibel
from lookhear.types import Media
from tests.encoders.goldens import error, fill, golden


def media(seconds, rate=32_000):
    wave = np.random.default_rng(0).normal(0, 0.1, round(seconds * rate)).astype(np.float32)
    return Media(None, np.zeros(0), wave, rate, seconds)


def test_front_end_and_network_equal_the_original():
    g, _ = golden("panns_cnn14")
    assert error(decibel.triangles(32_000), g["melW"]) < 1e-5
    mel = decibel.log_mel(g["wav_mono"][None], 32_000, 320)
    assert error(mel, g["logmel"][:, 0]) < 1e-4
    net = panns.Cnn14()
    net = checkpoints.load(net, fill(net, "panns", 1.4), "recipe").eval()
    with torch.inference_mode():
        assert error(net(mel), g["embedding"]) < 2e-5


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    net = panns.Cnn14((2, 2, 4, 4, 8, 8))
    extra = {"spectrogram_extractor.stft.conv_real.weight": torch.zeros(1), "fc_audioset.bias": torch.zeros(3)}
    torch.save({"model": net.state_dict() | extra}, tmp_path / "Cnn14_mAP=0.431.pth")
    return str(tmp_path)


def test_rows_of_a_second_or_of_the_clip(weights):
    second = config.build("encoders", {"name": "panns", "weights": weights})
    whole = config.build("encoders", {"name": "panns", "weights": weights, "seconds": 0})
    assert second.streams == {"audio": 8}
    assert second([media(2.6)])[0]["audio"].shape == (3, 8)
    assert whole([media(2.6)])[0]["audio"].shape == (1, 8)
    assert whole([media(0.1)])[0]["audio"].shape == (1, 8)
    assert second.sampling.sample_rate == 32_000


def test_bad_input_is_one_line(weights, tmp_path):
    with pytest.raises(RecipeError, match=r"seconds=0\.1"):
        panns.build(panns.Config(weights, seconds=0.1))
    with pytest.raises(FeatureError, match="hears at 32000 Hz"):
        panns.build(panns.Config(weights))([media(1.0, 16_000)])
    torch.save({"model": {"bn0.weight": torch.zeros(64)}}, tmp_path / "half.pth")
    with pytest.raises(ModelError, match="it lacks"):
        panns.build(panns.Config(str(tmp_path / "half.pth")))
