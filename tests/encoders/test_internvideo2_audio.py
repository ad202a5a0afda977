"""InternVideo2's audio tower: BEATs on 64 mel bands, its sizes read from the shapes of the file."""

import pytest
import torch

from lookhear.encoders import beats, internvideo2_audio
from lookhear.errors import ModelError, RecipeError
from tests.encoders.goldens import error, golden
from tests.encoders.test_beats import CFG, media


def stage2(folder, **more):
    """A stage-2 checkpoint with a small audio tower beside other parts of the model."""
    torch.manual_seed(0)
    tower = beats.BEATs(CFG | more).eval()
    state = {f"audio_encoder.{k}": v for k, v in tower.state_dict().items()}
    torch.save({"module": state | {"audio_proj.weight": torch.zeros(4, 32)}}, folder / "stage2.pt")
    return tower


def test_sizes_are_those_of_the_shapes():
    said = CFG | {"max_distance": internvideo2_audio.DISTANCE}
    found = internvideo2_audio.sizes(beats.BEATs(CFG).state_dict())
    assert found == {k: v for k, v in said.items() if k not in ("finetuned_model", "predictor_class")}


def test_the_published_sizes():
    from tests.encoders.test_layouts import layout

    for name in ("pretrained", "finetuned"):
        state = layout(f"BEATs_iter3_plus {name} [model]")
        found = internvideo2_audio.sizes(state)
        assert (found["encoder_layers"], found["encoder_embed_dim"], found["encoder_attention_heads"]) == (12, 768, 12)
        assert (found["embed_dim"], found["num_buckets"], found["conv_pos"], found["conv_pos_groups"]) == (
            512,
            320,
            128,
            16,
        )


def test_a_second_has_24_patches_and_ten_248(tmp_path):
    tower = stage2(tmp_path, max_distance=internvideo2_audio.DISTANCE)
    sound = media(10.0)
    second = internvideo2_audio.build(internvideo2_audio.Config(str(tmp_path), patches=True))([sound])[0]
    assert second["patches"].shape == (10, 24, 32)
    (whole,) = internvideo2_audio.build(internvideo2_audio.Config(str(tmp_path), patches=True, seconds=10.0))([sound])
    assert whole["patches"].shape == (1, 248, 32)
    rows = beats.front_end(torch.from_numpy(sound.waveform), 64)
    assert torch.allclose(whole["patches"][0], tower(rows[None])[0], atol=1e-5)
    assert torch.allclose(whole["audio"], whole["patches"].mean(1))


def test_the_front_end_equals_the_original():
    g, _ = golden("audio_frontends")
    assert (
        error(
            beats.front_end(g["wav16k"], internvideo2_audio.InternVideo2AudioEncoder.bands), g["internvideo2.fbank64"]
        )
        < 1e-4
    )


def test_bad_input_is_one_line(tmp_path):
    with pytest.raises(ModelError, match="No weights at"):
        internvideo2_audio.build(internvideo2_audio.Config())
    with pytest.raises(RecipeError, match=r"seconds=0\.1"):
        internvideo2_audio.build(internvideo2_audio.Config(seconds=0.1))
    torch.save({"vision_encoder.cls_token": torch.zeros(1, 1, 8)}, tmp_path / "visual.pt")
    with pytest.raises(ModelError, match=r"audio tower: audio_encoder\.layer_norm\.weight is missing"):
        internvideo2_audio.build(internvideo2_audio.Config(str(tmp_path)))
