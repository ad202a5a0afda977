"""The same work by other means: in pieces, on Ray."""

import json
import os
import pickle
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from lookhear.errors import DependencyError, RecipeError
from lookhear.media.write import write
from lookhear.store import _ray, _unit, _workers
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.store.names import build_encoder
from lookhear.types import BLANK, Clip, Source
from tests.store.test_kills import files
from tests.store.toy import Colour, Loudness


def test_an_engine_that_is_not_there_is_named(clips, tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match=r"No engine is called 'slurm'\. There are: local and ray"):
        extract([clips["red"]], [Colour()], FeatureStore(tmp_path), engine="slurm")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(DependencyError, match="lookhear\\[ray\\]"):
        list(_ray.spread([clips["red"]], [Colour()], FeatureStore(tmp_path), 2, None))


@pytest.mark.parametrize("seconds", [9.3, 10.4])
def test_a_clip_in_pieces_gives_the_rows_of_the_whole(tmp_path, monkeypatch, seconds):
    """Rows made from what is near them, of encoders that look around and that do not, and of one that needs all."""
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 255, (1, 1, 3), dtype=np.uint8) * np.ones((64, 64, 1), np.uint8) for _ in range(42)]
    write(tmp_path / "long.mp4", frames, rng.normal(0, 0.1, int(seconds * 16000)).astype(np.float32), fps=4)
    source = Source("long", tmp_path / "long.mp4")
    encoders = [build_encoder("stage_vision"), build_encoder("stage_audio"), Loudness()]
    stores = []
    for piece in (32.0, 2.0):
        monkeypatch.setattr(_unit, "PIECE", piece)
        stores.append(FeatureStore(tmp_path / f"{piece}"))
        assert extract([Clip(source, source)], encoders, stores[-1]).made == 1
    for name, stream in (("stage_vision", "frames"), ("stage_audio", "audio"), ("toy_loudness", "audio")):
        whole, pieces = (store.get(name, stream, "long") for store in stores)
        assert whole.shape == pieces.shape
        assert np.abs(whole - pieces).max() < 1e-4


def test_an_actor_of_ray_does_what_a_worker_does(clips, tmp_path):
    encoders, clip = [Colour(), Loudness()], clips["red"]
    stores = FeatureStore(tmp_path / "here"), FeatureStore(tmp_path / "there")
    assert extract([clip], encoders, stores[0]).made == 1
    for encoder in encoders:
        stores[1].open(encoder)
    actor = _ray._Actor(_workers.packed(encoders, stores[1]))
    todo = [Clip(BLANK, BLANK, 0.0, 2.0), clip]
    out = actor({"id": [0, 1], "clip": [pickle.dumps(_ray._anywhere(c)) for c in todo]})
    assert [pickle.loads(t).made for t in out["tally"]] == [0, 1]
    assert files(tmp_path / "here") == files(tmp_path / "there")


JOB = """
import sys
from pathlib import Path
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Source
from tests.store.toy import Colour, Loudness
if __name__ == "__main__":
    import ray
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)  # as a user's own cluster: left running
    sources = [Source(f"c{i}", Path(p)) for i, p in enumerate(sys.argv[2:])]
    clips, encoders = [Clip(s, s) for s in sources], [Colour(spoil="die"), Loudness()]
    for turn in range(2):
        done = extract(clips, encoders, FeatureStore(sys.argv[1]), 2, engine="ray")
        print(done.made, done.kept, sorted(c for c, _ in done.failed))
"""


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
def test_on_ray_the_store_has_the_same_bytes(clips, tmp_path):
    """Also beside a clip that kills its actor, and in a second run."""
    (tmp_path / "bad.mp4").write_bytes(b"not a video")
    write(tmp_path / "white.mp4", [np.full((32, 32, 3), 255, np.uint8)] * 16, None, fps=8)
    paths = [*(str(c.video.path) for c in clips.values()), str(tmp_path / "bad.mp4")] * 3
    (tmp_path / "job.py").write_text(JOB)
    command = [sys.executable, str(tmp_path / "job.py"), str(tmp_path / "ray"), *paths, str(tmp_path / "white.mp4")]
    here = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here / "src"), str(here)])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    told = ["9 0 ['c11', 'c12', 'c3', 'c7']", "0 9 ['c11', 'c12', 'c3', 'c7']"]
    tallies = [line for line in done.stdout.splitlines() if line[0].isdigit()]  # Ray, too, tells of the actor
    assert tallies == told, done.stderr[-2000:]
    assert "Warning" not in done.stderr
    sources = [Source(f"c{i}", p) for i, p in enumerate(paths)]
    extract([Clip(s, s) for s in sources], [Colour(), Loudness()], FeatureStore(tmp_path / "here"))
    here, there = files(tmp_path / "here"), files(tmp_path / "ray")
    told = [sorted(json.loads(line)["clip"] for line in f.pop("ledger.jsonl").splitlines()) for f in (here, there)]
    assert told == [["c11", "c3", "c7"], ["c11", "c12", "c3", "c7"]]
    assert here == there
