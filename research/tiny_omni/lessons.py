"""What tiny_omni is asked about a clip, and what it is to reply: prompts and targets of the tasks, from the truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from random import Random

from lookhear import tasks
from lookhear.datasets import soundstage
from lookhear.llms.omni.thinker import LEAD, SYSTEM
from lookhear.soundstage.questions import reasons
from lookhear.soundstage.questions.templates import Question
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Scene, from_json
from lookhear.soundstage.tasks import captions, events, labels
from lookhear.tasks.reading.prompts import PROMPTS, REASON
from lookhear.types import Example

find = lru_cache(tasks.find)
Ask = tuple[str, str]  # prompt, target
REASONED = f"\n{REASON}, then write the answer as <answer>…</answer>."


def scenes(root: Path) -> dict[str, Scene]:
    """Every scene of a Soundstage folder by its name."""
    found = (from_json(line) for line in (root / "scenes.jsonl").read_text("utf-8").splitlines())
    return {one.id: one for one in found}


def short(root: Path, split: str) -> dict[str, list[Example]]:
    """Clip -> its questions."""
    found: dict[str, list[Example]] = {}
    for example in soundstage.load(root, split):
        found.setdefault(str(example.meta["video_id"]), []).append(example)
    return found


def answered(example: Example, listed: bool = False) -> Ask:
    """A question and its answer between tags; `listed` names every answer there can be in the prompt."""
    task = find(example.task)
    return task.prompt(example, soundstage.VOCABULARY if listed else ()), task.target(example, explain=False)


def bare(example: Example) -> Ask:
    """The prompt of an example's task and its target without reasoning."""
    task = find(example.task)
    return task.prompt(example), task.target(example, explain=False)


def reasoned(rng: Random, facts: Facts, example: Example) -> Ask:
    """A question that asks for the way to the answer, and that way."""
    asked = Question(example.meta["template"], example.meta["templ_values"], example.reference.text)
    return f"{answered(example)[0].split(chr(10))[0]}{REASONED}", reasons.reason(rng, facts, asked)


def long(root: Path, scene: Scene, questions: Sequence[Example]) -> list[Ask]:
    """Caption, action, mood, event and all events, as far as a scene has them, and questions with their reasoning."""
    facts, rng = Facts(scene), Random(f"tasks {scene.id} {scene.seed}")
    records = {"action": labels.action(facts), "emotion": labels.emotion(facts), "event": events.event(facts)}
    records |= {"parsing": events.parsing(facts), "caption": captions.caption(rng, facts)}
    found = []
    for version, record in records.items():
        if record:
            whole = {"id": scene.id, "video_id": scene.id} | record
            found += _asks(soundstage._example(root, whole, *soundstage.TASKS[version]))
    return found + [reasoned(rng, facts, e) for e in rng.sample(list(questions), min(4, len(questions)))]


def _asks(example: Example) -> list[Ask]:
    task = find(example.task)
    found = [(task.prompt(example), task.target(example, explain=explain)) for explain in (False, True)]
    return found[:1] if found[0] == found[1] else found if len(found[1][1]) < 400 else found[:1]


def texts(asks: Iterable[Ask]) -> tuple[list[str], list[str]]:
    """Everything a tokenizer should know words of, and the lines of prompts that come back again and again."""
    pairs = list(asks)
    tails = Counter("\n" + line for prompt, _ in pairs for line in prompt.split("\n")[1:])
    lines = [line for line, times in tails.items() if times >= 0.01 * len(pairs)]
    lines += [f"user\n{lead}" for lead in LEAD.values()] + [f"system\n{SYSTEM}", "assistant\n", REASONED]
    lines += [words for words in PROMPTS.values() if "{" not in words] + PROMPTS["ref_avs"].split("{question}")
    return [*(part for pair in pairs for part in pair), f" {' '.join(COMMON.split())}"], sorted(set(lines))


COMMON = """
the a an of in on at to from with and or not is are was were be been it its this that these those there here one first
second third fourth fifth sixth then next before after while during until when where which who what how why left right
middle center front back row stage off indoor outdoor indoors outdoors hall open air curtains player players playing
plays play played sound sounds sounding sounded silent silence heard hear hears seen see sees louder loudest softer
softest quieter faster slower rhythmic rhythm notes note per rate level loud soft longer shorter longest shortest more
less most least than same time together simultaneously always never throughout beginning end start starts ends stops
begins enters comes seconds second only both neither each every all none voice speech speaks narrator speaking talks
music mood happy sad calm angry neutral face faces expression so the answer is therefore because since also but yes no
true false object picture video audio event visual zero one two three four five six seven eight nine ten number count
instrument instruments musician musicians type types kind kinds different moves moving movement hands still stays
makes make made comes coming match matches belongs belong does do did by its other another others last later earlier
between among next neighbour beside
"""  # words that replies may need, each as it stands after a blank
