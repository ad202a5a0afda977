"""The speedrun: its world is the same to the byte, its rules refuse what they should, its points are what they say."""

import json

import pytest
import yaml
from typer.testing import CliRunner

from lookhear import config, datasets
from lookhear.cli import app
from lookhear.errors import DatasetError, RecipeError
from lookhear.evaluate import speedrun
from lookhear.evaluate.audit.card import audit_answers
from lookhear.metrics import evidence
from lookhear.soundstage.scene.splits import Settings, named
from lookhear.soundstage.twins.kinds import KINDS
from lookhear.soundstage.write.card import checksum
from lookhear.soundstage.write.folder import make
from lookhear.types import Answer, Evidence, Segment


@pytest.mark.slow
def test_the_world_is_the_same_to_the_byte(tmp_path):
    make(tmp_path / "w", named("speedrun"), media=False, quiet=True, twins=tuple(KINDS))
    speedrun.check_world(tmp_path / "w")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("speedrun") / "w"
    small = Settings(train=4, val=1, test=4, questions=4, seconds=6.0, size=64, fps=2.0, seed=6)
    make(root, small, workers=1, quiet=True, twins=("mute", "hide"))
    return root


def test_another_world_is_refused(world):
    with pytest.raises(DatasetError, match=r"scenes\.jsonl.*is not that of the speedrun"):
        speedrun.check_world(world)
    hashes = {name: checksum(world / name) for name in speedrun.HASHES}
    speedrun.check_world(world, hashes)
    (world / "json" / "twins-test.json").write_text((world / "json" / "twins-test.json").read_text() + " ")
    with pytest.raises(DatasetError, match="twins-test"):
        speedrun.check_world(world, hashes)
    with pytest.raises(DatasetError, match="--split speedrun"):
        speedrun.check_world(world / "nowhere")


class Oracle:
    """Knows every answer and every second."""

    name = "oracle"

    def __init__(self, knows=True):
        self.knows = knows

    def watch(self, clips):
        return clips

    def answer(self, watched, examples):
        return [e.reference if self.knows else Answer("yes") for e in examples]


def test_points(world):
    best = speedrun.points(Oracle(), world)
    assert best == pytest.approx(dict.fromkeys(best, 100.0))
    worst = speedrun.points(Oracle(False), world)
    assert worst["twins"] == worst["evidence"] == 0 and worst["points"] < 34


def test_seconds_of_an_answer():
    told = Answer("yes", segments=(Segment("", 1, 2, "audio"),))
    assert evidence.named(told) == told.segments and evidence.named(Answer("yes")) == ()
    weighed = Answer("yes", evidence=Evidence(seen=(0.25, 0.25, 0.25, 0.25), heard=(0.1, 0.7, 0.1, 0.1)))
    assert evidence.named(weighed) == (Segment("", 1.0, 2.0, "audio"),)


def test_what_may_be_learned_from(world):
    def net(**data):
        given = {"data": {"root": str(world)} | data, "features": {"audio": "stage_audio"}}
        return config.parse(config.Recipe, given, "x")

    assert speedrun.starting_point(net(), world) == "features of stage_audio"
    for wrong in ({"train": "test"}, {"val": "test"}, {"root": "elsewhere"}):
        with pytest.raises(RecipeError, match="train and val"):
            speedrun.starting_point(net(**wrong), world)

    def llm(**task):
        given = {"llm": {"name": "tiny_omni"}, "root": str(world), "tasks": {"qa": task}}
        return config.parse(config.LLMRecipe, given, "x")

    assert speedrun.starting_point(llm(), world) == "tiny_omni, as it ships"
    with pytest.raises(RecipeError, match=r"tasks\.qa"):
        speedrun.starting_point(llm(split="test"), world)


def test_entries_are_kept_once(world, tmp_path):
    examples = datasets.load("soundstage", world, "test")
    card = audit_answers("m", examples, [Answer("yes")] * len(examples))
    scores = {"points": 10.0, "questions": 10.0, "twins": 10.0, "evidence": 10.0, "accuracy": 50.0}
    for name, points in (("a", 10.0), ("b", 20.0), ("a", 30.0)):
        one = speedrun.entry(name, scores | {"points": points}, 90.0, {"seed": 0}, "nothing", card)
        every = speedrun.record(tmp_path / "e.json", one)
    assert [(e["name"], e["points"]) for e in every] == [("a", 30.0), ("b", 20.0)]
    assert every[0]["cpu_minutes"] == 1.5 and every[0]["points_a_minute"] == 20.0
    assert json.loads((tmp_path / "e.json").read_text()) == every and len(speedrun.rows(every)[0]) == len(speedrun.HEAD)


def test_the_command(world, tmp_path, monkeypatch):
    monkeypatch.setattr(speedrun, "HASHES", {"scenes.jsonl": checksum(world / "scenes.jsonl")})
    monkeypatch.setattr(speedrun.check_world, "__defaults__", (speedrun.HASHES,))
    recipe = tmp_path / "mine.yaml"
    given = {
        "data": {"name": "soundstage", "root": "x"},
        "features": {"audio": "stage_audio", "frames": "stage_vision", "question": "stage_text"},
        "net": {"name": "gated"},
        "train": {"epochs": 1},
    }
    recipe.write_text(yaml.safe_dump(given))
    line = ["speedrun", str(recipe), "--world", str(world), "--out", str(tmp_path / "run")]
    line += ["--record", str(tmp_path / "e.json"), "--videos", "3", "--json"]
    done = CliRunner().invoke(app("speedrun"), line)
    assert done.exit_code == 0, (done.output, done.exception)
    one = json.loads(done.stdout)
    assert one["name"] == "mine" and one["cpu_minutes"] > 0 and one["findings"]["sound"]
    assert (tmp_path / "run" / "card" / "audit.html").is_file()
    again = CliRunner().invoke(app("speedrun"), line)
    assert isinstance(again.exception, RecipeError) and "trained from the beginning" in str(again.exception)
