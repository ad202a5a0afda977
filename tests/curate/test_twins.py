"""Twins as rows of ms-swift, TRL and verl: paths exist, what is chosen is true, and our rewards read the columns."""

import json

import pytest
from omegaconf import OmegaConf
from typer.testing import CliRunner

from lookhear import config, datasets
from lookhear.cli import app
from lookhear.curate.twins import rows
from lookhear.errors import DatasetError, RecipeError
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from lookhear.train import rewards
from lookhear.types import Clip, Source


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world") / "w"
    small = Settings(train=3, val=0, test=0, questions=4, seconds=6.0, size=64, fps=2.0, seed=6)
    make(root, small, workers=1, quiet=True, twins=("mute", "hide"))
    return root


def written(world, out, *more):
    done = CliRunner().invoke(app("pairs"), ["pairs", str(out), "--root", str(world), *more, "--json"])
    assert done.exit_code == 0, done.output
    card = json.loads(done.stdout)
    if card["file"].endswith(".parquet"):
        parquet = pytest.importorskip("pyarrow.parquet")
        return parquet.read_table(out / card["file"]).to_pylist()
    return [json.loads(line) for line in (out / card["file"]).read_text().splitlines()]


def test_questions_with_those_about_twins(world):
    """To train on both: every question once, each by its own id, and a split is there where its twins are."""
    plain, twins, both = (datasets.load(f"soundstage{v}", world, "train") for v in ("", "@twins", "@with_twins"))
    assert [e.id for e in both] == [e.id for e in (*plain, *twins)] and len({e.id for e in both}) == len(both)
    assert {e.clip.id for e in plain} < {e.clip.id for e in both}
    assert datasets.of("soundstage@with_twins").splits(world) == ["train"]


def test_swift(world, tmp_path):
    made = written(world, tmp_path, "--shape", "swift")
    answers = {(e.clip.id, e.question): e.reference.text for e in datasets.load("soundstage@twins", world, "train")}
    about = [r for r in made if "rejected_videos" not in r]
    clips = [r for r in made if "rejected_videos" in r]
    assert len(about) == len(clips) > 4
    for row in made:
        asked, said = row["messages"]
        assert asked["content"].startswith("<video><audio>") and said["role"] == "assistant"
        question = asked["content"].removeprefix("<video><audio>").split("?")[0]
        clip = row["videos"][0].split("/")[-1].removesuffix(".mp4")
        assert said["content"] == f"<answer>{answers[clip, question]}</answer>"
        assert row["audios"][0].endswith(f"{clip}.wav")
    for row in about:
        assert row["rejected_response"] != row["messages"][1]["content"]
    for row in clips:
        assert row["rejected_response"] == row["messages"][1]["content"]
        assert row["rejected_videos"] != row["videos"] and row["rejected_audios"] != row["audios"]
    sound = Source("s", tmp_path / "sound" / row["audios"][0].split("/")[-1])
    assert decode(Clip(None, sound), Sampling()).duration == pytest.approx(6.0, abs=0.1)


def test_trl(world, tmp_path):
    made = written(world, tmp_path, "--shape", "trl", "--contrast", "answer")
    for row in made:
        assert [part["type"] for part in row["prompt"][0]["content"]] == ["video", "audio", "text"]
        assert row["chosen"] != row["rejected"] and row["chosen"][0]["role"] == "assistant" and len(row["videos"]) == 1


def test_verl_rows_are_read_by_the_reward(world, tmp_path):
    given = (
        "--shape",
        "verl",
        "--dataset",
        "soundstage@twins_evidence",
        "--reward",
        "answer=1",
        "--reward",
        "seconds=0.5",
    )
    made = written(world, tmp_path, *given)
    examples = datasets.load("soundstage@twins_evidence", world, "train")
    assert len(made) == len(examples)
    for row, example in zip(made, examples, strict=True):
        truth = row["reward_model"]["ground_truth"]
        target = __import__("lookhear.tasks", fromlist=["find"]).find(example.task).target(example)
        best = rewards.compute_score(row["data_source"], target, truth, row["extra_info"])
        assert best["answer"] == 1 and best["seconds"] > 0.3 and best["score"] == 1 + 0.5 * best["seconds"]
        assert rewards.compute_score(row["data_source"], "nothing", truth, row["extra_info"])["score"] == 0


def test_swift_grpo_rows_are_read_by_the_reward(world, tmp_path):
    made = written(world, tmp_path, "--shape", "swift_grpo")
    columns = {key: [row[key] for row in made] for key in made[0]}
    said = [f"<answer>{row['solution']}</answer>" for row in made]
    assert rewards.Reward("answer")(said, **columns) == [1.0] * len(made)


def test_refusals(world, tmp_path):
    for wrong in (("swft", "both"), ("swift", "clips"), ("trl", "clip")):
        with pytest.raises(RecipeError):
            rows.check(*wrong)
    plain = datasets.load("soundstage", world, "train")
    with pytest.raises(DatasetError, match="nothing is preferred"):
        rows.rows("swift", plain, {})
    given = ["pairs", str(tmp_path / "x"), "--root", str(world), "--shape", "verl", "--reward", "anser=1"]
    assert isinstance(CliRunner().invoke(app("pairs"), given).exception, RecipeError)


def test_the_recipe_of_verl_names_what_there_is():
    told = OmegaConf.load(config.RECIPES / "verl" / "qwen2_5_omni_7b_twins.yaml")
    path, name = told.custom_reward_function.path, told.custom_reward_function.name
    assert callable(getattr(__import__(path.removeprefix("pkg://"), fromlist=[name]), name))
    assert told.algorithm.adv_estimator == "grpo" and told.actor_rollout_ref.rollout.name == "vllm"
    assert "verl/qwen2_5_omni_7b_twins" not in config.recipes()
