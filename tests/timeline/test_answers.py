"""Answers from a made-up timeline: right, with evidence, and honest about what cannot be known."""

from dataclasses import replace

import numpy as np
import pytest

from lookhear.timeline import decide
from lookhear.timeline.answers import CANNOT, answer
from lookhear.timeline.value import Timeline
from lookhear.types import Sentence, Word
from tests.timeline.test_decide import STEP, sound


@pytest.fixture(scope="module")
def clip() -> Timeline:
    """A violin for the first half, then a dog; somebody says two words; a loud second half."""
    violin, dog, music = np.zeros(42), np.zeros(42), np.zeros(42)
    violin[:20], music[:20], dog[22:] = 0.8, 0.9, 0.9
    track = sound(42, **{"Violin, fiddle": violin, "Music": music, "Dog": dog})
    said = Sentence("Good dog.", 5.0, 6.0, 0.9, (Word("Good", 5.0, 5.4, 0.9), Word("dog.", 5.5, 6.0, 0.9)))
    return Timeline(
        "made up", 42 * STEP, tuple(decide.heard_events(track, 42 * STEP)), (said,), (-30.0,) * 10 + (-10.0,) * 10,
        ranked={"heard": decide.ranked_heard(track)}, heard=track,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Do you hear a dog?", "yes"),
        ("Is there a violin and a dog?", "yes"),
        ("Is there a helicopter?", "no"),
        ("Which instrument is heard?", "violin"),
        ("Which animal do you hear?", "dog"),
        ("What is heard first?", "violin"),
        ("What do you hear after the violin?", "dog"),
        ("Does the violin come before the dog?", "yes"),
        ("Are the violin and the dog heard at the same time?", "no"),
        ("Is the dog louder than the fiddle?", "yes"),
        ("Is it louder at the beginning or at the end?", "the end"),
        ("How many kinds of instruments are heard?", "one"),
        ("What is said?", "Good dog."),
        ('Is the word "dog" said?', "yes"),
        ("Is there music?", "yes"),
        ("Is it silent?", "no"),
        ("How long is the video?", "20.2 seconds"),
    ],
)
def test_known(clip, question, text):
    found = answer(clip, question)
    assert found.text == text, found
    assert 0 < found.scores[text] <= 1


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ("Do you hear an erhu?", "Bowed string"),
        ("Is there a unicorn?", "unicorn"),
        ("Can you see a dog?", "no picture"),
        ("Who is speaking?", "voices"),
        ("Why does the dog bark?", "not tell"),
        ("How many dogs are there?", "kinds"),
        ("When is the helicopter heard?", "helicopter"),
    ],
)
def test_not_known_is_said(clip, question, reason):
    found = answer(clip, question)
    assert found.text == CANNOT
    assert not found.scores
    assert reason in " ".join(found.notes)


@pytest.mark.parametrize(("option", "start", "end"), [("Dog", 9.5, 20.2), ("Violin, fiddle", 0, 10.5)])
def test_evidence_of_an_option_is_when_that_is_heard(clip, option, start, end):
    found = answer(clip, "Which event is both seen and heard in this video?", (option, "Helicopter"))
    assert found.text == option and found.segments and found.evidence and any(found.evidence.heard)
    assert all(start <= s.start < s.end <= end and s.stream == "audio" for s in found.segments), found.segments


def test_evidence_has_seconds(clip):
    found = answer(clip, "When does the dog bark?")
    assert abs(found.segments[0].start - 22 * STEP) < 1
    assert sum(found.evidence.heard[:9]) < 0.05


def test_the_nearest_option_or_none(clip):
    assert answer(clip, "What do you hear?", ("cat", "puppy", "train")).text in ("puppy",)
    assert answer(clip, "Which instrument is heard?", ("fiddle", "trumpet")).text == "fiddle"
    assert answer(clip, "What do you hear?", ("trumpet", "helicopter")).text == CANNOT


ASKED = (
    "Which instrument {} last?", "What {} first?", "What is the last animal that {}?", "How many instruments {}?",
    "When does the dog {}?", "What {} after the violin?", "Where is the loudest instrument?",
    "What {} at the same time as the dog?",
    "Is the dog louder than the violin?", "Is it a dog or a cat?", "What is on the left?", "How often does the dog {}?",
)  # fmt: skip


def test_no_program_fails_on_any_timeline(clip):
    """Silent, black, unheard, unseen, without events, with ranks alone: an answer or "cannot say"."""
    ranked = {"heard": (("Violin, fiddle", 0.3), ("Dog", 0.25)), "seen": (("beagle", 0.3),)}
    bare = replace(clip, events=(), ranked=ranked)
    for timeline in (clip, bare, Timeline("none", 5.0, ()), replace(clip, ranked={}, sentences=(), loudness=())):
        for question in ASKED:
            for options in ((), ("yes", "no"), ("violin", "dog", "two", "left")):
                assert answer(timeline, question.format("sound"), options).text
