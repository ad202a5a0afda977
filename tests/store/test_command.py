"""lookhear extract, as a stranger runs it."""

import json

import numpy as np
import pytest

from lookhear.media.write import write

RECORD = {"type": '["Audio", "Counting"]', "question_content": "How many?", "templ_values": "[]", "anser": "one"}


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """A dataset in Soundstage's layout: one good clip, one that is no video, in three splits."""
    root = tmp_path_factory.mktemp("stage")
    (root / "json").mkdir()
    (root / "videos").mkdir()
    write(root / "videos/good.mp4", [np.full((64, 64, 3), 90, np.uint8)] * 16, np.zeros(32000, np.float32), fps=8)
    (root / "videos/bad.mp4").write_bytes(b"not a video")
    for number, (split, name) in enumerate({"train": "good", "val": "good", "test": "bad"}.items()):
        rows = [RECORD | {"video_id": name, "question_id": number}]
        (root / "json" / f"avqa-{split}.json").write_text(json.dumps(rows))
    return root


def test_everything_is_extracted_and_failures_are_exit_code_one(stage, tmp_path, lookhear):
    base = [
        "extract",
        "stage_vision",
        "stage_text",
        "--dataset",
        "soundstage",
        "--root",
        stage,
        "--out",
        tmp_path / "f",
    ]
    done = lookhear(*base)
    assert done.code == 1 and "1 failed" in done.out and "bad" in done.out, done.err
    assert (tmp_path / "f/stage_vision/frames/good.npy").is_file() and (tmp_path / "f/ledger.jsonl").is_file()
    again = lookhear(*base, "--split", "train", "--json")
    facts = json.loads(again.out)
    assert again.code == 0 and (facts["made"], facts["kept"], facts["failed"]) == (0, 2, [])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--shard", "one"], "Shard 'one' is not of the form i/n"),
        (["--shard", "4/4"], "Shard 4/4 does not exist"),
        (["--split", "nope"], "nope"),
        (["--root", "/nowhere"], "No folder '/nowhere' for dataset 'soundstage'. Give the folder of its annotations."),
    ],
)
def test_bad_arguments_are_one_line_and_exit_code_two(stage, tmp_path, lookhear, change, said):
    base = ["extract", "stage_vision", "--dataset", "soundstage", "--root", stage, "--out", tmp_path / "f"]
    done = lookhear(*base, *change)
    assert done.code == 2 and said in done.err and done.err.count("\n") == 1, done.err
