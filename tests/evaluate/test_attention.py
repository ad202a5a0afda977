"""Attention to frames and sound, case by case."""

import numpy as np
import pytest

from lookhear import media
from lookhear.errors import DatasetError, ModelError
from lookhear.evaluate import report as reports
from lookhear.evaluate.draw import attention
from lookhear.types import Answer, Clip, Evidence, Example, Source

KINDS = (("Audio", "Counting"), ("Visual", "Location"))
WEIGHTS = (0.7, 0.1, 0.1, 0.1)


def world(folder, answers="yyyyyy", parts=("head", "head", "tail", "head", "tail", ""), points=True):
    frames = np.zeros((32, 64, 96, 3), np.uint8)
    frames[16:, :, :, 0] = 200
    for n in range(len(answers)):
        media.write(folder / f"{n}.mp4", frames, np.sin(np.arange(64_000) / 9).astype(np.float32), 8.0)
    examples = []
    for n, part in zip(range(len(answers)), parts, strict=False):
        source = Source(f"{n}", folder / f"{n}.mp4")
        examples.append(
            Example(
                f"q{n}",
                "question_answering",
                Clip(source, source),
                f"<{n}>?",
                Answer("y"),
                KINDS[n % 2],
                {"part": part},
            )
        )
    evidence = Evidence(WEIGHTS, WEIGHTS[::-1]) if points else None
    given = [Answer(a, {a: 0.75}, evidence=evidence) for a in answers]
    return reports.report(examples, given, {"model": "ours"}, resamples=20)


def test_shares_are_of_equal_parts():
    assert attention.shares(WEIGHTS, 4) == pytest.approx(WEIGHTS)
    assert attention.shares(WEIGHTS, 2) == pytest.approx([0.8, 0.2])
    assert attention.shares([0.5, 0.5, 0.0], 2) == pytest.approx([0.75, 0.25]), "a second is divided"
    assert attention.shares(np.full(60, 1 / 60), 10) == pytest.approx([0.1] * 10)


def test_head_and_tail_take_turns_and_wrong_answers_are_left_out(tmp_path):
    report = world(tmp_path, "ynyyyy")
    assert [e.id for e, _, _ in attention.cases(report)] == ["q0", "q2", "q3", "q4"]
    assert [e.id for e, _, _ in attention.cases(report, 2)] == ["q0", "q2"]
    plain = world(tmp_path, parts=[""] * 6)
    assert [e.id for e, _, _ in attention.cases(plain, 3)] == ["q0", "q1", "q2"], "types in turn"
    (tmp_path / "0.mp4").unlink()
    assert [e.id for e, _, _ in attention.cases(report, 2)] == ["q3", "q2"], "what cannot be read is passed over"


def test_the_figure_has_every_share(tmp_path):
    assert attention.draw(world(tmp_path), tmp_path / "cases.svg", 2) == 2
    drawn = (tmp_path / "cases.svg").read_text()
    assert drawn.count(">70.0<") == 4 and drawn.count(">10.0<") == 12, "two rows of four parts in two cases"
    assert "(head)" in drawn and "(tail)" in drawn and "&lt;0&gt;?" in drawn


def test_what_cannot_be_drawn_is_one_line(tmp_path):
    with pytest.raises(ModelError, match="ours has no correct answer with weights"):
        attention.cases(world(tmp_path, "nnnnnn"))
    with pytest.raises(ModelError, match="no attention to draw"):
        attention.cases(world(tmp_path, points=False))
    report = world(tmp_path)
    for file in tmp_path.glob("*.mp4"):
        file.unlink()
    with pytest.raises(DatasetError, match="No recording"):
        attention.cases(report)
