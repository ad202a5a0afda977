"""Generate all scenes and questions of a Soundstage, deterministically from its settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from lookhear.errors import DatasetError
from lookhear.soundstage.questions import programs
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import COMPARATIVE, COUNTING_SAME, ORDER, Question
from lookhear.soundstage.scene.balance import WEIGHTS, Ledger
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.sampler import QuestionRequest, fits, sample, twin
from lookhear.soundstage.scene.scene import Scene
from lookhear.soundstage.scene.splits import Settings

DRAFTS = 4  # scenes drawn for each wish; the one that most helps under-represented templates is taken
UNTIED = 1.5  # value of a silent player or a source off stage, which keep sound and picture independent
SLACK = 0.3  # in training, an answer may exceed its even share by this fraction
AHEAD = 6  # questions above the average for a rich scene, to make up for poor scenes
GROUPS = {  # of the diagnostic split: relative frequency and templates
    "nth entry": (1.5, {t.text for t in TEMPLATES.values() if t.answer is programs.nth_entry}),
    "before/after": (4.0, {t.text for t in TEMPLATES.values() if t.answer is programs.before_after}),
    "first/last": (1.0, {t for t in ORDER if "FL" in TEMPLATES[t].slots}),
    "comparative": (1.0, COMPARATIVE),
    "same-type counting": (1.5, COUNTING_SAME),
}


@dataclass(frozen=True)
class Asked:
    """A scene with its questions; `first` is the id of the first question, the others are numbered consecutively."""

    split: str
    scene: Scene
    questions: tuple[Question, ...]
    first: int

    def records(self) -> list[dict[str, Any]]:
        """The questions in the annotation format of MUSIC-AVQA."""
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
    """Generate the clips of all splits in order. Each split has its own random generator and balancing."""
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
        weights = {t: share / len(group) for share, group in GROUPS.values() for t in group}
    ledger, rng = (
        Ledger(name, settings.musicians, bias, weights, SLACK if split == "train" else 0.0),
        Random(f"scenes {name}"),
    )
    each = settings.questions if split in ("train", "diagnostic") else settings.test_questions or settings.questions
    chosen: list[tuple[Scene, list[Question]]] = []
    total = 0
    for place in range(clips):
        last = chosen[-1] if chosen else None
        if place % 2 and last and not bias and any(q.template in COMPARATIVE and q.objects for q in last[1]):
            scene, wish = twin(rng, last[0], f"{video + place:08d}"), None
        else:
            scene, wish = _scene(settings, ledger, rng, f"{video + place:08d}", split != "diagnostic")
        owed = each * (place + 1) - total
        chosen.append((scene, ledger.pick(Facts(scene), min(owed, each + AHEAD), wish)))
        total += len(chosen[-1][1])
    for scene, questions in chosen:
        kept = questions if split == "train" or bias else ledger.even(questions)
        yield Asked(split, scene, tuple(kept), question)
        question += len(kept)


def _scene(settings: Settings, ledger: Ledger, rng: Random, name: str, broad: bool) -> tuple[Scene, QuestionRequest]:
    """A scene for the most under-represented question and answer.

    In `broad` mode the number of players on stage is uniform and sound is kept independent of the picture; otherwise
    scenes allow as many questions as possible.
    """

    def worth(scene: Scene) -> float:
        facts = Facts(scene)
        return ledger.worth(facts) + UNTIED * broad * (len(facts.silent) + len(facts.offstage))

    for _ in range(200):
        crowd, wish = 0, ledger.wish()
        if broad:
            crowd = rng.randint(1, settings.musicians)
            wishes = (ledger.wish() for _ in range(8))
            wish = next((w for w in wishes if fits(w, crowd, settings.musicians)), wish)
        drafts = [sample(rng, wish, settings.seconds, settings.musicians, name, crowd) for _ in range(DRAFTS)]
        found = [scene for scene in drafts if scene]
        ledger.report(wish, bool(found))
        if found:
            return max(found, key=worth), wish
    raise DatasetError(f"Soundstage: no scene found for clip {name} with {settings}. Allow more musicians or seconds.")
