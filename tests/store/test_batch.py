"""Batches: streams by the names in a net's signatures, one row per clip, one per question."""

import numpy as np
import pytest
import torch

from lookhear.errors import FeatureError
from lookhear.store.batch import batch, batches, orders, wants
from lookhear.store.features import FeatureStore, text_key
from lookhear.types import BLANK, MISSING, Clip, Example, Source
from tests.store.toy import Colour, Letters, Loudness

FEATURES = {"frames": "toy_colour", "patches": "toy_colour", "audio": "toy_loudness"} | dict.fromkeys(
    ("question", "words"), "toy_letters"
)


class Net:
    def watch(self, audio, frames): ...

    def answer(self, memory, question, words): ...

    def losses(self, output, labels, words, audio_negative, frames_negative): ...


def clip(name):
    return Clip(Source(name), Source(name))


def example(number, name, question="How many violins?", **meta):
    return Example(str(number), "question_answering", clip(name), question, meta=meta)


@pytest.fixture
def store():
    """Clips a and b of 4 seconds, c of 3; d has no sound; the features are recognisable numbers."""
    store = FeatureStore(None)
    colour, loudness, letters = store.open(Colour()), store.open(Loudness()), store.open(Letters())
    for value, (name, length) in enumerate({"a": 4, "b": 4, "c": 3, "d": 4, "blank": 2}.items()):
        time = torch.arange(length, dtype=torch.float32)
        frames = value + torch.stack([time, time, time], 1) / 10
        store.put(colour, name, {"frames": frames, "patches": frames[:, None].repeat(1, 2, 1)})
        store.put(loudness, name, {"audio": frames[:, :1] * 10}, absent=name == "d")
    questions = ["How many violins?", "Where is it?", "A violin is heard."]
    for question, made in zip(questions, Letters()(questions), strict=True):
        store.put(letters, text_key(question), made)
    return store


def test_the_order_form_is_the_argument_names():
    assert wants(Net()) == ("audio", "frames", "question", "words", "audio_negative", "frames_negative")
    assert orders(Net.losses) == ("words", "audio_negative", "frames_negative")


def test_one_row_per_clip_one_per_question(store):
    examples = [example(0, "b"), example(1, "a"), example(2, "b", "Where is it?")]
    got = batch(examples, ("audio", "frames", "question", "words"), FEATURES, store)
    assert {n: tuple(t.shape) for n, t in got.watch.items()} == {"audio": (2, 4, 1), "frames": (2, 4, 3)}
    assert {n: tuple(t.shape) for n, t in got.ask.items()} == {"question": (3, 26), "words": (3, 5, 26)}
    assert got.clip.tolist() == [0, 1, 0] and not got.notes
    assert got.watch["frames"][got.clip][:, 0, 0].tolist() == [1, 0, 1]
    assert torch.equal(got.ask["question"][0], got.ask["question"][1])
    assert not torch.equal(got.ask["question"][0], got.ask["question"][2])


def test_each_clips_features_are_loaded_once(store, monkeypatch):
    loads = []
    look = FeatureStore.look
    monkeypatch.setattr(FeatureStore, "look", lambda self, *a: loads.append(a) or look(self, *a))
    batch([example(i, "ab"[i % 2]) for i in range(40)], ("audio", "frames", "question"), FEATURES, store)
    assert len(loads) == len(set(loads)) == 2 * 2 + 1


def test_negatives_are_other_clips_and_repeat_with_the_seed(store):
    examples = [example(i, "ab"[i % 2]) for i in range(20)]
    pool = [clip(c) for c in "abc"]

    def draw(seed):
        generator = torch.Generator().manual_seed(seed)
        return batch(examples, wants(Net()), FEATURES, store, pool=pool, generator=generator).ask

    one, two, three = draw(1), draw(1), draw(2)
    assert one["frames_negative"].shape == (20, 4, 3) and one["audio_negative"].shape == (20, 4, 1)
    whose = one["frames_negative"][:, 0, 0]
    assert all(w != i % 2 for i, w in enumerate(whose.tolist())) and set(whose.tolist()) == {0, 1, 2}
    assert torch.equal(one["audio_negative"][:, 0, 0], whose * 10), "one other clip serves both streams"
    assert torch.equal(one["frames_negative"], two["frames_negative"])
    assert not torch.equal(one["frames_negative"], three["frames_negative"])


def test_negatives_need_a_second_clip(store):
    with pytest.raises(FeatureError, match="two clips"):
        batch([example(0, "a")], ("frames", "frames_negative"), FEATURES, store)


def test_unequal_lengths_need_a_rule(store):
    examples = [example(0, "a"), example(1, "c")]
    with pytest.raises(FeatureError, match=r"'frames' has 3 rows for 'c' but 4 for 'a'. .*data.seconds") as error:
        batch(examples, ("frames",), FEATURES, store)
    assert "\n" not in str(error.value)
    repeat = batch(examples, ("frames",), FEATURES, store, seconds=4)
    assert torch.equal(repeat.watch["frames"][1, 3], repeat.watch["frames"][1, 2])
    assert "1 of 4 rows short: repeat_last" in repeat.notes[0]
    assert batch(examples, ("frames",), FEATURES, store, seconds=5, fit="zeros").watch["frames"][1, 3:].abs().sum() == 0
    assert batch(examples, ("frames",), FEATURES, store, fit="cut").watch["frames"].shape == (2, 3, 3)
    assert batch(examples, ("frames",), FEATURES, store, seconds=2).watch["frames"].shape == (2, 2, 3)
    with pytest.raises(FeatureError, match="'frames' of 'c' has 3 rows, fewer than the 4"):
        batch(examples, ("frames",), FEATURES, store, seconds=4, fit="cut")
    with pytest.raises(FeatureError, match="repeat_last, zeros, cut"):
        batch(examples, ("frames",), FEATURES, store, seconds=4, fit="stretch")


def test_an_absent_track_is_refused_or_served_blank_with_a_note(store):
    with pytest.raises(FeatureError, match=r"'d' has no sound track for 'audio'.*absent='blank'"):
        batch([example(0, "d")], ("audio", "frames"), FEATURES, store)
    got = batch([example(0, "d")], ("audio", "frames"), FEATURES, store, absent="blank")
    assert got.watch["audio"].shape == (1, 4, 1) and got.notes == ("no sound track in 'd': silence served",)
    silent = Example("0", "question_answering", Clip(Source("a"), None), "Where is it?")
    with pytest.raises(FeatureError, match="no sound track"):
        batch([silent], ("audio", "frames"), FEATURES, store)
    got = batch([silent], ("audio", "frames"), FEATURES, store, absent="blank")
    assert got.watch["audio"][0, :, 0].tolist() == pytest.approx([41, 41, 41, 41]), "the last row of blank, repeated"


def test_blank_is_as_long_as_what_it_stands_beside(store):
    blind = Example("0", "question_answering", Clip(BLANK, Source("c")), "Where is it?")
    got = batch([blind], ("audio", "frames", "patches"), FEATURES, store)
    assert got.watch["frames"].shape == (1, 3, 3) and got.watch["patches"].shape == (1, 3, 2, 3) and not got.notes
    mixed = batch([blind, example(1, "a")], ("frames",), FEATURES, store)
    assert mixed.watch["frames"].shape == (2, 4, 3)


def test_swapped_sound_is_served_from_both_clips(store):
    swapped = Example("0", "question_answering", Clip(Source("a"), Source("b")), "Where is it?")
    got = batch([swapped], ("audio", "frames"), FEATURES, store)
    assert got.watch["frames"][0, 0, 0] == 0 and got.watch["audio"][0, 0, 0] == 10


def test_a_text_stream_may_have_its_own_text_and_its_encoders_stream(store):
    ask = batch(
        [example(0, "a", prompt="A violin is heard.")],
        ("question", "prompt"),
        FEATURES | {"prompt": "toy_letters:question"},
        store,
    ).ask
    assert torch.equal(ask["prompt"][0], Letters()(["A violin is heard."])[0]["question"])
    assert not torch.equal(ask["prompt"], ask["question"])


def test_missing_features_name_clip_stream_and_the_way_out(store):
    with pytest.raises(FeatureError, match="asks for 'tokens' but no encoder"):
        batch([example(0, "a")], ("tokens",), FEATURES, store)
    with pytest.raises(FeatureError, match=r"for 'nowhere'.*lookhear extract toy_colour"):
        batch([example(0, "nowhere")], ("frames",), FEATURES, store)
    with pytest.raises(FeatureError, match=r"text 'Why\?'.*lookhear extract toy_letters"):
        batch([example(0, "a", "Why?")], ("question",), FEATURES, store)
    with pytest.raises(FeatureError, match="at least one example"):
        batch([], ("frames",), FEATURES, store)


@pytest.mark.parametrize(
    ("array", "said"), [(np.full((4, 3), np.nan, "f4"), "NaN"), (np.zeros((4, 5), "f4"), "width 3")]
)
def test_damaged_numbers_on_disk_are_refused(tmp_path, array, said):
    store = FeatureStore(tmp_path)
    name = store.open(Colour())
    store.put(name, "a", {"frames": torch.zeros(4, 3), "patches": torch.zeros(4, 2, 3)})
    np.save(tmp_path / name / "frames" / "a.npy", array)
    with pytest.raises(FeatureError, match=f"toy_colour frames of 'a'.*{said}"):
        batch([example(0, "a")], ("frames",), FEATURES, FeatureStore(tmp_path))


def test_an_epoch_has_every_question_once_in_batches_of_few_clips():
    examples = [example(i, f"clip{i % 30}") for i in range(600)]
    epoch = batches(examples, batch=64, clips=16, generator=torch.Generator().manual_seed(0))
    assert sorted(int(e.id) for b in epoch for e in b) == list(range(600))
    assert [len(b) for b in epoch] == [64] * 9 + [24]
    assert all(8 <= len({e.clip for e in b}) <= 20 for b in epoch[:-1])
    same = batches(examples, batch=64, clips=16, generator=torch.Generator().manual_seed(0))
    other = batches(examples, batch=64, clips=16, generator=torch.Generator().manual_seed(1))
    assert same == epoch and other != epoch
    free = batches(examples, batch=64, clips=0, generator=torch.Generator().manual_seed(0))
    assert sorted(int(e.id) for b in free for e in b) == list(range(600)) and len({e.clip for e in free[0]}) > 20
    with pytest.raises(FeatureError, match="batch=0"):
        batches(examples, batch=0)


def test_pieces_of_a_clip_are_the_nearest_whole_number_of_questions():
    """5 questions about 3 clips are pieces of 2 (1.67), not of 1."""
    clips = [Clip(Source(name), Source(name)) for name in "abcd"]
    asked = [Example(f"{c.id}{n}", "question_answering", c, "?") for c in clips for n in range(4)]
    for seed in range(5):
        made = batches(asked, batch=5, clips=3, generator=torch.Generator().manual_seed(seed))
        line = [e.clip for batch_ in made for e in batch_]
        assert line[::2] == line[1::2], "neighbours are of one clip"


def test_a_missing_stream_is_served_as_zeros(store):
    """Probes are served the features of silence, missing-modality sets zeros, as by the published loader."""
    deaf, missing = (
        Example("0", "question_answering", Clip(Source("a"), source), "Where is it?") for source in (BLANK, MISSING)
    )
    silence, zeros = (batch([one], ("audio", "frames"), FEATURES, store).watch for one in (deaf, missing))
    assert silence["audio"].any() and not zeros["audio"].any() and silence["audio"].shape == zeros["audio"].shape
    assert torch.equal(silence["frames"], zeros["frames"]) and zeros["frames"].any()
