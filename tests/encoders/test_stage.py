"""The embedded encoders: shapes, sameness, what they can see, hear and read, and mistakes in one line."""

import importlib
from dataclasses import replace
from itertools import pairwise
from random import Random

import numpy as np
import pytest
import torch

from lookhear import config
from lookhear.encoders import stage_audio, stage_text, stage_vision
from lookhear.encoders._stage import WEIGHTS, rows, save
from lookhear.errors import FeatureError, ModelError
from lookhear.soundstage.picture.painter import frames
from lookhear.soundstage.scene.scene import INSTRUMENTS, Player, Scene
from lookhear.soundstage.sound.mix import sound
from lookhear.types import Media
from research.encoders import train_text


@pytest.fixture(scope="module")
def eyes():
    return config.build("encoders", {"name": "stage_vision"})


@pytest.fixture(scope="module")
def ears():
    return config.build("encoders", {"name": "stage_audio"})


@pytest.fixture(scope="module")
def reader():
    return config.build("encoders", {"name": "stage_text"})


def media(pictures=None, wave=None, seconds=None):
    length = seconds or (len(pictures) if pictures is not None else len(wave) / 16000)
    return Media(pictures, np.arange(int(length)) + 0.5, wave, 16000, float(length))


def stage(**changes):
    """A violin playing left, a silent tuba in the middle, a drum on the right that is softer and busier."""
    whole = ((0.0, 4.0),)
    players = (
        Player("violin", 0.2, whole, 6.0, 1.0, 0, whole),
        Player("tuba", 0.5, (), 0.0, 2.0, 0, ()),
        Player("drum", 0.8, whole, -6.0, 4.0, 0, whole),
    )
    return Scene("s", 3, 4.0, changes.pop("players", players), **changes)


@pytest.fixture(scope="module")
def shown():
    return np.stack(list(frames(stage(), 128, 1.0)))


def test_shapes_widths_and_promises(eyes, ears, reader, shown):
    (seen,), (heard,) = eyes([media(shown)]), ears([media(wave=sound(stage()))])
    (read,) = reader(["Where is the loudest instrument?"])
    assert seen["frames"].shape == (4, 256) and eyes.streams == {"frames": 256} and eyes.reads == "frames"
    assert heard["audio"].shape == (4, 128) and ears.streams == {"audio": 128} and ears.reads == "waveform"
    assert read["question"].shape == (128,) and read["words"].shape == (24, 128)
    assert reader.streams == {"question": 128, "words": 128} and reader.reads == "text"
    assert all(t.dtype == torch.float32 and t.isfinite().all() for d in (seen, heard, read) for t in d.values())


def test_the_weights_are_small_and_in_the_signature(eyes, ears, reader):
    assert sum(f.stat().st_size for f in WEIGHTS.glob("stage_*.safetensors")) < 6e6
    signatures = [e.signature() for e in (eyes, ears, reader)]
    assert [s["name"] for s in signatures] == ["stage_vision", "stage_audio", "stage_text"]
    assert all(len(s["sha256"]) == 64 for s in signatures) and len({s["sha256"] for s in signatures}) == 3


def test_other_weights_have_another_signature(eyes, tmp_path):
    torch.manual_seed(0)
    save(stage_vision.Viewer(), tmp_path / "other.safetensors")
    other = stage_vision.build(stage_vision.Config(str(tmp_path / "other.safetensors")))
    assert other.signature()["sha256"] != eyes.signature()["sha256"]


def test_what_stands_where(eyes, shown):
    (seen,) = eyes([media(shown)])
    violin, tuba, drum = (INSTRUMENTS.index(n) for n in ("violin", "tuba", "drum"))
    for v in eyes.plain("frames", seen["frames"]):
        assert (v[44:66].argmax(), v[66:88].argmax(), v[88:110].argmax()) == (violin, tuba, drum)
        assert round(float(v[158]) * 5) == 3 and (v[:22] * 3).round().nonzero().flatten().tolist() == sorted(
            [violin, tuba, drum]
        )
    players = stage().players
    swapped = stage(players=tuple(replace(p, x=q.x) for p, q in zip(players, players[::-1], strict=True)))
    (other,) = eyes([media(np.stack(list(frames(swapped, 128, 1.0))))])
    turned = eyes.plain("frames", other["frames"])[0]
    assert turned[44:66].argmax() == drum and turned[88:110].argmax() == violin


def test_who_plays_how_loud_how_busy(ears):
    (heard,) = ears([media(wave=sound(stage()))])
    violin, drum = (INSTRUMENTS.index(n) for n in ("violin", "drum"))
    read = ears.plain("audio", heard["audio"])
    present = read[:, :22] > 0.5
    assert present[:, violin].all() and present[:, drum].all() and present.sum(1).max() <= 3
    level, rate = read[:, 22:44].mean(0), read[:, 44:66].mean(0)
    assert level[violin] > level[drum] + 0.4 and rate[drum] > rate[violin]


def test_what_is_asked_of_whom(reader):
    (out,) = reader(["Is the violin on the left louder than the cello on the right"])
    first, second, slot, slot_two, _ = reader.plain("question", out["question"])[:107].split([22, 22, 15, 15, 33])
    assert INSTRUMENTS[first.argmax()] == "violin" and INSTRUMENTS[second.argmax()] == "cello"
    assert stage_text.SLOTS[slot.argmax()] == "left" and stage_text.SLOTS[slot_two.argmax()] == "right"
    spelled = stage_text.pieces(stage_text.Config())("Is the Acoustic Guitar loud?")
    assert spelled == ["is", "the", "acoustic guitar", "loud"]
    assert out["words"][13:].abs().sum() == 0 and out["words"][:13].abs().sum(1).min() > 0


def test_unknown_words_are_read_by_their_letters(reader):
    known, plural, strange, empty = reader(["violin", "violins", "zxqkj 提琴", ""])
    assert not torch.equal(plural["question"], strange["question"])
    assert torch.cosine_similarity(known["words"][0], plural["words"][0], 0) > torch.cosine_similarity(
        known["words"][0], strange["words"][0], 0
    )
    assert empty["question"].isfinite().all() and stage_text.spell("violin") != stage_text.spell("viola")
    (long,) = reader(["word " * 100])
    assert long["words"].shape == (24, 128)
    assert reader([]) == []


def test_ways_of_writing_do_not_matter(reader):
    one, two = reader(
        ["Is the Acoustic Guitar louder than the violin?", "is the acoustic_guitar louder than the violin"]
    )
    assert torch.allclose(one["question"], two["question"], atol=1e-5)


def test_the_same_in_any_company(eyes, ears, reader, shown):
    wave = sound(stage())
    a, b = media(shown, wave), media(shown[::-1].copy(), wave[::-1].copy())
    for encoder, stream in ((eyes, "frames"), (ears, "audio")):
        alone, together, again = encoder([a])[0], encoder([b, a])[1], encoder([a])[0]
        assert torch.equal(alone[stream], together[stream]) and torch.equal(alone[stream], again[stream])
    many = reader(["Where is the performance?", "Is there a voiceover?", "Is there a violin sound?"])
    (alone,) = reader(["Is there a voiceover?"])
    assert all(torch.allclose(alone[s], many[1][s], atol=1e-5) for s in alone)
    one = eyes([media(shown[:1])])[0]["frames"]
    assert torch.allclose(one[0], eyes([media(shown)])[0]["frames"][0], atol=1e-4), (
        "a frame does not see its neighbours"
    )


def test_pictures_of_any_size_and_sound_of_any_length(eyes, ears):
    tall = np.random.default_rng(0).integers(0, 255, (2, 360, 202, 3), np.uint8)
    assert eyes([media(tall)])[0]["frames"].shape == (2, 256)
    for samples, expected in ((0, 1), (4000, 1), (23999, 1), (24000, 2), (48100, 3)):
        wave = np.zeros(samples, np.float32)
        assert ears([media(wave=wave)])[0]["audio"].shape == (expected, 128) and rows(samples / 16000) == expected


def test_long_sound_is_heard_in_pieces_that_do_not_show(ears, monkeypatch):
    wave = torch.from_numpy(sound(stage()))
    whole = ears.listen(wave)
    monkeypatch.setattr(stage_audio, "PIECE", 1)
    assert torch.allclose(ears.listen(wave), whole, atol=1e-4)


def test_silence_and_black_are_nobody(eyes, ears):
    silence = ears.plain("audio", ears([media(wave=np.zeros(32000, np.float32))])[0]["audio"])
    assert silence[:, :22].max() < 0.3
    black = eyes.plain("frames", eyes([media(np.zeros((2, 128, 128, 3), np.uint8))])[0]["frames"])
    assert black.isfinite().all() and black[:, :22].max() < 0.5


def test_mistakes_are_one_line(eyes, ears, tmp_path):
    with pytest.raises(FeatureError, match="without a picture"):
        eyes([media(wave=np.zeros(16000, np.float32))])
    with pytest.raises(FeatureError, match="without a sound track"):
        ears([media(np.zeros((1, 8, 8, 3), np.uint8))])
    with pytest.raises(FeatureError, match="16000 Hz, was given 44100"):
        ears([Media(None, np.zeros(1), np.zeros(44100, np.float32), 44100, 1.0)])
    with pytest.raises(ModelError, match="No weights of stage_audio at"):
        stage_audio.build(stage_audio.Config("nowhere.safetensors"))
    save(stage_vision.Viewer(), tmp_path / "wrong.safetensors")
    with pytest.raises(ModelError, match="does not hold weights of stage_audio") as error:
        stage_audio.build(stage_audio.Config(str(tmp_path / "wrong.safetensors")))
    assert "\n" not in str(error.value)
    (tmp_path / "text.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match="does not hold weights of stage_text"):
        stage_text.build(stage_text.Config(str(tmp_path / "text.safetensors")))


def test_what_is_served_has_an_even_scale_and_can_be_read_plain(eyes, shown):
    (seen,) = eyes([media(shown)])
    plain = eyes.plain("frames", seen["frames"])
    assert torch.allclose(eyes.standard("frames", plain), seen["frames"], atol=1e-5)
    mean, spread = eyes.scale["frames"]
    assert spread.min() > 0.14 and (plain - mean).abs().max() < (seen["frames"]).abs().max()


def test_frozen_numbers(eyes, ears, reader):
    """Made by these weights: a change here is a change of every feature, and wants a new version."""
    ramp = np.indices((128, 128)).sum(0).astype(np.uint8)[None, :, :, None].repeat(3, 3)
    tone = (0.1 * np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)).astype(np.float32)
    found = {
        "frames": eyes([media(ramp)])[0]["frames"][0, -4:],
        "audio": ears([media(wave=tone)])[0]["audio"][0, -4:],
        "question": reader(["How many violin are in the entire video?"])[0]["question"][-4:],
    }
    for stream, numbers in FROZEN.items():
        assert found[stream].tolist() == pytest.approx(numbers, abs=2e-3), stream


FROZEN = {
    "frames": [1.0175, -0.179, 0.0341, -0.001],
    "audio": [1.0616, 1.1902, -0.3123, 0.4923],
    "question": [-0.6461, 0.4405, -1.9595, 0.5721],
}


@pytest.mark.parametrize("name", ["vision", "audio"])
def test_one_step_of_the_recipe_learns(name):
    """The recipe's own pool and losses: a few steps on a few scenes lower the loss."""
    recipe = importlib.import_module(f"research.encoders.train_{name}")
    torch.manual_seed(0)
    shown, true = recipe.pool(3, 0)
    net = stage_vision.Viewer() if name == "vision" else stage_audio.Listener()
    totals = []
    for _ in range(4):
        heads = net(recipe.scaled(shown) if name == "vision" else shown.float())
        loss = torch.stack(list(recipe.losses(heads, true).values())).sum()
        grads = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
        assert all(g is not None for g in grads), "every weight is trained"
        norm = torch.stack([g.norm() for g in grads]).norm()
        with torch.no_grad():
            for parameter, grad in zip(net.parameters(), grads, strict=True):
                parameter -= 0.1 * grad / norm
        totals.append(loss.item())
    assert totals[-1] < totals[0] - 0.5


def test_the_recipes_questions_are_the_fields():
    recipe = train_text
    assert len(recipe.LIST) == stage_text.QUESTIONS
    words, what = recipe.question(Random(0))
    assert len(what) == 5 and words


def test_strips_know_where_they_are_and_who_stands_there(shown):
    strips = config.build("encoders", {"name": "stage_patches"})
    (out,) = strips([media(shown)])
    assert out["patches"].shape == (4, 8, strips.streams["patches"]) and out["patches"].isfinite().all()
    assert torch.equal(out["patches"], strips([media(shown[::-1].copy()), media(shown)])[1]["patches"])
    assert (out["patches"][..., 160:].argmax(-1) == torch.arange(8)).all(), "which strip it is"
    first = out["patches"][0, :, :160]
    players, nobody = [0.2, 0.5, 0.8], 0.02
    standing = [first[int(8 * x)] for x in players]
    assert all((a - b).norm() > 5 for a, b in pairwise(standing)), "three who differ"
    assert all((a - first[int(8 * nobody)]).norm() > 5 for a in standing)
