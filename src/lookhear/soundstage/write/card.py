"""The card of a Soundstage: counts, answer distributions and blind floors."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lookhear
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import Question, guess
from lookhear.soundstage.scene.balance import answers
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import Asked


def card(settings: Settings, clips: Sequence[Asked]) -> dict[str, Any]:
    """The dataset card without checksums: settings, counts and floors for each split."""
    splits = {name: [c for c in clips if c.split == name] for name in settings.clips}
    train = [q for c in splits.get("train", []) for q in c.questions]
    return {
        "name": "soundstage",
        "version": lookhear.__version__,
        "settings": asdict(settings),
        "splits": {name: _split(settings, asked, train) for name, asked in splits.items()},
        "scenes": _scenes(clips),
    }


def _split(settings: Settings, clips: Sequence[Asked], train: Sequence[Question]) -> dict[str, Any]:
    asked = [q for c in clips for q in c.questions]
    floors = {
        "most_frequent_by_template": predictions(train, asked, lambda q: q.template),
        "most_frequent_by_question": predictions(train, asked, lambda q: (q.template, q.values)),
    }
    guesses = [g for c in clips for g in _guesses(c, settings.musicians)]
    rows: dict[str, Any] = {}
    for template in TEMPLATES:
        here = [i for i, q in enumerate(asked) if q.template == template]
        if not here:
            continue
        chance = 100 / len(answers(template, settings.musicians))
        rows[template] = {
            "kind": list(TEMPLATES[template].kind),
            "questions": len(here),
            "answers": dict(Counter(asked[i].answer for i in here).most_common()),
            "chance": round(chance, 2),
            **{name: percent(right[i] for i in here) for name, right in floors.items()},
            "set_guess": percent(guesses[i] for i in here),
        }
    return {
        "clips": len(clips),
        "questions": len(asked),
        "answers": dict(Counter(q.answer for q in asked).most_common()),
        "chance": round(sum(r["chance"] * r["questions"] for r in rows.values()) / max(1, len(asked)), 2),
        **{name: percent(right) for name, right in floors.items()},
        "set_guess": percent(guesses),
        "templates": rows,
    }


def predictions(train: Iterable[Question], test: Iterable[Question], key: Callable[[Question], Hashable]) -> list[bool]:
    """For each test question, whether the most frequent training answer for its key is right.

    For keys that do not occur in training, the template's most frequent answer is used.
    """
    seen: Mapping[Hashable, Counter[str]] = defaultdict(Counter)
    for q in train:
        seen[key(q)][q.answer] += 1
        seen["template", q.template][q.answer] += 1

    def most(q: Question) -> str:
        counts = seen.get(key(q)) or seen.get(("template", q.template)) or Counter([""])
        return max(sorted(counts), key=counts.__getitem__)

    return [most(q) == q.answer for q in test]


def _guesses(clip: Asked, musicians: int) -> list[float]:
    """For each question, the accuracy of a random choice among the answers that remain possible if one knows which
    players are seen and which are heard.
    """
    facts = Facts(clip.scene)
    odds = []
    for q in clip.questions:
        left = guess(facts, q.template, q.values)
        odds.append((q.answer in left) / max(1, len(left)) if left else 1 / len(answers(q.template, musicians)))
    return odds


def _scenes(clips: Sequence[Asked]) -> dict[str, Any]:
    """How well the picture predicts the sound, over all clips."""
    players = [p for c in clips for p in c.scene.players]
    seen, heard = [p for p in players if p.x is not None], [p for p in players if p.sounding]
    counts = Counter(len(c.scene.visible) for c in clips)
    return {
        "on_stage": {str(n): counts[n] for n in sorted(counts)},
        "heard_if_seen": percent(bool(p.sounding) for p in seen),
        "seen_if_heard": percent(p.x is not None for p in heard),
        "moving_if_sounding": percent(bool(p.miming) for p in seen if p.sounding),
        "moving_if_silent": percent(bool(p.miming) for p in seen if not p.sounding),
    }


def percent(values: Iterable[float | bool]) -> float | None:
    """The mean in percent, None for no values."""
    values = [float(v) for v in values]
    return round(100 * sum(values) / len(values), 2) if values else None


def checksum(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
