"""Reasoning texts: positions, times of sounds, the inference, and the answer between tags.

    The violin is on the left and plays from 2.0 to 4.5 s. No tuba is heard. So the answer is <answer>no</answer>.

Sentences are random templates filled with facts of the scene. The tests parse every sentence and check it against the
scene. An instrument that occurs once is "the violin", one of several is "one violin", a type in general is "a violin".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

from lookhear.soundstage.questions import programs as ask
from lookhear.soundstage.questions.programs import TEMPLATES, Program, at
from lookhear.soundstage.questions.templates import Question
from lookhear.soundstage.scene.facts import Facts, end, length, onset
from lookhear.soundstage.scene.scene import Player
from lookhear.soundstage.tasks.captions import article, listed

VERBS = ("plays", "sounds", "can be heard")
QUIET = ("makes no sound", "stays silent", "is never heard")
THERE = (
    "{who} is {place} and {verb} {times}.",
    "{who} {verb} {times} and stands {place}.",
    "{place}, {who} {verb} {times}.",
)
SILENT = ("{who} is {place} and {quiet}.", "{place}, {who} {quiet}.")
HIDDEN = ("off stage, {who} {verb} {times}.", "{who} {verb} {times} without being seen.")
HEARD = ("{who} {verb} {times}.",)
UNHEARD = ("no {kind} is heard.", "there is no sound of {a_kind}.")
UNSEEN = ("no {kind} is seen.", "{a_kind} does not appear.")
ROW = ("from left to right there are {row}.", "on stage, from left to right, stand {row}.")
ALONE = ("on stage there is only {row}.",)
LOUDER = ("{who} is {difference:g} dB {word} than {other}.",)
RATES = ("{who} plays {notes} a second and {other} {other_rate:g}.",)
LENGTHS = ("{who} sounds for {seconds:.1f} s in all and {other} for {other_seconds:.1f} s.",)
MOST = ("of all that is heard, {who} is the {word}.",)
ENTRY = ("{who} comes in {nth}, at {start:.1f} s.", "at {start:.1f} s {who} comes in, {nth} of all.")
LAST = ("{who} is the last to come in, at {start:.1f} s, and the last to stop, at {stop:.1f} s.",)
SHARED = ("{who} and {other} sound together {times}.",)
HALL = ("the stage is in a hall, indoors.", "walls and a ceiling show that the stage is indoors.")
OPEN = ("the stage is in the open air, outdoors.", "the sky shows that the stage is outdoors.")
SPEECH = ("someone speaks {times}.", "a voice talks {times}.")
NO_SPEECH = ("nobody speaks.", "no voice is heard over the music.")
CLIP = ("the clip lasts {seconds:.1f} s.",)
NOW = ("{who} is {place} and sounds now.", "{place}, {who} sounds now.")
NOT_NOW = ("{who} is {place} and is silent now.", "{place}, {who} is silent now.")
SOUND = ("what is heard is {kinds}.", "the sound is that of {kinds}.")
MOODS = {
    "neutral": ("The brows are level and the accents mild.", "Neither the faces nor the playing lean to any side."),
    "happy": (
        "The brows are raised, and the tune is in a major key with short notes.",
        "Bright faces go with a lively tune in a major key.",
    ),
    "sad": (
        "The eyes are lowered under slanting brows, and the tune is in a minor key with long notes.",
        "Lowered eyes go with a connected tune in a minor key.",
    ),
    "calm": (
        "The eyes are closed, and the notes are long and even.",
        "Closed eyes go with soft accents and small steps of the tune.",
    ),
    "angry": (
        "The brows are drawn down, and the accents are hard, with wide leaps.",
        "Frowns go with a dark scale and hard accents.",
    ),
}
END = ("so the answer is {tag}.", "therefore the answer is {tag}.", "the answer is {tag}.")
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def reason(rng: Random, facts: Facts, question: Question) -> str:
    """The reasoning text of a question; it ends with the answer."""
    writer = _SentenceWriter(rng, facts)
    sentences = list(writer.about(TEMPLATES[question.template].answer, question.values, question.answer))
    sentences.append(writer.say(END, tag=f"<answer>{question.answer}</answer>"))
    return " ".join(sentences)


def everyone(rng: Random, facts: Facts) -> str:
    """Positions and sounding times of all players: those on stage from left to right, then those off stage."""
    writer = _SentenceWriter(rng, facts)
    return " ".join(map(writer.where, [*facts.visible, *facts.offstage]))


def now(rng: Random, facts: Facts, second: float) -> str:
    """Which players on stage sound in a given second, and which do not."""
    writer = _SentenceWriter(rng, facts)
    return " ".join(
        writer.say(
            NOW if any(a <= second + 0.5 < b for a, b in p.sounding) else NOT_NOW,
            who=writer.name(p),
            place=writer.place(p),
        )
        for p in facts.visible
    )


def pair(rng: Random, picture: Facts, sound: Facts) -> str:
    """What is seen in one scene and what is heard in another (or the same) scene."""
    kinds = listed(list(dict.fromkeys(article(p.instrument) for p in sound.entries)))
    return f"{_SentenceWriter(rng, picture).row()} {_SentenceWriter(rng, sound).say(SOUND, kinds=kinds)}"


def mood(rng: Random, facts: Facts) -> str:
    """What the faces and the style of playing show."""
    return rng.choice(MOODS[facts.scene.mood])


class _SentenceWriter:
    """Writes facts of one scene as sentences."""

    def __init__(self, rng: Random, facts: Facts) -> None:
        self.rng, self.facts = rng, facts

    def say(self, frames: Sequence[str], **filling: object) -> str:
        frame = self.rng.choice(frames)
        filling |= {"verb": self.rng.choice(VERBS), "quiet": self.rng.choice(QUIET)}
        text = frame.format(**filling)
        return text[0].upper() + text[1:]

    def about(self, program: Program, values: Sequence[str], answer: str) -> Iterator[str]:
        """The facts from which a question's answer follows."""
        facts = self.facts
        if program is ask.where:
            yield self.say(HALL if facts.scene.indoor else OPEN)
        elif program is ask.voiceover:
            talk = facts.scene.voiceover
            yield self.say(SPEECH, times=_times([talk])) if talk else self.say(NO_SPEECH)
        elif program in (ask.is_heard, ask.both_heard):
            yield from map(self.kind_heard, values)
        elif program in (ask.is_seen, ask.both_seen, ask.number_of):
            yield self.row()
            yield from (self.no(UNSEEN, kind) for kind in values if not facts.on_stage[kind])
        elif program in (ask.types_seen, ask.neighbour, ask.at_the_end, ask.which_kind):
            yield self.row()
        elif program in (ask.number_heard,):
            yield from map(self.where, facts.heard) if self.alike() else map(self.heard, facts.heard)
        elif program is ask.always:
            yield self.where(facts.by_type[values[0]])
            yield self.say(CLIP, seconds=facts.scene.seconds)
        elif program is ask.number_sounding_of:
            group = [p for p in facts.visible if p.instrument == values[0]]
            yield from map(self.where, group)
            if not group:
                yield self.no(UNSEEN, values[0])
        elif program in (ask.number_sounding, ask.number_silent, ask.types_sounding):
            yield from map(self.where, facts.visible)
        elif program in COMPARED:
            yield from self.compared(program, values)
        else:
            yield from self.in_time(program, values, answer)

    def compared(self, program: Program, values: Sequence[str]) -> Iterator[str]:
        """Facts for a comparison of two players by loudness, note rate or length."""
        facts = self.facts
        if program in (ask.louder, ask.busier, ask.longer):
            one, other = (facts.by_type[v] for v in values)
            yield from (self.heard(one), self.heard(other))
        else:
            placed = [at(facts, side) for side in values if side in facts.places]
            one, other = (player for player in placed if player is not None)
            yield from (self.where(one), self.where(other))
        names = {"who": self.name(one), "other": self.name(other)}
        if program in (ask.louder, ask.placed_louder, ask.side_louder):
            gap = one.level - other.level
            yield self.say(LOUDER, **names, difference=abs(gap), word="louder" if gap > 0 else "softer")
        elif program is ask.longer:
            yield self.say(LENGTHS, **names, seconds=length(one), other_seconds=length(other))
        else:
            notes = f"{one.rate:g} note{'' if one.rate == 1 else 's'}"
            yield self.say(RATES, **names, notes=notes, other_rate=other.rate)

    def in_time(self, program: Program, values: Sequence[str], answer: str) -> Iterator[str]:
        """Facts for temporal questions: sounding times of several players, and which is first, next, last, loudest or
        together with another.
        """
        facts = self.facts
        if program is ask.which_of:
            group = [p for p in facts.visible if p.instrument == values[0]]
            yield from map(self.where, group)
            return
        if program is ask.beside_sounding:
            yield self.row()
        yield from map(self.where, facts.entries)
        if program is ask.where_loudest:
            most = max if values[0] == "loudest" else min
            player = most(facts.heard, key=lambda p: p.level)
            yield self.say(MOST, who=self.name(player), word="loudest" if most is max else "softest")
        elif program is ask.nth_entry:
            player = next(p for p in facts.heard if p.instrument == answer)
            yield self.say(ENTRY, who=self.name(player), nth=values[0], start=onset(player))
        elif program is ask.together:
            one, other = facts.by_type[values[0]], next(p for p in facts.heard if p.instrument == answer)
            yield self.say(SHARED, who=self.name(one), other=self.name(other), times=_times(_common_spans(one, other)))
        elif {"first", "last"} & set(values):
            outermost = facts.outermost("last" if "last" in values else "first")
            assert outermost is not None
            if "last" in values:
                yield self.say(LAST, who=self.name(outermost), start=onset(outermost), stop=end(outermost))
            else:
                yield self.say(ENTRY, who=self.name(outermost), nth="first", start=onset(outermost))
        # for before and after, the times are enough

    def where(self, player: Player) -> str:
        """A player's position and sounding times."""
        who, times = self.name(player), _times(player.sounding)
        if player.x is None:
            return self.say(HIDDEN, who=who, times=times)
        if not player.sounding:
            return self.say(SILENT, who=who, place=self.place(player))
        return self.say(THERE, who=who, place=self.place(player), times=times)

    def heard(self, player: Player) -> str:
        """A player's sounding times, on stage or off."""
        return self.say(HEARD, who=self.name(player), times=_times(player.sounding))

    def kind_heard(self, kind: str) -> str:
        """Sounding times of a type of instrument, over all its players."""
        spans = sorted(span for p in self.facts.heard if p.instrument == kind for span in p.sounding)
        if not spans:
            return self.no(UNHEARD, kind)
        alone = sum(p.instrument == kind for p in self.facts.scene.players) == 1
        return self.say(HEARD, who=("the " + _spaced(kind)) if alone else article(kind), times=_times(_merged(spans)))

    def no(self, frames: Sequence[str], kind: str) -> str:
        return self.say(frames, kind=_spaced(kind), a_kind=article(kind))

    def row(self) -> str:
        """All players on stage from left to right."""
        row = listed([article(p.instrument) for p in self.facts.visible])
        return self.say(ROW if len(self.facts.visible) > 1 else ALONE, row=row)

    def name(self, player: Player) -> str:
        """ "the violin", or "one violin" where there are several."""
        alone = self.facts.players[player.instrument] == 1
        return f"{'the' if alone else 'one'} {_spaced(player.instrument)}"

    def place(self, player: Player) -> str:
        row = self.facts.visible
        if len(row) == 1:
            return "alone on the stage"
        k = next(i for i, p in enumerate(row) if p is player)
        if len(row) == 3 and k == 1:
            return "in the middle"
        ends = {0: "on the left", len(row) - 1: "on the right"}
        return ends.get(k, f"{ORDINALS[k]} from the left")

    def alike(self) -> bool:
        """Whether several players of one type are heard."""
        return len({p.instrument for p in self.facts.heard}) < len(self.facts.heard)


COMPARED: set[Callable[..., str | None]] = {
    *(ask.louder, ask.busier, ask.longer, ask.placed_louder, ask.placed_busier, ask.side_louder, ask.side_busier),
}


def _spaced(kind: str) -> str:
    return kind.replace("_", " ")


def _times(spans: Iterable[tuple[float, float]]) -> str:
    return listed([f"from {a:.1f} to {b:.1f} s" for a, b in spans])


def _merged(spans: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for a, b in spans:
        if merged and a <= merged[-1][1] + 1e-6:
            merged[-1] = (merged[-1][0], max(b, merged[-1][1]))
        else:
            merged.append((a, b))
    return merged


def _common_spans(one: Player, other: Player) -> list[tuple[float, float]]:
    pairs = ((max(a, c), min(b, d)) for a, b in one.sounding for c, d in other.sounding)
    return [(a, b) for a, b in pairs if a < b]
