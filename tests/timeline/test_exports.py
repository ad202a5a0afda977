"""Every export is what its tool reads: parsed back by the rules of its format."""

import json
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest

from lookhear.errors import RecipeError
from lookhear.timeline import Event, Timeline, draw, exports, from_json
from lookhear.timeline.exports.rows import apart
from lookhear.types import Sentence, Word

NASTY = 'He said "stop" --> now <b>&amp;'
TIMELINE = Timeline(
    "clips/my video.mp4", 10.0,
    (Event("Dog", 0.0, 4.0, 0.9, "heard"), Event("Speech", 2.0, 6.0, 0.8, "heard"),
     Event("beagle", 0.0, 10.0, 0.7, "seen", (0.1, 0.2, 0.6, 0.9))),
    (Sentence(NASTY, 2.0, 3.5, 0.8, (Word("He", 2.0, 2.2, 0.9),)),),
    (-20.0,) * 10, (5.0,), ((9.0, 10.0),), ((7.0, 9.5),), 10, {"heard": (("Dog", 0.9),), "seen": ()},
)  # fmt: skip


def text(name: str) -> str:
    return exports.written(TIMELINE, name)


def test_own_form_goes_round():
    assert from_json(json.loads(text("json"))) == TIMELINE


def test_webvtt_cues():
    blocks = text("webvtt").strip().split("\n\n")
    assert blocks[0] == "WEBVTT"
    clock = r"\d\d:\d\d:\d\d\.\d\d\d"
    for block in blocks[1:]:
        _, times, payload = block.split("\n")
        start, end = re.fullmatch(rf"({clock}) --> ({clock})", times).groups()
        assert start < end
        assert "-->" not in payload
        assert payload.startswith("<v ")
    assert len(blocks) - 1 == 3 + 1 + 1 + 1 + 1


def test_audacity_labels():
    for line in text("audacity").splitlines():
        start, end, label = line.split("\t")
        assert 0 <= float(start) <= float(end) <= 10
        assert label


def test_elan_document():
    root = ET.fromstring(text("elan").split("\n", 1)[1])
    slots = {s.get("TIME_SLOT_ID"): int(s.get("TIME_VALUE")) for s in root.iter("TIME_SLOT")}
    assert [child.tag for child in root] == ["HEADER", "TIME_ORDER", *["TIER"] * (len(root) - 3), "LINGUISTIC_TYPE"]
    for tier in root.iter("TIER"):
        spans = [
            (slots[a.get("TIME_SLOT_REF1")], slots[a.get("TIME_SLOT_REF2")]) for a in tier.iter("ALIGNABLE_ANNOTATION")
        ]
        assert all(a < b for a, b in spans)
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert NASTY in [v.text for v in root.iter("ANNOTATION_VALUE")]
    assert {"heard", "heard 2", "seen", "said"} <= {t.get("TIER_ID") for t in root.iter("TIER")}


def test_textgrid_tiers_fill_the_time():
    grid = text("textgrid")
    assert grid.startswith('File type = "ooTextFile"\nObject class = "TextGrid"')
    assert int(re.search(r"^size = (\d+)$", grid, re.M)[1]) == grid.count("item [") - 1
    for tier in re.split(r"    item \[\d+\]:\n", grid)[1:]:
        if "IntervalTier" in tier:
            starts = [float(x) for x in re.findall(r"    xmin = ([\d.]+)", tier)][1:]
            ends = [float(x) for x in re.findall(r"    xmax = ([\d.]+)", tier)][1:]
            assert starts[0] == 0
            assert ends[-1] == 10
            assert starts[1:] == ends[:-1]
    assert '""stop""' in grid


def test_label_studio_task():
    (task,) = json.loads(text("label_studio"))
    assert task["data"]["video"] == TIMELINE.source
    (prediction,) = task["predictions"]
    for region in prediction["result"]:
        assert {"id", "from_name", "to_name", "type", "value"} <= set(region)
        if region["type"] == "timelinelabels":
            assert region["value"]["ranges"][0]["start"] <= region["value"]["ranges"][0]["end"]
    assert len({r["id"] for r in prediction["result"]}) == len(prediction["result"])


def test_fiftyone_labels():
    plain = json.loads(text("fiftyone"))
    (labels,) = plain["labels"].values()
    assert list(plain["labels"]) == ["my video"]
    assert all(0 <= one["label"] < len(plain["classes"]) and len(one["timestamps"]) == 2 for one in labels)


def test_the_ending_says_the_format(tmp_path):
    assert exports.format_of(tmp_path / "a.fiftyone.json") == "fiftyone"
    assert exports.format_of(tmp_path / "a.json") == "json"
    assert exports.format_of(tmp_path / "a.xyz", "elan") == "elan"
    with pytest.raises(RecipeError, match="TextGrid"):
        exports.format_of(tmp_path / "a.docx")
    with pytest.raises(RecipeError, match="webvtt"):
        exports.format_of(tmp_path / "a.json", "webvt")


def test_overlaps_are_taken_apart():
    assert len(apart([(0, 2, "a"), (1, 3, "b"), (2, 4, "c"), (5, 5, "d")])) == 2


def test_bars():
    lines = draw.bars(TIMELINE, wide=20)
    assert "dog" in lines[1]
    assert "████████" in lines[1]
    assert any("He said" in line for line in lines)
