"""Boxes: the official IoU, hand-worked curves, and identities that hold for any boxes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookhear.errors import LookhearError
from lookhear.metrics import localisation as metric
from lookhear.types import Answer, Region
from tests.conftest import shared

unit = st.floats(0, 1, allow_nan=False)
boxes = st.tuples(unit, unit, st.floats(0.01, 1), st.floats(0.01, 1)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def at(*box: float) -> Answer:
    return Answer(regions=(Region("dog", box),))


def test_the_official_iou():
    rows = json.loads(shared("goldens", "av_llm", "metric_boxes.json").read_text())["rows"]
    for row in rows:
        assert metric.iou(row["pred"], row["gt"]) == pytest.approx(row["iou"], abs=1e-6)
    apart = [row for row in rows if row["iou"] == 0]
    assert apart and all(metric.complete_iou(row["pred"], row["gt"]) < 0 for row in apart)


def test_by_hand():
    scores = metric.localisation(
        [at(0, 0, 1, 1), at(0, 0, 0.5, 1), at(0.5, 0, 1, 1), Answer()],
        [at(0, 0, 1, 1), at(0, 0, 1, 1), at(0, 0, 0.5, 1), at(0, 0, 1, 1)],
    )
    assert scores["iou"] == pytest.approx(100 * 1.5 / 4) and scores["success"] == 50 and scores["no_box"] == 25
    area = ((1 + 0.5) / 2 + 9 * 0.5 + (0.5 + 0.25) / 2 + 9 * 0.25) / 20
    assert scores["auc"] == pytest.approx(100 * area), "1 at 0, then one half, then one quarter beyond 0.5"
    complete = metric.complete_iou((0, 0, 2, 2), (0, 0, 2, 1))
    assert complete == pytest.approx(0.5 - 0.25 / 8 - _shape(0.5, 45 - 63.43494882292201))


def _shape(iou: float, degrees: float) -> float:
    v = 4 / 180**2 * degrees**2
    return v * v / (1 - iou + v)


def test_the_curve_has_21_points_and_counts_what_reaches_them():
    assert metric.success_curve([0.15]).tolist() == [1.0] * 4 + [0.0] * 17
    assert metric.auc([1.0]) == 1 and metric.auc([0.0]) == pytest.approx(1 / 40)


@given(st.lists(unit, min_size=1, max_size=30))
def test_the_area_is_the_mean_iou_to_within_a_step(ious):
    assert metric.auc(ious) == pytest.approx(sum(ious) / len(ious), abs=1 / 40 + 1e-9)


@given(boxes, boxes)
def test_iou_is_symmetric_in_range_and_one_for_the_same_box(a, b):
    assert metric.iou(a, b) == pytest.approx(metric.iou(b, a)) and 0 <= metric.iou(a, b) <= 1 + 1e-9
    assert metric.iou(a, a) == pytest.approx(1) and metric.complete_iou(a, a) == pytest.approx(1)
    assert metric.complete_iou(a, b) <= metric.iou(a, b) + 1e-9


def test_degenerate_boxes_share_nothing_and_points_are_no_boxes():
    assert metric.iou((3, 3, 1, 1), (0, 0, 4, 4)) == 0 == metric.iou((1, 1, 1, 1), (1, 1, 1, 1))
    answer = Answer(regions=(Region("dog", (0.1, 0.1, 0.1, 0.1)), Region("dog", (0, 0, 1, 1))))
    assert metric.box_of(answer) == (0, 0, 1, 1)
    with pytest.raises(LookhearError, match="Reference 'cat' has no box"):
        metric.localisation([at(0, 0, 1, 1)], [Answer("cat")])
