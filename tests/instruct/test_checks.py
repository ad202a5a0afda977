"""Planted faults are caught, true texts pass, kind by kind; shots are texts like any other."""

import random
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from lookhear.curate.instruct import facts, phrases, shots, wording
from lookhear.curate.instruct.check import fault, kind_of, undated
from tests.instruct import planted, world

ROOT = Path("nowhere")


def texts(count):
    """True texts of every task."""
    for version in world.VERSIONS:
        if version == "labels":
            continue
        for number in range(count):
            example = world.example(ROOT, number, version)
            yield example, world.truth(wording.message(example, 10.0), number)


def test_planted_faults_are_caught_and_true_texts_pass(capsys):
    true, caught, missed = Counter(), defaultdict(Counter), defaultdict(list)
    rng = random.Random(0)
    for example, text in texts(40):
        found = fault(example, text, 10.0)
        true[bool(found)] += 1
        assert not found, (found, text)
        for kind, (plant, of) in planted.KINDS.items():
            if of and example.task not in of.split():
                continue
            spoiled = plant(example, rng, text)
            assert spoiled != text
            said = fault(example, spoiled, 10.0)
            caught[kind][bool(said)] += 1
            if not said:
                missed[kind].append(spoiled)
    shares = {kind: some[True] / some.total() for kind, some in caught.items()}
    assert min(shares.values()) >= 0.99, {k: (shares[k], missed[k][:3]) for k in shares if shares[k] < 0.99}
    assert true[True] <= 0.01 * true.total()


@pytest.mark.parametrize(
    "text",
    [
        "I cannot hear a second flute, so it must be the violin that plays on.",
        "Sound and picture agree: given how the bow moves, the violin sounds.",
        "Let there be no doubt, the violin is the first to sound in this room.",
        "The provided light falls on a violin, and a man labelled by a name tag plays it.",
        "No video screen is seen on the stage; the violin sounds alone.",
        "At first it is quiet, then at 7 seconds the violin starts; nothing is heard before.",
        "The question is which one leads, and the violin clearly does so to the end.",
        "Here the violin sounds from the beginning, and here it stays in view.",
        "There is no helicopter in the air and no dog on the ground, only a fiddle.",
        "Two violins and three people are there; (1) is on the left, (2) on the right.",
    ],
)
def test_what_a_viewer_may_write_passes(text):
    example = world.example(ROOT, 0, "qa")
    assert fault(example, f"{text} So it is <answer>violin</answer>.", 10.0) == ""


def test_times_are_read_in_words_and_figures():
    told = {"seventy-five seconds": 75, "1:15": 75, "1 minute 15 seconds": 75, "the 7th second": 7, "7.5 s": 7.5}
    for text, value in told.items():
        assert [t for _, times in facts.dated(f"It stops at {text}.") for t in times] == [value]
    assert [t for _, t in facts.dated("from 3 to 7 seconds, then 8-9 s; 2 people and 3 dogs")] == [(3, 7), (8, 9)]


def test_things_are_those_known_or_certified():
    event = world.example(ROOT, 0, "ave")
    text = "A man plays the violin while a puppy barks. So: <event> violin </event>, <range> 0,1 </range>"
    assert kind_of(fault(event, text)) == "names what is not known of the clip"
    assert fault(event, text, certified=("Dog",)) == ""
    assert fault(event, text.replace("a puppy barks", "the violinist bows")) == ""
    emotion = world.example(ROOT, 0, "emotion")
    assert fault(emotion, "A dog runs by and he laughs. So: <answer>happy</answer>") == "", "no set of things there"


def test_times_must_be_those_known():
    event = world.example(ROOT, 1, "ave")  # flute, 0 to 2
    ending = "<event> flute </event>, <range> 0,2 </range>"
    assert fault(event, f"The flute sounds from 0 to 2 s in a room. {ending}", 10.0) == ""
    assert fault(event, f"From second 0 to the 2nd second a flute sounds. {ending}", 10.0) == ""
    assert "known are 0 to 2" in fault(event, f"The flute sounds from 4 to 6 s in a room. {ending}", 10.0)
    assert fault(event, f"After that the flute is not heard from 4 to 6 s. {ending}", 10.0) == ""


def test_undated_events_are_dated_by_the_writer():
    example = world.example(ROOT, 3, "labels")
    assert (
        undated(example)
        and "dog" in wording.message(example, 2.0)
        and "lasts 2 seconds" in wording.message(example, 2.0)
    )
    text = "A dog lies there and barks at the end of it. <visual>dog,(0 2)</visual> <audio>dog,(1 2)</audio>"
    assert fault(example, text, 2.0) == ""
    for wrong, said in (
        (text.replace("(1 2)", "(1 9)"), "after the clip's end"),
        (text.replace("(1 2)", "(2 2)"), "lasts no time"),
        (text.replace("dog,(1", "cat,(1"), "another answer: cat"),
        (text.replace("</audio>", ""), "not closed"),
        ("A dog lies there and barks at the end of it.", "cannot be read"),
        (f"{text} <answer>dog</answer>", "leftover tag"),
    ):
        assert said in fault(example, wrong, 2.0)
    assert "in the form asked for" in wording.again(example, "gives no reason")


def test_shots_pass_and_every_form_has_some():
    for form, some in shots.every().items():
        for one in some:
            assert fault(one.example, one.reply) == "", (form, one.reply)
            assert one in shots.of(one.example)
            assert one.reasons[:30] in wording.message(one.example)
    s4 = shots.every()["s4"][0].example
    assert shots.of(replace(s4, meta={"form": "ms3"})) == shots.every()["s4"]


def test_whole_thoughts_are_taken_out_and_torn_ones_stay():
    assert phrases.spoken("<think>hm</think> A dog.<|im_end|>") == "A dog."
    assert phrases.spoken("[THINK]hm[/THINK]A dog.") == "A dog."
    assert phrases.spoken("<|channel|>analysis<|message|>hm<|end|><|channel|>final<|message|>A dog.") == "A dog."
    assert "<think>" in phrases.spoken("<think>hm A dog.")
