"""Head, tail and all, wherever they are printed: against a count of our own, beside the published rows."""

import csv
import io
import json

import numpy as np
import pytest

from lookhear.evaluate import compare as compares
from lookhear.evaluate import report as reports
from lookhear.evaluate import tables
from lookhear.evaluate.literature import published, table_rows
from lookhear.evaluate.study import rows as studies
from lookhear.evaluate.study import table as study_table
from lookhear.evaluate.study.summary import summary
from lookhear.types import Answer, Clip, Example, Source

KINDS = [("Audio", "Counting"), ("Visual", "Location"), ("Audio-Visual", "Temporal")]


def stand_in(seed: int, count: int = 240) -> tuple[list[Example], list[Answer], list[tuple[str, str, bool]]]:
    """Questions in head, tail and neither, answers to them, and (part, column, right) of each."""
    draw = np.random.default_rng(seed)
    examples, answers, truth = [], [], []
    for n in range(count):
        part = ("head", "head", "tail", "")[draw.integers(4)]
        kind = KINDS[draw.integers(2) if part == "tail" else draw.integers(3)]
        said = str(draw.choice(["yes", "no", "two"]))
        meta = {"part": part, "question_id": n} if part else {"question_id": n}
        source = Source(f"v{n // 4}")
        clip = Clip(source, source)
        examples.append(Example(str(n), "question_answering", clip, f"{n}?", Answer("yes"), kind, meta))
        answers.append(Answer(said))
        truth.append((part, "/".join(kind), said == "yes"))
    return examples, answers, truth


def share(truth, part=None, column=None):
    some = [right for p, c, right in truth if part in (None, p) and (column is None or c.startswith(column))]
    return 100 * sum(some) / len(some), len(some)


def test_a_report_has_its_parts():
    examples, answers, truth = stand_in(0)
    found = reports.report(examples, answers, resamples=200)
    for part in ("head", "tail"):
        accuracy, total = share(truth, part)
        assert found.parts[part].overall.accuracy == pytest.approx(accuracy)
        assert found.parts[part].overall.total == total
        for column, score in found.parts[part].types.items():
            assert (score.accuracy, score.total) == (pytest.approx(share(truth, part, column)[0]), score.total)
            assert score.interval[0] < score.accuracy < score.interval[1]
    assert "Audio-Visual/Temporal" not in found.parts["tail"].types
    plain = found.to_json()["parts"]["tail"]
    assert plain["overall"]["total"] == share(truth, "tail")[1] and "parts" not in plain
    rows = list(csv.reader(io.StringIO(found.table("csv"))))
    assert rows[0] == [
        *("type", "head", "low", "high", "tail", "low", "high", "all", "low", "high", "of head", "of tail", "of all"),
    ]
    overall = next(row for row in rows if row[0] == "Overall")
    assert overall[1] == f"{share(truth, 'head')[0]:.2f}" and int(overall[-1]) == len(examples)
    temporal = next(row for row in rows if row[0] == "Audio-Visual/Temporal")
    assert temporal[4:7] == ["-", "-", "-"] and temporal[-2] == "0", "what has no tail is a dash, never a zero or nan"
    assert "nan" not in found.table() and "both" not in found.table()
    assert "Overall/H" not in found.table("latex") and r"\multicolumn" in found.table("latex")


def test_it_is_saved_and_loaded(tmp_path):
    examples, answers, _ = stand_in(1)
    found = reports.report(examples, answers, resamples=100)
    found.save(tmp_path)
    again = reports.load(tmp_path)
    assert again.parts["tail"].overall.correct == found.parts["tail"].overall.correct
    assert json.loads((tmp_path / "report.json").read_text())["parts"]["head"]["overall"]["total"]


def test_one_part_alone_has_no_parts():
    examples, answers, _ = stand_in(2)
    some = [i for i, e in enumerate(examples) if e.meta.get("part") == "tail"]
    assert not reports.report([examples[i] for i in some], [answers[i] for i in some], resamples=50).parts
    plain = [Example(e.id, e.task, e.clip, e.question, e.reference, e.kind) for e in examples]
    assert not reports.report(plain, answers, resamples=50).parts


def test_compared_apart():
    examples, answers, truth = stand_in(3)
    _, others, theirs = stand_in(3)
    others = [Answer("yes") if e.meta.get("part") == "tail" else a for e, a in zip(examples, others, strict=True)]
    found = compares.compare(*(reports.report(examples, side, resamples=50) for side in (others, answers)))
    gap = 100 - share(theirs, "tail")[0]
    assert found.parts["tail"]["Overall"].difference == pytest.approx(gap)
    assert found.parts["head"]["Overall"].difference == 0 and found.parts["head"]["Overall"].permutation == 1
    assert found.parts["tail"]["Overall"].significant and found.to_json()["parts"]["tail"]["Overall"]["total"]
    assert share(truth) == share(theirs)
    head, *_ = [block for block in compares.table(found).split("\n\n") if block.startswith("tail")]
    assert "Audio/Counting" in head


def test_a_study_says_head_and_tail():
    examples, answers, truth = stand_in(4)
    right = np.array([[a.text == "yes" for a in answers], [True] * len(answers)])
    asked = studies.Asked(examples, {"ours": right[:1], "all": right[1:]})
    facts = summary(asked, {"ours": "ours", "all": "ours"}, resamples=100)
    columns = facts["rows"]["ours"]["columns"]
    for part in ("head", "tail"):
        assert columns[f"Overall ({part})"]["accuracy"] == round(share(truth, part)[0], 2)
        assert columns[f"Audio/Counting ({part})"]["questions"] == share(truth, part, "Audio/Counting")[1]
    assert "Audio-Visual/Temporal (tail)" not in columns
    text = study_table.text({"splits": {"test": facts}})
    assert "head of test" in text and "tail of test" in text and "nan" not in text
    by_part = study_table.by_part(facts)
    assert by_part["ours"]["tail"]["Overall"] == columns["Overall (tail)"]["accuracy"]
    assert set(by_part["ours"]["headtail"]) == {"Overall", *("/".join(k) for k in KINDS), *(k[0] for k in KINDS)}


def test_published_rows_of_head_and_tail():
    found = table_rows.parts("music_avqa_r", published.names_in("AV-Master,MCCD"))
    ours = found["AV-Master (AV-Master Table III)"]
    assert len(ours["head"]) == len(ours["tail"]) == 9 and ours["headtail"] == {"Overall": 71.19}
    assert ours["tail"]["Audio-Visual/Location"] == 77.41 and ours["head"]["Audio/Counting"] == 84.90
    (mccd,) = (row for name, row in found.items() if name.startswith("MCCD"))
    assert (mccd["head"]["Overall"], mccd["tail"]["Overall"], mccd["headtail"]["Overall"]) == (72.24, 59.39, 66.95)
    tail = table_rows.rows("music_avqa_r", ["MCCD"], "tail")
    assert tail["MCCD (MCCD Tables 2, 3)"]["Overall"] == 59.39 and len(tail["MCCD (MCCD Tables 2, 3)"]) == 10
    assert table_rows.rows("music_avqa_r", ["MCCD"], "test") == table_rows.rows("music_avqa_r", ["MCCD"], "headtail")


def test_beside_in_the_papers_layout():
    examples, answers, truth = stand_in(5)
    found = reports.report(examples, answers, resamples=50)
    text = table_rows.beside({"ours": found}, "music_avqa_r", "test", ["AV-Master"], "csv")
    head, ours, theirs = csv.reader(io.StringIO(text))
    at = {name: n for n, name in enumerate(head)}
    assert head[1:5] == ["Audio/Count-H", "Audio/Count-T", "Audio/Comp-H", "Audio/Comp-T"]
    assert theirs[at["Audio-Visual/Local-T"]] == "77.41" and theirs[at["Overall/all"]] == "71.19"
    assert ours[at["Overall/T"]] == f"{share(truth, 'tail')[0]:.2f}" and ours[at["Audio/Comp-H"]] == "-"
    assert tables.by_part({"ours": tables.of_parts(found)}, "text").count("\n") == 1
