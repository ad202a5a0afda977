"""Reasoning texts say what is so, and a reader who knows nothing of their making catches whatever is not."""

import json
import re
from collections import defaultdict

import pytest

from lookhear.soundstage.scene.scene import to_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import world
from lookhear.soundstage.tasks import examples
from tests.soundstage import reasons_reader


@pytest.fixture(scope="module")
def told():
    """(text, raw scene, label, template) of every question of a small world."""
    found = []
    for c in world(Settings(train=60, val=0, test=60, seed=4)):
        texts = examples.ways(c.scene, c.first, c.questions)
        raw = json.loads(to_json(c.scene))
        found += [(texts[str(c.first + k)], raw, q.answer, q.template) for k, q in enumerate(c.questions)]
    return found


def test_every_text_is_so(told):
    assert len(told) > 1500 and len({template for *_, template in told}) == 33
    wrong = [(text, faults) for text, raw, label, _ in told if (faults := reasons_reader.faults(text, raw, label))]
    assert not wrong


def test_they_name_times_and_places_and_vary(told):
    assert sum(" s." in text or " s " in text for text, *_ in told) > len(told) / 2
    assert sum("on the left" in text.lower() for text, *_ in told) > len(told) / 8
    words = defaultdict(set)
    for text, *_, template in told:
        words[template].add(re.sub(r"\d+\.\d|<answer>.*?</answer>", "", text))
    assert all(len(variants) > 3 for variants in words.values())


NAMES = re.compile(r"[Tt]he (flute|violin|piano|drum|cello|erhu|pipa|banjo)\b")


@pytest.mark.parametrize(
    ("what", "pattern", "instead"),
    [
        ("time", re.compile(r"from (\d+)\.(\d) to"), lambda m: f"from {int(m[1]) + 3}.{m[2]} to"),
        ("name", NAMES, lambda m: m[0].replace(m[1], "suona" if m[1] != "suona" else "flute")),
        (
            "place",
            re.compile("on the left|on the right"),
            lambda m: {"left": "on the right"}.get(m[0][7:], "on the left"),
        ),
        ("word", re.compile("louder|softer"), lambda m: {"louder": "softer"}.get(m[0], "louder")),
        ("order", re.compile(r"(?<=in )first|second of all"), lambda m: "third of all" if "of" in m[0] else "fourth"),
        ("silence", re.compile("makes no sound"), lambda m: "plays from 0.0 to 1.0 s"),
        ("answer", re.compile("<answer>.*</answer>"), lambda m: "<answer>maybe</answer>"),
    ],
)
def test_what_is_not_so_is_found(told, what, pattern, instead):
    changed = caught = 0
    for text, raw, label, _ in told:
        lie = pattern.sub(instead, text, count=1)
        if lie != text:
            changed += 1
            caught += bool(reasons_reader.faults(lie, raw, label))
    assert changed > 20 and caught >= 0.98 * changed, f"{caught} of {changed}"


def test_what_cannot_be_read_is_a_fault():
    raw = {"players": [], "voiceover": None, "indoor": True, "seconds": 10.0}
    end = "So the answer is <answer>no</answer>."
    assert reasons_reader.faults(f"Nobody speaks. {end}", raw, "no") == []
    assert "cannot be read" in reasons_reader.faults(f"It rains. {end}", raw, "no")[0]
    assert "gives no reason" in reasons_reader.faults(end, raw, "no")[0]
    assert "does not end" in reasons_reader.faults("Nobody speaks. No.", raw, "no")[0]
    assert "not so" in reasons_reader.faults(f"Someone speaks from 1.0 to 2.0 s. {end}", raw, "no")[0]
