"""Families: a scene, its twins, and questions that are asked about all of them.

    base ─ asked q ─ "yes"                   pair (base, twin): must change, for the truth changed
    twin ─ asked q ─ "no"     mute the violin
    twin ─ asked q ─ "yes"    mute the tuba  pair (base, twin): must stay, though something has changed

Every question is answered by its program in the base and in each twin; it is not asked about a twin in which it has no
clear answer. Most questions are deciding: at least one twin changes their answer. Each twin also gets a question about
what was changed, but for the modality in which nothing changed: a muted violin is still in the picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random

from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import fillings
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Scene
from lookhear.soundstage.twins.kinds import KINDS, Twin, twins

EACH = 3  # twins per scene
ASKED = 6  # deciding questions per family
DRAFTS = 8  # twins of a kind that are tried until one changes an answer
UNCHANGED = {"audio": "Visual", "visual": "Audio"}  # changed stream -> questions with equal answers

Key = tuple[str, tuple[str, ...]]  # template, values


@dataclass(frozen=True)
class Asked:
    """A question of a family: its answer in the base, and twin id -> its answer in the twin."""

    template: str
    values: tuple[str, ...]
    base: str
    others: Mapping[str, str]


@dataclass(frozen=True)
class Family:
    """A scene with its twins and the questions about all of them."""

    base: Scene
    twins: tuple[Twin, ...]
    asked: tuple[Asked, ...]


def families(
    scenes: Iterable[Scene], kinds: Sequence[str] = tuple(KINDS), each: int = EACH, asked: int = ASKED
) -> Iterator[Family]:
    """The families of all scenes that have a twin whose answer changes.

    Kinds and templates are used as evenly as the scenes allow. Equal scenes give equal families.
    """
    used: Counter[str] = Counter()
    templates: Counter[str] = Counter()
    for scene in scenes:
        rng, facts = Random(f"twins {scene.id} {scene.seed}"), Facts(scene)
        known = _answers(facts, _fillings([facts]))
        deciding: list[tuple[Twin, dict[Key, str]]] = []
        for kind in sorted(kinds, key=lambda k: (used[k], rng.random())):
            if len(deciding) < each and (one := _deciding(rng, scene, known, kind)):
                deciding.append(one)
                used[kind] += 1
        if deciding:
            yield Family(
                scene, tuple(twin for twin, _ in deciding), tuple(_ask(rng, facts, deciding, templates, asked))
            )


def _fillings(some: Sequence[Facts]) -> list[Key]:
    return list(dict.fromkeys((t, v) for t in TEMPLATES for facts in some for v in fillings(facts, t)))


def _answers(facts: Facts, keys: Iterable[Key]) -> dict[Key, str]:
    said = ((key, TEMPLATES[key[0]].answer(facts, *key[1])) for key in keys)
    return {key: word for key, word in said if word}


def _deciding(rng: Random, scene: Scene, known: dict[Key, str], kind: str) -> tuple[Twin, dict[Key, str]] | None:
    """A twin of a kind that changes an answer, with its answers; None if none was found."""
    drafts = twins(scene, kind)
    for twin in rng.sample(drafts, min(DRAFTS, len(drafts))):
        facts = Facts(twin.truth)
        said = _answers(facts, dict.fromkeys([*known, *_fillings([facts])]))
        if any(said.get(key, word) != word for key, word in known.items()):
            return twin, said
    return None


def _ask(
    rng: Random, facts: Facts, twins_answers: Sequence[tuple[Twin, dict[Key, str]]], templates: Counter[str], most: int
) -> Iterator[Asked]:
    """Deciding questions, least used templates first; then for each twin one question whose answer must stay."""
    known = _answers(facts, dict.fromkeys(key for _, answers in twins_answers for key in answers))
    chosen: list[Key] = []
    turn = 0
    while len(chosen) < most and turn < most + len(
        twins_answers
    ):  # the twins take turns, so that each has changed answers
        _, answers = twins_answers[turn % len(twins_answers)]
        turn += 1
        pool = [key for key, word in known.items() if answers.get(key, word) != word and key not in chosen]
        if pool:
            chosen.append(_least(rng, pool, templates))
    for twin, answers in twins_answers:
        group = UNCHANGED[twin.stream]
        named = {facts.scene.players[i].instrument for i in twin.players}
        pool = [
            key
            for key, word in known.items()
            if answers.get(key) == word and TEMPLATES[key[0]].kind[0] == group and key not in chosen
        ]
        about = [key for key in pool if named & {*key[1], known[key]}] or pool
        if about:
            chosen.append(_least(rng, about, templates))
    for template, values in chosen:
        others = {
            twin.id: answers[template, values] for twin, answers in twins_answers if (template, values) in answers
        }
        yield Asked(template, values, known[template, values], others)


def _least(rng: Random, pool: Sequence[Key], templates: Counter[str]) -> Key:
    """A random key among those with the least used template; its template is counted as used."""
    fewest = min(templates[t] for t, _ in pool)
    key = rng.choice([k for k in pool if templates[k[0]] == fewest])
    templates[key[0]] += 1
    return key
