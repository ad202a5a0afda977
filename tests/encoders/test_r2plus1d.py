"""R(2+1)D equals torchvision's, on clips of one frame and of sixteen, and loads its file."""

import numpy as np
import pytest
import torch

from lookhear import checkpoints, config
from lookhear.encoders import r2plus1d
from lookhear.errors import ModelError, RecipeError
from lookhear.types import Media
from tests.encoders.goldens import error, fill, golden, uniform


def media(count):
    frames = np.random.default_rng(0).integers(0, 255, (count, 30, 40, 3), dtype=np.uint8)
    return Media(frames, np.arange(count) + 0.5, None, 16000, float(count))


def test_the_network_equals_torchvisions():
    g, _ = golden("cnn_visual")
    net = r2plus1d.R2Plus1D()
    net = checkpoints.load(net, fill(net, "r2plus1d_18", 1.2), "recipe").eval()
    with torch.inference_mode():
        assert error(net(uniform("r21d_input", (2, 3, 1, 112, 112)) * 2), g["r2plus1d_18.T1"]) < 2e-6
        assert error(net(uniform("r21d_input16", (1, 3, 16, 112, 112)) * 2), g["r2plus1d_18.T16"]) < 2e-6


@pytest.fixture
def weights(tmp_path):
    torch.manual_seed(0)
    net = r2plus1d.R2Plus1D((8, 8, 16, 16))
    torch.save(net.state_dict() | {"fc.weight": torch.zeros(4, 16)}, tmp_path / "r2plus1d_18-91a641e6.pth")
    return str(tmp_path)


def test_one_row_a_second_from_disk(weights):
    one = config.build("encoders", {"name": "r2plus1d", "weights": weights})
    assert one.streams == {"frames": 16}
    assert one.sampling.fps == 1
    (out,) = one([media(5)])
    assert out["frames"].shape == (5, 16)
    assert torch.allclose(one([media(5)])[0]["frames"][2], out["frames"][2])
    eight = config.build("encoders", {"name": "r2plus1d", "weights": weights, "clip": 8})
    assert eight.sampling.fps == 8
    for frames, rows in ((16, 2), (20, 3), (19, 2), (3, 1)):
        assert eight([media(frames)])[0]["frames"].shape == (rows, 16), frames


def test_bad_input_is_one_line(weights, tmp_path):
    with pytest.raises(RecipeError, match="clip=0"):
        r2plus1d.build(r2plus1d.Config(clip=0))
    torch.save({"stem.0.weight": torch.zeros(1)}, tmp_path / "half.pth")
    with pytest.raises(ModelError, match="it lacks"):
        r2plus1d.build(r2plus1d.Config(str(tmp_path / "half.pth")))
