"""Qwen-Omni of both generations: built, saved, recognised by config.json, and each with its own eyes and ears."""

import json

import pytest
import torch

from lookhear import model as models
from lookhear.errors import LookhearError
from lookhear.llms import qwen_omni
from tests.llms import small

PROMPT = "What is heard?"


@pytest.fixture(scope="module", params=["2.5", "3"])
def pair(request, tmp_path_factory):
    """(a model, the folder it was saved in without our card: as the hub has it)."""
    llm = small.omni(request.param)
    folder = tmp_path_factory.mktemp("omni") / request.param
    llm.save(folder)
    (folder / "lookhear.json").unlink()
    return llm, folder


def test_the_generation_is_read_from_the_config(pair):
    llm, folder = pair
    again = models.load(folder).llm
    assert type(again) is type(llm) and again.name == "qwen_omni"
    again.using(eye=llm.options.eye)  # a bare folder does not tell the colours; the hub's preprocessor_config.json does
    media = small.clip(height=100, width=180)
    replies = [one.answer(one.watch([media]), [0], [PROMPT], 6)[0].tokens for one in (llm, again)]
    assert replies[0] == replies[1]
    assert qwen_omni.plan(folder).memory == sum(4 * p.numel() for p in llm.model.parameters())


def test_frames_keep_their_shape_and_their_times(pair):
    llm, _ = pair
    prepared = llm.prepare(small.clip(4, seconds=6.0, height=90, width=200))
    _, height, width = prepared["video_grid_thw"][0].tolist()
    assert width > 1.8 * height
    assert prepared["video_second_per_grid"].item() == pytest.approx(3.0)
    assert "This is" not in llm.tokenizer.decode(llm.prefix(prepared))
    wide = llm.using(pixels=20_000).prepare(small.clip(2, height=900, width=2000))
    assert wide["video_grid_thw"].prod() * llm.options.eye.side**2 <= 20_000
    llm.using(pixels=qwen_omni.OPTIONS.pixels)


def test_sound_reaches_both(pair):
    llm, _ = pair
    losses = {llm.loss([small.clip(seed=1, sound=s)], [[(PROMPT, "a dog")]]).item() for s in (True, False)}
    assert len(losses) == 2


def test_colours_come_with_the_hubs_files(pair):
    llm, folder = pair
    told = json.loads((folder / "preprocessor_config.json").read_text())
    colours = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(told | colours))
    eye = qwen_omni.load(folder).options.eye
    assert (eye.mean, eye.deviation) == ((0.5,) * 3, (0.25,) * 3) and eye.side == llm.options.eye.side


@pytest.mark.slow  # the meta device costs no memory, but time
def test_full_sizes_on_the_meta_device():
    with torch.device("meta"):
        count = sum(p.numel() for p in qwen_omni.build(qwen_omni.Config("2.5")).model.parameters())
    assert 8.9e9 < count < 9.0e9
    with pytest.raises(LookhearError, match=r"version of Qwen-Omni is called '4'"):
        qwen_omni.build(qwen_omni.Config("4"))
