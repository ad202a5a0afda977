"""ResNets equal torchvision's, pooled and as 14x14 map, and load its files."""

import numpy as np
import pytest
import torch

from lookhear import checkpoints, config
from lookhear.encoders import resnet
from lookhear.errors import ModelError, RecipeError
from lookhear.types import Media
from tests.encoders.goldens import error, fill, golden, uniform


def media(count=2, size=(60, 80)):
    frames = np.random.default_rng(0).integers(0, 255, (count, *size, 3), dtype=np.uint8)
    return Media(frames, np.arange(count) + 0.5, None, 16000, float(count))


def test_resnet18_equals_torchvisions():
    g, _ = golden("cnn_visual")
    pictures = uniform("cnn_input", (2, 3, 224, 224)) * 2
    for stride, name in ((2, "resnet18.map7x7"), (1, "resnet18_14x14.map")):
        net = resnet.ResNet((2, 2, 2, 2), bottleneck=False, last_stride=stride)
        net = checkpoints.load(net, fill(net, "resnet18", 1.2), "recipe").eval()
        with torch.inference_mode():
            maps = net(pictures)
        assert error(maps, g[name]) < 2e-6
    assert g["resnet18.pooled"].shape == (2, 512)
    assert error(g["resnet18.map7x7"].mean((2, 3)), g["resnet18.pooled"]) < 1e-6


def test_resnet101_equals_torchvisions():
    g, _ = golden("cnn_visual")
    net = resnet.ResNet((3, 4, 23, 3), bottleneck=True)
    state = fill(net, "resnet101", 1.0)
    state |= {k: v * 0.3 for k, v in state.items() if k.endswith("bn3.weight")}
    net = checkpoints.load(net, state, "recipe").eval()
    with torch.inference_mode():
        maps = net(uniform("cnn_input", (2, 3, 224, 224)) * 2)
    assert error(maps.mean((2, 3)), g["resnet101.pooled"]) < 2e-6


@pytest.fixture
def folder(tmp_path):
    """A ResNet of one block a stage, as torchvision and as the 14x14 script store it."""
    torch.manual_seed(0)
    net = resnet.ResNet((1, 1, 1, 1), bottleneck=False)
    torch.save(
        net.state_dict() | {"fc.weight": torch.zeros(2, 512), "fc.bias": torch.zeros(2)}, tmp_path / "resnet.pth"
    )
    torch.save({"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "wrapped.pth")
    return tmp_path


def test_both_outputs_from_disk(folder):
    pooled = config.build("encoders", {"name": "resnet", "weights": str(folder / "resnet.pth")})
    maps = config.build("encoders", {"name": "resnet", "weights": str(folder / "wrapped.pth"), "output": "map14"})
    assert pooled.streams == {"frames": 512}
    assert maps.streams == {"patches": 512}
    assert pooled([media()])[0]["frames"].shape == (2, 512)
    assert maps([media()])[0]["patches"].shape == (2, 196, 512)
    assert pooled.signature()["sha256"] == maps.signature()["sha256"]
    assert pooled.signature() != maps.signature()


def test_cropping_and_squashing_are_two_features(folder):
    weights = str(folder / "resnet.pth")
    crop, squash = (resnet.build(resnet.Config(weights, resize=r)) for r in ("crop", "squash"))
    a, b = crop([media(1)])[0]["frames"], squash([media(1)])[0]["frames"]
    assert not torch.allclose(a, b)
    square = media(1, (256, 256))
    wide = Media(np.repeat(square.frames, 2, axis=2), square.times, None, 16000, 1.0)
    assert torch.allclose(squash([square])[0]["frames"], squash([wide])[0]["frames"], rtol=0.1, atol=0.1)


def test_bad_input_is_one_line(folder):
    for key, value in (("output", "map"), ("resize", "pad"), ("norm", "clip")):
        with pytest.raises(RecipeError, match=f"resnet {key}="):
            resnet.build(resnet.Config(**{key: value}))
    torch.save({"conv1.weight": torch.zeros(1)}, folder / "half.pth")
    with pytest.raises(ModelError, match="layer1"):
        resnet.build(resnet.Config(str(folder / "half.pth")))
