"""Data of stage 1: captioned images, sounds and videos, and LVIS, in the layouts they are distributed in."""

import json

import numpy as np
import pytest
from PIL import Image

from lookhear import config, datasets
from lookhear.config import RECIPES
from lookhear.datasets import captioned, lvis
from lookhear.errors import DatasetError
from lookhear.media.write import write, write_wav
from lookhear.tasks import localisation
from lookhear.train import lessons, llm
from lookhear.train.llm import train
from tests.llms import test_crab, test_vlm_audio

STAGES = ("crab/align", "crab/instruct", "vlm_audio/align", "vlm_audio/instruct")


@pytest.fixture
def root(tmp_path):
    """A small corpus of each layout."""
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[10:30, 20:50] = 200
    (tmp_path / "images" / "00").mkdir(parents=True)
    (tmp_path / "audio").mkdir()
    Image.fromarray(picture).save(tmp_path / "images" / "00" / "a.jpg")
    write(tmp_path / "videos" / "b.mp4", [picture] * 8, np.zeros(16_000, np.float32), fps=4)
    for name in ("Yabc_30", "xyz"):
        write_wav(tmp_path / "audio" / f"{name}.wav", np.sin(np.arange(16_000) / 9).astype(np.float32))
    said = [{"from": "human", "value": "Describe it.\n<image>"}, {"from": "gpt", "value": "A grey box."}]
    pairs = [
        {"id": "a", "image": "00/a.jpg", "conversations": said},
        {"id": "b", "video": "b.mp4", "caption": "A film."},
    ]
    (tmp_path / "pairs.json").write_text(json.dumps([*pairs, {"id": "c", "image": "none.jpg", "conversations": []}]))
    rows = ["audiocap_id,youtube_id,start_time,caption", '1,Yabc,30,"A bell, twice."', "2,Yabc,soon,No time."]
    (tmp_path / "train.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "set.jsonl").write_text('{"audio": "x/xyz.wav", "caption": "A hum."}\n{"audio": "q"\n')
    outline = [20, 10, 50, 10, 50, 30, 20, 30]
    told = {
        "images": [{"id": 7, "file_name": "a.jpg", "height": 48, "width": 64}],
        "categories": [{"id": 3, "name": "grey_box", "def": "a box that is grey"}],
        "annotations": [{"image_id": 7, "category_id": 3, "segmentation": [outline], "bbox": [20, 10, 30, 20]},
                        {"image_id": 8, "category_id": 3, "segmentation": [outline]}],
    }  # fmt: skip
    (tmp_path / "lvis_v1_train.json").write_text(json.dumps(told))
    return tmp_path


def test_images_and_videos_with_their_captions(root):
    read = captioned.read(root, "pairs")
    image, video = read.examples
    assert (image.reference.text, video.reference.text) == ("A grey box.", "A film.")
    assert image.clip.video.path.name == "a.jpg" and image.clip.audio is None
    assert video.clip.video.path == video.clip.audio.path == root / "videos" / "b.mp4"
    assert len(read.faults) == 1 and "no caption" in read.faults[0].why


def test_sounds_with_their_captions(root):
    read = captioned.read(root, "train", "audiocaps")
    (bell,) = read.examples
    assert bell.reference.text == "A bell, twice." and bell.clip.video is None
    assert bell.clip.audio.path == root / "audio" / "Yabc_30.wav" and "start_time 'soon'" in read.faults[0].why
    read = captioned.read(root, "set", "audioset")
    assert read.examples[0].clip.audio.path.name == "xyz.wav" and read.examples[0].clip.video is None
    assert len(read.faults) == 1
    with pytest.raises(DatasetError, match=r"There are: .*set"):
        captioned.read(root, "none", "audioset")


def test_outlines_become_masks_boxes_and_points(root):
    read = lvis.read(root, "train")
    (box,) = read.examples
    assert len(read.faults) == 1 and "no such image" in read.faults[0].why
    assert "a box that is grey" in localisation.prompt(box)
    marked = lvis.with_mask(box)
    (region,) = marked.reference.regions
    true = np.zeros((48, 64), bool)
    true[10:31, 20:51] = True
    assert (region.mask == true).mean() > 0.98 and region.box == pytest.approx((20 / 64, 10 / 48, 51 / 64, 31 / 48))
    target = localisation.target(marked, explain=False)
    assert target.startswith("<answer>true</answer> <object>grey box</object> [70,47,")
    with pytest.raises(DatasetError, match="No split"):
        datasets.load("lvis", root, "val")


@pytest.mark.parametrize("name", STAGES)
def test_recipes_of_both_stages(name):
    recipe = config.load(RECIPES / f"{name}.yaml", [], config.LLMRecipe)
    llm.check(recipe)
    assert recipe.llm["name"] == name.partition("/")[0] and recipe.stage == name.partition("/")[2]
    assert (recipe.train.lr, recipe.train.warmup) == (1e-4, 0.03)


@pytest.mark.parametrize("paradigm", ["crab", "vlm_audio"])
def test_stage_one_learns_from_them(paradigm, root, tmp_path):
    {"crab": test_crab, "vlm_audio": test_vlm_audio}[paradigm].tiny().save(tmp_path / "base")
    recipe = config.load(RECIPES / paradigm / "align.yaml", [], config.LLMRecipe)
    splits = {"captioned@image_text": "pairs", "captioned@audioset": "set"}
    tasks = {n: {"dataset": t.dataset, "split": splits.get(t.dataset, "train")} for n, t in recipe.tasks.items()}
    told = {
        "llm": {"name": paradigm, "where": str(tmp_path / "base")},
        "stage": "align",
        "tasks": tasks,
        "root": str(root),
        "out": str(tmp_path / "run"),
        "train": {"steps": 4, "batch": 4, "asks": 1, "lr": 0.01},
    }
    run = train(config.parse(config.LLMRecipe, told, "test"), progress=False)
    curve = list(llm.curve(run).values())
    assert np.isfinite(curve).all() and (run / "connectors.safetensors").is_file()
    if paradigm == "crab":
        (drawn,) = lessons.read(config.parse(config.LLMRecipe, told, "test"), "<mask_start>").lessons["lvis"]
        assert drawn.masks[0].shape == (224, 224) and drawn.asks[0][1].endswith("<mask_start>")
