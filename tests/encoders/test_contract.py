"""Every encoder keeps the contract on a recording: a row a second, the streams it states, a signature that is JSON."""

import json

import numpy as np
import pytest
import torch

from lookhear.encoders import (
    _frozen,
    ast,
    beats,
    clap,
    clip,
    imagebind,
    imagebind_audio,
    internvideo2,
    internvideo2_audio,
    panns,
    r2plus1d,
    resnet,
    tome_vit,
    vggish,
)
from lookhear.media import decode, write
from lookhear.types import Clip, Source
from tests.encoders.test_beats import CFG
from tests.encoders.test_imagebind import published


def tiny(name, folder):
    """An encoder with a small random network, from a checkpoint on disk where that is cheap."""
    torch.manual_seed(0)
    if name == "vggish":
        torch.save(vggish.VGGish(8).state_dict(), folder / "vggish.pth")
        return [vggish.build(vggish.Config(str(folder), audio=a)) for a in ("resampled", "moviepy")]
    if name == "resnet":
        torch.save(resnet.ResNet((1, 1, 1, 1), False).state_dict(), folder / "resnet.pth")
        return [resnet.build(resnet.Config(str(folder), output=o)) for o in ("pooled", "map14")]
    if name == "r2plus1d":
        torch.save(r2plus1d.R2Plus1D((8, 8, 8, 8)).state_dict(), folder / "r2plus1d.pth")
        return [r2plus1d.build(r2plus1d.Config(str(folder), clip=c)) for c in (1, 4)]
    if name == "tome_vit":
        return [tome_vit.ToMeViT(tome_vit.Config(merge=[4]), tome_vit.ViT(32, 8, 64, 64, 2, 1))]
    if name == "beats":
        torch.save({"cfg": CFG, "model": beats.BEATs(CFG).state_dict()}, folder / "BEATs.pt")
        return [beats.build(beats.Config(str(folder), patches=True))]
    if name == "panns":
        torch.save({"model": panns.Cnn14((2, 2, 4, 4, 8, 8)).state_dict()}, folder / "Cnn14.pth")
        return [panns.build(panns.Config(str(folder)))]
    if name == "imagebind":
        return [imagebind.build(imagebind.Config(str(published(folder)), heads=2))]
    if name == "imagebind_audio":
        return [imagebind_audio.build(imagebind_audio.Config(str(published(folder)), heads=2, seconds=1.0))]
    if name == "internvideo2":
        net = internvideo2.InternVideo2(14, 1 + 4 * 4, 4, 16, 32, 1, 2, 8)
        torch.save({f"vision_encoder.{k}": v for k, v in net.state_dict().items()}, folder / "InternVideo2.pt")
        return [internvideo2.build(internvideo2.Config(str(folder), heads=2))]
    if name == "internvideo2_audio":
        net = beats.BEATs(CFG)
        torch.save({"module": {f"audio_encoder.{k}": v for k, v in net.state_dict().items()}}, folder / "stage2.pt")
        return [internvideo2_audio.build(internvideo2_audio.Config(str(folder), patches=True))]
    import transformers as hf

    if name == "clip":
        sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 1}
        config = hf.CLIPVisionConfig(**sizes, image_size=32, patch_size=16, projection_dim=8)
        hf.CLIPVisionModelWithProjection(config).save_pretrained(folder)
        return [clip.build(clip.Config(str(folder), patches=p)) for p in (False, True)]
    if name == "clap":
        sizes = {"patch_embeds_hidden_size": 8, "hidden_size": 64, "depths": [1, 1, 1, 1], "projection_dim": 16}
        config = hf.ClapAudioConfig(**sizes, num_attention_heads=[1, 1, 2, 2], enable_fusion=False)
        hf.ClapAudioModelWithProjection(config).save_pretrained(folder)
        return [clap.build(clap.Config(str(folder)))]
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    hf.ASTModel(hf.ASTConfig(**sizes, max_length=128)).save_pretrained(folder)
    return [ast.build(ast.Config(str(folder), seconds=1.0))]


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    path = tmp_path_factory.mktemp("recording") / "clip.mp4"
    rng = np.random.default_rng(0)
    frames = [np.full((48, 64, 3), 6 * k, np.uint8) for k in range(40)]
    write(path, frames, rng.normal(0, 0.1, 5 * 16_000).astype(np.float32), fps=8)
    return Clip(Source("clip", path), Source("clip", path))


NAMES = ("vggish", "resnet", "r2plus1d", "tome_vit", "beats", "panns", "imagebind", "imagebind_audio", "internvideo2")
NAMES += ("internvideo2_audio", "clip", "clap", "ast")


@pytest.mark.parametrize("name", NAMES)
def test_encoder(name, recording, tmp_path):
    for encoder in tiny(name, tmp_path):
        assert encoder.reads in ("frames", "waveform")
        assert encoder.name == name
        assert isinstance(encoder, _frozen.Frozen)
        media = decode(recording, encoder.sampling)
        first, again = encoder([media, media])
        assert set(first) == set(encoder.streams)
        for stream, width in encoder.streams.items():
            rows = first[stream]
            assert rows.shape[0] == 5, (stream, rows.shape)
            assert rows.shape[-1] == width
            assert rows.ndim == (3 if stream == "patches" else 2)
            assert rows.dtype == torch.float32
            assert torch.isfinite(rows).all()
            assert torch.equal(rows, again[stream])
        signature = encoder.signature()
        assert json.loads(json.dumps(signature)) == signature
        assert set(signature) == {"name", "sha256", "version", "settings"}
        assert not any("/" in str(v) for v in signature["settings"].values()), "no path of this machine is signed"
        assert encoder([]) == []
