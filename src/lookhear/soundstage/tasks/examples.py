"""Records of the further tasks, which `datasets/soundstage.py` reads.

    json/<task>-<split>.json     a list of records, one a line; TASKS lists the tasks
    masks/<video_id>_<k>.png     instance mask of second k, if a record needs it

A record has `id`, `video_id`, `answer`, and what its task needs: `audio_id` (sound from another clip), `start` and
`end`, `question`, `form`, `segments` [start, end, label, stream], `regions` [label, pixels of 224 x 224], `mask` and
`owners` (label -> numbers in the mask file), `kind`, and `because`, true sentences from which the answer follows. Facts
within the margins of `scene.facts` are not asked about.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from lookhear import files
from lookhear.soundstage.questions import reasons
from lookhear.soundstage.questions.templates import Question
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import INSTRUMENTS, Scene
from lookhear.soundstage.tasks import captions, events, labels, places, referring

TASKS = ("action", "emotion", "matching", "event", "parsing", "grounding", "segmentation", "referring", "caption")
SINGLE: dict[str, Callable[[Facts], dict[str, Any] | None]] = {
    "action": labels.action,
    "emotion": labels.emotion,
    "event": events.event,
    "parsing": events.parsing,
}
BECAUSE = {"action": reasons.everyone, "emotion": reasons.mood, "event": reasons.everyone}
Record = dict[str, Any]


def write(
    out: Path, scenes: Iterable[tuple[str, Scene]], size: int, tick: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Write the records of all tasks for (split, scene) pairs, and their mask files, into the folder `out`.

    Returns the number of records of each task by split, and the frequencies of the answers.
    """
    splits: dict[str, list[Scene]] = {}
    for split, scene in scenes:
        splits.setdefault(split, []).append(scene)
    counts: dict[str, Any] = {}
    for split, some in splits.items():
        found = of_split(split, some, out / "masks", size, tick)
        for task, records in found.items():
            lines = ",\n".join(json.dumps(record, separators=(",", ":")) for record in records)
            files.write(out / "json" / f"{task}-{split}.json", f"[\n{lines}\n]\n")
        counts[split] = {task: balance(task, records) for task, records in found.items()}
    return counts


def balance(task: str, records: Sequence[Record]) -> dict[str, Any]:
    """Number of examples, share of the most frequent answer in percent, and count of each answer.

    Answers of `parsing` are counted by event, those of `segmentation` by form; captions are not counted.
    """
    words: list[str] = []
    for record in records:
        if task == "parsing":
            words += [f"{stream} {label}" for label, stream in {(s[2], s[3]) for s in record["segments"]}]
        elif task == "segmentation":
            words += [record["form"]]
        elif task != "caption":
            words += [record["answer"] or "nobody"]
    answers = Counter(sorted(words)).most_common()
    most = round(100 * answers[0][1] / len(words), 2) if words else None
    return {"examples": len(records), "most_frequent": most, "answers": dict(answers)}


def of_split(
    split: str, scenes: Sequence[Scene], masks: Path, size: int, tick: Callable[[], None] = lambda: None
) -> dict[str, list[Record]]:
    """Task -> records of one split, in the order of the scenes; mask files are written into the folder `masks`."""
    records: dict[str, list[Record]] = {task: [] for task in TASKS}
    for one, other, record in labels.matching(Random(f"matching {split} {len(scenes)}"), scenes):
        same = record["answer"] == "yes"
        sound = {} if same else {"audio_id": other.id}
        why = reasons.pair(Random(f"pair {one.seed} {same}"), Facts(one), Facts(other))
        name = {"id": f"{one.id}-{record['answer']}", "video_id": one.id}
        records["matching"].append(name | sound | record | {"because": why})
    known = INSTRUMENTS if split in ("test", "diagnostic") else [k for k in INSTRUMENTS if k not in referring.UNSEEN]
    choice = referring.Choice(Random(f"referring {split} {len(scenes)}"), known)
    for scene in scenes:
        facts = Facts(scene)
        rng = Random(f"tasks {scene.id} {scene.seed}")
        for task, make in SINGLE.items():
            if alone := make(facts):
                why = BECAUSE.get(task, lambda rng, facts: "")(Random(f"{task} {scene.seed}"), facts)
                records[task].append({"id": scene.id, "video_id": scene.id} | alone | ({"because": why} if why else {}))
        records["caption"].append({"id": scene.id, "video_id": scene.id} | captions.caption(rng, facts))
        marked = [
            {"video_id": scene.id} | r | {"because": reasons.now(Random(f"{r['id']} {scene.seed}"), facts, r["start"])}
            for r in places.segmentation(rng, scene, masks, size)
        ]
        records["segmentation"] += marked
        records["grounding"] += [places.grounding(record) for record in marked if record["form"] == "s4"]
        second = int(marked[-1]["start"]) if marked else int(scene.seconds / 2)  # one mask file serves both tasks
        records["referring"] += _referring(choice, facts, second, masks, size)
        tick()
    return records


def _referring(choice: referring.Choice, facts: Facts, second: int, masks: Path, size: int) -> list[Record]:
    scene, records = facts.scene, []
    for place, expression in enumerate(choice.take(facts)):
        where = places.pointed(scene, expression.player, second, masks, size) if expression.player else {}
        if where is None:
            continue
        records.append(
            {
                "id": f"{scene.id}-{place}",
                "video_id": scene.id,
                "question": expression.words,
                "family": expression.family,
                "kind": [referring.kind_of(expression)],
                "answer": expression.player.instrument if expression.player else "",
                "because": reasons.everyone(Random(f"referring {place} {scene.seed}"), facts),
            }
            | where
        )
    return records


def ways(scene: Scene, first: int, questions: Sequence[Question]) -> dict[str, str]:
    """Question id -> reasoning text, for the questions of one scene; ids are consecutive from `first`."""
    facts = Facts(scene)
    return {
        str(first + place): reasons.reason(Random(f"reason {scene.seed} {place}"), facts, question)
        for place, question in enumerate(questions)
    }
