"""The reader of research/base/comparisons.py subtracts what its features hold, whoever plays longer or stands where."""

import numpy as np
import pytest
import torch

from lookhear.soundstage.scene.scene import INSTRUMENTS
from lookhear.types import Answer, Clip, Example, Source
from research.base import comparisons

PLAYED = {
    "violin": (range(2), 0.5, 0.25),
    "tuba": (range(10), -0.5, 0.0),
}  # seconds, level in 12 dB, rate in octaves / 4
ASKED = {
    "Is the violin louder than the tuba?": "yes",
    "Is the tuba louder than the violin?": "no",
    "Is the tuba more rhythmic than the violin?": "no",
    "Is the tuba playing longer than the violin?": "yes",
    "Is the instrument on the left louder than the instrument on the right?": "yes",
    "Is the tuba on the right more rhythmic than the violin on the left?": "no",
}


@pytest.fixture(scope="module")
def recipe():
    return comparisons


@pytest.fixture(scope="module")
def world(recipe):
    """One clip: a loud violin on the left for two seconds, a soft tuba on the right for ten."""
    heard, seen = torch.zeros(1, 10, 128), torch.zeros(1, 10, 256)
    for name, (seconds, level, rate) in PLAYED.items():
        k = INSTRUMENTS.index(name)
        for second in seconds:
            heard[0, second, [k, 22 + k, 44 + k]] = torch.tensor([1.0, 1 + level, 1 + rate])
    seen[0, :, recipe.PLACES["left"] + INSTRUMENTS.index("violin")] = 0.9
    seen[0, :, recipe.PLACES["right"] + INSTRUMENTS.index("tuba")] = 0.9
    clip = Clip(Source("a"), Source("a"))
    examples = [
        Example(str(i), "question_answering", clip, text, Answer(word), ("Audio", "Comparative"))
        for i, (text, word) in enumerate(ASKED.items())
    ]
    number = torch.arange(len(ASKED))
    yes = torch.tensor([float(word == "yes") for word in ASKED.values()])
    asked = recipe.Asked(examples, torch.zeros(len(ASKED), dtype=torch.long), number, yes)
    nothing = torch.zeros(0)
    return recipe.World({"test": asked}, nothing, nothing, nothing, list(ASKED), heard, seen, nothing)


def test_reads_loudness_rate_and_length_apart(recipe, world):
    assert recipe.read(world, world.splits["test"]).all()
    wrong = recipe.Asked(**{**vars(world.splits["test"]), "yes": 1 - world.splits["test"].yes})
    assert not recipe.read(world, wrong).any()


def test_loudness_is_that_of_the_seconds_played(recipe, world):
    numbers = recipe.while_playing(world.heard)[0]
    violin, tuba, silent = (INSTRUMENTS.index(name) for name in ("violin", "tuba", "flute"))
    assert numbers[[violin, tuba, silent]].tolist() == pytest.approx([0.2, 1.0, 0.0])
    assert numbers[[22 + violin, 22 + tuba, 22 + silent]].tolist() == pytest.approx([0.5, -0.5, 0.0], abs=1e-6)
    assert numbers[[44 + violin, 44 + tuba]].tolist() == pytest.approx([0.25, 0.0], abs=1e-6)


def test_slots_keep_their_order(recipe, world):
    texts = list(ASKED)
    assert recipe.slots(texts[0])[0] == recipe.slots(texts[1])[0][::-1]
    assert recipe.slots(texts[4]) == ([], ["left", "right"])


@pytest.mark.parametrize("way", ["Times", "Beside"])
def test_probes_learn_what_is_there(recipe, monkeypatch, way):
    g = torch.Generator().manual_seed(0)
    clips, texts = torch.randn(400, 3, generator=g), torch.eye(3)
    text = torch.randint(0, 3, (400,), generator=g)
    yes = (clips[torch.arange(400), text] > 0).float()
    monkeypatch.setattr(recipe, "STEPS", 150)
    monkeypatch.setattr(recipe, "RATE", 1e-2)
    asked = recipe.Asked([], torch.arange(400), text, yes)
    net = recipe.learn(getattr(recipe, way), clips, texts, asked)
    with torch.no_grad():
        said = net(clips, texts[text]) > 0
    assert np.mean(said.eq(yes > 0.5).numpy()) > 0.9
