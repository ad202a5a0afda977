"""The report: the published table exactly, intervals that hold, and a saved report that comes back."""

import json

import numpy as np
import pytest

from lookhear.errors import DatasetError, LookhearError
from lookhear.evaluate import report as reports
from lookhear.evaluate import tables
from lookhear.types import BLANK, Answer, Clip, Evidence, Example, Region, Segment, Source
from tests.conftest import shared

KINDS = [("Audio-Visual", "Temporal"), ("Audio", "Comparative"), ("Visual", "Location"), ("Audio", "Counting")]


def question(n: int, video: str = "", kind: tuple[str, ...] = (), said: str = "yes") -> Example:
    source = Source(video or f"v{n}")
    kind = kind or KINDS[n % len(KINDS)]
    return Example(f"q{n}", "question_answering", Clip(source, source), f"question {n}", Answer(said), kind)


def test_counts_and_order():
    examples = [question(n) for n in range(8)]
    answers = [Answer("yes" if n < 5 else "no") for n in range(8)]
    scored = reports.report(examples, answers)
    assert (scored.overall.correct, scored.overall.total, scored.overall.accuracy) == (5, 8, 62.5)
    assert list(scored.types) == ["Audio/Counting", "Audio/Comparative", "Visual/Location", "Audio-Visual/Temporal"]
    assert scored.groups["Audio"].correct == 2 and scored.groups["Audio"].total == 4
    rows = [line.split(",")[0] for line in scored.table("csv").splitlines()]
    assert rows[1:4] == ["Audio/Counting", "Audio/Comparative", "Audio Avg"] and rows[-1] == "Overall"


def test_json_is_the_contract():
    scored = reports.report([question(0)], [Answer(" Yes ")])
    found = json.loads(json.dumps(scored.to_json()))
    assert set(found) == {"overall", "groups", "types", "metrics"}
    assert set(found["metrics"]["question_answering"]["unread"]) == {"value", "interval", "total", "mute"}
    assert set(found["overall"]) == {"correct", "total", "accuracy", "interval"}
    assert found["overall"]["accuracy"] == 100 and found["types"]["Audio-Visual/Temporal"]["correct"] == 1


def test_micro_averages_weigh_questions_not_types():
    examples = [question(n, kind=("Audio", "Counting")) for n in range(9)] + [
        question(9, kind=("Audio", "Comparative"))
    ]
    scored = reports.report(examples, [Answer("no")] * 9 + [Answer("yes")])
    assert scored.groups["Audio"].accuracy == 10


def test_a_saved_report_comes_back(tmp_path):
    examples = [question(n) for n in range(20)]
    rich = Answer(
        "yes",
        {"yes": 0.75, "no": 0.25},
        (Segment("violin", 1.0, 2.5, "audio"),),
        (Region("violin", (0.1, 0.2, 0.3, 0.4), time=1.0),),
        Evidence((0.5, 0.5), (1.0, 0.0), {"audio": {"yes": 0.5}}),
        raw="Yes, it is.",
        notes=("no sound track",),
    )
    scored = reports.report(examples, [rich] * 20, {"model": "drawn"})
    scored.save(tmp_path / "out")
    again = reports.load(tmp_path / "out")
    assert again.to_json() == scored.to_json()
    assert list(again.answers) == list(scored.answers)
    assert [e.kind for e in again.examples] == [e.kind for e in examples]
    assert (tmp_path / "out/table.md").read_text().startswith("| ")


def test_what_cannot_be_scored_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="2 answers for 1 question"):
        reports.report([question(0)], [Answer("yes")] * 2)
    with pytest.raises(DatasetError, match="'q7' has no reference"):
        reports.report([Example("q7", "question_answering", Clip(None, None), "?")], [Answer("yes")])
    with pytest.raises(DatasetError, match=r"answers\.jsonl is missing"):
        reports.load(tmp_path)
    with pytest.raises(LookhearError, match=r"No table format is called 'html'\."):
        reports.report([question(0)], [Answer("yes")]).table("html")


def test_a_broken_line_is_quoted(tmp_path):
    reports.report([question(0), question(1)], [Answer("yes")] * 2).save(tmp_path)
    lines = (tmp_path / "answers.jsonl").read_text().splitlines()
    (tmp_path / "answers.jsonl").write_text(lines[0] + "\n" + lines[1][:-9] + "\n")
    with pytest.raises(DatasetError, match=r"answers\.jsonl:2: not an answer"):
        reports.load(tmp_path)


def test_clusters_survive_a_probe():
    muted = [question(0, "a"), question(1, "b")]
    muted = [Example(e.id, e.task, Clip(BLANK, e.clip.audio), e.question, e.reference, e.kind) for e in muted]
    assert reports.clusters_of(muted).tolist() == [0, 1]


def test_questions_about_one_video_widen_the_interval():
    rng = np.random.default_rng(0)
    by_video = rng.random(60) < 0.5
    spread = [question(n, f"v{n}", said="yes" if by_video[n // 10] else "no") for n in range(600)]
    together = [question(n, f"v{n // 10}", said="yes" if by_video[n // 10] else "no") for n in range(600)]
    width = [np.diff(reports.report(e, [Answer("yes")] * 600).overall.interval)[0] for e in (spread, together)]
    assert width[1] > 2.5 * width[0]


def test_latex_has_one_column_for_each_number():
    scored = reports.report([question(n) for n in range(8)], [Answer("yes")] * 8, {"model": "my_net & co"})
    body = next(line for line in scored.table("latex").splitlines() if line.startswith("my"))
    assert body.startswith(r"my\_net \& co & ") and body.count(" & ") == len(tables.columns(scored))


def test_nothing_asked_is_no_score(tmp_path):
    empty = reports.report([], [])
    assert empty.to_json()["overall"] == {"correct": 0, "total": 0, "accuracy": None, "interval": [None, None]}
    empty.save(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["answers.jsonl", "report.json", "table.md"]


def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch):
    scored = reports.report([question(0)], [Answer("yes")])
    monkeypatch.setattr(reports, "to_record", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        scored.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_grid_marks_what_is_told_to():
    rows = {"ours": {"Audio": 50.0, "Overall": 60.0}, "theirs": {"Audio": 40.0, "Overall": 61.0}}
    lines = tables.grid(rows, "markdown", mark={("ours", "Audio")}).splitlines()
    assert "**50.00**" in lines[2] and "**" not in lines[3]
    assert r"\textbf{50.00}" in tables.grid(rows, "latex", mark={("ours", "Audio")})


def test_a_grid_marks_what_is_missing():
    text = tables.grid({"ours": {"Audio": 50.0, "Overall": 60.0}, "theirs": {"Overall": 61.0}}, "markdown")
    assert text.splitlines()[-1].split("|")[2].strip() == "-"


def test_tspm_published_table():
    annotations = json.loads(shared("data", "music_avqa", "avqa-test.json").read_text())
    predictions = json.loads(shared("data", "music_avqa", "tspm_predictions.json").read_text())
    examples = []
    for row in annotations:
        source = Source(row["video_id"])
        kind, reference = tuple(json.loads(row["type"])), Answer(row["anser"])
        clip = Clip(source, source)
        examples.append(Example(str(row["question_id"]), "question_answering", clip, "", reference, kind))
    scored = reports.report(examples, [Answer(predictions[e.id]) for e in examples])
    printed = [f"{score.accuracy:.2f}" for score in tables.columns(scored).values()]
    published = "84.07 64.65 76.91 82.29 84.90 83.61 82.19 76.21 71.85 65.76 71.17 73.51 76.79"
    assert printed == published.split()
    assert (scored.overall.correct, scored.overall.total) == (7010, 9129)
    assert scored.overall.interval == pytest.approx((75.9, 77.7), abs=0.15)
