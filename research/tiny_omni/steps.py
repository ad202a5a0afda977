"""What the steps of tiny_omni's language course are made of: a kind of step, its clips, and what each is asked.

plain      questions as Soundstage words them          long     captions, actions, moods, events, reasons
reworded   the same questions in other words           boxes    which player fits these words: box and points
swapped    the picture of one clip with the sound of   pieces   one second of a clip: who sounds, and where
           another: do they belong together? and the
           questions with the answers that are then true
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from random import Random

from lookhear.datasets import soundstage
from lookhear.datasets.reading.templates import example
from lookhear.soundstage.questions.templates import TEMPLATES, harvest
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import INSTRUMENTS, Scene
from lookhear.soundstage.tasks import labels, places, referring
from lookhear.types import Clip, Example, Source
from research.tiny_omni import lessons, wordings
from research.tiny_omni.lessons import Ask

SHARES = {"plain": 0.32, "reworded": 0.26, "swapped": 0.12, "long": 0.12, "boxes": 0.12, "pieces": 0.06}
ASKS = {"plain": 16, "reworded": 12, "swapped": 12, "long": 4, "boxes": 4, "pieces": 2}  # of a clip in a step
LISTED = 0.2  # of the questions name every answer there can be
ROUND = 150  # steps after which other pairs of picture and sound are matched
KNOWN = tuple(kind for kind in INSTRUMENTS if kind not in referring.UNSEEN)
PIECES = ("segmentation", "grounding")
MARK = "+"  # between the clip that is seen and the clip that is heard


class Steps:
    """Soundstage's training clips, and what a step of each kind asks about some of them.

    `same` are the clips with as much sound as most, `pieces` the seconds of clips that are kept, as `clip@second`.
    """

    def __init__(self, root: Path, same: list[str], pieces: list[str], questions: dict[str, list[Example]]):
        self.root, self.same, self.questions = root, same, questions
        self.scenes = lessons.scenes(root)
        self.marked = self._marked(set(pieces))
        self.pieces = list(self.marked)

    @cached_property
    def long(self) -> dict[str, list[Ask]]:
        """Clip -> its longer tasks."""
        return {name: lessons.long(self.root, self.scenes[name], self.questions[name]) for name in self.same}

    def take(self, rng: Random, kind: str, clips: int, step: int) -> tuple[str, list[str], list[list[Ask]]]:
        """(where its tokens are kept, clips, what each is asked) of a step; `seen+heard` are two clips in one."""
        if kind == "pieces":
            names = rng.sample(self.pieces, clips)
            return "pieces", names, [rng.choices(self.marked[name], k=ASKS[kind]) for name in names]
        if kind == "swapped":
            return "train", *self._swapped(rng, clips, step)
        names = rng.sample(self.same, clips)
        if kind == "long":
            return "train", names, [rng.choices(self.long[name], k=ASKS[kind]) for name in names]
        if kind == "boxes":
            return "train", *self._boxes(rng, clips)
        return "train", names, [self._asked(rng, self.questions[n], ASKS[kind], kind == "reworded") for n in names]

    def _asked(self, rng: Random, pool: list[Example], count: int, other: bool) -> list[Ask]:
        """So many questions of a pool, some naming every answer there can be."""
        some = rng.sample(pool, count) if len(pool) >= count else rng.choices(pool, k=count)
        some = [wordings.reworded(rng, e) for e in some] if other else some
        return [lessons.answered(e, rng.random() < LISTED) for e in some]

    def _swapped(self, rng: Random, clips: int, step: int) -> tuple[list[str], list[list[Ask]]]:
        """Three in four clips with their own sound or one that does not fit, balanced; the rest with any other."""
        pairs, paired = self._pairs(step // ROUND), clips * 3 // 4
        names = [MARK.join(pair) for pair in rng.sample(pairs, paired)]
        names += [MARK.join(rng.sample(self.same, 2)) for _ in range(clips - len(names))]
        other, asks = rng.random() < 0.5, []
        for place, name in enumerate(names):
            seen, heard = name.split(MARK)
            pool = self.questions[seen] if seen == heard else self.about(rng, seen, heard)
            first = [matched(seen == heard)] if place < paired else []
            asks.append(first + self._asked(rng, pool, ASKS["swapped"] - len(first), other))
        return names, asks

    def _pairs(self, number: int) -> list[tuple[str, str]]:
        """(seen, heard) of the round's pairs, as many that match as do not."""
        if getattr(self, "_round", None) != number:
            some = [self.scenes[name] for name in self.same]
            found = labels.matching(Random(f"round {number}"), some)
            self._round, self._matched = number, [(one.id, other.id) for one, other, _ in found]
        return self._matched

    def about(self, rng: Random, seen: str, heard: str) -> list[Example]:
        """Questions about the picture of one clip with the sound of another: nobody on stage is heard."""
        facts, found = Facts(together(self.scenes[seen], self.scenes[heard])), []
        for text, template in TEMPLATES.items():
            answers: dict[str, list[tuple[str, ...]]] = {}
            for one in harvest(facts, text):
                answers.setdefault(one.answer, []).append(one.values)
            for answer in rng.sample(sorted(answers), min(2, len(answers))):
                record = {
                    "question_id": f"{seen}{MARK}{heard}", "video_id": seen, "question_content": text, "anser": answer,
                    "type": list(template.kind), "templ_values": list(rng.choice(answers[answer])),
                }  # fmt: skip
                found.append(example(record, Clip(Source(seen), Source(heard))))
        return found

    def _boxes(self, rng: Random, clips: int) -> tuple[list[str], list[list[Ask]]]:
        """Clips with expressions for their players or for nobody, with box and points of one second."""
        choice, names, asks = referring.Choice(rng, KNOWN), list[str](), list[list[Ask]]()
        while len(names) < clips:
            name = rng.choice(self.same)
            some = self._pointed(choice, name) if name in self.seconds and name not in names else []
            if some:
                names.append(name)
                asks.append([*some, *rng.choices(some, k=ASKS["boxes"] - len(some))])
        return names, asks

    def _pointed(self, choice: referring.Choice, name: str) -> list[Ask]:
        scene, found = self.scenes[name], []
        for said in choice.take(Facts(scene), ASKS["boxes"]):
            where = (
                places.pointed(scene, said.player, self.seconds[name], self.root / "masks", 128) if said.player else {}
            )
            if where is not None:
                record = {
                    "id": name, "video_id": name, "question": said.words, "family": said.family,
                    "answer": said.player.instrument if said.player else "",
                }  # fmt: skip
                found += self._record("referring", record | where)
        return found

    @cached_property
    def seconds(self) -> dict[str, int]:
        """Clip -> the second of which it has a mask."""
        found = {}
        for path in sorted((self.root / "masks").glob("*.png")):
            name, _, second = path.stem.rpartition("_")
            found[name] = int(second)
        return found

    def _marked(self, kept: set[str]) -> dict[str, list[Ask]]:
        """Second of a clip -> who sounds in it, and where."""
        found: dict[str, list[Ask]] = {}
        for version in PIECES:
            for e in soundstage.load(self.root, "train", version):
                name = piece(e)
                if name in kept:
                    found.setdefault(name, []).append(lessons.bare(e))
        return found

    def _record(self, version: str, record: dict) -> list[Ask]:
        return [lessons.bare(soundstage._example(self.root, record, *soundstage.TASKS[version]))]


def piece(e: Example) -> str:
    """The name of a second of a clip."""
    return f"{e.meta['video_id']}@{e.clip.start:g}"


def matched(yes: bool) -> Ask:
    """The question whether sound and picture belong together, and its answer."""
    record = {"id": "", "video_id": "", "answer": "yes" if yes else "no"}
    return lessons.bare(soundstage._example(Path(), record, *soundstage.TASKS["matching"]))


def together(seen: Scene, heard: Scene) -> Scene:
    """The scene that is seen in one clip and heard in another: all who play are off stage."""
    stage = tuple(replace(p, sounding=()) for p in seen.visible)
    away = tuple(replace(p, x=None) for p in heard.heard)
    return replace(seen, id=f"{seen.id}{MARK}{heard.id}", players=(*stage, *away), voiceover=heard.voiceover)
