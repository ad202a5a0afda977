"""The seventeen sources of AV-UIE v2: each is there, says its number in Crab+'s table 1, and `check` looks into it."""

import json

import pytest

from lookhear import datasets
from lookhear.evaluate.check.annotations import check
from lookhear.tasks import find
from tests.conftest import shared

THOUSANDS = {  # Crab+'s table 1: samples for training, in thousands
    "kinetics_sounds": 20.1, "ucf51": 4.5, "meld": 11.0, "mafw": 6.4, "dfew": 9.3, "mer2024": 4.8, "crema_d": 6.6,
    "vgg_cm": 10.3, "unav_100": 4.9, "ave": 3.3, "llp": 9.9, "arig": 3.4, "avsbench": 4.0, "ref_avs": 30.7,
    "valor": 20.7,
    "music_avqa": 31.9, "avqa": 40.2,
}  # fmt: skip
REAL = {  # name -> folder of its real annotations, (rows, read) of its splits
    "kinetics_sounds": ("kinetics_sounds", {"train": (14799, 14799), "test": (2597, 2597)}),
    "ucf51": ("ucf101", {"train": (4901, 4901), "test": (1944, 1944)}),
    "meld": ("meld", {"train": (9989, 9989), "dev": (1109, 1109)}),
    "crema_d": ("crema_d", {"train": (6698, 6698), "test": (744, 744)}),
    "unav_100": ("unav100", {"train": (6489, 6489), "val": (2134, 2134), "test": (2167, 2167)}),
    "ave": ("ave", {"train": (3339, 3339), "val": (402, 402), "test": (402, 402)}),
    "llp": ("llp", {"train": (10000, 10000), "val": (649, 649), "test": (1200, 1200)}),
    "avsbench": ("avsbench", {"test": (3700, 3700)}),
    "avsbench@ms3": ("avsbench", {"test": (320, 320)}),
    "ref_avs": ("ref_avs", {"train": (14113, 14113), "test_s": (2288, 2288), "test_u": (1656, 1656)}),
    "valor": ("valor32k_avqa", {"test": (3480, 3480)}),
    "music_avqa": ("music_avqa", {"test": (9129, 9129), "val": (4568, 4568)}),
    "avqa": ("avqa_thu", {"test": (5918, 5918), "train_Where": (3620, 3620)}),
}
DRAWN = {  # sources whose annotations are given on request: a file in their layout, good rows and one bad one
    "mafw": ("Train & Test Set/single/no_caption/set_1/train.txt", "00001.mp4 anger\n00002.mp4 rage\n"),
    "dfew": ("EmoLabel_DataSplit/train(single-labeled)/set_1.csv", "video_name,label\n12,7\n13,0\n"),
    "mer2024": ("label-disdim.csv", "name,discrete,valence\nsample_1,angry,-1\nsample_2,bored,0\n"),
    "vgg_cm": ("a2v/train.json", [
        {"video1_path": "a.mp4", "video2_path": "b.mp4", "audio_path": "a.wav", "correct_video": "one"},
        {"video1_path": "a.mp4", "video2_path": "b.mp4", "audio_path": "a.wav", "correct_video": "three"},
    ]),
    "arig": ("arig_train.json", [
        {"frame_path": "v1s/u/frames/0.jpg", "audio_path": "v1s/u/audio.wav", "a_obj": "dog", "top_left": [0, 56],
         "bottom_right": [112, 224]},
        {"frame_path": "v1s/u/frames/0.jpg", "audio_path": "v1s/u/audio.wav", "a_obj": "dog", "top_left": [5, 300],
         "bottom_right": [112, 224]},
    ]),
}  # fmt: skip


def test_all_seventeen_are_here_and_say_their_size():
    assert len(THOUSANDS) == 17 and sum(THOUSANDS.values()) == pytest.approx(222, abs=0.1)
    assert {name.partition("@")[0] for name in REAL} | set(DRAWN) == set(THOUSANDS)
    for name, thousands in THOUSANDS.items():
        said = (datasets.find(name)[0].__doc__ or "").replace("\n", " ")
        exact = {"music_avqa": "31,927", "avqa": "57,335"}.get(name, f"{thousands:.1f} K")
        assert exact in said, name


@pytest.mark.parametrize("name", REAL)
def test_check_reads_the_real_files(name):
    folder, counts = REAL[name]
    found = check(name, shared("data", folder), list(counts), media=False)
    assert {split: (facts["rows"], facts["read"]) for split, facts in found.splits.items()} == counts


@pytest.mark.parametrize("name", DRAWN)
def test_check_reads_a_drawn_file_and_quotes_the_bad_row(name, tmp_path):
    path, rows = DRAWN[name]
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(rows if isinstance(rows, str) else json.dumps(rows, indent=0))
    found = check(name, tmp_path, media=False)
    (facts,) = found.splits.values()
    assert (facts["rows"], facts["read"]) == (2, 1)
    (bad,) = (finding for finding in found.findings if finding.kind == "malformed")
    assert bad.count == 1 and f"{path.rpartition('/')[2]}:" in bad.cases[0]
    (one,) = datasets.load(name, tmp_path, "train")
    assert find(one.task).prompt(one)
