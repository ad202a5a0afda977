"""ImageBind's towers and its front end equal the official ones; a published file becomes two encoders."""

import numpy as np
import pytest
import torch

from lookhear.encoders import imagebind, imagebind_audio
from lookhear.encoders.imagebind import towers
from lookhear.errors import ModelError, RecipeError
from lookhear.types import Media
from tests.encoders.goldens import error, golden


def official(tmp_path):
    g, _ = golden("imagebind_tiny")
    state = {k.removeprefix("sd."): v for k, v in g.items() if k.startswith("sd.")}
    path = tmp_path / "imagebind_huge.pth"
    torch.save(state | {"modality_preprocessors.text.mask": torch.zeros(1)}, path)  # other senses are left alone
    return path, g


@torch.inference_mode()
def test_the_towers_equal_the_original(tmp_path):
    path, g = official(tmp_path)
    seen = towers.tower(str(path), "vision", heads=4).eval()(g["vision_input"].float())
    assert error(seen, g["vision_embedding"]) < 1e-5
    heard = towers.tower(str(path), "audio", heads=4).eval()
    clips = g["audio"]
    ours = heard(clips.flatten(0, 1).float()).unflatten(0, clips.shape[:2]).mean(1)
    assert error(ours, g["audio_embedding"]) < 1e-5


def test_the_front_end_equals_the_original():
    g, _ = golden("audio_frontends")
    ours = imagebind_audio.front_end(imagebind_audio.stretches(g["wav16k"]))
    assert ours.shape == g["imagebind.clips"].shape
    assert error(ours, g["imagebind.clips"]) < 1e-4


def published(folder):
    """A small file in the published layout, without the goldens."""
    torch.manual_seed(0)
    state = {}
    for side, tokens in (("vision", 257), ("audio", 229)):
        net = towers.Tower(side, 16, 1, 2, tokens, 8)
        names = {k: k for k in (f"modality_{p}.{side}" for p in ("preprocessors", "trunks", "heads"))}
        before, trunk, head = names
        new = {"cls_token": f"{before}.cls_token", "pos_embed": f"{before}.pos_embedding_helper.pos_embed"}
        new |= {"stem.weight": f"{before}.rgbt_stem.proj.{'1.' if side == 'vision' else ''}weight"}
        new |= {
            "head.weight": f"{head}.2.weight",
            "log_logit_scale": f"modality_postprocessors.{side}.1.log_logit_scale",
        }
        for kind in ("weight", "bias"):
            new |= {f"stem_norm.{kind}": f"{before}.rgbt_stem.norm_layer.{kind}", f"norm.{kind}": f"{head}.0.{kind}"}
            new |= {f"before.{kind}": f"{trunk}.pre_transformer_layer.0.{kind}"}
        state |= {new.get(k, f"{trunk}.{k}"): torch.randn_like(v) / 4 for k, v in net.state_dict().items()}
    torch.save(state, folder / "imagebind_huge.pth")
    return folder


def test_a_file_on_disk_becomes_two_encoders(tmp_path):
    folder = str(published(tmp_path))
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (3, 48, 64, 3), dtype=np.uint8)
    wave = rng.normal(0, 0.1, 5 * 16_000).astype(np.float32)
    media = Media(frames, np.arange(3) + 0.5, wave, 16_000, 5.0)
    (seen,) = imagebind.build(imagebind.Config(folder, heads=2))([media])
    assert seen["frames"].shape == (3, 8)
    assert torch.allclose(seen["frames"].norm(dim=-1), torch.ones(3), atol=1e-5)
    for seconds, rows in ((2.0, 3), (1.0, 5), (0.0, 1)):
        heard = imagebind_audio.build(imagebind_audio.Config(folder, heads=2, seconds=seconds))
        assert heard([media])[0]["audio"].shape == (rows, 8)
        assert heard.reach == (0 if seconds else None)
    with pytest.raises(RecipeError, match=r"seconds=9"):
        imagebind_audio.build(imagebind_audio.Config(folder, seconds=9))
    torch.save({"x": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(ModelError, match="Not a checkpoint with ImageBind's vision tower"):
        imagebind.build(imagebind.Config(str(tmp_path / "other.pth")))
