"""Inputs of nets with towers of their own: pictures and sound as they are, cut and scaled as published."""

import numpy as np
import pytest
import torch

from lookhear.encoders import htsat_wave, lavish_mel, pixels
from lookhear.errors import FeatureError, RecipeError
from lookhear.media import decode, write
from lookhear.store.features import FeatureStore
from lookhear.store.fill import build_encoder
from lookhear.types import Clip, Source


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("raw") / "clip.mp4"
    frames = [np.full((48, 64, 3), 6 * k, np.uint8) for k in range(40)]
    wave = np.random.default_rng(0).normal(0, 0.1, 5 * 16_000).astype(np.float32)
    write(path, frames, wave, fps=8)
    return Clip(Source("clip", path), Source("clip", path))


@pytest.mark.parametrize(
    ("module", "options", "stream", "shape"),
    [
        (pixels, {"size": 32}, "pixels", (5, 3, 32, 32)),
        (pixels, {"size": 32, "count": 10}, "pixels", (10, 3, 32, 32)),
        (lavish_mel, {"size": 48}, "spectrogram", (5, 48, 48)),
        (lavish_mel, {"count": 10}, "spectrogram", (10, 192, 192)),
        (htsat_wave, {"rate": 8000}, "waveform", (5, 8000)),
        (htsat_wave, {"rate": 8000, "count": 10}, "waveform", (10, 8000)),
    ],
)
def test_rows(module, options, stream, shape, clip, tmp_path):
    encoder = module.build(module.Config(**options))
    first, again = encoder([decode(clip, encoder.sampling)] * 2)
    assert first[stream].shape == shape and shape[-1] == encoder.streams[stream]
    assert torch.equal(first[stream], again[stream])
    assert encoder.signature()["settings"]["count"] == options.get("count", 0)
    assert encoder([]) == []
    store, name = FeatureStore(tmp_path), f"{encoder.name}@" + ",".join(f"{k}={v}" for k, v in options.items())
    store.open(build_encoder(name))
    store.put(name, "clip", {stream: first[stream].numpy()})
    kept = store.get(name, stream, "clip")
    assert kept.dtype == first[stream].numpy().dtype and np.array_equal(kept, first[stream].numpy())
    with pytest.raises(FeatureError, match="holds int64, not floats"):
        store.put(name, "other", {stream: first[stream].long().numpy()})


def test_pictures_keep_their_order_and_sound_its_level(clip):
    encoder = pixels.build(pixels.Config(8))
    rows = encoder([decode(clip, encoder.sampling)])[0]["pixels"].float().mean((1, 2, 3))
    assert (rows.diff() > 20).all()  # the recording grows brighter
    quiet = lavish_mel.build(lavish_mel.Config(32)).pictures(torch.full((16_000,), 0.3))  # a level is taken off
    assert torch.isfinite(quiet).all() and quiet.max() < -1
    short = lavish_mel.build(lavish_mel.Config(32, count=3)).pictures(torch.randn(300))
    assert short.shape == (3, 32, 32) and not short[:, 1:].any()  # one step, then nothing
    with pytest.raises(RecipeError, match="count >= 0"):
        pixels.build(pixels.Config(8, -1))
