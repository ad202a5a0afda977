"""The lmms-eval plug-in: tasks as it reads them, our models as it asks them; the whole where it is installed."""

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from lookhear.errors import DatasetError
from lookhear.lmms_eval import tasks
from lookhear.lmms_eval.__main__ import main
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make

EXACT = """
import datasets
import evaluate


class ExactMatch(evaluate.Metric):
    def _info(self):
        kinds = {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
        return evaluate.MetricInfo("", "", "", features=datasets.Features(kinds))

    def _compute(self, predictions, references):
        return {"exact_match": sum(map(str.__eq__, predictions, references)) / len(references)}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    root = tmp_path_factory.mktemp("lmms") / "stage"
    make(root, Settings(train=0, val=0, test=4, questions=6, seed=3), workers=1, quiet=True)
    return root


@pytest.fixture(scope="module")
def written(stage, tmp_path_factory):
    out = tmp_path_factory.mktemp("lmms") / "tasks"
    return out, tasks.write(out, "soundstage", stage)


def rows(written):
    out, name = written
    return [json.loads(line) for line in (out / f"{name}.jsonl").read_text().splitlines()]


def test_video_and_sound_are_two_parts(written):
    for row in rows(written):
        (message,) = tasks.doc_to_messages(row)
        video, sound, words = message["content"]
        assert (video["type"], sound["type"], words["type"]) == ("video", "audio", "text")
        assert video["url"].endswith(".mp4") and sound["url"].endswith(".wav") and "?" in words["text"]
        assert Path(sound["url"]).stat().st_size > 16_000 * 2 * 5


def test_the_yaml_is_what_lmms_eval_reads(written):
    out, name = written
    text = (out / f"{name}.yaml").read_text().replace("!function ", "")
    told = yaml.safe_load(text)
    assert told["task"] == name == "lookhear_soundstage" and told["cluster_key"] == "video"
    assert told["dataset_kwargs"]["data_files"]["test"] == str(out / f"{name}.jsonl")
    for field in ("doc_to_messages", "doc_to_text", "doc_to_visual", "process_results"):
        module, _, function = told[field].partition(".")
        assert (out / f"{module}.py").is_file() and callable(getattr(tasks, function)), field


def test_replies_are_scored_as_by_evaluate(written):
    for row in rows(written)[:6]:
        right = tasks.process_results(row, [f"The answer is {row['target']}."])
        wrong = tasks.process_results(row, ["mumble"])
        assert right["lookhear_accuracy"] == {"score": 1.0, "video": row["video_id"]}, row
        assert (wrong["lookhear_accuracy"]["score"], wrong["lookhear_unread"]["score"]) == (0.0, 1.0)
    assert tasks.mean([{"score": 1.0}, {"score": 0.0}]) == 0.5


def test_what_is_no_right_or_wrong_is_refused(stage, tmp_path):
    with pytest.raises(DatasetError, match="tasks with a right answer"):
        tasks.write(tmp_path, "soundstage@caption", stage)
    with pytest.raises(DatasetError):
        tasks.write(tmp_path, "soundstage", tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_says_how_to_run_it(stage, tmp_path, capsys):
    main(tmp_path / "t", "soundstage", stage, "test", 3)
    assert "--tasks lookhear_soundstage --include_path" in capsys.readouterr().out
    assert len((tmp_path / "t/lookhear_soundstage.jsonl").read_text().splitlines()) == 3


def test_the_entry_point_is_there():
    (found,) = [e for e in entry_points(group="lmms_eval.models") if e.name == "lookhear"]
    assert found.value == "lookhear.lmms_eval:manifest"


def test_our_model_answers_messages(written):
    pytest.importorskip("lmms_eval", reason="lmms-eval is not installed (docs/guides/lmms_eval.md)")
    from lookhear.lmms_eval.model import Lookhear

    model = Lookhear("tiny_omni", batch_size="2")
    some = rows(written)[:8]
    model.task_dict = {"t": {"test": some}}
    options = {"max_new_tokens": 32, "until": ["\n"]}
    asked = [SimpleNamespace(args=("", tasks.doc_to_messages, options, i, "t", "test")) for i in range(8)]
    replies = model.generate_until(asked)
    assert all(replies) and len(set(replies)) > 1


def test_lmms_eval_itself_runs_a_task(written, tmp_path):
    pytest.importorskip("lmms_eval", reason="lmms-eval is not installed (docs/guides/lmms_eval.md)")
    out, name = written
    (tmp_path / "exact_match").mkdir()  # lmms-eval loads this metric from the hub when it is imported
    (tmp_path / "exact_match/exact_match.py").write_text(EXACT)
    words = ["--model", "lookhear", "--model_args", "pretrained=tiny_omni", "--tasks", name, "--batch_size", "4"]
    words += ["--include_path", str(out), "--output_path", str(tmp_path / "out"), "--log_samples"]
    env = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf"), "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [sys.executable, "-m", "lmms_eval", *words], cwd=tmp_path, env=env, capture_output=True, text=True
    )
    (results,) = (tmp_path / "out").rglob("*results.json")
    found = json.loads(results.read_text())["results"][name]
    assert 0 < found["lookhear_accuracy,none"] <= 1 and found["lookhear_unread,none"] == 0, ran.stdout
    assert found["lookhear_accuracy_stderr_clustered,none"] > 0
