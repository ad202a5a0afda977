"""How fast a Soundstage is made, how far a question alone gets, and whether a second reader agrees with every answer.

Speed is in clips a minute of wall time (workers as many as cores, up to two) and in CPU milliseconds a clip; truth and
floors are of the named split `base`, without media.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

CLIPS = 60


def main() -> dict:
    """Media for a few clips, truth for all of `base`."""
    from lookhear.soundstage.scene.splits import Settings, named
    from lookhear.soundstage.write.folder import make
    from tests.soundstage.second_reader import check

    workers = min(2, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory() as folder:
        few = Settings(train=CLIPS, val=0, test=0)
        wall, cpu = time.perf_counter(), _cpu()
        make(Path(folder) / "few", few, workers=workers, quiet=True)
        wall, cpu = time.perf_counter() - wall, _cpu() - cpu
        megabytes = sum(p.stat().st_size for p in (Path(folder) / "few" / "videos").iterdir()) / 1e6

        base, truth = Path(folder) / "base", time.process_time()
        card = make(base, replace(named("base")), media=False, quiet=True)
        truth = time.process_time() - truth
        asked, wrong = check(base)
    test = card["splits"]["test"]
    floors = {
        text: {key: row[key] for key in ("questions", "chance", "most_frequent_by_question", "set_guess")}
        for text, row in test["templates"].items()
    }
    worst = max(floors, key=lambda text: floors[text]["most_frequent_by_question"] - floors[text]["chance"])
    return {
        "clips_a_minute": round(60 * CLIPS / wall),
        "workers": workers,
        "cpu_ms_a_clip": round(1000 * cpu / CLIPS),
        "kilobytes_a_clip": round(1000 * megabytes / CLIPS),
        "truth_cpu_ms_a_clip": round(1000 * truth / sum(named("base").clips.values()), 1),
        "checked_questions": asked,
        "disagreements": len(wrong),
        "scenes": card["scenes"],
        "test": {k: test[k] for k in ("questions", "chance", "most_frequent_by_template", "most_frequent_by_question")}
        | {"set_guess": test["set_guess"]},
        "furthest_above_chance": {"template": worst, **floors[worst]},
        "floors": floors,
    }


def _cpu() -> float:
    """CPU seconds of this process and its ended children."""
    return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


if __name__ == "__main__":
    import json

    print(json.dumps(main(), indent=1))
