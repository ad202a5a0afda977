"""The checkup: each fault planted is found, a clean set has none, and the real files give their known counts."""

import json

import numpy as np
import pytest

from lookhear import media
from lookhear.errors import DatasetError
from lookhear.evaluate.check.annotations import check
from lookhear.evaluate.check.media import alike, look, sound
from lookhear.types import Clip, Source
from tests.conftest import shared


def row(id: int, video: str, said: str = "indoor", question: str = "Where is the performance?") -> dict:
    kind = '["Visual", "Location"]'
    return {"video_id": video, "question_id": id, "type": kind, "question_content": question, "anser": said} | {
        "templ_values": "[]"
    }


def annotate(root, **splits) -> None:
    for split, rows in splits.items():
        (root / f"avqa-{split}.json").write_text(json.dumps(rows))


def kinds(found) -> dict[tuple[str, str], int]:
    return {(f.kind, f.split): f.count for f in found.findings}


def test_nothing_to_find(tmp_path):
    annotate(tmp_path, train=[row(1, "a"), row(2, "b", "outdoor")], test=[row(3, "c")])
    found = check("music_avqa", tmp_path, media=False)
    assert found.findings == () and list(found.splits) == ["train", "test"]
    assert found.splits["train"]["read"] == 2 and found.splits["train"]["videos"] == 2


def test_what_is_planted_is_found(tmp_path):
    broken = {key: value for key, value in row(9, "z").items() if key != "type"}
    train = [row(1, "a"), row(1, "a", "outdoor"), row(2, "b", "upstairs"), broken, row(5, "d"), row(6, "d", "outdoor")]
    annotate(tmp_path, train=train, test=[row(3, "b"), row(4, "c"), row(5, "d", "outdoor")])
    found = check("music_avqa", tmp_path, media=False)
    assert kinds(found) == {
        ("malformed", "train"): 1,
        ("doubled ids", "train"): 1,
        ("answers outside the vocabulary", "train"): 1,
        ("same question twice", "train"): 1,
        ("same video in two splits", "train and test"): 2,
        ("same question in two splits", "train and test"): 2,
    }
    said = {f.kind: f for f in found.findings}
    assert "avqa-train.json:1: no key 'type'" in said["malformed"].cases[0]
    assert said["doubled ids"].cases == ("id 1: 'indoor' (line 1), 'outdoor' (line 1)",)
    assert "66.7 %" in said["same video in two splits"].message
    assert json.dumps(found.to_json())


def test_rephrasings_of_one_question_are_no_fault(tmp_path):
    rows = [row(1, "a", question=q) for q in ("Where is it?", "Where do they play?")]
    (tmp_path / "avqa-test-head.json").write_text(json.dumps(rows))
    assert check("music_avqa_r", tmp_path, media=False).findings == ()
    (tmp_path / "avqa-test-head.json").write_text(json.dumps([*rows, row(1, "a", "outdoor", "Where then?")]))
    assert kinds(check("music_avqa_r", tmp_path, media=False)) == {("doubled ids", "head"): 1}


def test_a_dataset_of_our_own_can_be_checked_too(tmp_path):
    (tmp_path / "json").mkdir()
    annotate(tmp_path / "json", train=[row(1, "a")], test=[row(2, "a", question="What kind of instrument is it?")])
    found = check("soundstage", tmp_path, media=False)
    assert kinds(found) == {("same video in two splits", "train and test"): 1}
    with pytest.raises(DatasetError, match="No split 'val'"):
        check("soundstage", tmp_path, ["val"], media=False)


def film(path, seed: int, size=(48, 64), gain: float = 1.0) -> None:
    """Two seconds of drifting blobs with a tune: the same for the same seed, whatever the size or volume."""
    rng = np.random.default_rng(seed)
    rows, columns = np.linspace(0, 1, size[0])[:, None], np.linspace(0, 1, size[1])[None]
    centres, tones = rng.random((6, 2)), rng.uniform(200, 3500, size=(8, 3))
    moments = []
    for frame in range(20):
        shift = frame / 40
        blobs = [np.exp(-40 * ((rows - y) ** 2 + (columns - (x + shift) % 1) ** 2)) for y, x in centres]
        moments.append(np.repeat((255 * np.clip(sum(blobs), 0, 1))[..., None], 3, axis=-1).astype(np.uint8))
    time = np.arange(16000) / 16000
    tune = np.concatenate([sum(np.sin(2 * np.pi * f * time[:4000]) for f in chord) for chord in tones])
    media.write(path, np.stack(moments), (gain * 0.2 * tune).astype(np.float32), 10, 16000)


def test_media_missing_broken_and_twice(tmp_path):
    annotate(tmp_path, test=[row(n, name) for n, name in enumerate(["one", "two", "copy", "gone", "torn"])])
    (tmp_path / "videos").mkdir()
    film(tmp_path / "videos/one.mp4", 1)
    film(tmp_path / "videos/two.mp4", 2)
    film(tmp_path / "videos/copy.mp4", 1, size=(96, 128), gain=0.3)
    (tmp_path / "videos/torn.mp4").write_bytes(b"not a video")
    found = check("music_avqa", tmp_path, near=True)
    assert kinds(found)["missing media", "all"] == 1 and kinds(found)["unreadable media", "all"] == 1
    twice = [f for f in found.findings if f.kind == "near-duplicate media"]
    assert [f.count for f in twice] == [1, 1], "one pair looks the same, one pair sounds the same"
    assert all("one.mp4" in f.cases[0] and "copy.mp4" in f.cases[0] for f in twice)


def test_black_and_silence_are_no_duplicates(tmp_path):
    for name in ("a", "b"):
        media.write(
            tmp_path / f"{name}.mp4", np.zeros((20, 48, 64, 3), np.uint8), np.zeros(32000, np.float32), 10, 16000
        )
        source = Source(name, tmp_path / f"{name}.mp4")
        decoded = media.decode(Clip(source, source), media.Sampling("uniform", count=4, size=(8, 9), sample_rate=8000))
        assert look(decoded) is None and sound(decoded) is None


def test_alike_finds_pairs_across_blocks():
    rng = np.random.default_rng(0)
    marks = rng.normal(size=(1500, 64)).astype(np.float32)
    prints = {str(n): mark / np.linalg.norm(mark) for n, mark in enumerate(marks)}
    prints["twin"] = prints["1400"]
    assert alike(prints) == [("1400", "twin", pytest.approx(1))]


def test_real_copies_are_found_and_real_clips_told_apart():
    names = ["ave/media/-67UNKFmRLk.mp4", "ave/media/-67UNKFmRLk.mp3", "avqa_thu/media/001BAQ9k3SU_000140.mp4"]
    prints = {}
    for name in names:
        source = Source(name, shared("data", *name.split("/")))
        prints[name] = sound(
            media.decode(Clip(source, source), media.Sampling("uniform", count=4, size=(8, 9), sample_rate=8000))
        )
    assert [pair[:2] for pair in alike(prints)] == [(names[0], names[1])]


def test_where_there_is_nothing_to_check(tmp_path):
    with pytest.raises(DatasetError, match="No annotations of 'music_avqa' under"):
        check("music_avqa", tmp_path)
    with pytest.raises(DatasetError, match="No folder"):
        check("music_avqa", tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "folder", "known"),
    [
        ("music_avqa@original", "music_avqa", {("doubled ids", "val"): 27, ("doubled ids", "test_fake"): 18}),
        (
            "music_avqa@update",
            "music_avqa",
            {
                ("doubled ids", "train_fake"): 56,
                ("same video in two splits", "val and test"): 2296,
                ("same video in two splits", "train_partial and test"): 6247,
                ("same video in two splits", "train_partial and val"): 3718,
                ("same question in two splits", "train_partial and test"): 13,
                ("same question in two splits", "train_partial and val"): 5,
                ("same video in two splits", "train_fake and test"): 1269,
            },
        ),
        ("music_avqa_v2", "music_avqa_v2", {("no question id", "test"): 1724, ("no question id", "val"): 826}),
        ("avqa", "avqa_thu", {("answer not a choice", "train_Where"): 2}),
        ("valor32k_avqa", "valor32k_avqa", {("ragged", "test"): 35, ("unknown type", "test"): 15}),
    ],
)
def test_the_real_files(name, folder, known):
    found = check(name, shared("data", folder), media=False)
    counts = kinds(found)
    assert {key: counts.get(key) for key in known} == known
    assert all(facts["rows"] == facts["read"] for facts in found.splits.values()), "everything can be read"
    messages = [f.message for f in found.findings]
    if name == "music_avqa@update":
        assert any("2296 of 6399 videos of test (35.9 %)" in m for m in messages)
        assert not any(key == ("same question in two splits", "val and test") for key in counts)
    if name == "music_avqa@original":
        assert "27 question ids occur more than once, 27 of them with conflicting answers" in messages
