"""Every question program on scenes set by hand: the clear cases, and the unclear ones that must not be answered."""

from dataclasses import replace

import pytest

from lookhear.soundstage.questions import programs, truth
from lookhear.soundstage.questions import templates as questions
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import BY_PROGRAM
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Player, Scene

WHOLE = ((0.0, 10.0),)


def player(kind, x, sounding=(), **more):
    return Player(kind, x, tuple(sounding), **more)


def scene(*players, **more):
    return Scene("00000000", 0, 10.0, tuple(players), **more)


def ask(program, stage, *values):
    return questions.answer(stage, BY_PROGRAM[program].text, values)


# flute enters first and softly, then the tuba, then the drum, loud; the pipa is silent; an erhu sounds off stage
QUARTET = scene(
    player("flute", 0.1, [(0.0, 3.0)], level=-6.0, rate=1.0),
    player("tuba", 0.35, [(2.0, 5.5)], rate=2.0),
    player("pipa", 0.6, miming=((1.0, 4.0),)),
    player("drum", 0.9, [(5.8, 10.0)], level=6.0, rate=4.0),
)
AWAY = replace(QUARTET, players=(*QUARTET.players, player("erhu", None, [(3.9, 6.0)], level=0.0)))


@pytest.mark.parametrize(
    ("program", "values", "answer"),
    [
        (programs.louder, ("drum", "flute"), "yes"),
        (programs.louder, ("flute", "drum"), "no"),
        (programs.louder, ("flute", "pipa"), None),  # one is silent
        (programs.louder, ("flute", "violin"), None),
        (programs.busier, ("tuba", "flute"), "yes"),
        (programs.busier, ("tuba", "drum"), "no"),
        (programs.longer, ("drum", "flute"), None),  # 4.2 s and 3 s: too near
        (programs.both_heard, ("flute", "tuba"), "yes"),
        (programs.both_heard, ("flute", "pipa"), "no"),
        (programs.both_heard, ("flute", "flute"), None),
        (programs.number_heard, (), "three"),
        (programs.is_heard, ("pipa",), "no"),
        (programs.is_heard, ("drum",), "yes"),
        (programs.both_seen, ("flute", "pipa"), "yes"),
        (programs.both_seen, ("flute", "erhu"), "no"),
        (programs.number_of, ("pipa",), "one"),
        (programs.number_of, ("cello",), "zero"),
        (programs.types_seen, (), "four"),
        (programs.is_seen, ("pipa",), "yes"),
        (programs.is_seen, ("banjo",), "no"),
        (programs.neighbour, ("left", "pipa"), "tuba"),
        (programs.neighbour, ("right", "pipa"), "drum"),
        (programs.neighbour, ("left", "flute"), None),
        (programs.neighbour, ("middle", "pipa"), None),
        (programs.at_the_end, ("leftest",), "flute"),
        (programs.at_the_end, ("rightest",), "drum"),
        (programs.which_kind, (), None),
        (programs.where, (), "indoor"),
        (programs.from_the_stage, (), None),  # three are never heard off stage: the number would tell
        (programs.voiceover, (), "no"),
        (programs.always, ("flute",), "no"),
        (programs.always, ("pipa",), None),  # never playing is not what is asked
        (programs.number_sounding, (), "three"),
        (programs.number_silent, (), "one"),
        (programs.number_sounding_of, ("flute",), "one"),
        (programs.number_sounding_of, ("pipa",), "zero"),
        (programs.types_sounding, (), "three"),
        (programs.placed_louder, ("drum", "right", "flute", "left"), "yes"),
        (programs.placed_louder, ("flute", "right", "drum", "left"), None),  # not where they stand
        (programs.placed_busier, ("flute", "left", "drum", "right"), "no"),
        (programs.side_louder, ("left", "right"), "no"),
        (programs.side_busier, ("right", "left"), "yes"),
        (programs.side_louder, ("left", "middle"), None),  # four have no middle
        (programs.sound_from, ("first", "left"), "yes"),
        (programs.sound_from, ("last", "left"), "no"),
        (programs.sound_from, ("last", "right"), "yes"),
        (programs.beside_sounding, ("right", "first"), "tuba"),
        (programs.beside_sounding, ("left", "last"), "pipa"),
        (programs.beside_sounding, ("left", "first"), None),
        (programs.where_loudest, ("loudest",), "right"),
        (programs.where_loudest, ("lowest",), "left"),
        (programs.together, ("flute",), None),  # the tuba joins it for one second only
        (programs.before_after, ("before", "tuba"), "flute"),
        (programs.before_after, ("after", "tuba"), "drum"),
        (programs.before_after, ("after", "flute"), None),  # two come after
        (programs.nth_entry, ("first",), "flute"),
        (programs.nth_entry, ("second",), "tuba"),
        (programs.nth_entry, ("third",), "drum"),
        (programs.nth_entry, ("fourth",), None),
        (programs.where_outermost, ("first",), "left"),
        (programs.where_outermost, ("last",), "right"),
        (programs.which_of, ("flute", "first"), None),
    ],
)
def test_the_quartet(program, values, answer):
    assert ask(program, QUARTET, *values) == answer


@pytest.mark.parametrize(
    ("program", "values", "answer"),
    [
        (programs.number_sounding, (), None),  # does the one off stage count as "in the video"?
        (programs.types_sounding, (), None),
        (programs.number_heard, (), "four"),
        (programs.number_silent, (), "one"),
        (programs.number_sounding_of, ("erhu",), None),
        (programs.is_seen, ("erhu",), "no"),
        (programs.is_heard, ("erhu",), "yes"),
        (programs.from_the_stage, (), None),  # some of it is
        (programs.louder, ("drum", "erhu"), "yes"),
        (programs.nth_entry, ("second",), "tuba"),
        (programs.nth_entry, ("third",), None),  # it is the one off stage
        (programs.before_after, ("after", "tuba"), None),
        (programs.where_outermost, ("first",), "left"),
    ],
)
def test_a_source_off_stage(program, values, answer):
    assert ask(program, AWAY, *values) == answer


def test_all_33_templates_are_answered_somewhere_by_hand():
    tried = {
        program for program in BY_PROGRAM if any(questions.harvest(Facts(s), BY_PROGRAM[program].text) for s in ALL)
    }
    assert tried == set(BY_PROGRAM) and len(tried) == 33


def test_solo():
    solo = scene(player("suona", 0.5, WHOLE), indoor=False, voiceover=(1.0, 4.0))
    assert ask(programs.which_kind, solo) == "suona"
    assert ask(programs.where, solo) == "outdoor"
    assert ask(programs.voiceover, solo) == "yes"
    assert ask(programs.always, solo, "suona") == "yes"
    assert ask(programs.from_the_stage, solo) is None, "the voice is a sound too"
    assert ask(programs.from_the_stage, replace(solo, voiceover=None)) == "yes"
    other = replace(solo, voiceover=None, players=(player("suona", 0.5), player("tuba", None, WHOLE)))
    assert ask(programs.from_the_stage, other) == "no"
    hidden = replace(other, players=(player("suona", 0.5), player("suona", None, WHOLE)))
    assert ask(programs.from_the_stage, hidden) is None, "nobody could tell"
    assert ask(programs.at_the_end, solo, "leftest") is None
    assert ask(programs.number_silent, other) == "one" and ask(programs.number_heard, replace(solo, players=())) is None


@pytest.mark.parametrize(("part", "answer"), [(7.0, "no"), (7.1, None), (9.9, None), (10.0, "yes")])
def test_always_playing_has_a_gap_between_yes_and_no(part, answer):
    assert ask(programs.always, scene(player("tuba", 0.5, [(0.0, part)])), "tuba") == answer


@pytest.mark.parametrize(
    ("program", "change", "answer"),
    [
        (programs.louder, {"level": 6.0}, "no"),
        (programs.louder, {"level": 5.9}, None),
        (programs.louder, {"level": -6.0}, "yes"),
        (programs.busier, {"rate": 1.0}, "yes"),
        (programs.busier, {"rate": 1.1}, None),
        (programs.busier, {"rate": 4.0}, "no"),
        (programs.longer, {"sounding": ((0.0, 3.0),)}, "yes"),
        (programs.longer, {"sounding": ((0.0, 1.0), (2.0, 4.1))}, None),
        (programs.longer, {"sounding": ((0.0, 3.0), (4.0, 8.0))}, "no"),
    ],
)
def test_comparisons_have_a_margin(program, change, answer):
    pair = scene(player("flute", 0.2, [(0.0, 5.0)]), replace(player("tuba", 0.8, [(1.0, 6.0)]), **change))
    assert ask(program, pair, "flute", "tuba") == answer
    turned = {"yes": "no", "no": "yes", None: None}[answer]
    assert ask(program, pair, "tuba", "flute") == turned


@pytest.mark.parametrize(("start", "answer"), [(1.4, None), (1.5, "left")])
def test_first_needs_a_second_and_a_half(start, answer):
    trio = scene(
        player("flute", 0.1, [(0.0, 4.0)]), player("tuba", 0.5, [(start, 6.0)]), player("drum", 0.9, [(3.2, 8.0)])
    )
    assert ask(programs.where_outermost, trio, "first") == answer


def test_last_must_hold_in_both_readings():
    trio = [player("flute", 0.1, [(0.0, 4.0)]), player("tuba", 0.5, [(2.0, 9.0)]), player("drum", 0.9, [(4.0, 7.0)])]
    assert ask(programs.where_outermost, scene(*trio), "last") is None, "last to enter, but not last to be heard"
    trio[1] = player("tuba", 0.5, [(2.0, 5.0)])
    assert ask(programs.where_outermost, scene(*trio), "last") == "right"


def test_two_have_no_where_is_but_sides():
    pair = scene(player("flute", 0.1, [(0.0, 4.0)], level=6.0), player("tuba", 0.9, [(2.0, 9.0)]))
    assert ask(programs.where_outermost, pair, "first") is None, "two places: half the answers would be luck"
    assert ask(programs.where_loudest, pair, "loudest") is None
    assert ask(programs.neighbour, pair, "right", "flute") is None, "of two, it is always the other one"
    assert ask(programs.side_louder, pair, "left", "right") == "yes"
    assert ask(programs.sound_from, pair, "first", "right") == "no"


def violins(*spans, truthful=True, kinds=("violin", "violin", "violin")):
    places = [0.1, 0.5, 0.9]
    return scene(
        *(
            player(kind, x, span, miming=tuple(span) if truthful else ())
            for kind, x, span in zip(kinds, places, spans, strict=True)
        )
    )


@pytest.mark.parametrize(
    ("spans", "which", "answer"),
    [
        (([(0.0, 3.0)], [(2.0, 5.0)], [(4.0, 7.0)]), "first", "left"),
        (([(4.0, 7.0)], [(0.0, 3.0)], [(2.0, 5.0)]), "first", "middle"),
        (([(0.0, 3.0)], [(2.0, 5.0)], [(4.0, 7.0)]), "last", "right"),
        (([(0.0, 3.0)], [(2.0, 9.0)], [(4.0, 7.0)]), "last", None),
        (([(1.0, 3.0)], [(1.0, 3.0)], [(1.0, 3.0)]), "first", "simultaneously"),
        (([(1.0, 3.0)], [(1.0, 3.0)], [(1.0, 4.0)]), "first", None),
        (([(1.0, 3.0)], [], [(4.0, 5.0)]), "first", None),
    ],
)
def test_which_of_three(spans, which, answer):
    assert ask(programs.which_of, violins(*spans), "violin", which) == answer
    assert ask(programs.which_of, violins(*spans, truthful=False), "violin", which) is None, "sound alone cannot tell"


def test_which_of_two_must_stand_where_the_word_says():
    spans = ([(0.0, 3.0)], [(2.0, 5.0)], [(4.0, 7.0)])
    assert ask(programs.which_of, violins(*spans, kinds=("violin", "drum", "violin")), "violin", "first") == "left"
    assert ask(programs.which_of, violins(*spans, kinds=("violin", "violin", "drum")), "violin", "first") is None


def test_counting_one_type_needs_truthful_movements():
    spans = ([(0.0, 3.0)], [], [(4.0, 7.0)])
    assert ask(programs.number_sounding_of, violins(*spans), "violin") == "two"
    assert ask(programs.number_silent, violins(*spans)) == "one"
    assert ask(programs.number_of, violins(*spans), "violin") == "three"
    for program, values in [(programs.number_sounding_of, ("violin",)), (programs.number_silent, ())]:
        assert ask(program, violins(*spans, truthful=False), *values) is None
    assert ask(programs.louder, violins(*spans), "violin", "violin") is None


TOGETHER = scene(
    player("flute", 0.1, [(0.0, 3.0)]),
    player("tuba", 0.4, [(1.0, 4.0)]),
    player("drum", 0.7, [(5.0, 9.0)]),
    player("pipa", 0.9),
)
PAIR = scene(player("flute", 0.2, [(0.0, 5.0)]), player("tuba", 0.8, [(1.0, 9.0)]))
TRIO = violins([(0.0, 3.0)], [(2.0, 5.0)], [(4.0, 7.0)])
ALL = (QUARTET, TOGETHER, PAIR, TRIO, scene(player("suona", 0.5, WHOLE)))


def test_together():
    assert ask(programs.together, TOGETHER, "flute") == "tuba" and ask(programs.together, TOGETHER, "tuba") == "flute"
    assert ask(programs.together, TOGETHER, "drum") is None
    three = replace(TOGETHER, players=(*TOGETHER.players[:2], player("drum", 0.7, [(2.0, 9.0)]), TOGETHER.players[3]))
    assert ask(programs.together, three, "tuba") is None, "two sound with it"
    nobody_silent = replace(TOGETHER, players=TOGETHER.players[:3])
    assert ask(programs.together, nobody_silent, "flute") is None


def test_templates_have_the_slots_of_their_text():
    assert TEMPLATES["Is the <Object> on the <LR> louder than the <Object> on the <LR>?"].slots == (
        *("Object", "LR"),
        *("Object", "LR"),
    )
    assert "How many sounding <Object> in the video？" in TEMPLATES, "with its full-width question mark"


@pytest.mark.parametrize(
    ("program", "values", "segments"),
    [
        (programs.nth_entry, ("second",), [("tuba", 2.0, 5.5)]),
        (programs.where_outermost, ("first",), [("flute", 0.0, 2.0)]),
        (programs.where_outermost, ("last",), [("drum", 5.8, 10.0)]),
        (programs.louder, ("drum", "flute"), [("flute", 0.0, 3.0), ("drum", 5.8, 10.0)]),
        (programs.is_heard, ("pipa",), [("pipa", 0.0, 10.0)]),
        (programs.always, ("flute",), [("flute", 3.0, 10.0)]),
        (programs.before_after, ("before", "tuba"), [("flute", 0.0, 2.0), ("tuba", 2.0, 5.5)]),
        (programs.is_seen, ("flute",), [("flute", 0.0, 10.0)]),
        (programs.where_loudest, ("loudest",), [("drum", 5.8, 10.0)]),
        (programs.which_kind, (), []),  # not a question about this scene
    ],
)
def test_evidence(program, values, segments):
    found = truth.evidence(QUARTET, BY_PROGRAM[program].text, values)
    assert [(s.label, s.start, s.end) for s in found] == segments
    together = truth.evidence(TOGETHER, BY_PROGRAM[programs.together].text, ("flute",))
    assert [(s.label, s.start, s.end) for s in together] == [("tuba", 1.0, 3.0)]
