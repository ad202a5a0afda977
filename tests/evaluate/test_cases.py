"""Cases side by side, and studies as figures."""

import numpy as np
import pytest

from lookhear import media
from lookhear.errors import DatasetError, RecipeError
from lookhear.evaluate import report as reports
from lookhear.evaluate.draw import cases
from lookhear.evaluate.study import figure
from lookhear.types import Answer, Clip, Example, Source


def report(answers: str, name: str, kinds=(("Audio", "Counting"), ("Visual", "Location"))):
    source = Source("v")
    examples = [
        Example(f"q{n}", "question_answering", Clip(source, source), f"<{n}>?", Answer("y"), kinds[n % 2])
        for n in range(len(answers))
    ]
    return reports.report(examples, [Answer(a, {a: 0.75}) for a in answers], {"model": name}, resamples=20)


def test_what_each_model_said_stands_side_by_side(tmp_path):
    both = {"ours": report("yynnyn", "ours"), "theirs": report("ynynyn", "theirs"), "third": report("nnnnnn", "third")}
    chosen = cases.choose(both)
    assert chosen == {"first": ["q1"], "others": ["q2"], "none": ["q3", "q5"]}
    assert cases.choose(both, 1)["none"] == ["q3"]
    clip = tmp_path / "v.mp4"
    media.write(clip, np.zeros((8, 64, 96, 3), np.uint8), np.zeros(16_000, np.float32), 8.0)
    source, gone = Source("v", clip), Source("v", tmp_path / "gone.mp4")
    shown = {"q1": Clip(source, source), "q2": Clip(gone, gone)}
    assert cases.sheet(both, tmp_path / "sheet.html", shown) == 4
    page = (tmp_path / "sheet.html").read_text()
    assert page.count('class="right"') == 2 and page.count('class="wrong"') == 10, "of four cases and three models"
    assert "&lt;1&gt;" in page and "(75%)" in page and page.count("<img ") == 1 and "not shown" in page
    with pytest.raises(DatasetError, match="no question in common"):
        strange = report("y", "x")
        other = reports.report(
            [Example("z", "question_answering", Clip(None, None), "?", Answer("y"))], [Answer("y")], resamples=5
        )
        cases.choose({"a": strange, "b": other})


def row(value: float):
    names = ("Overall", "Audio", "Visual", "Overall (head)", "Audio/Counting")
    return {"columns": {c: {"accuracy": value, "interval": [value - 1, value + 1]} for c in names}}


def test_rows_that_are_numbers_are_lines(tmp_path):
    weights = {"all 1.0": row(70), **{f"{w} {v}": row(60) for w in ("qa", "c") for v in (0.4, 0.7, 1.3)}}
    lines = figure.series(weights)
    assert set(lines) == {"qa", "c"} and [n for n, _ in lines["c"]] == [0.4, 0.7, 1.0, 1.3]
    assert figure.series({f"{s} seconds": row(s) for s in (10, 2, 4)})["seconds"][0] == (2.0, "2 seconds")
    assert list(figure.series({f"after {s} s": row(s) for s in (1, 2, 4)})) == ["after … s"]
    assert not figure.series({"A+V+Q": row(1), "A+Q": row(2), "V+Q": row(3)})
    assert not figure.series({"MLP 1": row(1), "GRU 2": row(2), "LSTM 3": row(3)})
    rows = {"splits": {"test": {"questions": 3, "videos": 2, "rows": weights}}}
    figure.draw(rows, tmp_path / "lines.png")
    rows["splits"]["test"]["rows"] = {"whole": row(70), "no sound": row(60)}
    figure.draw(rows, tmp_path / "bars.svg")
    assert (tmp_path / "lines.png").stat().st_size > 10_000 and "<svg" in (tmp_path / "bars.svg").read_text()
    with pytest.raises(RecipeError, match="cannot be drawn"):
        figure.draw(rows, tmp_path / "bars.nothing")
    with pytest.raises(RecipeError, match="nothing to draw"):
        figure.draw({"splits": {}}, tmp_path / "none.png")


def test_a_figure_that_cannot_be_written_is_refused_before_training(tmp_path, lookhear):
    (tmp_path / "study.yaml").write_text("rows: [{name: a, recipe: soundstage/gated}]\n")
    for more, said in ((["--figure", tmp_path / "x.nothing"], "cannot be drawn"), (["--beside", "Nobody"], "Nobody")):
        ran = lookhear("study", tmp_path / "study.yaml", "--out", tmp_path / "out", *more)
        assert ran.code == 2 and said in ran.err and not (tmp_path / "out").exists()


def test_a_sheet_of_cases_is_a_page_and_takes_frames_of_a_whole_dataset(tmp_path, lookhear):
    for name in ("a", "b"):
        report("ynyn" if name == "a" else "nyyn", name).save(tmp_path / name)
    sides = ("compare", tmp_path / "a", tmp_path / "b", "--cases")
    assert "must end in .html" in lookhear(*sides, tmp_path / "x.png").err
    assert "need both" in lookhear(*sides, tmp_path / "x.html", "--dataset", "music_avqa").err
    assert lookhear(*sides, tmp_path / "x.html").code == 0 and (tmp_path / "x.html").is_file()


def test_a_run_is_no_report(tmp_path):
    (tmp_path / "recipe.yaml").write_text("")
    with pytest.raises(DatasetError, match="It is a run; make one: lookhear evaluate"):
        reports.load(tmp_path)


def test_studies_and_recipes_are_told_apart(lookhear):
    assert "a study, a table of recipes. Run it with: lookhear study" in lookhear("train", "studies/nets").err
    assert "not a study with rows. Run it with: lookhear train" in lookhear("study", "soundstage/gated").err
    assert "Did you mean 'studies/music_avqa'?" in lookhear("study", "music_avqa").err


def test_published_rows_stand_alone(lookhear, caplog):
    ran = lookhear("survey", "--beside", "MCCD", "--dataset", "music_avqa_r", "--split", "tail")
    assert ran.code == 0 and ran.out.splitlines()[1].endswith("59.39")
    ran = lookhear("survey", "--beside", "MCCD", "--split", "tail")
    assert ran.code == 2 and "No split of music_avqa with published numbers is called 'tail'" in ran.err
    assert lookhear("survey", "--beside", "TSPM,QA-TIGER", "--dataset", "music_avqa_v2").code == 0
    assert "no published number on music_avqa_v2 of TSPM" in caplog.text
