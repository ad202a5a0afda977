"""Token merging equals the official functions; the ViT equals timm's, merged or not."""

import numpy as np
import pytest
import torch

from lookhear import checkpoints, config
from lookhear.encoders import tome_vit
from lookhear.errors import ModelError, RecipeError
from lookhear.types import Media
from tests.encoders.goldens import error, golden


def tiny(proportional=True):
    g, meta = golden("tome_vit_tiny")
    state = {k.removeprefix("sd."): v for k, v in g.items() if k.startswith("sd.")}
    net = tome_vit.of_shapes(state, heads=meta["config"]["heads"], proportional=proportional)
    return g, meta, checkpoints.load(net, state, "golden", ignore=("head.",)).eval()


@pytest.mark.parametrize("case", range(7))
def test_one_merge_equals_the_official_one(case):
    g, _ = golden("tome_merge_fn")
    if f"{case}.params" not in g:
        pytest.skip("fewer cases")
    _, r, first = g[f"{case}.params"].tolist()
    x, metric = g[f"{case}.x"], g[f"{case}.metric"]
    out, size = tome_vit.merge(x, metric, g[f"{case}.size"], r, bool(first))
    assert error(out, g[f"{case}.out"]) < 1e-6
    assert torch.equal(size, g[f"{case}.out_size"])
    out, size = tome_vit.merge(x, metric, None, r, bool(first))
    assert error(out, g[f"{case}.out_unit"]) < 1e-6


@pytest.mark.parametrize(
    "case",
    ["r0", "r3_int", "r5_list5of6", "r8_list5of6_cap", "r25_list5of6_cap", "r_tuple_dec", "r_tuple_inc", "single_mid"],
)
def test_the_network_equals_the_original_under_every_schedule(case):
    g, meta, net = tiny()
    given = meta["cases"][case]["r"]
    plan = meta["cases"][case]["schedule"]
    r = tuple(given) if isinstance(given, list) and isinstance(given[-1], float) else given
    assert tome_vit.schedule(r, 6) == plan
    with torch.inference_mode():
        out, size = net(g["image"], plan)
    assert out.shape[1] == meta["cases"][case]["tokens"]
    assert error(out, g[f"{case}.out"]) < 2e-6
    if f"{case}.size" in g:
        assert torch.equal(size, g[f"{case}.size"])


def test_attention_may_ignore_sizes():
    g, _, net = tiny(proportional=False)
    with torch.inference_mode():
        out, _ = net(g["image"], [5] * 5)
        plain, _ = net(g["image"])
    assert error(out, g["r5_noprop.out"]) < 2e-6
    assert error(plain, g["plain.tokens_after_norm"]) < 2e-6


def test_577_tokens_become_14():
    """The published schedule, on a network of the published depth and number of tokens but 8 numbers wide."""
    torch.manual_seed(0)
    net = tome_vit.ViT(384, 16, 8, 8, 24, 1).eval()
    for p in net.parameters():
        torch.nn.init.normal_(p, std=0.5)
    with torch.inference_mode():
        out, size = net(torch.randn(1, 3, 384, 384), tome_vit.Config().merge)
    assert out.shape == (1, 14, 8)
    assert size.sum() == 577, "every token is in exactly one of them"
    assert size.min() >= 1


def test_a_folder_on_disk_becomes_an_encoder(tmp_path):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    net = tome_vit.ViT(32, 8, 64, 128, 3, 1)
    save_file(net.state_dict() | {"head.weight": torch.zeros(2, 64)}, tmp_path / "model.safetensors")
    built = config.build("encoders", {"name": "tome_vit", "weights": str(tmp_path), "merge": [4, 4]})
    frames = np.random.default_rng(0).integers(0, 255, (3, 40, 50, 3), dtype=np.uint8)
    (out,) = built([Media(frames, np.arange(3.0), None, 16000, 3.0)])
    assert built.streams == {"patches": 64}
    assert out["patches"].shape == (3, 17 - 8, 64)
    assert built.signature()["settings"]["merge"] == [4, 4]
    with pytest.raises(RecipeError, match="none negative"):
        config.build("encoders", {"name": "tome_vit", "weights": str(tmp_path), "merge": [-1]})
    save_file({"weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="Not a ViT by timm's names"):
        config.build("encoders", {"name": "tome_vit", "weights": str(tmp_path / "other.safetensors")})


def test_the_hub_that_cannot_be_reached_is_one_line(monkeypatch):
    import huggingface_hub

    def offline(*_):
        raise OSError("no route to host")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", offline)
    with pytest.raises(ModelError, match=r"Cannot fetch 'timm/vit_large.*Download model.safetensors"):
        tome_vit.build(tome_vit.Config())
