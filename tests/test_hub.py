"""The Hugging Face hub: what is pushed to a hub on this machine loads from it, with a card that tells what it is."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lookhear
from lookhear.errors import FeatureError, ModelError
from lookhear.model import hub as models
from lookhear.store import hub as stores
from lookhear.store.features import FeatureStore
from tests.hub import running

pytest.importorskip("huggingface_hub")
STAGE = Path(lookhear.__file__).parent / "weights" / "stage"
PROGRAM = """
import lookhear, sys, json
from lookhear.store.features import FeatureStore
report = {"card": {"dataset": "soundstage", "split": "test"},
          "overall": {"accuracy": 61.5, "interval": [59.0, 64.0], "total": 100}}
print(lookhear.push_to_hub(sys.argv[1], "me/stage", {"soundstage": report}, token="hf_x"))
model = lookhear.from_pretrained("me/stage", token="hf_x")
print(repr(model))
FeatureStore(sys.argv[2]).push_to_hub("me/features", token="hf_x")
store = FeatureStore.from_pretrained("me/features", token="hf_x")
print(store.get("mine", "audio", "clip").sum())
"""


def a_store(root):
    store = FeatureStore(root)
    card = {"encoder": "mine", "weights": "0" * 64, "streams": {"audio": 4}, "reads": "waveform"}
    (root / "mine" / "audio").mkdir(parents=True)
    (root / "mine" / "card.json").write_text(json.dumps(card))
    import numpy as np

    np.save(root / "mine" / "audio" / "clip.npy", np.ones((3, 4), np.float32))
    (root / "ledger.jsonl").write_text("")
    return store


def test_a_run_folder_and_a_store_go_up_and_come_down(tmp_path):
    a_store(tmp_path / "store")
    with running() as hub:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(STAGE), str(tmp_path / "store")],
            env=os.environ
            | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
            | {"HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_PROGRESS_BARS": "1"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        pushed, kept = hub.repos["model", "me/stage"], hub.repos["dataset", "me/features"]
    commit, shown, total = done.stdout.splitlines()
    assert commit.startswith(hub.url) and "weights" in shown and float(total) == 12
    assert pushed["model.safetensors"] == (STAGE / "model.safetensors").read_bytes()
    card = pushed["README.md"].decode()
    for words in (
        "library_name: lookhear",
        "value: 61.5",
        'from_pretrained("me/stage")',
        "59.00 to 64.00",
        "| audio |",
    ):
        assert words in card
    assert set(kept) == {"README.md", "mine/card.json", "mine/audio/clip.npy"}
    assert "| `mine` | audio (4) |" in kept["README.md"].decode()


def test_what_the_page_shows_runs(tmp_path):
    pytest.importorskip("datasets")
    page = (Path(__file__).parents[1] / "docs" / "guides" / "hub.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    a_store(tmp_path / "store")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "av_master").symlink_to(STAGE)
    with running() as hub:
        done = subprocess.run(
            [sys.executable, "-c", f"{block}\nassert again == examples and model.vocabulary and store.root"],
            env=os.environ
            | {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
            | {"HF_HUB_OFFLINE": "0", "HF_TOKEN": "hf_x"},
            capture_output=True,
            text=True,
            timeout=300,
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr[-2000:]


def test_a_net_is_exported_with_its_card(tmp_path):
    models.write(STAGE, tmp_path / "out")
    assert (tmp_path / "out" / "README.md").is_file() and lookhear.load(tmp_path / "out").vocabulary
    with pytest.raises(ModelError, match="not empty"):
        models.write(STAGE, tmp_path / "out")


def test_what_is_not_there_is_said(tmp_path):
    with pytest.raises(ModelError, match="no trained model"):
        lookhear.push_to_hub(tmp_path, "me/x")
    with pytest.raises(FeatureError, match="No feature store"):
        stores.push(tmp_path, "me/x")
    with pytest.raises(FeatureError, match="in memory alone"):
        FeatureStore(None).push_to_hub("me/x")
    with pytest.raises(ModelError, match="cannot be downloaded from the hub"):
        lookhear.from_pretrained("me/none", cache_dir=tmp_path, local_files_only=True)
