"""InternVideo2's picture tower equals the official one; a published file becomes an encoder."""

import numpy as np
import pytest
import torch

from lookhear.encoders import internvideo2
from lookhear.errors import ModelError, RecipeError
from lookhear.types import Media
from tests.encoders.goldens import error, golden


@torch.inference_mode()
def test_the_tower_equals_the_original(tmp_path):
    g, _ = golden("internvideo2_vision_tiny")
    state = {f"vision_encoder.{k.removeprefix('sd.')}": v for k, v in g.items() if k.startswith("sd.")}
    torch.save({"module": state | {"text_proj.weight": torch.zeros(1)}}, tmp_path / "InternVideo2.pt")
    net = internvideo2.build(internvideo2.Config(str(tmp_path), heads=4)).net
    for kind in ("video", "image"):
        tokens, pooled = net(g[kind])
        assert error(tokens, g[f"{kind}.x_vis"]) < 1e-5
        assert error(pooled, g[f"{kind}.x_pool_vis"]) < 1e-5


def test_a_file_on_disk_becomes_an_encoder(tmp_path):
    torch.manual_seed(0)
    net = internvideo2.InternVideo2(14, 1 + 4 * 4, 4, 16, 32, 2, 2, 8)
    torch.save({f"vision_encoder.{k}": v for k, v in net.state_dict().items()}, tmp_path / "InternVideo2.pt")
    built = internvideo2.build(internvideo2.Config(str(tmp_path), heads=2))
    assert (built.net.size, built.sampling.fps, built.reach) == (28, 4, 0)
    frames = np.random.default_rng(0).integers(0, 255, (11, 40, 60, 3), dtype=np.uint8)
    (out,) = built([Media(frames, np.arange(11) / 4, None, 16_000, 2.75)])
    assert out["frames"].shape == (3, 8), "three quarters of the third second count"
    (short,) = built([Media(frames[:8], np.arange(8) / 4, None, 16_000, 2.0)])
    assert torch.allclose(short["frames"], out["frames"][:2], atol=1e-6)
    with pytest.raises(RecipeError, match="seconds=0"):
        internvideo2.build(internvideo2.Config(str(tmp_path), seconds=0.0))
    torch.save({"x": torch.zeros(1)}, tmp_path / "InternVideo2.pt")
    with pytest.raises(ModelError, match="InternVideo2's picture tower"):
        internvideo2.build(internvideo2.Config(str(tmp_path)))
