"""AVSBench, ARIG and Ref-AVS: frames, masks, boxes; class numbers from 0 in pictures and from 1 in Crab's table."""

import json

import numpy as np
import pytest
from PIL import Image

from lookhear import datasets
from lookhear.datasets import arig, avsbench, ref_avs
from lookhear.datasets.reading import masks
from lookhear.errors import LookhearError
from lookhear.evaluate.check.annotations import check
from tests.conftest import shared


def test_the_real_frame_lists():
    root = shared("data", "avsbench")
    single, several = (avsbench.read(root, "test", version) for version in ("s4", "ms3"))
    assert (len(single.examples), len(several.examples)) == (3700, 320) and not single.faults + several.faults
    assert len({e.meta["video_id"] for e in single.examples}) == 740
    assert len({e.meta["video_id"] for e in several.examples}) == 64
    assert several.examples[-1].reference.text == "baby, man" and several.examples[-1].meta["frame"] == 4


def test_class_numbers_count_from_0_in_pictures_and_from_1_in_the_table():
    root = shared("data", "avsbench")
    table = json.loads((root / "label2idx_crab_1based.json").read_text())
    assert {name: number + 1 for number, name in enumerate(avsbench.CLASSES)} == table
    said = {
        name: {avsbench.CLASSES[n] for n in np.unique(masks.read_mask(root / "media" / name / f"{frame}.png")) if n}
        for name, frame in (("s4", 0), ("ms3", 1), ("avss", 0))
    }
    assert said == {"s4": {"mower"}, "ms3": {"man", "boy"}, "avss": {"clarinet"}}
    assert masks.palette()[14].tolist() == [64, 128, 128]


def test_the_real_ref_avs():
    root = shared("data", "ref_avs")
    counts = {
        "train": (14113, 608),
        "val": (1349, 72),
        "test_s": (2288, 0),
        "test_u": (1656, 0),
        "test_n": (1028, 1028),
    }
    found = {split: ref_avs.read(root, split) for split in counts}
    assert {s: (len(r.examples), sum(e.meta["null"] for e in r.examples)) for s, r in found.items()} == counts
    assert all(sum(f.kind == "no split" for f in r.faults) == 25 for r in found.values())
    assert sum("#" in e.id for r in found.values() for e in r.examples) == 11
    assert sum(f.kind == "stray blanks" for r in found.values() for f in r.faults) == 41 - 1, (
        "one of the 41 has no split"
    )
    frames = np.bincount([e.meta["frame"] for e in found["train"].examples], minlength=10)
    assert frames.min() > 1200, "every frame of the ten is used about as often"


def clip(folder, frame: int = 0, size=(8, 4)) -> None:
    for name in ("frames", "labels_semantic", "labels_rgb"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size).save(folder / f"frames/{frame}.jpg")
    mask = np.zeros(size[::-1], np.uint8)
    mask[1:3, 2:6] = 17
    mask[0, 0] = 41
    Image.fromarray(mask).save(folder / f"labels_semantic/{frame}.png")
    Image.fromarray(masks.palette()[mask]).save(folder / f"labels_rgb/{frame}.png")
    (folder / "audio.wav").touch()


def test_the_layout_of_avsbench_semantic(tmp_path):
    head = "vid,uid,s_min,s_sec,a_obj,split,label\n"
    rows = [
        "v,v_0_5000,0,0,dog,train,v1s",
        "v,v_0_5000,0,0,dog,test,v1s",
        "w,w_1,0,0,dog,test,v1m",
        "u,u_1,0,0,man,test,v2",
    ]
    (tmp_path / "metadata.csv").write_text(head + "\n".join(rows))
    clip(tmp_path / "v1s/v_0_5000")
    clip(tmp_path / "v2/u_1", frame=3)
    assert len(avsbench.read(tmp_path, "train").examples) == 1, "of S4's training clips only the first frame"
    frames = avsbench.load(tmp_path, "test")
    assert [e.id for e in frames] == [f"v_0_5000_{n}" for n in range(5)]
    one = avsbench.with_mask(frames[0])
    (region,) = one.reference.regions
    assert region.label == "dog" and region.mask.sum() == 9 and region.box == (0, 0, 6 / 8, 3 / 4)
    assert one.clip.video.path.name == "0.jpg" and one.clip.audio.path.name == "audio.wav"
    with pytest.raises(LookhearError, match="No mask for 'v_0_5000_1'"):
        avsbench.with_mask(frames[1])
    semantic = avsbench.with_mask(avsbench.load(tmp_path, "test", "avss")[3])
    assert {r.label: r.mask.sum() for r in semantic.reference.regions} == {"dog": 8, "man": 1}
    boxed = arig.from_mask(frames[0])
    assert boxed.reference.regions[0].mask is None and boxed.meta["form"] == "arig"


def test_colours_that_stand_for_nothing(tmp_path):
    Image.new("RGB", (2, 2), (1, 2, 3)).save(tmp_path / "strange.png")
    with pytest.raises(LookhearError, match=r"strange.png: colour \[1, 2, 3\] stands for none of 71 classes"):
        masks.read_mask(tmp_path / "strange.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(LookhearError, match=r"text.png: not readable as a mask"):
        masks.read_mask(tmp_path / "text.png")
    assert masks.box_of(np.zeros((2, 2), bool)) is None


def test_frame_lists_that_are_wrong(tmp_path):
    (tmp_path / "avs1_ms3_test.csv").write_text('a_1_1,"man, dog"\r\na_1_6,man\r\nnoframe,man\r\n')
    found = avsbench.read(tmp_path, "test", "ms3")
    assert len(found.examples) == 1 and [f.line for f in found.faults] == [2, 3]
    assert "frame 6 is none of 5" in found.faults[0].why and "<frame from 1>" in found.faults[1].why


def test_arig_leaves_out_where_nothing_sounds_and_says_so(tmp_path):
    def row(uid: str, **changes) -> dict:
        base = f"/elsewhere/AVS/v1s/{uid}"
        return {
            "frame_path": f"{base}/frames/0.jpg",
            "audio_path": f"{base}/audio.wav",
            "a_obj": "dog",
            "top_left": [0, 56],
            "bottom_right": [112, 224],
        } | changes

    rows = [
        row("a"),
        row("b", top_left=[1000, 1000], bottom_right=[0, 0]),
        row("c", top_left=[5, 300]),
        row("d", a_obj=None),
    ]
    (tmp_path / "arig_test.json").write_text(json.dumps(rows))
    clip(tmp_path / "v1s/a")
    found = arig.read(tmp_path, "test")
    assert found.rows == 3 and [f.kind for f in found.faults] == ["malformed", "no object"]
    first = found.examples[0]
    assert first.reference.regions[0].box == (0, 0.25, 0.5, 1) and first.clip.video.path.name == "0.jpg"
    assert "two points of 224 x 224 pixels" in found.faults[0].why


def test_ref_avs_expressions(tmp_path):
    lines = [
        "vid,uid,split,fid,exp",
        "v_0_9,v_0_9_cat_1,test_s,2,The cat. ",
        "v_0_9,null_c-v_0_9_null_1,test_n,0,The tuba",
        "v_0_9,w_0_9_cat_1,test_s,2,x",
        "v_0_9,v_0_9_cat_2,TODO,2,x",
    ]
    (tmp_path / "metadata.csv").write_text("\n".join(lines))
    found = ref_avs.read(tmp_path, "seen", frame=4)
    (example,) = found.examples
    assert (example.question, example.reference.text, example.kind) == ("The cat.", "cat", ("Seen",))
    assert sorted(f.kind for f in found.faults) == ["malformed", "no split", "stray blanks"]
    with pytest.raises(LookhearError, match="No mask for 'v_0_9_cat_1'"):
        ref_avs.with_mask(example)
    folder = tmp_path / "gt_mask/v_0_9/fid_2"
    folder.mkdir(parents=True)
    Image.fromarray(np.eye(4, dtype=np.uint8) * 255).save(folder / "00004.png")
    (example,) = ref_avs.read(tmp_path, "seen", frame=4).examples
    assert ref_avs.with_mask(example).reference.regions[0].mask.sum() == 4
    (null,) = datasets.load("ref_avs", tmp_path, "null")
    assert ref_avs.with_mask(null).reference.regions == () and null.meta["null"]
    assert "no split" in {f.kind for f in check("ref_avs", tmp_path, ["test_s"], media=False).findings}
