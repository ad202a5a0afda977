"""The public face: what dir() and help() show, what ask() takes, what things say of themselves."""

import pydoc
import re

import numpy as np
import pytest

import lookhear
from lookhear.errors import MediaError
from lookhear.evaluate.report import report
from lookhear.model import clip_of, load
from lookhear.types import Answer, Clip, Evidence, Example, Source
from tests.train import world


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return world.film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="module")
def stage():
    return load("stage", device="cpu")


def test_dir_and_help_show_the_api():
    assert set(lookhear.__all__) <= set(dir(lookhear))
    shown = pydoc.plain(pydoc.render_doc(lookhear))
    assert re.search(r"ask\(\s*video", shown) and re.search(r"load\(\s*name", shown) and "class Answer" in shown


def test_a_path_its_bytes_a_clip_and_a_list_of_questions_give_the_same_answers(stage, film):
    questions = ["Which instrument starts first?", "Is there a voiceover?"]
    texts = [a.text for a in stage.ask(film, *questions)]
    assert [a.text for a in stage.ask(film.read_bytes(), questions)] == texts
    assert [a.text for a in stage.ask(clip_of(film), questions[0], questions[1:])] == texts


def test_arrays_with_their_rate_are_sound_or_frames(stage):
    tone = np.sin(np.arange(32_000) / 9).astype(np.float32)
    (answer,) = stage.ask((tone, 16_000), "Is there a voiceover?")
    assert answer.text and any("no picture" in note for note in answer.notes)
    stereo = np.stack([tone, tone], axis=1)
    assert stage.ask((stereo, 16_000), "Is there a voiceover?")[0].text == answer.text
    frames = np.zeros((16, 32, 32, 3), np.uint8)
    assert any("no sound" in note for note in stage.ask((frames, 8), "Is there a voiceover?")[0].notes)
    with pytest.raises(MediaError, match="neither sound"):
        clip_of((np.zeros((2, 2, 2)), 8))


def test_things_say_what_they_are(stage):
    assert repr(stage).startswith("<stage: ") and "weights" in repr(stage) and "on cpu" in repr(stage)
    answer = Answer("left", {"left": 0.5, "right": 0.4}, evidence=Evidence((0.2, 0.8), ()), notes=("no <sound>",))
    assert repr(answer) == "<Answer 'left' 50%: then 'right' 40%; 'no <sound>'>" and repr(Answer("a")) == "<Answer 'a'>"
    assert "<progress" in answer._repr_html_() and "no &lt;sound&gt;" in answer._repr_html_()


def test_a_report_as_a_frame():
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    source = Source("v")
    example = Example("1", "question_answering", Clip(source, source), "Where?", Answer("left"), ("Visual", "Location"))
    found = report([example], [Answer("left", {"left": 0.9})], {"model": "m"})
    frame = found.to_frame()
    assert isinstance(frame, pandas.DataFrame) and frame.loc[0, "right"] and frame.loc[0, "kind"] == "Visual/Location"
    assert repr(found) == "<Report of m: 1 questions, 100.00 % right>" and "<pre>" in found._repr_html_()
