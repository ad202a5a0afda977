"""Examples as a table of Hugging Face datasets, and back: nothing is lost but masks."""

from pathlib import Path

import pytest

from lookhear.datasets.reading.arrow import COLUMNS, from_arrow, to_arrow
from lookhear.errors import DatasetError
from lookhear.types import BLANK, Answer, Clip, Example, Region, Segment, Source

HERE = Source("a", Path("videos/a.mp4"))
EXAMPLES = [
    Example(
        "1", "question_answering", Clip(HERE, HERE), "who plays", Answer("violin"), ("Audio", "Counting"), {"n": 2}
    ),
    Example(
        "2", "event_localisation", Clip(HERE, None, 1.5, 4.0), "when", Answer("", segments=(Segment("x", 0, 2.5),))
    ),
    Example("3", "question_answering", Clip(BLANK, Source("b")), "and now", None),
    Example(
        "4", "localisation", Clip(HERE, HERE), "where", Answer("", regions=(Region("x", (0, 0.1, 0.5, 1), None, 2),))
    ),
]


def test_there_and_back():
    pytest.importorskip("datasets")
    table = to_arrow(EXAMPLES)
    assert tuple(table.column_names) == COLUMNS and len(table) == 4
    back = from_arrow(table)
    assert back[0] == EXAMPLES[0] and back[2] == EXAMPLES[2] and back[2].clip.video is BLANK
    assert back[1].reference.segments == EXAMPLES[1].reference.segments and back[1].clip == EXAMPLES[1].clip
    assert back[3].reference.regions[0].box == (0, 0.1, 0.5, 1)


def test_a_table_survives_parquet(tmp_path):
    datasets = pytest.importorskip("datasets")
    to_arrow(EXAMPLES).to_parquet(tmp_path / "x.parquet")
    again = datasets.Dataset.from_parquet(str(tmp_path / "x.parquet"), cache_dir=str(tmp_path))
    assert from_arrow(again)[0] == EXAMPLES[0]


def test_other_tables_need_little_and_faults_are_quoted():
    (one,) = from_arrow([{"id": 7, "question": "who", "video": "x/y.mp4", "answer": "me"}])
    assert (one.id, one.clip.video, one.reference.text) == ("7", Source("y", Path("x/y.mp4")), "me")
    for row in ({"id": 1, "question": "who"}, {"id": 1, "video": "x.mp4"}, {"question": "who", "video": "x.mp4"}):
        with pytest.raises(DatasetError, match="Row 0 is no question about a clip"):
            from_arrow([row])
