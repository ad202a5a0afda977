"""How far each template gets by counting alone: players seen, moving, heard, types seen or heard, and nothing else.

    python -m research.base.cues world

For each count, the commonest training answer of the template at that count is given to the test questions.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from lookhear.evaluate import tables


def counts(scene: dict[str, Any]) -> dict[str, int]:
    """What can be counted in a raw scene."""
    seen = [p for p in scene["players"] if p["x"] is not None]
    heard = [p for p in scene["players"] if p["sounding"]]
    return {
        "seen": len(seen),
        "moving": sum(bool(p["miming"]) for p in seen),
        "heard": len(heard),
        "types seen": len({p["instrument"] for p in seen}),
        "types heard": len({p["instrument"] for p in heard}),
    }


def main() -> None:
    world = Path(sys.argv[1])
    with (world / "scenes.jsonl").open(encoding="utf-8") as lines:
        scenes = {scene["id"]: counts(scene) for scene in map(json.loads, lines)}
    train, test = (json.loads((world / "json" / f"avqa-{s}.json").read_text("utf-8")) for s in ("train", "test"))
    given: dict[Any, Counter[str]] = defaultdict(Counter)
    for q in train:
        for count, value in scenes[q["video_id"]].items():
            given[q["question_content"], count, value][q["anser"]] += 1
    right: dict[str, Counter[str]] = defaultdict(Counter)
    for q in test:
        template = q["question_content"]
        right[template]["asked"] += 1
        for count, value in scenes[q["video_id"]].items():
            answers = given[template, count, value]
            right[template][count] += bool(answers) and max(sorted(answers), key=answers.__getitem__) == q["anser"]
    names = list(next(iter(scenes.values())))
    rows = [
        [t.strip().replace("？", "?"), str(r["asked"]), *(f"{100 * r[n] / r['asked']:.1f}" for n in names)]
        for t, r in sorted(right.items())
    ]
    print(tables.lay_out(["", "asked", *names], rows, "markdown"))


if __name__ == "__main__":
    main()
