"""A Soundstage on disk: whole or resumable, never mixed, in the official format, and readable as Examples."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lookhear import files
from lookhear.cli import app
from lookhear.datasets import soundstage
from lookhear.errors import DatasetError
from lookhear.soundstage.scene.splits import Settings, named
from lookhear.soundstage.write import folder as write
from lookhear.soundstage.write.card import checksum
from lookhear.soundstage.write.folder import make, read_scenes
from tests.conftest import shared

TINY = Settings(train=3, val=1, test=2, diagnostic=1, questions=12, seconds=6.0, size=64, fps=4.0)


FROZEN = ["f45b8c02389d8a05", "2e763e49096b2e0b", "cf4095c2a44ca20d", "0291f6b3887be589", "0692eb933ff470a2"]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    root = tmp_path_factory.mktemp("stage") / "mini"
    make(root, TINY, workers=2, quiet=True)
    return root


def test_the_folder(stage):
    card = json.loads((stage / "card.json").read_text())
    assert sorted(p.name for p in stage.iterdir()) == [
        *("card.json", "contact_sheet.png", "json", "masks", "scenes.jsonl"),
        "videos",
    ]
    assert sorted(p.name for p in (stage / "videos").iterdir()) == [f"{i:08d}.mp4" for i in range(7)]
    assert card["settings"]["train"] == 3 and card["media"] is True
    assert set(card["splits"]) == {"train", "val", "test", "diagnostic"}
    assert (
        all(checksum(stage / name) == digest for name, digest in card["sha256"].items())
        and len(card["sha256"]) == 1 + 4 * 12
    )
    for name, split in card["splits"].items():
        assert split["questions"] == len(json.loads((stage / "json" / f"avqa-{name}.json").read_text()))
        assert sum(row["questions"] for row in split["templates"].values()) == split["questions"]


def test_scenes_and_questions_are_frozen(stage):
    """Measured results rest on them: the same settings give the same bytes for ever."""
    digests = [checksum(stage / "json" / f"avqa-{split}.json")[:16] for split in named("mini").clips]
    assert [checksum(stage / "scenes.jsonl")[:16], *digests] == FROZEN


def test_media_are_the_scenes(stage):
    from lookhear.media.probe import probe

    facts = probe(stage / "videos" / "00000003.mp4")
    assert facts.duration == pytest.approx(6.0, abs=0.2)


def test_question_ids_are_unique_and_videos_belong_to_one_split(stage):
    records = {s: json.loads((stage / "json" / f"avqa-{s}.json").read_text()) for s in named("mini").clips}
    ids = [r["question_id"] for split in records.values() for r in split]
    assert len(set(ids)) == len(ids)
    videos = [{r["video_id"] for r in split} for split in records.values()]
    assert sum(map(len, videos)) == len(set().union(*videos)) <= 7


def test_the_format_is_the_official_one(stage):
    ours = json.loads((stage / "json" / "avqa-test.json").read_text())
    assert all(list(r) == KEYS and json.loads(r["templ_values"]) is not None for r in ours)
    official = json.loads(shared("data", "music_avqa", "avqa-test.json").read_text("utf-8"))
    kinds = {r["question_content"]: r["type"] for r in official}
    values = {r["anser"] for r in official}
    for r in ours:
        assert [(k, type(v)) for k, v in r.items()] == [(k, type(v)) for k, v in official[0].items()]
        assert r["type"] == kinds[r["question_content"]], "letter for letter, odd blanks and full-width marks included"
        assert r["anser"] in values and len(r["video_id"]) == len(official[0]["video_id"])


KEYS = ["video_id", "question_id", "type", "question_content", "templ_values", "question_deleted", "anser"]


def test_reload(stage):
    scenes = {s.id: s for s in read_scenes(stage)}
    for split in ("train", "val", "test", "diagnostic"):
        for e in soundstage.load(stage, split):
            assert e.clip.video.path.is_file() and e.reference.text in soundstage.VOCABULARY
            assert "<" not in e.question and not e.question.endswith("?")
            assert e.reference.segments and all(0 <= s.start < s.end <= 6 for s in e.reference.segments)
            assert e.clip.id in scenes and len(e.kind) == 2


def test_again_changes_nothing(stage):
    before = {p: p.stat().st_mtime_ns for p in stage.glob("videos/*.mp4")}
    card = make(stage, TINY, workers=1, quiet=True)
    assert {p: p.stat().st_mtime_ns for p in stage.glob("videos/*.mp4")} == before
    assert card == json.loads((stage / "card.json").read_text())


def test_another_world_is_not_mixed_in(stage, tmp_path):
    with pytest.raises(DatasetError, match="another Soundstage"):
        make(stage, Settings(train=3, val=1, test=2, seed=1), quiet=True)
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(DatasetError, match="is not empty and not a Soundstage"):
        make(tmp_path, TINY, quiet=True)
    with pytest.raises(DatasetError, match="is a file"):
        make(tmp_path / "letters.txt", TINY, quiet=True)


def test_an_interrupted_run_goes_on(tmp_path, monkeypatch):
    drawn = []

    def draw(line, path, size, fps, font):
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append(path)
        files.write(Path(path), line)

    monkeypatch.setattr(write, "_draw", draw)
    monkeypatch.setattr(write, "_sheet", lambda path, clips: None)
    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "s", TINY, workers=1, quiet=True)
    assert not (tmp_path / "s" / "card.json").exists(), "not whole, so no card"
    first = list(drawn)
    drawn.clear()
    drawn.extend(["x"] * 4)  # past the interruption
    make(tmp_path / "s", TINY, workers=1, quiet=True)
    assert not set(first) & set(drawn) and len(set(first) | set(drawn[4:])) == 7
    assert (tmp_path / "s" / "card.json").is_file()


def test_a_killed_run_leaves_whole_videos_and_no_workers(tmp_path, stage):
    code = (
        "from lookhear.soundstage.write.folder import make\nfrom tests.soundstage.test_dataset import TINY\n"
        "if __name__ == '__main__': make({!r}, TINY, workers=2, quiet=True)\n"
    )
    (tmp_path / "run.py").write_text(code.format(str(tmp_path / "s")))
    env = {**os.environ, "PYTHONPATH": str(Path.cwd()), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, tmp_path / "run.py"], env=env, start_new_session=True)
    deadline = time.monotonic() + 240  # seconds on a busy machine
    while not list(tmp_path.glob("s/videos/[!.]*.mp4")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    while _alive(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(process.pid), "workers end with their parent"
    early = {p.name: p.stat().st_mtime_ns for p in tmp_path.glob("s/videos/[!.]*.mp4")}
    assert early
    make(tmp_path / "s", TINY, workers=1, quiet=True)
    videos = sorted((tmp_path / "s" / "videos").iterdir())
    assert [p.name for p in videos] == [f"{i:08d}.mp4" for i in range(7)], "nothing half written is left"
    assert all(p.stat().st_mtime_ns == early.get(p.name, p.stat().st_mtime_ns) for p in videos)
    assert [checksum(p) for p in videos] == [checksum(stage / "videos" / p.name) for p in videos], "equal media"


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_command(tmp_path):
    run = CliRunner().invoke(app(), ["soundstage", str(tmp_path / "a"), "--clips", "10", "--no-media", "--json"])
    assert run.exit_code == 0, run.output
    card = json.loads(run.stdout)
    assert [card["splits"][s]["clips"] for s in ("train", "val", "test")] == [7, 1, 2] and not card["media"]
    assert not (tmp_path / "a" / "videos").exists()
    assert soundstage.load(tmp_path / "a")[0].clip.video.path is None
    run = CliRunner().invoke(app(), ["soundstage", str(tmp_path / "b"), "--split", "mini", "--no-media"])
    assert run.exit_code == 0 and "card.json" in run.stdout


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["--split", "bass"], "'bass'"),
        (["--seconds", "1"], "seconds 1.0"),
        (["--bias", "7"], "bias 7.0"),
        (["--workers", "0"], "0 workers"),
        (["--clips", "0"], "at least one"),
        (["--musicians", "11"], "musicians 11"),
    ],
)
def test_bad_arguments(tmp_path, given, message):
    run = CliRunner().invoke(app(), ["soundstage", str(tmp_path / "a"), *given])
    assert isinstance(run.exception, DatasetError) and message in str(run.exception)
    assert not (tmp_path / "a").exists()
