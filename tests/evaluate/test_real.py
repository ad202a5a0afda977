"""Floors on the real MUSIC-AVQA annotations: what a question gives away without its video, and how fast scoring is."""

import time
from pathlib import Path

import pytest

from lookhear import datasets
from lookhear.evaluate import floors, report, tables
from lookhear.types import Answer, Example
from tests.conftest import shared

DOCS = Path(__file__).resolve().parents[2] / "docs/results"
HEADER = """# What the question alone gives away

MUSIC-AVQA, official test split (`music_avqa@update`, 9,129 questions about 6,399 videos), answered without looking or
listening. Trained on the 26,589 of 31,927 training questions that are publicly at hand; 95 % intervals from a bootstrap
over videos. `chance` guesses evenly among the answers that the same template has in training; `template` gives the most
frequent of them; `question` the most frequent answer to the same question with its blanks filled.

"""


@pytest.fixture(scope="module")
def real() -> tuple[list[Example], list[Example]]:
    root = shared("data", "music_avqa")
    return datasets.load("music_avqa", root, "train_partial"), datasets.load("music_avqa", root, "test")


def test_the_most_frequent_answer(real):
    train, test = real
    by_template = report.report(test, floors.most_frequent(train, test))
    assert (by_template.overall.correct, by_template.overall.total) == (4681, 9129)
    assert f"{by_template.overall.accuracy:.2f}" == "51.28"
    assert f"{by_template.types['Audio-Visual/Existential'].accuracy:.1f}" == "78.9"
    assert (DOCS / "question_only.md").read_text() == page(train, test), "docs/results/question_only.md is out of date"


def test_the_prior_of_the_validation_split(real):
    val = datasets.load("music_avqa", shared("data", "music_avqa"), "val")
    found = report.report(real[1], floors.most_frequent(val, real[1]))
    assert f"{found.overall.accuracy:.1f}" in ("51.0", "51.1")  # 51.05 with ties broken otherwise
    known = {"Audio-Visual/Existential": 78.9, "Audio/Counting": 65.6, "Audio-Visual/Comparative": 57.8}
    assert {name: round(found.types[name].accuracy, 1) for name in known} == known


def test_211572_questions_are_scored_in_seconds(real):
    test = real[1]
    many = [Example(f"{e.id}#{n}", e.task, e.clip, e.question, e.reference, e.kind) for n in range(24) for e in test]
    many = many[:211_572]
    start = time.process_time()
    found = report.report(many, [Answer("yes")] * len(many))
    assert time.process_time() - start < 10 and found.overall.total == 211_572  # 0.8 s on a calm core


def page(train: list[Example], test: list[Example]) -> str:
    """The table of docs/results/question_only.md."""
    chance = floors.chance(train, test)
    scores = {by: tables.columns(report.report(test, floors.most_frequent(train, test, by))) for by in floors.BY}
    head = ["", "chance", "template", "95 % interval", "question", "95 % interval", "questions"]
    rows = []
    for column, score in scores["template"].items():
        cells = [f"{chance[column]:.2f}"]
        for found in (score, scores["question"][column]):
            cells += [f"{found.accuracy:.2f}", f"{found.interval[0]:.2f} to {found.interval[1]:.2f}"]
        rows.append([column if "/" in column or column == "Overall" else f"{column} Avg", *cells, str(score.total)])
    return HEADER + tables.lay_out(head, rows, "markdown") + "\n"
