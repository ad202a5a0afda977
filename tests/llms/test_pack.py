"""Frames and sound become what the library's own processors make of them."""

import json

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from lookhear.layers import packing
from lookhear.media import frame_rules
from lookhear.tasks.reading import excerpts
from tests.conftest import shared
from tests.llms import small
from tests.parity import note

RNG = np.random.default_rng(0)


def test_golden_a_pair_of_frames_is_packed_as_the_library_packs_a_picture():
    frame = RNG.integers(0, 255, (84, 112, 3), dtype=np.uint8)
    processor = transformers.Qwen2VLImageProcessorPil(do_resize=False)
    theirs = processor(images=[frame], return_tensors="pt")
    for frames in (frame[None], np.stack([frame, frame])):
        ours, grid = packing.patches(frames, packing.Eye())
        assert [list(grid)] == theirs["image_grid_thw"].tolist()
        torch.testing.assert_close(ours, theirs["pixel_values"], rtol=0, atol=1e-6)
    note("crab_plus_packing", "Qwen2VLImageProcessorPil: patches", ours, theirs["pixel_values"])


def test_golden_scaling_is_the_librarys_bicubic():
    frame = RNG.integers(0, 255, (90, 130, 3), dtype=np.uint8)
    theirs = transformers.Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=56 * 84)(
        images=[frame], return_tensors="pt"
    )
    height, width = (14 * n for n in theirs["image_grid_thw"][0, 1:].tolist())
    ours, _ = packing.patches(packing.scaled(frame[None], (height, width)), packing.Eye())
    note("crab_plus_packing", "Qwen2VLImageProcessorPil: scaled, patches", ours, theirs["pixel_values"])
    torch.testing.assert_close(ours, theirs["pixel_values"], rtol=0, atol=1e-6)


def test_patches_of_a_video_are_its_pixels_in_order():
    frames = RNG.integers(0, 255, (3, 28, 56, 3), dtype=np.uint8)
    eye = packing.Eye(mean=(0, 0, 0), deviation=(1, 1, 1))
    flat, grid = packing.patches(frames, eye)
    assert grid == (2, 2, 4)
    cells = flat.reshape(2, 1, 2, 2, 2, 3, 2, 14, 14)  # time, merged rows and columns, rows and columns in each, …
    assert torch.equal(cells[1, 0, 1, 0, 1, :, 1], cells[1, 0, 1, 0, 1, :, 0]), "the third frame is shown twice"
    expected = torch.from_numpy(frames[1, :14, 42:56]).permute(2, 0, 1) / 255
    torch.testing.assert_close(cells[0, 0, 1, 0, 1, :, 1], expected)


@pytest.mark.parametrize("seconds", [0.01, 1.0, 2.345])
def test_golden_the_spectrogram_is_that_of_a_sound_filled_up(seconds):
    extractor = transformers.WhisperFeatureExtractor(feature_size=128, chunk_length=4)
    sound = RNG.standard_normal(int(16_000 * seconds)).astype(np.float32)
    theirs = extractor(sound, sampling_rate=16_000, return_attention_mask=True, return_tensors="pt")
    frames = int(theirs["attention_mask"].sum())
    ours = packing.mel(sound, extractor)
    assert ours.shape == (128, frames)
    note("crab_plus_packing", "WhisperFeatureExtractor: log-mel", ours, theirs["input_features"][0, :, :frames])
    torch.testing.assert_close(ours, theirs["input_features"][0, :, :frames], rtol=0, atol=2e-5)


@settings(max_examples=30, deadline=None)
@given(frames=st.integers(4, 3000))
def test_tokens_of_a_sound_are_those_the_towers_make(frames):
    from transformers.models.qwen3_omni_moe import modeling_qwen3_omni_moe as three

    tower = transformers.Qwen2_5OmniAudioEncoder if hasattr(transformers, "Qwen2_5OmniAudioEncoder") else None
    if tower is not None:
        assert packing.heard_tokens(frames) == int(
            tower._get_feat_extract_output_lengths(None, torch.tensor(frames))[1]
        )
    assert packing.heard_tokens_3(frames) == int(three._get_feat_extract_output_lengths(torch.tensor(frames)))


def test_one_token_for_each_place_of_every_clip():
    llm = small.plus()
    for media in small.mixed():
        prepared = llm.prepare(media)
        ids = llm.prefix(prepared)
        expected = {
            "video": prepared["video_grid_thw"].prod() // 4 if "video_grid_thw" in prepared else 0,
            "image": prepared["image_grid_thw"].prod() // 4 if "image_grid_thw" in prepared else 0,
            "audio": packing.heard_tokens(prepared["input_features"].shape[1]) if "input_features" in prepared else 0,
        }
        assert {k: ids.count(place) for k, place in llm.places.items()} == {k: int(n) for k, n in expected.items()}


def test_full_size_clip_is_320_tokens_of_picture_and_25_a_second_of_sound():
    frames, grid = packing.patches(np.zeros((10, 224, 224, 3), np.uint8), packing.Eye())
    assert frames.shape == (1280, 1176) and np.prod(grid) // 4 == 320
    assert packing.heard_tokens(1000) == 250


def test_golden_slices_of_sound_reach_the_spectrogram():
    """Crab+ cuts sound task by task: what the model hears is the sound at the published places."""
    from safetensors import safe_open

    with safe_open(shared("goldens", "av_llm", "audio_segments_crab_plus.safetensors"), "np") as golden:
        cases = json.loads(golden.metadata()["cases"])
        checked = 0
        for i, case in enumerate(cases):
            rule = excerpts.SOUND.get(case["task"], "whole")
            if case["sr"] != 16_000 or rule.startswith("one"):
                continue
            checked += 1
            sound = np.random.default_rng(i).standard_normal(case["n_in"]).astype(np.float32)
            places = golden.get_tensor(f"{i}.index_map").astype(int)
            expected = np.where(places > 0, sound[places.clip(1) - 1], 0).astype(np.float32)
            llm = small.plus(sound=rule)
            media = small.clip(frames=0)
            heard = llm.prepare(type(media)(None, media.times, sound, 16_000, len(sound) / 16_000))["input_features"]
            theirs = packing.mel(expected, llm.extractor)
            note("crab_plus_audio_segments", "log-mel of the slices", heard, theirs)
            assert torch.equal(heard, theirs), case
        assert checked >= 3


def test_official_frames_are_the_samplings():
    golden = json.loads(shared("goldens", "av_llm", "frame_sampling.json").read_text())
    for row in golden["crab_plus_linspace_round"]:
        if "indices" in row and row["nframes"] % 2 == 0:
            times = [i / 25 for i in range(row["total"])]
            assert frame_rules.crab_plus_linspace(times, 25, row["total"] / 25, row["nframes"]) == row["indices"]
