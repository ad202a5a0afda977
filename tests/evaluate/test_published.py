"""Published numbers: transcribed whole, consistent where they can be checked, and every contradiction on record."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from lookhear import catalog
from lookhear.errors import RecipeError
from lookhear.evaluate.columns import ORDER
from lookhear.evaluate.literature import contradictions as checks
from lookhear.evaluate.literature import published, survey, table_rows

KINDS = [f"{group}/{kind}" for group, kinds in ORDER.items() for kind in kinds]
DOCS = Path(__file__).resolve().parents[2] / "docs/results"


def test_every_table_is_there_whole():
    tables = Counter(n.source for n in published.numbers())
    assert tables["AV-Master Table II"] == 15 * 13 + 2 * 4  # PSOT and CoQo have averages only
    assert tables["AV-Master Table III"] == 13 * 19
    assert tables["AV-Master Table IV"] == 20 * 4
    assert tables["MCCD Table 1"] == 14 * 13 and tables["MCCD Table 2"] == 13 * 19 and tables["MCCD Table 5"] == 13 * 13
    assert tables["Crab Table 9"] == 6 * 13 and tables["Crab+ Table 6"] == 5 * 4 + 4
    papers = Counter(source.partition(" Table")[0] for source in tables)
    assert papers == {"AV-Master": 12, "MCCD": 4, "Crab": 11, "Crab+": 6}


def test_a_row_as_printed():
    row = table_rows.rows("music_avqa", ["AV-Master"])["AV-Master (AV-Master Table II)"]
    assert list(row.values()) == [
        *(87.02, 67.85, 79.95, 86.55, 86.61, 86.58, 83.60, 79.13, 72.39, 64.21, 70.80, 74.22, 78.51),
    ]
    assert (
        table_rows.rows("music_avqa_r", ["QA-TIGER"], "tail")["QA-TIGER (AV-Master Table III)"]["Visual/Counting"]
        == 54.59
    )


def test_rows_know_their_test_file():
    beside = table_rows.rows("music_avqa@update", ["ST-AVQA", "MCAN", "TSPM"])
    assert list(beside) == [
        "ST-AVQA (Crab Table 9)",
        "MCAN (AV-Master Table II, original test file)",
        "TSPM (AV-Master Table II)",
    ]
    assert beside["ST-AVQA (Crab Table 9)"]["Overall"] == 71.59
    assert "ST-AVQA (AV-Master Table II)" in table_rows.rows("music_avqa@original", ["ST-AVQA"])


def test_v2_rows_say_what_they_were_trained_on():
    beside = table_rows.rows("music_avqa_v2@bias", ["QA-TIGER"])
    assert {label: row["Overall"] for label, row in beside.items()} == {
        "QA-TIGER, trained on the bias set (AV-Master Table IV)": 76.93,
        "QA-TIGER, trained on the balance set (AV-Master Table IV)": 76.57,
    }
    assert len(table_rows.rows("music_avqa_v2", published.names_in("all"))) == 10
    assert table_rows.rows("avqa", ["AV-Master", "HCRN"]) == {
        "AV-Master (AV-Master Table V)": {"Overall": 91.4},
        "HCRN, with HAVF (AV-Master Table V)": {"Overall": 89.0},
    }


def test_values_are_possible_and_cells_unique():
    for n in published.numbers():
        assert 0 <= n.value <= 100 and n.printed and n.dataset, n
    seen = Counter((*n.cell, n.source) for n in published.numbers())
    assert max(seen.values()) == 1, [cell for cell, count in seen.items() if count > 1]


def test_the_survey_lists_39_methods_and_3_datasets():
    listed = [m for m in published.methods() if m.listed == "survey"]
    assert len(listed) == 39 and len({m.name for m in published.methods()}) == len(published.methods())
    assert all(m.title and m.paper.startswith("http") for m in listed)
    assert [d["year"] for d in published.datasets()] == ["2022", "2023", "2024"]
    assert {n.method for n in published.numbers() if n.dataset == "music_avqa_r"} <= {
        m.name for m in published.methods()
    }


def test_methods_are_found_by_any_of_their_names():
    assert published.names_in("AVST, laVIT,TSPM") == ["ST-AVQA", "Pano-AVQA", "TSPM"]
    with pytest.raises(RecipeError, match="Did you mean 'QA-TIGER'"):
        published.names_in("QA-TIGRE")


def test_listing_methods_needs_nothing_heavy():
    code = "import sys; from lookhear.evaluate.literature import published; assert len(published.names()) > 39; "
    code += "assert not {'numpy', 'matplotlib', 'torch'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_sizes_add_up():
    sizes = {key: sum(kinds.values()) for key, kinds in published.counts().items()}
    assert sizes == {
        ("music_avqa", "test"): 9129,
        ("music_avqa@original", "test"): 9185,
        ("music_avqa_r", "head"): 138153,
        ("music_avqa_r", "tail"): 73419,
        ("music_avqa_v2", "test_balance"): 10819,
    }


def test_every_contradiction_is_on_record():
    assert (DOCS / "contradictions.md").read_text() == checks.page(), (
        "lookhear survey --contradictions > docs/results/contradictions.md"
    )
    found = Counter(c.kind for c in checks.contradictions())
    assert found["average"] == 21


def test_rows_that_are_consistent_stay_so():
    """Rows of AVQA nets whose every average follows from their types: a slip of transcription would break one."""
    found = [c for c in checks.contradictions() if c.kind == "average" and "music_avqa test" in c.what]
    contradicted = {c.what.partition(",")[0] for c in found}
    rows = checks.table_rows()
    whole = [key[1] for key, row in rows.items() if key[3] == "music_avqa" and all(kind in row for kind in KINDS)]
    sound = {"MCAN", "PSAC", "AVSD", "Pano-AVQA", "TSPM", "QA-TIGER", "AV-Master", "MCCD", "GRU", "LAVISH"}
    assert set(whole) - contradicted >= sound


def test_a_table_tells_which_test_file_it_was_scored_on():
    rows = checks.table_rows()
    behind = {
        method: checks.files_behind(rows["AV-Master Table II", method, "", "music_avqa", "test"])
        for method in ("TSPM", "AV-Master", "MCAN", "ST-AVQA")
    }
    assert behind["TSPM"] == behind["AV-Master"] == ["music_avqa"]
    assert behind["MCAN"] == behind["ST-AVQA"] == ["music_avqa@original"]


def test_a_planted_slip_is_noticed(monkeypatch):
    numbers = list(published.numbers())
    at = next(
        i for i, n in enumerate(numbers) if (n.method, n.type, n.source) == ("TSPM", "Visual", "AV-Master Table II")
    )
    numbers[at] = type(numbers[at])(**{**vars(numbers[at]), "value": 83.16})
    monkeypatch.setattr(checks, "numbers", lambda: tuple(numbers))
    new = [c for c in checks.contradictions() if c.what.startswith("TSPM")]
    assert {c.kind for c in new} == {"average", "printed twice"}


def test_pooling_by_hand():
    assert checks.pooled({"a": 50.0, "b": 100.0}, {"a": 3, "b": 1}) == 62.5


def test_survey_numbers_and_figure(tmp_path):
    types = survey.by_type("music_avqa")
    av_master = types["AV-Master"]
    assert av_master["Existential"] == 83.60 and av_master["Temporal"] == 70.80
    assert av_master["Location"] == pytest.approx((86.61 * 1225 + 72.39 * 920) / 2145)
    gap = survey.designs("music_avqa")
    assert sum(gap[kind]["methods"] for kind in survey.DESIGNS) == len(types)
    assert all(gap["spatial-temporal network"][t] > gap["other"][t] for t in survey.TYPES), "as in the survey's figure"
    asked = {row["type"]: row for row in survey.question_types()}
    assert sum(row["music_avqa"] for row in asked.values()) == 9129
    assert asked["Location"]["music_avqa"] == 1225 + 920
    years = [year for year, *_ in survey.progress("music_avqa")]
    assert years == sorted(years) and len(years) == 37
    survey.draw(tmp_path / "survey.png")
    assert (tmp_path / "survey.png").stat().st_size > 20_000


def test_no_matplotlib_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(survey.DependencyError, match="pip install"):
        survey.draw(tmp_path / "survey.png")


def test_contradictions_as_json(monkeypatch, capsys):
    from lookhear.cli import main

    monkeypatch.setattr(sys, "argv", ["lookhear", "survey", "--contradictions", "--json"])
    with pytest.raises(SystemExit):
        main()
    assert {"kind", "where", "what", "printed", "expected"} == set(json.loads(capsys.readouterr().out)[0])


def test_methods_and_probes_are_listed(monkeypatch, capsys):
    from lookhear.cli import main

    for kind, name in (("methods", "QA-TIGER"), ("probes", "silence")):
        monkeypatch.setattr(sys, "argv", ["lookhear", "list", kind, "--json"])
        with pytest.raises(SystemExit):
            main()
        assert name in json.loads(capsys.readouterr().out)


def test_what_runs_here_is_here():
    """Every method that is said to run is a file on its shelf, and every net of a paper is said to."""
    shelves = {"net": "nets", "wrapper": "debias", "llm": "llms"}
    for method in published.methods():
        kind, _, name = method.here.partition(" ")
        assert name in catalog.names(shelves[kind]) if kind in shelves else kind in ("endpoint", "rows"), method
        assert method.code_state in STATES and (method.code or method.code_state == "none" or method.listed == "papers")
    said = {m.here.partition(" ")[2] for m in published.methods() if m.here.startswith("net ")}
    ours = {
        "audio_only",
        "video_only",
        "question_only",
        "pooled_mlp",
        "gated",
        "ordered",
        "mccd",
    }  # not of a listed paper's own
    assert set(catalog.names("nets")) - said == ours
    assert "net lavish" in published.names()["LAVISH"]


STATES = {"runs", "model only", "does not run", "other network", "data only", "readme", "none", "not tried"}
