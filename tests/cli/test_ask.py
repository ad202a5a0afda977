"""lookhear ask, as a person and as a program use it, with good and bad input."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lookhear.cli.ask import timeline
from lookhear.media.write import write_wav
from lookhear.train.loop import train
from tests.train import world

QUESTIONS = ("How many heard?", "How many seen?")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    root = world.make(tmp_path_factory.mktemp("world"))
    recipe = world.recipe(
        root, tmp_path_factory.mktemp("runs") / "ears", net={"name": "audio_only", "hidden": 16}, epochs=2
    )
    return train(recipe, progress=False)


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return world.film(tmp_path_factory.mktemp("film") / "film.mp4")


def test_text_has_answer_confidence_and_timeline(model, film, lookhear):
    ran = lookhear("ask", film, *QUESTIONS, "--model", model)
    assert ran.code == 0 and ran.err == ""
    assert [q in ran.out for q in QUESTIONS] == [True, True]
    assert ran.out.count("→") == 2 and "%" in ran.out
    assert "0 to 4 s" in ran.out


def test_json_is_one_object_a_question(model, film, lookhear):
    ran = lookhear("ask", film, *QUESTIONS, "--model", model, "--json")
    said = [json.loads(line) for line in ran.out.splitlines()]
    assert [s["question"] for s in said] == list(QUESTIONS)
    for one in said:
        assert set(one) == {"video", "question", "answer", "scores", "evidence", "opinions", "model", "notes"}
        assert set(one["evidence"]) == {"seen", "heard", "words", "segments", "regions"}
        assert max(one["scores"], key=one["scores"].get) == one["answer"] in world.VOCABULARY
        assert len(one["evidence"]["heard"]) == 4
        assert one["model"] == "ears"


def test_evidence_draws_a_picture_of_each_answer(model, film, lookhear, tmp_path):
    ran = lookhear("ask", film, *QUESTIONS, "--model", model, "--evidence", tmp_path / "out")
    drawn = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert drawn == ["1-how-many-heard.png", "2-how-many-seen.png"]
    assert all(str(tmp_path / "out" / name) in ran.out for name in drawn)


def test_a_video_without_sound_is_answered_and_said(model, lookhear, tmp_path):
    silent = world.film(tmp_path / "silent.mp4", sound=False)
    ran = lookhear("ask", silent, QUESTIONS[0], "--model", model)
    assert ran.code == 0
    assert "no sound track" in ran.out


def test_a_sound_file_is_heard(model, lookhear, tmp_path):
    write_wav(tmp_path / "a.wav", np.sin(np.arange(48_000) / 10).astype(np.float32))
    ran = lookhear("ask", tmp_path / "a.wav", QUESTIONS[0], "--model", model, "--evidence", tmp_path)
    assert ran.code == 0, ran.err


def bad(tmp_path: Path) -> dict[str, Path]:
    files = {name: tmp_path / f"{name}.mp4" for name in ("missing", "empty", "text")}
    files["empty"].write_bytes(b"")
    files["text"].write_text("this is not a video\n" * 100)
    return files


@pytest.mark.parametrize("kind", ["missing", "empty", "text"])
def test_what_is_no_video_is_one_line(model, lookhear, tmp_path, kind):
    path = bad(tmp_path)[kind]
    ran = lookhear("ask", path, "what?", "--model", model, "--evidence", tmp_path / "out")
    assert ran.code == 2 and ran.out == ""
    assert ran.err.count("\n") == 1 and path.name in ran.err
    assert not (tmp_path / "out").exists()


def test_an_unknown_model_is_one_line(film, lookhear):
    ran = lookhear("ask", film, "what?", "--model", "nobody")
    assert ran.code == 2
    assert ran.err.startswith("lookhear: No model called 'nobody'. Shipped:") and ran.err.count("\n") == 1


def test_timelines_keep_their_peaks():
    assert timeline((0.0, 0.5, 1.0)) == " ▄█"
    long = [0.0] * 600
    long[301] = 1.0
    assert len(timeline(long)) == 60 and timeline(long)[30] == "█"


def test_a_second_video_is_not_a_question_and_a_broken_one_costs_itself_alone(model, film, lookhear, tmp_path):
    other = world.film(tmp_path / "other.mp4")
    (tmp_path / "broken.mp4").write_bytes(b"no")
    ran = lookhear("ask", film, other, QUESTIONS[0], "--model", model, "--json")
    assert [json.loads(line)["video"] for line in ran.out.splitlines()] == [str(film), str(other)]
    for words in ([tmp_path, "-q", QUESTIONS[0]], [tmp_path / "*.mp4", QUESTIONS[0]]):
        ran = lookhear("ask", *words, "--model", model, "--json")
        assert ran.code == 1 and "not read: " in ran.err and "1 of 2 videos" in ran.err
        assert [json.loads(line)["video"] for line in ran.out.splitlines()] == [str(other)]
    ran = lookhear("ask", film, tmp_path / "gone.mp4", QUESTIONS[0], "--model", model)
    assert ran.code == 1 and "gone.mp4" in ran.err and "→" in ran.out


def test_questions_from_a_file(model, film, lookhear, tmp_path):
    (tmp_path / "q.txt").write_text("\n".join([*QUESTIONS, ""]))
    (tmp_path / "q.json").write_text(json.dumps(QUESTIONS))
    for name in ("q.txt", "q.json"):
        ran = lookhear("ask", film, "--questions", tmp_path / name, "--model", model, "--json")
        assert [json.loads(line)["question"] for line in ran.out.splitlines()] == list(QUESTIONS)


def test_a_video_whose_name_begins_with_a_dash(model, lookhear, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    world.film(tmp_path / "-odd.mp4")
    for words in (["-odd.mp4"], ["--", "-odd.mp4"]):
        assert lookhear("ask", "--model", model, *words, QUESTIONS[0]).code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["film.mp4"], "No question about"),
        (["film.mp4", ""], "is empty"),
        (["film.mp4", " ? "], "is empty"),
        (["film.mp4", "other.mp4"], "No question about"),
        (["film.mp4", "Who?", "--questions", "none.txt"], "not readable as questions"),
        (["http://127.0.0.1/a.mp4", "Who?"], "add --fetch"),
        (["http://127.0.0.1/a.mp4", "Who?", "--fetch"], "127.0.0.1"),
        (["folder", "Who?"], "No video or sound file in folder"),
        (["*.mov", "Who?"], "No file matches"),
        (["film.mp4", "Who?", "--model", "av_master"], "is a network, not a trained model"),
        (["film.mp4", "Who?", "--model", "some/model"], "qwen_omni@some/model"),
    ],
)
def test_wrong_uses_are_one_line(words, said, lookhear, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    world.film(tmp_path / "film.mp4")
    ran = lookhear("ask", *words)
    assert ran.code == 2 and said in ran.err and ran.err.count("\n") == 1, ran.err


def test_a_qwen_omni_of_the_hub_is_known_by_its_own_name():
    from lookhear.model import spelled

    assert spelled("Qwen/Qwen2.5-Omni-3B") == "qwen_omni@Qwen/Qwen2.5-Omni-3B" and spelled("runs/a") == "runs/a"


def test_a_net_is_asked_without_what_other_models_need(tmp_path):
    """CPU time of a first answer: no language model, no `real`, no OmegaConf and nothing to download with."""
    clip = Path(__file__).parents[2] / "examples" / "duet.mp4"
    program = f"""
import sys
from lookhear.cli import main
try: main(["ask", {str(clip)!r}, "Is there a voiceover?", "--model", "stage"])
except SystemExit as stop: assert not stop.code
needless = {{"omegaconf", "PIL", *("lookhear." + n for n in ("fetch", "model.llm", "model.real", "evaluate.report"))}}
assert not needless & sys.modules.keys(), needless & sys.modules.keys()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
