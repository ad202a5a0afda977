"""Nets with backbones of their own train from videos: decoded once, kept in the store, read by the training loop."""

import json

import numpy as np
import pytest

from lookhear import config, datasets
from lookhear.evaluate.study.rows import asked
from lookhear.model.runs import load_run
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from lookhear.store.features import FeatureStore
from lookhear.train.loop import train


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world")
    make(root, Settings(train=4, val=1, test=2, questions=2, seconds=6, size=64, seed=3), quiet=True, workers=1)
    return root


@pytest.mark.parametrize("name", ["lavish", "dg_sct", "avmoe"])
def test_the_recipe_trains_from_videos_and_answers(name, world, tmp_path):
    changes = ["data.val=''", "train.epochs=1", "train.batch=4", "train.clips=2", f"out={tmp_path / 'run'}"]
    run = train(config.load(f"soundstage/{name}", [f"data.root={world}", *changes]), progress=False)
    store = world / "features"
    assert not (store / "ledger.jsonl").exists(), "every clip was kept"
    assert np.load(next((store / "pixels@size=64" / "pixels").glob("*.npy"))).dtype == np.uint8
    losses = [
        line["losses"]
        for text in (run / "log.jsonl").read_text().splitlines()
        if "losses" in (line := json.loads(text))
    ]
    assert set(losses[-1]) == {"answer", "match"} and all(np.isfinite(list(losses[-1].values())))
    examples = datasets.load("soundstage", world, "test")
    assert asked(load_run(run), examples, FeatureStore(store)).shape == (len(examples),)
