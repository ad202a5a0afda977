"""Both towers of CLIP equal OpenAI's code, from every layout its weights come in."""

import gzip
import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
import torch

from lookhear import config
from lookhear.encoders import clip, clip_text
from lookhear.encoders.clip import towers
from lookhear.errors import FeatureError, ModelError
from lookhear.types import Media
from tests.conftest import shared
from tests.encoders.goldens import error, golden

MERGES = "#version: tiny\nt h\nth e</w>\np i\npi a\npia n\npian o</w>\ni s</w>\n"


@pytest.fixture(scope="module")
def official(tmp_path_factory):
    """A tiny CLIP by OpenAI's names, as plain state dict and as TorchScript archive, with a list of merges."""
    folder = tmp_path_factory.mktemp("official")
    torch.manual_seed(0)
    width, words, embed, vocabulary = 64, 64, 24, 256 * 2 + 7 + 2

    def block(prefix, w):
        names = {"attn.in_proj_weight": (3 * w, w), "attn.in_proj_bias": (3 * w,), "attn.out_proj.weight": (w, w)}
        names |= {"attn.out_proj.bias": (w,), "ln_1.weight": (w,), "ln_1.bias": (w,), "ln_2.weight": (w,)}
        names |= {"ln_2.bias": (w,), "mlp.c_fc.weight": (4 * w, w), "mlp.c_fc.bias": (4 * w,)}
        names |= {"mlp.c_proj.weight": (w, 4 * w), "mlp.c_proj.bias": (w,)}
        return {f"{prefix}.{k}": v for k, v in names.items()}

    shapes = {"positional_embedding": (77, words), "text_projection": (words, embed), "logit_scale": ()}
    shapes |= {"visual.class_embedding": (width,), "visual.positional_embedding": (10, width)}
    shapes |= {"visual.proj": (width, embed), "visual.conv1.weight": (width, 3, 16, 16)}
    shapes |= {f"visual.ln_{k}.{p}": (width,) for k in ("pre", "post") for p in ("weight", "bias")}
    shapes |= {"token_embedding.weight": (vocabulary, words), "ln_final.weight": (words,), "ln_final.bias": (words,)}
    for i in range(2):
        shapes |= block(f"visual.transformer.resblocks.{i}", width) | block(f"transformer.resblocks.{i}", words)
    state = {k: torch.randn(v) * 0.2 for k, v in shapes.items()}
    torch.save(state, folder / "ViT-tiny.pt")

    class Archive(torch.nn.Module):
        def forward(self, x):
            return x

    archive = Archive()
    for name, value in (state | {"input_resolution": torch.tensor(48)}).items():
        owner = archive
        *path, last = name.split(".")
        for part in path:
            if not hasattr(owner, part):
                owner.add_module(part, Archive())
            owner = getattr(owner, part)
        owner.register_buffer(last, value.half() if value.ndim > 1 else value)
    torch.jit.save(torch.jit.script(archive), str(folder / "ViT-archive.pt"))
    (folder / towers.MERGES).write_bytes(gzip.compress(MERGES.encode()))
    return folder


def pictures(count=3, size=(48, 60)):
    return np.random.default_rng(0).integers(0, 255, (count, *size, 3), dtype=np.uint8)


def media(frames):
    return Media(frames, np.arange(len(frames)) + 0.5, None, 16000, float(len(frames)))


def from_golden(tmp_path):
    g, meta = golden("clip_tiny")
    state = {k.removeprefix("sd."): v for k, v in g.items() if k.startswith("sd.")}
    torch.save(state, tmp_path / "clip_tiny.pt")
    return g, meta, state


def test_the_picture_tower_equals_the_original(tmp_path):
    g, _, _ = from_golden(tmp_path)
    encoder = clip.build(clip.Config(str(tmp_path / "clip_tiny.pt"), patches=True))
    with torch.inference_mode():
        tokens = encoder.project(g["image"])
    assert encoder.size == 48
    assert error(tokens, g["image_tokens_projected(PSTP patch)"]) < 2e-6
    assert error(tokens[:, 0], g["image_embeds(frame)"]) < 2e-6


@pytest.mark.parametrize("heads", [4])
def test_the_text_tower_equals_the_original(tmp_path, heads, monkeypatch):
    g, _, state = from_golden(tmp_path)
    plain = towers.sizes(state)
    plain["text"]["num_attention_heads"] = heads  # the tiny golden has heads of 8, the published models of 64
    monkeypatch.setattr(towers, "sizes", lambda state: plain)
    monkeypatch.setattr(towers, "Tokens", lambda weights: None)
    for project, name in ((True, "text_words_projected(clip_word)"), (False, "text_words_unprojected(ln_final)")):
        encoder = clip_text.build(clip_text.Config(str(tmp_path / "clip_tiny.pt"), project=project))
        with torch.inference_mode():
            question, words = encoder.project(g["text"])
        assert error(words, g[name]) < 2e-6
        assert error(question, g["text_embeds(EOT)"]) < 2e-6


def test_every_layout_gives_the_same_features(official, tmp_path):
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer

    state = towers.official_state(official / "ViT-tiny.pt")
    sizes = towers.sizes(state)
    both = CLIPConfig(text_config=sizes["text"], vision_config=sizes["vision"], projection_dim=24)
    model = CLIPModel(both)
    model.load_state_dict(towers.renamed(state) | {"logit_scale": state["logit_scale"]}, strict=False)
    model.save_pretrained(tmp_path / "hub")
    CLIPTokenizer(**towers.vocabulary(MERGES)).save_pretrained(tmp_path / "hub")
    frames = media(pictures())
    texts = ["Is the piano", "the"]
    results, hashes = [], set()
    for weights in (official / "ViT-tiny.pt", tmp_path / "hub"):
        seen = config.build("encoders", {"name": "clip", "weights": str(weights), "patches": True})
        read = config.build("encoders", {"name": "clip_text", "weights": str(weights)})
        results.append(seen([frames])[0] | read(texts)[0])
        hashes.add((seen.signature()["sha256"], read.signature()["sha256"]))
        assert seen.streams == {"frames": 24, "patches": 24}
        assert read.streams == {"question": 24, "words": 24}
    for stream in ("frames", "patches", "question", "words"):
        assert torch.equal(results[0][stream], results[1][stream]), stream
    assert len(hashes) == 1, "the same weights, whatever file they came in"
    archive = clip.build(clip.Config(str(official / "ViT-archive.pt")))([frames])[0]["frames"]
    assert error(archive, results[0]["frames"]) < 5e-3  # its weights are in half precision, as published


def test_shapes_and_batches_do_not_change_a_frame(official):
    encoder = clip.build(clip.Config(str(official / "ViT-tiny.pt"), patches=True, batch=2))
    frames = pictures(5)
    (out,) = encoder([media(frames)])
    assert out["frames"].shape == (5, 24)
    assert out["patches"].shape == (5, 10, 24)
    assert torch.equal(out["frames"], out["patches"][:, 0])
    (one,) = encoder([media(frames[3:4])])
    assert torch.allclose(one["frames"][0], out["frames"][3], atol=1e-5)
    assert len(encoder([media(frames), media(frames[:2])])) == 2


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_close_and_signed(official, precision):
    whole, half = (clip.build(clip.Config(str(official / "ViT-tiny.pt"), precision=p)) for p in ("fp32", precision))
    a, b = whole([media(pictures())])[0]["frames"], half([media(pictures())])[0]["frames"]
    assert (torch.nn.functional.cosine_similarity(a, b) > 0.999).all()
    assert b.dtype == torch.float32
    assert whole.signature()["sha256"] == half.signature()["sha256"]
    assert whole.signature() != half.signature()


def test_questions_become_the_official_tokens(official):
    """With the real list of merges where open_clip, which carries it, is installed."""
    cases = json.loads(shared("goldens", "encoders", "clip_bpe.json").read_text())
    spec = importlib.util.find_spec("open_clip")
    if spec is None or spec.origin is None:
        pytest.skip("the list of merges is not here: pip install --no-deps open_clip_torch")
    check_tokens(Path(spec.origin).parent / towers.MERGES, cases)


def check_tokens(merges, cases):
    tokens = towers.Tokens.__new__(towers.Tokens)
    from transformers import CLIPTokenizer

    tokens.tokenizer = CLIPTokenizer(**towers.vocabulary(gzip.decompress(merges.read_bytes()).decode("utf-8")))
    for case in [*cases["questions"], *cases["odd"]]:
        ids = tokens([case["text"]], truncate=True)[0]
        assert ids[: len(case["ids"])].tolist() == case["ids"], case["text"]
        assert not ids[len(case["ids"]) :].any()


def test_pieces_are_joined_by_the_merges_and_padded_with_zeros(official):
    tokens = towers.Tokens(str(official / "ViT-tiny.pt"))
    vocabulary = towers.vocabulary(MERGES)["vocab"]
    start, end = vocabulary["<|startoftext|>"], vocabulary["<|endoftext|>"]
    ids = tokens(["  THE   piano ", "ｔｈe &amp;amp; is"])
    assert ids.shape == (2, 77)
    assert ids[0, :5].tolist() == [start, vocabulary["the</w>"], vocabulary["piano</w>"], end, 0]
    assert ids[1, :5].tolist() == [start, vocabulary["the</w>"], vocabulary["&</w>"], vocabulary["is</w>"], end]
    assert tokens.pieces("  THE   piano ") == ["[start]", "the", "piano", "[end]"]
    assert "".join(p.removeprefix("##") for p in tokens.pieces("pianos")[1:-1]) == "pianos"
    with pytest.raises(FeatureError, match="CLIP reads 77"):
        tokens(["the " * 100])
    cut = tokens(["the " * 100], truncate=True)[0]
    assert cut[-1] == end
    assert (cut[1:-1] == vocabulary["the</w>"]).all()


def test_bad_weights_are_one_line(tmp_path, official, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    (tmp_path / "empty").mkdir()
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pt")
    for weights in (tmp_path / "empty", tmp_path / "other.pt", tmp_path / "missing.pt"):
        with pytest.raises(ModelError) as caught:
            clip.build(clip.Config(str(weights)))
        assert "\n" not in str(caught.value)
        assert str(weights) in str(caught.value)
    alone = tmp_path / "ViT-alone.pt"
    alone.write_bytes((official / "ViT-tiny.pt").read_bytes())
    with pytest.raises(ModelError, match="comes with OpenAI's CLIP code"):
        clip_text.build(clip_text.Config(str(alone)))
    with pytest.raises(FeatureError, match="without a picture"):
        clip.build(clip.Config(str(alone)))([Media(None, np.zeros(0), np.zeros(10, np.float32), 16000, 1.0)])
