"""Extraction through many kills: the store of an undisturbed run, nothing done twice; and among broken files."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from lookhear.media.write import write
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Source
from tests.store.toy import Colour

JOB = """
import sys
from pathlib import Path
from lookhear.store import extract as module
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Source
from tests.store.toy import Colour

if __name__ == "__main__":
    put = FeatureStore.put
    def told(self, name, key, *args, **more):
        put(self, name, key, *args, **more)
        with open(sys.argv[3], "a") as log:
            log.write(key + "\\n")
    FeatureStore.put = told
    sources = [Source(f"c{i}", Path(sys.argv[1])) for i in range(%d)]
    module.extract([Clip(s, s) for s in sources], [Colour(delay=0.03)], FeatureStore(sys.argv[2]))
"""


def files(root: Path) -> dict[str, bytes]:
    return {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "kills"), [(40, 8), (200, 20)])
def test_killed_again_and_again_the_store_is_that_of_an_undisturbed_run(clips, tmp_path, number, kills):
    script, store, log = tmp_path / "job.py", tmp_path / "store", tmp_path / "log"
    script.write_text(JOB % number)
    command = [sys.executable, str(script), str(clips["red"].video.path), str(store), str(log)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(["src", "."])}
    folder, rng, killed = store / "toy_colour" / "frames", random.Random(0), 0
    for _ in range(kills):
        there = len(list(folder.glob("c*.npy")))
        job = subprocess.Popen(command, env=environment)
        wanted, until = min(there + rng.randint(1, number // kills - 1), number - 1), time.monotonic() + 600
        while len(list(folder.glob("c*.npy"))) < wanted and job.poll() is None and time.monotonic() < until:
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.05))
        killed += job.poll() is None
        job.send_signal(signal.SIGKILL)
        job.wait()
    subprocess.run(command, env=environment, check=True)
    assert killed == kills
    once = FeatureStore(tmp_path / "once")
    sources = [Source(f"c{i}", clips["red"].video.path) for i in range(number)]
    extract([Clip(s, s) for s in sources], [Colour()], once)
    assert files(store) == files(tmp_path / "once"), "same files, same bytes, none astray"
    done = [line for line in log.read_text().split() if line != "blank"]
    assert len(done) == len(set(done)), "no clip was completed twice"


def broken(root: Path, good: bytes) -> dict[str, str]:
    """Files that are no good in six ways, and a word of the reason each should be given."""
    (root / "empty.mp4").write_bytes(b"")
    (root / "text.mp4").write_bytes(b"not a video at all")
    (root / "headless.mp4").write_bytes(good[:40])
    (root / "folder.mp4").mkdir()
    (root / "playlist.mp4").write_bytes(b"#EXTM3U\n")
    return {
        "empty": "empty",
        "text": "not a video",
        "headless": "moov|0 tracks",
        "folder": "is a folder",
        "playlist": "playlist",
        "gone": "No file|no file|no media|only a name",
    }


def test_a_folder_with_broken_files_gives_all_the_others_and_a_reason_for_each(tmp_path, lookhear):
    root = tmp_path / "stage"
    (root / "json").mkdir(parents=True)
    (root / "videos").mkdir()
    frames, sound = [np.full((64, 64, 3), 90, np.uint8)] * 8, np.zeros(16000, np.float32)
    names = [f"good{i}" for i in range(34)]
    write(root / "videos/good0.mp4", frames, sound, fps=8)
    good = (root / "videos/good0.mp4").read_bytes()
    for name in names:
        (root / f"videos/{name}.mp4").write_bytes(good)
    reasons = broken(root / "videos", good)
    record = {"type": '["Audio", "Counting"]', "question_content": "How many?", "templ_values": "[]", "anser": "one"}
    rows = [record | {"video_id": n, "question_id": i} for i, n in enumerate([*names, *reasons])]
    (root / "json/avqa-train.json").write_text(json.dumps(rows))
    for split in ("val", "test"):
        (root / f"json/avqa-{split}.json").write_text(json.dumps(rows[:1]))
    store = tmp_path / "store"
    base = [
        "extract",
        "stage_vision@rule=crab_arange,count=2",
        "--dataset",
        "soundstage",
        "--root",
        root,
        "--out",
        store,
    ]
    done = lookhear(*base, "--json")
    facts = json.loads(done.out)
    assert done.code == 1 and facts["made"] == len(names) and len(facts["failed"]) == len(reasons), done.err
    ledger = {
        e["clip"]: e["reason"] for line in (store / "ledger.jsonl").read_text().splitlines() for e in [json.loads(line)]
    }
    assert set(ledger) == set(reasons)
    for name, words in reasons.items():
        assert any(w in ledger[name] for w in words.split("|")), (name, ledger[name])
    made = FeatureStore(store)
    assert set(made.keys("stage_vision@rule=crab_arange,count=2")) == {"blank", *names}
    assert len(made.get("stage_vision@rule=crab_arange,count=2", "frames", "good3")) == 2
