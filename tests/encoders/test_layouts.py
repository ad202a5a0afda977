"""Names and shapes of the published full-size checkpoints are those that the encoders expect (no weights needed)."""

import json

import pytest
import torch

from lookhear import checkpoints
from lookhear.encoders import beats, clap, internvideo2, panns, r2plus1d, resnet, tome_vit, vggish
from lookhear.encoders.clip import towers as clip_towers
from lookhear.encoders.imagebind import towers as imagebind_towers
from tests.conftest import shared


def layout(name):
    found = json.loads(shared("goldens", "encoders", "checkpoint_layouts.json").read_text())
    if name not in found:
        pytest.fail(f"no layout {name!r}; there are {list(found)}")
    return {k: torch.empty(v, device="meta") for k, v in found[name]["keys"].items()}


def fits(net, state, ignore=()):
    checkpoints.load(net, state, "published", ignore=ignore)
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize(
    ("name", "size", "width", "tokens", "embed"),
    [("ViT-B/32", 224, 768, 50, 512), ("ViT-L/14", 224, 1024, 257, 768), ("ViT-L/14@336px", 336, 1024, 577, 768)],
)
def test_clip(name, size, width, tokens, embed):
    import transformers

    state = layout(f"openai_clip_{name}")
    sizes = clip_towers.sizes(state)
    assert sizes["vision"]["image_size"] == size
    assert sizes["vision"]["num_attention_heads"] == width // 64
    with torch.device("meta"):
        vision = transformers.CLIPVisionModelWithProjection(transformers.CLIPVisionConfig(**sizes["vision"]))
        text = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**sizes["text"]))
    ours = clip_towers.renamed(state)
    fits(vision, {k: v for k, v in ours.items() if k.startswith(("vision_model.", "visual_projection."))})
    fits(text, {k: v for k, v in ours.items() if k.startswith(("text_model.", "text_projection."))})
    assert vision.vision_model.embeddings.position_embedding.num_embeddings == tokens
    assert vision.config.projection_dim == text.config.projection_dim == embed


def test_vit_large_at_384():
    state = layout("timm_vit_large_patch16_384")
    with torch.device("meta"):
        net = tome_vit.of_shapes(state)
    fits(net, state, ignore=("head.",))
    assert (net.size, len(net.blocks), net.blocks[0].heads) == (384, 24, 16)


def test_vggish_of_both_frameworks():
    with torch.device("meta"):
        net = vggish.VGGish()
    assert fits(net, layout("torchvggish vggish-10086976.pth")) == 72_141_184
    fits(net, vggish.from_tensorflow(layout("tf_slim vggish_model.ckpt (variable names from the slim graph)")))


@pytest.mark.parametrize(("name", "width"), [("torchvision_resnet18", 512), ("torchvision_resnet101", 2048)])
def test_resnets(name, width):
    state = layout(name)
    for stride in (1, 2):
        with torch.device("meta"):
            net = resnet.of_names(state, stride)
        fits(net, state, ignore=("fc.",))
        assert net.width == width


def test_r2plus1d():
    with torch.device("meta"):
        net = r2plus1d.R2Plus1D()
    fits(net, layout("torchvision_r2plus1d_18"), ignore=("fc.",))


def test_cnn14():
    with torch.device("meta"):
        net = panns.Cnn14()
    fits(net, layout("Cnn14_mAP=0.431.pth [model]"), ("spectrogram_extractor.", "logmel_extractor.", "fc_audioset."))


@pytest.mark.parametrize("tuned", [False, True])
def test_beats(tuned):
    cfg = {"embed_dim": 512, "encoder_embed_dim": 768, "encoder_layers": 12, "encoder_ffn_embed_dim": 3072}
    cfg |= {"encoder_attention_heads": 12, "conv_bias": False, "conv_pos": 128, "conv_pos_groups": 16}
    cfg |= {"num_buckets": 320, "max_distance": 800, "deep_norm": True, "gru_rel_pos": True}
    cfg |= {"relative_position_embedding": True, "finetuned_model": tuned, "predictor_class": 527}
    with torch.device("meta"):
        net = beats.BEATs(cfg)
    fits(net, layout(f"BEATs_iter3_plus {'finetuned' if tuned else 'pretrained'} [model]"))


@pytest.mark.parametrize(("name", "width"), [("tiny", 768), ("base", 1024)])
def test_clap(name, width):
    state = layout(f"laion_clap audio_branch HTSAT-{name}")
    whole = {f"module.audio_branch.{k}": v for k, v in state.items()}
    for i, shape in ((0, (512, width)), (2, (512, 512))):
        whole |= {f"module.audio_projection.{i}.weight": torch.empty(shape, device="meta")}
        whole |= {f"module.audio_projection.{i}.bias": torch.empty(512, device="meta")}
    with torch.device("meta"):
        net = clap.from_official({"state_dict": whole})
    assert net.config.hidden_size == width
    assert net.config.projection_dim == 512


@pytest.mark.parametrize(("side", "heads"), [("vision", 16), ("audio", 12)])
def test_imagebind(side, heads):
    state = imagebind_towers.renamed(layout("imagebind_huge vision+audio part"), side)
    with torch.device("meta"):
        net = imagebind_towers.of_shapes(state, side)
    fits(net, state)
    assert (net.blocks[0].attn.num_heads, net.head.out_features) == (heads, 1024)


@pytest.mark.parametrize(("size", "heads", "depth"), [("1B", 16, 40), ("6B", 25, 48)])
def test_internvideo2(size, heads, depth):
    state = layout(f"InternVideo2_stage2_{size} vision_encoder (4 frames; keys prefixed vision_encoder.)")
    with torch.device("meta"):
        net = internvideo2.of_shapes(state)
    fits(net, state, ignore=internvideo2.UNUSED)
    assert (net.size, net.frames, net.blocks[0].heads, len(net.blocks)) == (224, 4, heads, depth)
