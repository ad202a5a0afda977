"""Extraction on a Ray cluster of several local nodes, one of which is killed in the middle, writes the same store."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Source
from tests.store.test_kills import files
from tests.store.toy import Colour, Loudness

JOB = """
import sys, threading, time
from pathlib import Path
from lookhear.store.extract import extract
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Source
from tests.store.toy import Colour, Loudness
if __name__ == "__main__":
    import ray
    from ray.cluster_utils import Cluster
    out, film, count, kill = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "kill"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    clips = [Clip(s, s) for s in (Source(f"c{i:04}", film) for i in range(count))]
    made = []
    def told(tally, total):
        made.append(tally.made)
        if kill and tally.made > count // 4 and len(nodes) == 2:
            cluster.remove_node(nodes.pop(), allow_graceful=False)
    start = time.perf_counter()
    done = extract(clips, [Colour(), Loudness()], FeatureStore(out), 3, engine="ray", progress=told)
    print("DONE", done.made, done.kept, len(done.failed), len(nodes), round(time.perf_counter() - start, 2))
    ray.shutdown()
    cluster.shutdown()
"""


def on_nodes(folder: Path, film: Path, count: int, kill: bool) -> list[str]:
    """Extract `count` clips on three nodes; what the job printed: made, kept, failed, nodes left, seconds."""
    (folder / "job.py").write_text(JOB)
    here = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here / "src"), str(here)])}
    words = [sys.executable, folder / "job.py", folder / "ray", film, str(count), "kill" if kill else "whole"]
    done = subprocess.run(list(map(str, words)), env=environment, capture_output=True, text=True, timeout=600)
    lines = [line for line in done.stdout.splitlines() if line.startswith("DONE")]
    assert lines, done.stderr[-2000:]
    return lines[0].split()[1:]


@pytest.mark.slow
@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed")
@pytest.mark.parametrize("kill", [False, True])
def test_three_nodes_write_the_bytes_of_one_process(clips, tmp_path, kill):
    film, count = clips["red"].video.path, 60
    made, kept, failed, left, _ = on_nodes(tmp_path, film, count, kill)
    assert (int(made) + int(kept), int(failed), int(left)) == (count, 0, 1 if kill else 2)
    sources = [Source(f"c{i:04}", film) for i in range(count)]
    extract([Clip(s, s) for s in sources], [Colour(), Loudness()], FeatureStore(tmp_path / "here"))
    assert files(tmp_path / "here") == files(tmp_path / "ray")
