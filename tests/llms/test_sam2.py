"""A mask becomes a box and three points in it; those become a mask again; the whole path of a reply holds."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from transformers import Sam2Config, Sam2Model

from lookhear.datasets.reading import masks
from lookhear.errors import ModelError, RecipeError
from lookhear.segmenters import sam2
from lookhear.tasks import localisation
from lookhear.tasks.reading import boxes
from lookhear.types import Answer, Clip, Example, Region


@pytest.fixture(scope="module")
def sam():
    torch.manual_seed(0)
    return sam2.build(sam2.small())


PICTURE = np.random.default_rng(0).integers(0, 255, (96, 160, 3), dtype=np.uint8)


@st.composite
def blobs(draw):
    """A mask of some discs and bars in a picture of any size."""
    height, width = draw(st.integers(20, 300)), draw(st.integers(20, 300))
    y, x = np.mgrid[:height, :width]
    mask = np.zeros((height, width), bool)
    for _ in range(draw(st.integers(1, 4))):
        cy, cx = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        tall, wide = draw(st.integers(1, height // 2)), draw(st.integers(1, width // 2))
        mask |= ((y - cy) / tall) ** 2 + ((x - cx) / wide) ** 2 <= 1
    return mask


@settings(max_examples=40, deadline=None)
@given(blobs())
def test_points_lie_in_the_mask_and_in_the_box(mask):
    at224 = boxes.resized(mask)
    if not at224.any():
        with pytest.raises(ValueError, match="empty"):
            sam2.prompts(mask)
        return
    box, *points = (tuple(round(n * 224) for n in r.box) for r in sam2.prompts(mask))
    rows, columns = np.nonzero(at224)
    assert box == (columns.min(), rows.min(), columns.max(), rows.max())
    assert len(points) == 3
    for x, y, right, bottom in points:
        assert (x, y) == (right, bottom)
        assert at224[y, x] and box[0] <= x <= box[2] and box[1] <= y <= box[3]
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(at224, 1))[1:-1, 1:-1]
    assert depth[points[0][1], points[0][0]] == depth.max(), "the largest circle comes first"


def test_circles_share_at_most_what_is_allowed():
    mask = np.zeros((224, 224), bool)
    mask[20:200, 30:80] = True
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    for overlap in (0.0, 0.3):
        _, *points = sam2.prompts(mask, "drum", overlap)
        circles = [(p.box[0] * 224, p.box[1] * 224) for p in points]
        circles = [(x, y, depth[round(y), round(x)]) for x, y in circles]
        pairs = [float(masks.circle_iou(a, b)) for i, a in enumerate(circles) for b in circles[:i]]
        assert max(pairs) <= overlap + 1e-9
        assert {p.label for p in points} == {"drum"}


def test_the_square_is_that_of_the_release():
    pixels = sam2.square(PICTURE, 128)
    assert pixels.shape == (1, 3, 128, 128)
    small = np.asarray(Image.fromarray(PICTURE).resize((224, 224), Image.Resampling.LANCZOS))
    theirs = Image.fromarray(small).resize((128, 128), Image.Resampling.BILINEAR)
    theirs = (np.asarray(theirs) / 255 - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    assert np.abs(pixels[0].permute(1, 2, 0).numpy() - theirs).max() < 0.011 / 0.224, "Pillow rounds to grey levels"
    white = sam2.square(np.full((30, 40, 3), 255, np.uint8), 64, via=None)
    torch.testing.assert_close(white[0, :, 5, 5], torch.tensor([2.2489, 2.4286, 2.6400]), rtol=1e-3, atol=1e-3)


def test_masks_are_those_of_the_library(sam):
    regions = sam2.prompts(np.pad(np.ones((100, 60), bool), ((60, 64), (90, 74))), "drum")
    both, points_only, box_only = sam.masks(PICTURE, [regions, regions[1:], regions[:1]])
    torch.manual_seed(0)
    model = Sam2Model(sam2.small()).eval()
    scale = 128 / 224
    xy = torch.tensor([[[[n * 224 * scale for n in r.box[:2]] for r in regions[1:]]]])
    box = torch.tensor([[[n * 224 * scale for n in regions[0].box]]])
    with torch.no_grad():
        out = model(
            pixel_values=sam2.square(PICTURE, 128), input_points=xy, input_boxes=box,
            input_labels=torch.ones(1, 1, 3, dtype=torch.int), multimask_output=False,
        )  # fmt: skip
    logits = torch.nn.functional.interpolate(out.pred_masks[:, 0], (224, 224), mode="bilinear", align_corners=False)
    assert np.array_equal(both, (logits[0, 0] > 0).numpy())
    assert both.shape == points_only.shape == box_only.shape == (224, 224) and both.dtype == bool
    assert not np.array_equal(points_only, box_only), "what is prompted matters"
    assert not any(p.requires_grad for p in sam.model.parameters())


def test_rules_of_coordinates(sam):
    assert sam.placed((0.0, 0.5)) == [0.0, 64.0]
    centred = sam2.Segmenter(sam.model, rule="centre")
    assert centred.placed((0.0, 0.5)) == pytest.approx([0.5 * 128 / 224, 64.0 + 0.5 * 128 / 224])
    with pytest.raises(RecipeError, match="'corner'"):
        sam2.Segmenter(sam.model, rule="corners")


def test_a_reply_becomes_masks_and_is_scored(sam):
    mask = np.zeros((64, 64), bool)
    mask[20:50, 10:30] = True
    reference = Answer("drum", regions=(Region("drum", mask=np.kron(mask, np.ones((4, 4), bool))[16:240, 16:240]),))
    box = Region("drum", sam2.prompts(reference.regions[0].mask)[0].box)
    example = Example("1", "localisation", Clip(None, None), "", meta={"form": "s4"})
    whole = Answer("drum", regions=(box, reference.regions[0]))
    said = localisation.target(Example("1", "localisation", example.clip, "", whole, meta=example.meta), explain=False)
    answer = sam.drawn(localisation.parse(said, example), PICTURE)
    assert len(answer.regions) == 4 and answer.regions[0].mask.shape == (224, 224)
    scores = localisation.score([answer], [reference])
    assert 0 <= scores["J"] <= 100 and 0 <= scores["F"] <= 100 and scores["unread"] == 0
    two = Answer(regions=(Region("a", (0.1, 0.1, 0.4, 0.4)), Region("b", (0.5, 0.5, 0.9, 0.9))))
    assert [r.mask is not None for r in sam.drawn(two, PICTURE).regions] == [True, True]
    nothing = localisation.parse("<answer>false</answer>", Example("1", "", example.clip, "", meta={"form": "ref_avs"}))
    assert sam.drawn(nothing, PICTURE) is nothing
    with pytest.raises(ModelError, match="neither box nor points"):
        sam.masks(PICTURE, [[Region("a")]])


def test_a_folder_loads(tmp_path, sam):
    sam.model.save_pretrained(tmp_path)
    again = sam2.load(tmp_path)
    regions = [Region("a", (0.1, 0.1, 0.6, 0.8))]
    assert np.array_equal(again.masks(PICTURE, [regions])[0], sam.masks(PICTURE, [regions])[0])
    with pytest.raises(ModelError, match="No SAM 2 at"):
        sam2.load(tmp_path / "nowhere" / "deep")


def test_the_large_one_has_its_size():
    with torch.device("meta"):
        large = sam2.Segmenter(Sam2Model(Sam2Config()))
    assert large.side == 1024 and next(large.model.parameters()).is_meta
