"""VGGish equals the official front end and network, and reads checkpoints as they were published."""

import numpy as np
import pytest
import torch

from lookhear import checkpoints, config
from lookhear.encoders import vggish
from lookhear.errors import FeatureError, ModelError, RecipeError
from lookhear.frontends.moviepy import decimate
from lookhear.types import Media
from tests.encoders.goldens import error, fill, golden


def media(wave, rate=16_000):
    return Media(None, np.zeros(0), np.asarray(wave, np.float32), rate, len(wave) / rate)


class Tiny(torch.nn.Module):
    """In place of the 72 million weights: something that depends on every cell of an example."""

    def forward(self, mel):
        return mel.flatten(1)[:, :: 96 * 64 // 128][:, :128] - 1


@pytest.fixture
def encoder():
    return lambda **settings: vggish.VGGishEncoder(vggish.Config(**settings), Tiny())


def test_log_mel_equals_the_original():
    g, _ = golden("vggish_logmel")
    assert np.abs(vggish.mel_matrix() - g["mel_matrix"].numpy()).max() < 1e-12
    noise = vggish.log_mel(g["noise_1s.wave_f64"].numpy())[:96]
    assert np.abs(noise - g["noise_1s.logmel"][0].numpy()).max() < 1e-9
    silence = vggish.log_mel(np.zeros(16000))[:96]
    assert np.abs(silence - g["silence_1s"][0].numpy()).max() < 1e-6


@pytest.mark.parametrize("clip", ["fortis_16k_mono", "duck10s_16k_stereo", "ms3_16k_stereo"])
@pytest.mark.parametrize(("hop", "name"), [("second", "music_avqa_per_second"), ("0.96", "torchvggish_0.96hop")])
def test_examples_of_a_clip_equal_the_official_ones(encoder, clip, hop, name):
    g, _ = golden("vggish_logmel")
    wave = g[f"{clip}.pcm"].numpy() / 32768
    wave = wave.mean(1) if wave.ndim == 2 else wave
    ours = encoder(hop=hop).examples(media(wave))
    assert ours.shape == g[f"{clip}.{name}"].shape
    assert (ours - g[f"{clip}.{name}"]).abs().max() < 2e-5  # the waveform went through float32


def test_the_network_equals_the_original():
    g, _ = golden("vggish_net")
    net = vggish.VGGish()
    net = checkpoints.load(net, fill(net, "vggish", 1.4), "recipe")
    with torch.inference_mode():
        raw = net(g["x"][:, 0])
    assert error(raw, g["embedding_pre_relu"]) < 3e-6
    assert error(raw.relu(), g["embedding"]) < 3e-6


def test_the_published_layouts_load_from_disk(tmp_path):
    net = vggish.VGGish(dense=8)
    extra = {"pproc.pca_means": torch.zeros(128, 1)}  # some copies of the file carry the post-processor
    torch.save(net.state_dict() | extra, tmp_path / "vggish-10086976.pth")
    built = config.build("encoders", {"name": "vggish", "weights": str(tmp_path)})
    mel = torch.randn(2, 96, 64)
    with torch.inference_mode():
        assert torch.equal(built.net(mel), net(mel))
    assert built.streams == {"audio": 128}
    signature = built.signature()
    assert signature["settings"] == {"hop": "second", "audio": "resampled", "relu": True, "precision": "fp32"}
    assert signature["sha256"] == checkpoints.sha256(net)
    half = config.build("encoders", {"name": "vggish", "weights": str(tmp_path), "precision": "bf16"})
    wave = media(np.random.default_rng(0).normal(0, 0.1, 32000))
    close = torch.nn.functional.cosine_similarity(half([wave])[0]["audio"], built([wave])[0]["audio"])
    assert (close > 0.99).all()


def test_tensorflow_variables_load():
    net = vggish.VGGish(dense=8)
    names = dict(
        zip(
            (0, 3, 6, 8, 11, 13),
            ("conv1", "conv2", "conv3/conv3_1", "conv3/conv3_2", "conv4/conv4_1", "conv4/conv4_2"),
            strict=True,
        )
    )
    state = {}
    for i, name in names.items():
        state[f"vggish/{name}/weights"] = net.features[i].weight.permute(2, 3, 1, 0)
        state[f"vggish/{name}/biases"] = net.features[i].bias
    for i, name in {0: "fc1/fc1_1", 2: "fc1/fc1_2", 4: "fc2"}.items():
        state[f"vggish/{name}/weights"], state[f"vggish/{name}/biases"] = (
            net.embeddings[i].weight.T,
            net.embeddings[i].bias,
        )
    ours = vggish.from_tensorflow(state)
    assert ours.keys() == net.state_dict().keys()
    assert all(torch.equal(ours[k], v) for k, v in net.state_dict().items())


def test_moviepys_sound_is_reproduced_to_the_sample():
    g, meta = golden("moviepy_audio")
    source = g["src44.1k_stereo"].numpy() / 32768
    ours = decimate(source, meta["report"]["duration"]) * 32768
    theirs = g["moviepy16k_stereo"].numpy()
    assert ours.shape == theirs.shape
    assert np.array_equal(ours, theirs)
    mel = vggish.log_mel((theirs / 32768).mean(1)[: 3 * 16000].reshape(3, 16000))[:, :96]
    assert np.abs(mel - g["logmel_from_moviepy"].numpy()).max() < 1e-6


def test_one_row_a_second_whatever_the_length(encoder):
    rng = np.random.default_rng(0)
    for seconds, rows in ((0.3, 1), (1.0, 1), (1.4, 1), (1.6, 2), (10.008, 10), (9.97, 10)):
        (out,) = encoder()([media(rng.normal(0, 0.1, round(seconds * 16000)))])
        assert out["audio"].shape == (rows, 128), seconds
        assert (out["audio"] >= 0).all()
    wave = rng.normal(0, 0.1, 48000)
    together = encoder()([media(wave), media(wave[:16000])])
    assert torch.equal(together[0]["audio"][0], together[1]["audio"][0])
    assert (encoder(relu=False)([media(wave)])[0]["audio"] < 0).any()


def test_bad_input_is_one_line(encoder, tmp_path):
    with pytest.raises(FeatureError, match="without a sound track"):
        encoder()([Media(np.zeros((1, 8, 8, 3), np.uint8), np.zeros(1), None, 16000, 1.0)])
    with pytest.raises(FeatureError, match="hears at 16000 Hz, was given 44100"):
        encoder()([media(np.zeros(44100), 44100)])
    with pytest.raises(RecipeError, match="hop='1'"):
        vggish.build(vggish.Config(hop="1"))
    with pytest.raises(ModelError, match="No weights at"):
        vggish.build(vggish.Config(weights=str(tmp_path / "nothing.pth")))
    with pytest.raises(ModelError, match="Expected one of"):
        vggish.build(vggish.Config(weights=str(tmp_path)))
    torch.save({"features.0.weight": torch.zeros(3)}, tmp_path / "vggish-half.pth")
    with pytest.raises(ModelError, match="it lacks"):
        vggish.build(vggish.Config(weights=str(tmp_path / "vggish-half.pth")))
    (tmp_path / "garbage.pth").write_bytes(b"garbage" * 100)
    with pytest.raises(ModelError, match="safely"):
        vggish.build(vggish.Config(weights=str(tmp_path / "garbage.pth")))


class Bomb:
    def __reduce__(self):
        return print, ("a checkpoint ran code",)


def test_no_code_in_a_checkpoint_is_run(tmp_path, capsys):
    torch.save({"model": Bomb()}, tmp_path / "bomb.pth")
    with pytest.raises(ModelError, match="safely"):
        checkpoints.read(tmp_path / "bomb.pth")
    assert "ran code" not in capsys.readouterr().out


def test_a_published_name_is_fetched_once_or_says_where_from(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))

    def offline(url, to, progress):
        raise OSError("no route to host")

    monkeypatch.setattr(torch.hub, "download_url_to_file", offline)
    with pytest.raises(ModelError, match=r"Download https://github\.com/harritaylor"):
        vggish.build(vggish.Config())


def test_one_hash_for_the_same_weights_in_any_file(tmp_path):
    from safetensors.torch import save_file

    net = torch.nn.Linear(3, 2)
    torch.save({"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "a.pth")
    save_file(net.state_dict(), tmp_path / "b.safetensors")
    hashes = set()
    for name in ("a.pth", "b.safetensors"):
        again = checkpoints.load(torch.nn.Linear(3, 2), checkpoints.tensors(checkpoints.read(tmp_path / name)), name)
        hashes.add(checkpoints.sha256(again))
    assert hashes == {checkpoints.sha256(net)}
