"""What is drawn over a frame is where the regions are, on the frame they are meant in."""

import numpy as np
from PIL import Image

from lookhear.evaluate.draw.where import frame_of, masks, where
from lookhear.types import Media, Region

FRAMES = np.stack([np.full((90, 160, 3), shade, np.uint8) for shade in (10, 90, 200)])
MEDIA = Media(FRAMES, np.array([0.5, 1.5, 2.5]), None, 16_000, 3.0)


def test_boxes_points_and_masks_are_drawn_in_their_place(tmp_path):
    mask = np.zeros((224, 224), bool)
    mask[:112] = True
    regions = [
        Region("drum", (0.5, 0.5, 0.75, 1.0), time=2.4),
        Region("drum", (0.25, 0.25, 0.25, 0.25)),
        Region("", mask=mask),
    ]
    picture = np.asarray(Image.open(where(MEDIA, regions, tmp_path / "a" / "where.png"))).astype(int)
    assert picture.shape == (360, 640, 3)
    shaded = np.abs(picture - 200).sum(-1) > 60
    assert shaded[20, 600] and not shaded[300, 100], "the mask is the upper half"
    assert shaded[200:340, 318:326].any(1).all(), "the box has a left edge"
    assert shaded[82:98, 152:168].any() and not shaded[300:340, 560:].any()


def test_the_frame_is_the_one_nearest_in_time_or_the_middle_one():
    assert frame_of(MEDIA, [Region("", time=0.1)])[0, 0, 0] == 10
    assert frame_of(MEDIA, [Region("")])[0, 0, 0] == 90


def test_masks_are_kept_at_their_own_size_and_nothing_is_drawn_of_nothing(tmp_path):
    mask = np.eye(4, dtype=bool)
    assert np.array_equal(np.asarray(Image.open(masks([Region("", mask=mask)], tmp_path / "m.png"))) > 0, mask)
    assert masks([Region("a", (0, 0, 1, 1))], tmp_path / "n.png") is None
    assert where(MEDIA, [], tmp_path / "n.png") is None
    assert where(Media(None, np.zeros(0), None, 16_000, 1.0), [Region("a")], tmp_path / "n.png") is None
