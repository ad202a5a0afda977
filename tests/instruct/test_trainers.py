"""Other trainers read what we export, by their own loaders, each in an environment of its own (`make trainers`)."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lookhear.curate.instruct import chat
from lookhear.types import Clip, Source
from tests.instruct import world

HERE = Path(__file__).parents[2]
VERSIONS = ("qa", "llp", "ave", "action", "pair")


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """(folder, texts): films of several tasks, a part of one, a picture with sound, sound alone."""
    from PIL import Image

    root = tmp_path_factory.mktemp("trainers")
    films = world.make(root / "films", 4)
    texts = [
        (world.example(films, number, version), f"Reasons of {number}. <answer>{version}</answer>")
        for number, version in enumerate(VERSIONS[:4])
    ]
    texts.append((world.example(films, 1, "pair"), "They fit. <answer>yes</answer>"))
    example = world.example(films, 2, "qa")
    texts.append((replace(example, id="part", clip=replace(example.clip, start=0.5, end=1.5)), "A part."))
    Image.new("RGB", (32, 32)).save(films / "still.png")
    still = Clip(Source("still", films / "still.png"), example.clip.audio)
    texts.append((replace(example, id="still", clip=still), "A picture."))
    texts.append((replace(example, id="heard", clip=Clip(None, example.clip.audio)), "Heard."))
    for kind in chat.FORMS:
        count, lost = chat.write(kind, root / "out", "x", texts)
        assert (count, lost) == (len(texts), {})
    return root / "out", texts


def read(trainer, module, *given):
    """Rows that the trainer's own code reads; skips where its environment is not there."""
    folder = Path(os.environ.get("LOOKHEAR_TRAINERS", HERE)) / f".venv-{trainer}"
    if not (folder / "bin" / "python").is_file():
        pytest.skip(
            f"{trainer} is not installed here: make trainers (or LOOKHEAR_TRAINERS=FOLDER with .venv-{trainer})"
        )
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PYTHONPATH": "", "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(
        [folder / "bin" / "python", HERE / "tests" / "instruct" / "trainers" / module, *map(str, given)],
        env=os.environ | offline, cwd=folder, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr[-3000:]
    return json.loads(ran.stdout.splitlines()[-1])


def held(rows, texts, wanted, marked=True):
    """Every row as it was exported, its sounds read whole."""
    assert len(rows) == len(texts)
    for row, record, (example, text) in zip(rows, wanted, texts, strict=True):
        for kind in ("images", "videos", "audios"):
            assert row[kind] == record.get(kind, []), example.id
        assert row["said"] == (chat._events(text) if marked else text)
        assert len(row["samples"]) == len(row["audios"]) == 1
        assert abs(row["samples"][0] / 16_000 - (1.0 if example.id == "part" else world.SECONDS)) < 0.2, example.id


@pytest.mark.slow
def test_llama_factory_reads_it(export):
    out, texts = export
    wanted = json.loads((out / "llama-factory" / "x.json").read_text())
    rows = read("factory", "read_factory.py", out / "llama-factory", "x")
    held(rows, texts, wanted)
    assert [row["asked"] for row in rows] == [record["messages"][0]["content"] for record in wanted]
    assert all(len(row["frames"]) == len(row["videos"]) and all(count > 1 for count in row["frames"]) for row in rows)


@pytest.mark.slow
def test_ms_swift_reads_it(export):
    out, texts = export
    wanted = [json.loads(line) for line in (out / "ms-swift" / "x.jsonl").read_text().splitlines()]
    rows = read("swift", "read_swift.py", out / "ms-swift" / "x.jsonl")
    held(rows, texts, wanted)
    assert [row["asked"] for row in rows] == [record["messages"][0]["content"] for record in wanted]
    assert [row["solution"] for row in rows] == [record["solution"] for record in wanted]


@pytest.mark.slow
def test_trl_reads_it(export):
    out, texts = export
    records = [json.loads(line) for line in (out / "chat" / "x.jsonl").read_text().splitlines()]
    wanted = [
        {f"{kind}s": [p["path"] for p in r["messages"][0]["content"] if p["type"] == kind] for kind in chat.PLACES}
        for r in records
    ]
    rows = read("trl", "read_trl.py", out / "chat" / "x.jsonl")
    held(rows, texts, wanted, marked=False)


def test_every_sound_is_a_sound_file_and_every_row_names_its_pictures(export):
    out, texts = export
    records = [json.loads(line) for line in (out / "chat" / "x.jsonl").read_text().splitlines()]
    sounds = [p["path"] for r in records for p in r["messages"][0]["content"] if p["type"] == "audio"]
    assert len(sounds) == len(texts) and all(Path(one).suffix == ".wav" and Path(one).is_file() for one in sounds)
    assert [bool(r["images"]) for r in records] == [example.id == "still" for example, _ in texts]
    assert all("clip_start" not in r for r in records), "a part of a recording is a file of its own"
