"""Every export read by a library of the tool that it is for; skipped, with the package's name, where that is absent.

`make readers` installs them all, in an environment of their own.
"""

import json
from itertools import pairwise
from pathlib import Path

import pytest

from lookhear.timeline import Event, Timeline, exports
from lookhear.types import Sentence, Word

SAID = 'He said "stop" --> now <b>&amp;'
TIMELINE = Timeline(
    "clips/my video.mp4", 10.0,
    (Event("Dog", 0.0, 4.0, 0.9, "heard"), Event("Speech", 2.0, 6.0, 0.8, "heard"),
     Event("beagle", 0.0, 10.0, 0.7, "seen", (0.1, 0.2, 0.6, 0.9))),
    (Sentence(SAID, 2.0, 3.5, 0.8, (Word("He", 2.0, 2.2, 0.9),)),),
    (-20.0,) * 10, (5.0,), ((9.0, 10.0),), ((7.0, 9.5),), 10, {"heard": (("Dog", 0.9),), "seen": ()},
)  # fmt: skip
NOTHING = Timeline("still.png", 0.0, (), (), (), (), (), (), 1, {"heard": (), "seen": ()})
SCHEMA = Path(__file__).parent / "eaf.xsd"
INTERFACE = """<View><Video name="video" value="$video"/>
<TimelineLabels name="events" toName="video"><Label value="heard: Dog"/><Label value="heard: Speech"/>
<Label value="seen: beagle"/></TimelineLabels><TextArea name="said" toName="video"/></View>"""


def written(name: str, folder: Path, timeline: Timeline = TIMELINE) -> Path:
    path = folder / f"clip{exports.FORMATS[name][0]}"
    path.write_text(exports.written(timeline, name), "utf-8")
    return path


def test_webvtt_py_reads_the_cues(tmp_path):
    webvtt = pytest.importorskip("webvtt", reason="webvtt-py is not installed")
    cues = list(webvtt.read(str(written("webvtt", tmp_path))))
    spans = {(c.text, c.start, c.end) for c in cues}
    assert any("Dog" in text and (a, b) == ("00:00:00.000", "00:00:04.000") for text, a, b in spans)
    assert any('said "stop"' in text for text, _, _ in spans)
    assert len(cues) == 7


def test_pympi_reads_the_tiers(tmp_path):
    elan = pytest.importorskip("pympi", reason="pympi-ling is not installed").Elan
    eaf = elan.Eaf(str(written("elan", tmp_path)))
    assert eaf.get_annotation_data_for_tier("heard") == [(0, 4000, "Dog 0.90")]
    assert eaf.get_annotation_data_for_tier("heard 2") == [(2000, 6000, "Speech 0.80")]
    assert eaf.get_annotation_data_for_tier("said")[0][2] == SAID
    assert eaf.get_linked_files()[0]["MEDIA_URL"] == "./my%20video.mp4"


@pytest.mark.parametrize("timeline", [TIMELINE, NOTHING], ids=["events", "nothing"])
def test_elan_document_is_valid(tmp_path, timeline):
    """`eaf.xsd` holds what EAFv3.0.xsd says of the elements that are written, in our own words."""
    xmlschema = pytest.importorskip("xmlschema", reason="xmlschema is not installed")
    schema = xmlschema.XMLSchema(str(SCHEMA))
    path = written("elan", tmp_path, timeline)
    schema.validate(str(path))
    if timeline.events:
        broken = path.read_text("utf-8").replace('TIME_SLOT_REF2="ts2"', 'TIME_SLOT_REF2="ts99"', 1)
        assert not schema.is_valid(broken)


def test_elan_slots_are_in_the_order_of_time(tmp_path):
    elan = pytest.importorskip("pympi", reason="pympi-ling is not installed").Elan
    times = list(elan.Eaf(str(written("elan", tmp_path))).timeslots.values())
    assert all(a <= b for a, b in pairwise(times))


def test_textgrid_reads_the_tiers(tmp_path):
    textgrid = pytest.importorskip("textgrid", reason="textgrid is not installed")
    grid = textgrid.TextGrid.fromFile(str(written("textgrid", tmp_path)))
    assert grid.maxTime == 10
    heard = {i.mark: (i.minTime, i.maxTime) for i in grid.getFirst("heard") if i.mark}
    assert heard == {"Dog 0.90": (0.0, 4.0)}


def test_praatio_reads_the_tiers(tmp_path):
    textgrid = pytest.importorskip("praatio.textgrid", reason="praatio is not installed")
    grid = textgrid.openTextgrid(str(written("textgrid", tmp_path)), includeEmptyIntervals=False, reportingMode="error")
    assert [tuple(e) for e in grid.getTier("heard").entries] == [(0.0, 4.0, "Dog 0.90")]
    assert [e.label for e in grid.getTier("said").entries] == [SAID]


def test_label_studio_accepts_the_task(tmp_path):
    interface = pytest.importorskip("label_studio_sdk.label_interface", reason="label-studio-sdk is not installed")
    (task,) = json.loads(written("label_studio", tmp_path).read_text("utf-8"))
    labels = interface.LabelInterface(INTERFACE)
    (prediction,) = task.pop("predictions")
    assert labels.validate_task(task)
    assert labels.validate_prediction(prediction, return_errors=True) == []
    prediction["result"][0]["from_name"] = "absent"
    assert labels.validate_prediction(prediction, return_errors=True)


def test_fiftyone_imports_the_labels(tmp_path):
    importers = pytest.importorskip("fiftyone.utils.data.importers", reason="fiftyone is not installed")
    metadata = pytest.importorskip("fiftyone.core.metadata")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "my video.mp4").write_bytes(b"")
    (tmp_path / "labels.json").write_text(exports.written(TIMELINE, "fiftyone"), "utf-8")
    importer = importers.FiftyOneTemporalDetectionDatasetImporter(dataset_dir=str(tmp_path))
    importer.setup()
    (name,) = importer._uuids
    video = importer._video_paths_map[name], importer._labels_map[name]
    parser = importer._sample_parser
    parser.with_sample(video, metadata=metadata.VideoMetadata(frame_rate=24, total_frame_count=240, duration=10.0))
    read = {d.label: (tuple(d.support), d.confidence) for d in parser.get_label().detections}
    assert read["heard: Dog"] == ((1, 97), 0.9)  # its rule: 1 + 4 s of 10 s x 239 frames
    assert read["seen: beagle"][0] == (1, 240)
    assert len(read) == 3


def test_audacity_labels_are_three_columns(tmp_path):
    """Audacity has no library: its manual asks for start, end and label, separated by tabs, times in seconds."""
    rows = [line.split("\t") for line in written("audacity", tmp_path).read_text("utf-8").splitlines()]
    assert all(len(row) == 3 and 0 <= float(row[0]) <= float(row[1]) <= 10 for row in rows)
    assert ["0.000000", "4.000000"] in [row[:2] for row in rows]
