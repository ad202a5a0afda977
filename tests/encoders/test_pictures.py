"""Pictures reach the networks exactly as the official transforms give them."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from lookhear.frontends import images as p
from tests.conftest import shared
from tests.encoders.goldens import golden


@pytest.mark.parametrize("j", ["0", "1"])
def test_resizing_and_cropping_equal_the_official_transforms(j):
    g, _ = golden("image_preproc")
    frames = g[f"{j}.rgb"].numpy()[None]
    clip = p.cropped(frames, 224)
    assert np.array_equal(clip[0], g[f"{j}.clip224_u8"].numpy())
    assert np.array_equal(p.cropped(frames, 336)[0][100:228, 100:228], g[f"{j}.clip336_u8_crop"].numpy())
    assert np.array_equal(p.cropped(frames, 384, 438)[0][128:256, 128:256], g[f"{j}.tome384_u8_crop"].numpy())
    assert np.array_equal(p.squashed(frames, 224)[0], g[f"{j}.sq224_bilinear_u8"].numpy())
    assert np.array_equal(p.squashed(frames, 112)[0], g[f"{j}.sq112_bilinear_u8"].numpy())
    bilinear = p.cropped(frames, 224, 256, resample=p.BILINEAR)
    assert np.array_equal(bilinear[0], g[f"{j}.pretrainedmodels_resnet_u8"].numpy())
    normal = p.normalised(clip, p.CLIP_MEAN, p.CLIP_STD)[0, :, 96:128, 96:128]
    assert (normal - g[f"{j}.clip224_norm_crop"]).abs().max() < 1e-6


@pytest.mark.parametrize("j", ["0", "1"])
def test_a_frame_through_jpeg_equals_the_stored_one(j):
    g, _ = golden("image_preproc")
    frame = Image.fromarray(g[f"{j}.rgb"].numpy())
    ours = np.asarray(p.through_jpeg(frame, 75))
    stored = Image.open(io.BytesIO(g[f"{j}.jpeg_bytes"].numpy().tobytes()))
    assert np.abs(ours.astype(int) - np.asarray(stored.convert("RGB"))).max() <= 1
    assert np.abs(ours.astype(int) - g[f"{j}.rgb"].numpy()).max() > 3, "the loss is real"


def test_the_crop_of_every_size():
    for case in json.loads(shared("goldens", "encoders", "resize_crop_geometry.json").read_text())["center_crop"]:
        (wide, high), n = case["size"], case["n"]
        if min(wide, high) >= n:
            left, top = p.corner(wide, high, n)
            assert (left % 256, top % 256) == (case["left"], case["top"]), case  # read off pixels of one byte


def test_an_odd_margin_goes_where_torchvision_puts_it():
    ramp = np.tile(np.arange(31, dtype=np.uint8)[None, :, None], (31, 1, 3))
    assert np.asarray(p.centre(Image.fromarray(ramp), 28))[0, 0, 0] == 2  # 1.5 rounds to the even 2
    assert np.asarray(p.centre(Image.fromarray(ramp), 26))[0, 0, 0] == 2  # 2.5 rounds to the even 2
