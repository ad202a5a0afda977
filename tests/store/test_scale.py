"""Standardised streams: mean 0, deviation 1 over training; padding stays padding; nothing faint is blown up."""

import pytest
import torch

from lookhear.store.batch import Batch, batch
from lookhear.store.features import FeatureStore
from lookhear.store.fill import fill
from lookhear.store.scale import measure, scaled
from tests.train import world

WANTED = ("audio", "frames", "question", "words", "audio_negative")


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    root = world.make(tmp_path_factory.mktemp("world"))
    store, examples = FeatureStore(root / "features"), world.load(root, "train")
    fill(store, world.FEATURES, WANTED, examples)
    return measure(examples, WANTED, world.FEATURES, store), batch(examples, WANTED, world.FEATURES, store)


def test_training_streams_come_out_at_mean_0_and_deviation_1(served):
    scale, streams = served
    assert set(scale) == {"audio", "frames", "question", "words"}
    audio = scaled(streams, scale).watch["audio"].flatten(0, 1)  # every training clip is in this batch
    assert audio.mean(0).abs().max() < 1e-5
    deviation = audio.std(0, correction=0)
    assert (deviation - 1).abs().max() < 1e-3


def test_negatives_share_the_scale_of_their_stream(served):
    scale, streams = served
    one = streams.ask["audio_negative"]
    assert torch.equal(scaled(streams, scale).ask["audio_negative"], (one - scale["audio"][0]) / scale["audio"][1])


def test_padding_of_words_stays_zero_and_was_not_counted(served):
    scale, streams = served
    words = streams.ask["words"]
    padding = (words == 0).all(-1)
    assert padding.any()
    assert scaled(streams, scale).ask["words"][padding].abs().max() == 0
    distinct = words.unique(dim=0)
    real = distinct[(distinct != 0).any(-1)]
    assert torch.allclose(scale["words"][0], real.mean(0), atol=1e-5)


def test_what_never_varies_is_not_blown_up_and_integers_are_left_alone():
    scale = {"audio": (torch.zeros(2), torch.tensor([1.0, 0.1]))}
    tokens = torch.tensor([[1, 2]])
    streams = Batch({"audio": torch.ones(1, 3, 2)}, torch.tensor([0]), {"tokens": tokens})
    made = scaled(streams, scale)
    assert made.watch["audio"][0, 0].tolist() == pytest.approx([1.0, 10.0])
    assert torch.equal(made.ask["tokens"], tokens)
    assert scaled(streams, {}) is streams


def test_faint_numbers_have_a_floor(tmp_path):
    root = world.make(tmp_path / "world")
    store, examples = FeatureStore(root / "features"), world.load(root, "train")
    for key in {e.clip.id for e in examples}:
        values = store.get(world.EARS, "audio", key).copy()
        values[:, 5] = 7.0
        store.put(world.EARS, key, {"audio": values})
    (_, deviation) = measure(examples, ("audio",), world.FEATURES, store)["audio"]
    assert float(deviation[5]) == pytest.approx(0.1 * float(deviation.median()), rel=0.2)
