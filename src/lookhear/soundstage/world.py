"""Settings in, scenes and questions out: the same everywhere for equal settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from lookhear.errors import DatasetError
from lookhear.soundstage import programs
from lookhear.soundstage.balance import WEIGHTS, Ledger
from lookhear.soundstage.facts import Facts
from lookhear.soundstage.programs import TEMPLATES
from lookhear.soundstage.questions import COMPARATIVE, COUNTING_SAME, ORDER, Question
from lookhear.soundstage.sampler import sample
from lookhear.soundstage.scene import Scene
from lookhear.soundstage.splits import Settings

DRAFTS = 4  # scenes drawn for each wish; the one that helps the templates that are behind most is taken
AHEAD = 6  # questions that a rich scene may be asked beyond the average, to make up for poor ones
GROUPS = {  # of the diagnostic split, asked equally often
    "nth entry": {t.text for t in TEMPLATES.values() if t.answer is programs.nth_entry},
    "before/after": {t.text for t in TEMPLATES.values() if t.answer is programs.before_after},
    "first/last": {t for t in ORDER if "FL" in TEMPLATES[t].slots},
    "comparative": COMPARATIVE,
    "same-type counting": COUNTING_SAME,
}


@dataclass(frozen=True)
class Asked:
    """A scene with the questions asked about it; `first` is the id of the first question, the others follow."""

    split: str
    scene: Scene
    questions: tuple[Question, ...]
    first: int

    def records(self) -> list[dict[str, Any]]:
        """The questions as MUSIC-AVQA's annotation files hold them."""
        return [
            {
                "video_id": self.scene.id,
                "question_id": self.first + place,
                "type": json.dumps(list(TEMPLATES[q.template].kind)),
                "question_content": q.template,
                "templ_values": json.dumps(list(q.values)),
                "question_deleted": 0,
                "anser": q.answer,
            }
            for place, q in enumerate(self.questions)
        ]


def world(settings: Settings) -> Iterator[Asked]:
    """Every clip of every split in order. Each split has its own random numbers and its own balance."""
    video, question = 0, 0
    for split, clips in settings.clips.items():
        for asked in _split(settings, split, clips, video, question):
            video, question = video + 1, question + len(asked.questions)
            yield asked


def _split(settings: Settings, split: str, clips: int, video: int, question: int) -> Iterator[Asked]:
    name = f"{settings.seed} {split}"
    bias = {"train": settings.bias, "test": settings.test_bias}.get(split, 0.0)
    weights = WEIGHTS
    if split == "diagnostic":
        weights = {t: 1 / len(group) for group in GROUPS.values() for t in group}
    ledger, rng, total = Ledger(name, settings.musicians, bias, weights), Random(f"scenes {name}"), 0
    for place in range(clips):
        scene, wish = _scene(settings, ledger, rng, f"{video + place:08d}")
        owed = settings.questions * (place + 1) - total
        chosen = ledger.pick(Facts(scene), min(owed, settings.questions + AHEAD), wish)
        yield Asked(split, scene, tuple(chosen), question + total)
        total += len(chosen)


def _scene(settings: Settings, ledger: Ledger, rng: Random, name: str) -> tuple[Scene, Any]:
    for _ in range(200):
        wish = ledger.wish()
        drafts = [
            s for s in (sample(rng, wish, settings.seconds, settings.musicians, name) for _ in range(DRAFTS)) if s
        ]
        if drafts:
            return max(drafts, key=lambda scene: ledger.worth(Facts(scene))), wish
        ledger.fail(wish)
    raise DatasetError(f"Soundstage: no scene found for clip {name} with {settings}. Allow more musicians or seconds.")
