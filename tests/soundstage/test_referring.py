"""Every expression read again, from its English and the raw scene alone: it means exactly one player, or nobody."""

import json
import re
from random import Random

import pytest

from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import to_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import world
from lookhear.soundstage.tasks import referring


def meant(words, raw):
    """Indices of the players on stage that the words fit; None where a listener or viewer could not be sure."""
    row = sorted((i for i, p in enumerate(raw["players"]) if p["x"] is not None), key=lambda i: raw["players"][i]["x"])
    players, kinds = raw["players"], [p["instrument"].replace("_", " ") for p in raw["players"]]
    sounds = [i for i in row if players[i]["sounding"]]
    side = {"far left": row[:1], "far right": row[-1:], "the middle": row[1:2] if len(row) == 3 else []}

    def placed(text):
        return next(there for word, there in side.items() if word in text)

    def only(kind, some):
        return [i for i in some if kinds[i] == kind]

    readers = [
        (r"the (.+) (?:on the stage|in the picture)", lambda m: only(m[1], row)),
        (r"the musician with the (.+)", lambda m: only(m[1], row)),
        (r"the instrument next to the (.+) on its (left|right)", lambda m: beside(m[1], m[2])),
        (r"the instrument ((?:on|in) the .+) that sounds", lambda m: [i for i in placed(m[1]) if i in sounds]),
        (r"the instrument heard ((?:on|in) the .+)", lambda m: [i for i in placed(m[1]) if i in sounds]),
        (r"the (.+) that (?:is being played|can be heard)", lambda m: only(m[1], sounds)),
        (r"the (.+) that (?:makes no sound|stays silent)", lambda m: only(m[1], set(row) - set(sounds))),
        (r"the instrument that is never played|the one on stage that is not heard", lambda m: set(row) - set(sounds)),
        (r"the instrument on stage that is heard|the one in the picture that sounds", lambda m: sounds),
        (r"the one that plays from beginning to end|the instrument that never pauses", lambda m: throughout()),
        (r"the first on stage to be heard", lambda m: most(lambda p: -p["sounding"][0][0], 1.5)),
        (
            r"the last on stage to be heard|the one in the picture that sounds until last",
            lambda m: most(lambda p: p["sounding"][-1][1], 1.5),
        ),
        (r"the loudest instrument on stage", lambda m: most(lambda p: p["level"], 6.0)),
        (r"the (.+) on the (far left|far right)|the (.+) in (the middle)", lambda m: only(m[1] or m[3], placed(m[0]))),
    ]

    def beside(kind, where):
        (k,) = only(kind, row)
        at = row.index(k) + (1 if where == "right" else -1)
        return [row[at]] if 0 <= at < len(row) else []

    def throughout():
        parts = {i: sum(b - a for a, b in players[i]["sounding"]) / raw["seconds"] for i in row}
        return None if any(0.7001 < part < 0.9999 for part in parts.values()) else [i for i in row if parts[i] > 0.9999]

    def most(value, margin):
        ranked = sorted(sounds, key=lambda i: value(players[i]), reverse=True)
        clear = len(ranked) < 2 or value(players[ranked[0]]) - value(players[ranked[1]]) > margin - 1e-6
        return ranked[:1] if clear else None

    for pattern, find in readers:
        if match := re.fullmatch(pattern, words):
            return find(match)
    pytest.fail(f"cannot be read: {words!r}")


def test_expressions_mean_what_they_say():
    asked = nulls = 0
    families = set()
    for c in world(Settings(train=0, val=0, test=150, questions=2, seed=8)):
        raw = json.loads(to_json(c.scene))
        for e in referring.expressions(Random(c.scene.seed), Facts(c.scene)):
            found = meant(e.words, raw)
            truth = [] if e.player is None else [i for i, p in enumerate(c.scene.players) if p is e.player]
            assert found is not None and list(found) == truth, (e.words, raw["players"])
            asked, nulls, families = asked + 1, nulls + (not truth), families | {(e.family, not truth)}
    assert asked > 1500 and nulls > 300 and len({family for family, _ in families}) == 12
    assert len(families) == 24, "every family is also asked with nobody to be found"


def test_words_do_not_tell_nulls():
    choice = referring.Choice(Random(1))
    for c in world(Settings(train=0, val=0, test=150, questions=2, seed=8)):
        choice.take(Facts(c.scene))
    shares = {
        family: choice.counts[family, True] / (choice.counts[family, True] + choice.counts[family, False])
        for family, _ in choice.counts
    }
    assert all(0.1 < share < 0.45 for share in shares.values()), shares
