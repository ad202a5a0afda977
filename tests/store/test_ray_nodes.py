"""Work on a Ray cluster of several local nodes, one of which is killed in the middle, writes the same files."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lookhear import model
from lookhear.evaluate import report
from lookhear.evaluate import run as asking
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.timeline import many
from lookhear.train import loop
from lookhear.types import Clip, Source
from tests.store.test_kills import files
from tests.store.toy import Colour, Loudness
from tests.train import world

JOB = """
import sys, time
from ray.cluster_utils import Cluster

def main(what, kill, words):
    import ray
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    def lose():
        if kill and len(nodes) == 2:
            cluster.remove_node(nodes.pop(), allow_graceful=False)
    start = time.perf_counter()
    said = WORK[what](lose, *words)
    print("DONE", *said, len(nodes), round(time.perf_counter() - start, 2))
    ray.shutdown()
    cluster.shutdown()

def extract(lose, out, film, count):
    from pathlib import Path
    from lookhear.store.extract import extract
    from lookhear.store.features import FeatureStore
    from lookhear.types import Clip, Source
    from tests.store.toy import Colour, Loudness
    clips = [Clip(s, s) for s in (Source(f"c{i:04}", Path(film)) for i in range(int(count)))]
    def told(tally, total):
        if tally.made > total // 4:
            lose()
    done = extract(clips, [Colour(), Loudness()], FeatureStore(out), 3, engine="ray", progress=told)
    return done.made + done.kept, len(done.failed)

def watch(lose, out, folder):
    from pathlib import Path
    from lookhear.timeline import many
    todo, done = many.jobs([Path(folder)], Path(out), "json"), []
    for one in many.watch_all(todo, 3, "ray"):
        done.append(one)
        if len(done) > len(todo) // 4:
            lose()
    return len(done), sum(bool(one.reason) for one in done)

def evaluate(lose, out, run, root):
    from pathlib import Path
    from lookhear.evaluate import report, run as asking, spread
    from lookhear.model import load
    from lookhear.store.features import FeatureStore
    from tests.train import world
    store, examples = FeatureStore(f"{root}/features"), world.load(Path(root), "val")
    def told(done, total):
        if done > total // 4:
            lose()
    elsewhere = spread.on_ray(run, store.root, {}, 3, None) if out.endswith("ray") else None
    answers = asking.run(load(run, store), examples, store, clips=2, progress=told, spread=elsewhere)
    report.report(examples, answers, {}).save(Path(out))
    return len(answers), sum(note.startswith(asking.UNANSWERED) for a in answers for note in a.notes)

WORK = {"extract": extract, "watch": watch, "evaluate": evaluate}
if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] == "kill", sys.argv[3:])
"""


def on_nodes(folder: Path, what: str, kill: bool, *words: object) -> list[str]:
    """Do some work on three nodes, results in `folder / "ray"`; what the job printed, nodes left and seconds last."""
    (folder / "job.py").write_text(JOB)
    here = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here / "src"), str(here)]), "OMP_NUM_THREADS": "1"}
    environment["RAY_worker_niceness"] = "0"  # 15 by default: on busy cores its workers wait for everything else
    given = [sys.executable, folder / "job.py", what, "kill" if kill else "whole", folder / "ray", *words]
    done = subprocess.run(list(map(str, given)), env=environment, capture_output=True, text=True, timeout=600)
    lines = [line for line in done.stdout.splitlines() if line.startswith("DONE")]
    assert lines, done.stderr[-2000:]
    return lines[0].split()[1:]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize("kill", [False, True])
def test_three_nodes_write_the_bytes_of_one_process(clips, tmp_path, kill):
    film, count = clips["red"].video.path, 60
    made, failed, left, _ = on_nodes(tmp_path, "extract", kill, film, count)
    assert (int(made), int(failed), int(left)) == (count, 0, 1 if kill else 2)
    sources = [Source(f"c{i:04}", film) for i in range(count)]
    extract([Clip(s, s) for s in sources], [Colour(), Loudness()], FeatureStore(tmp_path / "here"))
    assert files(tmp_path / "here") == files(tmp_path / "ray")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize("kill", [False, True])
def test_three_nodes_watch_as_one_process_does(tmp_path, kill):
    films = tmp_path / "films"
    world.film(films / "0.mp4")
    for number in range(1, 8):
        shutil.copy2(films / "0.mp4", films / f"{number}.mp4")
    watched, failed, left, _ = on_nodes(tmp_path, "watch", kill, films)
    assert (int(watched), int(failed), int(left)) == (8, 0, 1 if kill else 2)
    for done in many.watch_all(many.jobs([films], tmp_path / "here", "json")):
        assert not done.reason
    assert files(tmp_path / "here") == files(tmp_path / "ray")


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize("kill", [False, True])
def test_three_nodes_answer_as_one_process_does(tmp_path, kill):
    root = world.make(tmp_path / "world")
    run = loop.train(world.recipe(root, tmp_path / "run", epochs=1))
    answered, unanswered, left, _ = on_nodes(tmp_path, "evaluate", kill, run, root)
    assert (int(answered), int(unanswered), int(left)) == (24, 0, 1 if kill else 2)
    store, examples = FeatureStore(root / "features"), world.load(root, "val")
    answers = asking.run(model.load(run, store), examples, store, clips=2)
    report.report(examples, answers, {}).save(tmp_path / "here")
    assert files(tmp_path / "here") == files(tmp_path / "ray")
