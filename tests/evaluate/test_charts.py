"""Charts: what is drawn is what was measured; a study's sweep is found, and only where there is one."""

import json
import re

import pytest

from lookhear.errors import DatasetError, FileError
from lookhear.evaluate.draw import charts, page
from lookhear.evaluate.report import report
from lookhear.evaluate.study import sweep
from lookhear.evaluate.study.rows import Row, Study
from lookhear.evaluate.tables import columns
from lookhear.types import Answer, Clip, Example, Source


def scored():
    examples, answers = [], []
    for i in range(12):
        source = Source(f"v{i // 2}")
        kind = ("Audio", "Counting") if i % 2 else ("Visual", "Location")
        examples.append(Example(str(i), "question_answering", Clip(source, source), "what", Answer("yes"), kind))
        answers.append(Answer("yes" if i % 3 else "no", {"yes": 0.5}))
    return report(examples, answers, {"model": "mine"})


def test_types_have_bars_and_published_rows_are_marks(tmp_path):
    rows = {"mine": columns(scored()), "TSPM (table)": {"Audio/Counting": 70.0}}
    drawn = charts.scores(rows, tmp_path / "scores.svg", ["TSPM (table)"]).read_text()
    for words in ("Audio/Counting", "Visual/Location", "Overall", "mine", "TSPM (table)"):
        assert words in drawn
    assert (tmp_path / "scores.svg").read_bytes() != charts.scores(
        {"mine": rows["mine"]}, tmp_path / "other.svg"
    ).read_bytes()
    with pytest.raises(DatasetError, match="no bars"):
        charts.scores({"mine": {}}, tmp_path / "none.svg")


def test_curves_are_read_from_the_log(tmp_path):
    lines = [{"epoch": e, "loss": 2.0 - e} for e in range(2)] + [{"epoch": 1, "val": {"accuracy": 40.0}}]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    drawn = charts.curves({"mine": tmp_path / "log.jsonl"}, tmp_path / "curves.svg").read_text()
    assert "training loss" in drawn and "mine" in drawn


def study(*sets):
    return Study(rows=[Row(name=str(i), recipe="net.yaml", set=list(s)) for i, s in enumerate(sets)])


def test_the_swept_setting_is_the_number_that_rows_differ_in(tmp_path):
    swept = study(["net.hidden=64", "train.lr=1e-3"], ["net.hidden=128", "train.lr=1e-3"], ["net.hidden=256"])
    assert sweep.swept(swept) == "net.hidden"
    assert sweep.swept(study(["net.variant=paper"], ["net.variant=released"])) == ""
    assert sweep.swept(study(["net.hidden=64"], ["net.heads=4"])) == ""
    cells = {"Overall": {"accuracy": 50.0, "interval": [45.0, 55.0]}, "Audio/Counting": {}}
    facts = {"rows": {name: {"columns": cells} for name in "012"}}
    lines = sweep.lines(swept, facts, "net.hidden")
    assert lines == {
        "net, train.lr=1e-3": [(64.0, (50.0, 45.0, 55.0)), (128.0, (50.0, 45.0, 55.0))],
        "net": [(256.0, (50.0, 45.0, 55.0))],
    }
    assert "net.hidden" in charts.sweep(lines, "net.hidden", tmp_path / "sweep.svg").read_text()


def test_a_drawing_takes_the_colours_of_its_page(tmp_path):
    charts.scores({"mine": columns(scored())}, tmp_path / "scores.svg")
    inlined = page.drawing(tmp_path / "scores.svg", 'of "mine"', narrow=tmp_path / "scores.svg")
    assert "var(--seen)" in inlined and not re.search("#2f6f8f|#1d1b26|#fbfaf7", inlined)
    assert inlined.count("<svg") == 2 and "&quot;mine&quot;" in inlined


def test_a_broad_table_becomes_cards_on_a_phone():
    assert 'class="cards"' in page.table(list("abcdef"), [range(6)]) and 'data-of="b"' in page.table(
        ["", "b"], [[1, 2]]
    )
    assert "cards" not in page.table(["", "b"], [[1, 2]])


def test_rows_are_exported(tmp_path):
    pandas = pytest.importorskip("pandas")
    scored().export(tmp_path / "rows.csv")
    scored().export(tmp_path / "rows.parquet")
    for frame in (pandas.read_csv(tmp_path / "rows.csv"), pandas.read_parquet(tmp_path / "rows.parquet")):
        assert list(frame["answer"]) == [a.text for a in scored().answers] and frame["right"].sum() == 8
    with pytest.raises(FileError, match=r"\.csv or \.parquet"):
        scored().export(tmp_path / "rows.xls")
