"""Feature store: clips extracted per core, against decoding once per encoder; batches, against loading per question."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import torch

from lookhear import config
from lookhear.soundstage.scene.structure import Plan, draw
from lookhear.soundstage.write.render import render
from lookhear.store.batch import batch
from lookhear.store.extract import extract, extract_texts
from lookhear.store.features import FeatureStore
from lookhear.types import Clip, Example, Source

CLIPS, SECONDS, QUESTIONS = 24, 10.0, 33
FEATURES = {"audio": "stage_audio", "frames": "stage_vision", "question": "stage_text", "words": "stage_text"}


def main() -> dict:
    """Time both, print them, return them."""
    torch.set_num_threads(1)
    rng = Random(0)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        clips = []
        for number in range(CLIPS):
            render(draw(rng, Plan(), SECONDS, 4, str(number)), root / f"{number}.mp4")
            source = Source(str(number), root / f"{number}.mp4")
            clips.append(Clip(source, source))
        eyes, ears, reader = (config.build("encoders", {"name": f"stage_{n}"}) for n in ("vision", "audio", "text"))
        extract(clips[:2], [eyes, ears], FeatureStore(root / "warm"))
        once = _cpu(lambda: extract(clips, [eyes, ears], FeatureStore(root / "once")))
        apart = _cpu(lambda: [extract(clips, [e], FeatureStore(root / "apart")) for e in (eyes, ears)])
        again = _cpu(lambda: extract(clips, [eyes, ears], FeatureStore(root / "once")))
        store = FeatureStore(root / "once")
        extract_texts([f"question {q}?" for q in range(QUESTIONS)], reader, store)
        asked = [
            Example(f"{i}-{q}", "question_answering", clip, f"question {q}?")
            for i, clip in enumerate(clips)
            for q in range(QUESTIONS)
        ]
        pieces = [asked[i : i + 66] for i in range(0, len(asked), 66)]
        wanted = tuple(FEATURES)
        together = _cpu(lambda: [batch(piece, wanted, FEATURES, store, seconds=10) for piece in pieces])
        cache = FeatureStore(root / "once", cache=True)
        [batch(piece, wanted, FEATURES, cache, seconds=10) for piece in pieces]
        cached = _cpu(lambda: [batch(piece, wanted, FEATURES, cache, seconds=10) for piece in pieces])
        single = _cpu(lambda: [batch([e], wanted, FEATURES, store, seconds=10) for e in asked])
    result = {
        "extraction": {
            "clips per CPU-second": round(CLIPS / once, 1),
            "seconds of video per CPU-second": round(CLIPS * SECONDS / once),
            "decoded once for both encoders, against once each": round(apart / once, 2),
            "resume with nothing to do, CPU-ms a clip": round(1000 * again / CLIPS, 2),
        },
        "batching": {
            "CPU-ms a question, a clip's features loaded once a batch": round(1000 * together / len(asked), 3),
            "CPU-ms a question, loaded for every question": round(1000 * single / len(asked), 3),
            "ratio": round(single / together, 1),
            "ratio with the in-memory cache": round(single / cached, 1),
        },
    }
    for title, rows in result.items():
        for name, value in rows.items():
            print(f"{title}: {name}: {value}")
    return result


def _cpu(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start
