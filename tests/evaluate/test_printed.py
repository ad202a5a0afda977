"""Published tables by name: every cell is in the paper's own text, ours stands beside, every name is accepted."""

import re
from dataclasses import replace

import numpy as np
import pytest

from lookhear.errors import RecipeError
from lookhear.evaluate import report as reports
from lookhear.evaluate.literature import printed, published, survey, table_rows
from lookhear.types import Answer, Clip, Example, Source
from tests.conftest import shared

FILES = {"AV-Master": "av-master.txt", "MCCD": "music-avqa-r-mccd.txt", "Crab": "crab.txt", "Crab+": "crab-plus.txt"}
AFTER = {"AV-Master": r"^TABLE {}\b", "Crab": r"^Table {}\.", "Crab+": r"^Table {} "}  # the caption, then the table
TURNED = "Crab Table 4"  # its methods are the columns
LEAST = 20  # cells of each table that have to be found


def block(source: str) -> list[str]:
    """The lines of a table in the paper's text; MCCD's captions stand below theirs."""
    paper, _, number = source.partition(" Table ")
    lines = shared("papers", FILES[paper]).read_text("utf-8").split("\n")
    if paper == "MCCD":
        at = next(i for i, line in enumerate(lines) if re.match(rf"Table {number}:", line))
        return lines[max(0, at - 35) : at + 2]
    at = next(i for i, line in enumerate(lines) if re.match(AFTER[paper].format(number), line))
    return lines[at : at + 40]


def plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", re.sub(r"\[.*?\]", "", text.lower()))


@pytest.mark.parametrize("source", sorted({n.source for n in published.numbers()}))
def test_cells_are_in_the_papers_text(source):
    lines = [(plain(line), set(re.findall(r"\d+\.?\d*", line))) for line in block(source)]
    found, lost = 0, []
    some = [n for n in published.numbers() if n.source == source]
    for n in some:
        value, name = f"{n.value:.{n.digits}f}", plain(n.printed)
        # rows of a variant are told apart by ticks or numbers of rows, which are no names
        loose = n.variant or n.printed.startswith("unnamed") or source == TURNED
        where = [tokens for text, tokens in lines if loose or name in text]
        if any(value in tokens for tokens in where):
            found += 1
        else:
            lost.append((n.printed, n.type, value))
    assert found >= min(LEAST, len(some)) and len(lost) <= 0.05 * len(some), lost


@pytest.mark.parametrize("source", sorted({fact["source"] for fact in published.facts()}))
def test_further_columns_are_in_the_papers_text(source):
    """Encoders, sizes, data: the tables without scores among them (AV-Master I, MCCD 4, Crab+ 1)."""
    lines = [plain(line) for line in block(source)]
    some = [f for f in published.facts() if f["source"] == source and f["value"] not in ("yes", "no")]  # ticks there
    lost = []
    for fact in some:
        name, value = plain(fact["row"].partition(",")[0]), plain(fact["value"])
        rows = [place for place, line in enumerate(lines) if name in line]
        if fact["column"] == "task":  # printed once for the rows of a task: the last one named up to this row
            tasks = sorted({plain(f["value"]) for f in some if f["column"] == "task"}, key=len, reverse=True)
            named = [next((task for task in tasks if task in line), "") for line in lines]
            rows = [max((p for p in range(row + 1) if named[p]), default=row) for row in rows]
        if not any(value in lines[place] for place in rows):
            lost.append((fact["row"], fact["column"], fact["value"]))
    assert len(some) - len(lost) >= min(LEAST, len(some) - 2) and len(lost) <= 0.05 * len(some), lost


def test_every_table_is_held_against_its_paper():
    held = {n.source for n in published.numbers()} | {fact["source"] for fact in published.facts()}
    assert {printed.table(name).source for name in printed.names()} == held and len(held) == 36


@pytest.mark.parametrize("source", ["AV-Master Table II", "MCCD Table 2", "Crab Table 9", "MCCD Table 5"])
def test_whole_rows_are_in_the_papers_text(source):
    rows: dict[str, list[str]] = {}
    for n in (n for n in published.numbers() if n.source == source):
        rows.setdefault(n.printed, []).append(f"{n.value:.{n.digits}f}")
    text = "\n".join(re.sub(r"</?u>|[_\\$]", " ", line) for line in block(source))
    for name, values in rows.items():
        line = next((r for r in text.split("\n") if plain(r).startswith(plain(name)) and values[0] in r), "")
        line = line or next((r for r in text.split("\n") if plain(name) in plain(r) and values[0] in r), "")
        numbers = [t for t in re.findall(r"(?<![\w.])\d+\.\d+", line) if t in values]
        if source.endswith(("Table II", "Table 9", "Table 5")) and len(values) == 13:
            assert sorted(numbers) == sorted(values), f"{name}: {line}"
        else:
            assert len(set(values) & set(numbers)) >= 0.9 * len(set(values)), (name, line)


@pytest.mark.parametrize("name", printed.names())
def test_every_table_is_printed(name):
    found = printed.table(name)
    assert found.rows and found.columns and found.lay_out("markdown").count("\n") == len(found.rows) + 1
    assert all(set(cells) <= set(found.columns) for cells in found.rows.values())
    numbers = [n for n in published.numbers() if n.source == found.source]
    filled = sum(bool(re.fullmatch(r"[\d.]+", row.get(c, ""))) for row in found.rows.values() for c in found.cells)
    assert filled == len(numbers), "no cell is lost, none put over another"


def test_names_are_the_papers_and_either_numerals_do():
    assert printed.table("av_master/6") == printed.table("AV-Master/vi")
    assert printed.table("crab+/2").source == "Crab+ Table 2"
    assert [n for n in printed.names() if n.startswith("av_master")][3] == "av_master/IV" and len(printed.names()) == 36
    for wrong in ("av_master/XIV", "sage/1", "mccd/two"):
        with pytest.raises(RecipeError, match="No published table is called"):
            printed.table(wrong)
    with pytest.raises(RecipeError, match="'MCCD' has several tables: mccd/1, mccd/2, mccd/3, mccd/4, mccd/5"):
        printed.table("MCCD")


def test_columns_beside_numbers():
    six = printed.table("av_master/VI")
    assert six.rows["AVicuna, zero-shot"] == {
        "visual encoder": "CLIP-L", "audio encoder": "CLAP", "zero-shot": "yes", "pre-training data": "1.1M",
        "parameters": "7B", "All": "49.6",
    }  # fmt: skip
    assert printed.table("av_master/I").rows["MUSIC-AVQA-R"]["test QA"] == "211,572"
    assert printed.table("crab_plus/1").rows["UnAV-100"]["task"] == "Event Localization and Parsing"
    best = printed.table("av_master/XI").rows["AV-Master, InternVideo2 frames and InternVideo2 sound"]
    assert best["All"] == "80.15"


def test_ours_stands_beside(tmp_path):
    draw = np.random.default_rng(0)
    source = Source("v")
    examples = [
        Example(str(n), "question_answering", Clip(source, source), "?", Answer("yes"), ("Audio", "Counting"))
        for n in range(20)
    ]
    answers = [Answer(str(draw.choice(["yes", "no"]))) for _ in examples]
    found = reports.report(examples, answers, {"model": "mine", "dataset": "music_avqa"}, resamples=20)
    found.save(tmp_path / "report")
    shown = printed.with_ours(printed.table("av_master/II"), [tmp_path / "report"])
    assert shown.rows["mine (ours)"]["All"] == f"{found.overall.accuracy:.2f}"
    assert set(shown.rows["mine (ours)"]) == {"A Count", "A Avg", "All"}
    parted = [replace(e, meta={"part": "tail" if n < 5 else "head"}) for n, e in enumerate(examples)]
    robust = reports.report(parted, answers, {"model": "mine", "dataset": "music_avqa_r"}, resamples=20)
    robust.save(tmp_path / "robust")
    row = printed.with_ours(printed.table("mccd/3"), [tmp_path / "robust"]).rows["mine (ours)"]
    assert row["music_avqa_r tail"] == f"{robust.parts['tail'].overall.accuracy:.2f}"
    assert row["music_avqa_r headtail"] == f"{robust.overall.accuracy:.2f}"
    assert all(column.startswith("music_avqa_r") for column in row), "it says nothing of MUSIC-AVQA"
    study = {"splits": {"test": {"rows": {"a": {"columns": {"Overall": {"accuracy": 61.5}}}}}}}
    (tmp_path / "study.json").write_text(__import__("json").dumps(study))
    shown = printed.with_ours(printed.table("av_master/VII"), [tmp_path / "study.json"])
    assert shown.rows["a (ours on test)"] == {"All": "61.50"}
    assert printed.with_ours(printed.table("av_master/VII"), [tmp_path]).rows == shown.rows, "a study's folder"
    with pytest.raises(RecipeError, match="has no number that a column of Crab Table 4 is about"):
        printed.with_ours(printed.table("crab/4"), [tmp_path / "study.json"])
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(RecipeError, match="neither a report's folder nor a study"):
        printed.with_ours(printed.table("av_master/VII"), [tmp_path / "other.json"])


def test_every_name_in_a_table_is_a_name(capsys):
    for n in published.numbers():
        assert published.names_in(n.method) == [n.method] and n.method in published.names()
    assert published.names_in("CAD,CAT+,AVLLM,AVicuna,HGA,videollama") == [
        *("CAD", "CAT+", "AVLLM", "AVicuna", "HGA", "Video LLaMA"),
    ]
    assert "no number in the tables here" in published.names()["CIGN"]
    assert table_rows.without_numbers("music_avqa@update", ["CIGN", "TSPM"]) == ["CIGN"]


def test_the_best_so_far_counts_what_its_rule_says():
    best = {method: value for _, method, value in survey.progress("music_avqa")}
    assert best["VAST"] == 80.7 and best["AV-Master"] == 80.15 and best["VALOR"] == 78.9
    assert best["CAT+"] == 86.4, "not its zero-shot 50.1"
    assert not {"OneLLM", "ChatBridge", "AVLLM"} & set(best), "zero-shot alone"
    years = {method: year for year, method, _ in survey.progress("music_avqa")}
    assert years["CONVLSTM"] == years["FCNLSTM"] == 2020
    assert not survey.counts_as_whole("without TDPP") and not survey.counts_as_whole("zero-shot")
