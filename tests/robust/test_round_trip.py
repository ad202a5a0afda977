"""Every folder that is written is read back with the card's numbers: over sizes, forms, datasets and what rows say."""

import json
import random

import pytest

from lookhear import datasets
from lookhear.curate.robust import build
from lookhear.curate.robust.split import FORMS
from lookhear.datasets.reading.templates import ANSWERS
from lookhear.evaluate.check.annotations import check
from lookhear.types import Answer, Clip, Example, Source

KINDS = [
    *[("Audio", kind) for kind in ("Counting", "Comparative")],
    *[("Visual", kind) for kind in ("Counting", "Location")],
    *[("Audio-Visual", kind) for kind in ("Existential", "Counting", "Location", "Comparative", "Temporal")],
]


def drawn(seed: int) -> list[Example]:
    """Questions of some of the nine groups, balanced and skewed, a few or hundreds, two or many answers."""
    draw = random.Random(seed)
    found = []
    for kind in draw.sample(KINDS, draw.randint(1, 9)):
        answers = draw.sample(ANSWERS, draw.randint(1, 12))
        weights = [draw.choice((1, 1, 5, 40)) for _ in answers]
        for _ in range(draw.choice((1, 7, 60, 200))):
            n, said = len(found), draw.choices(answers, weights)[0]
            source = Source(f"v{n // 3}")
            meta = {"question_id": n, "video_id": source.id}
            question = f"What is it, number {n}?"
            found.append(
                Example(str(n), "question_answering", Clip(source, source), question, Answer(said), kind, meta)
            )
    return found


@pytest.mark.parametrize("seed", range(24))
def test_read_back_with_the_cards_numbers(seed, tmp_path):
    draw = random.Random(100 + seed)
    examples, form, count = drawn(seed), draw.choice(FORMS), draw.choice((1, 2, 5))
    many = build.rephrased(examples, lambda e: [f"{e.question.rstrip('?')}, said {k}" for k in range(count)])
    card = build.write(many, tmp_path, form, {"dataset": "music_avqa", "origin": "music_avqa"})
    if draw.random() < 0.5:  # as the published files are: no row says what it is
        for name in ("head", "tail", "headtail"):
            path = tmp_path / f"avqa-test-{name}.json"
            rows = json.loads(path.read_text())
            path.write_text(json.dumps([{k: v for k, v in row.items() if k != "split"} for row in rows]))
    whole = datasets.load("music_avqa_r", tmp_path, "headtail")
    parts = [e.meta.get("part", "") for e in whole]
    assert [parts.count(p) for p in ("head", "tail", "")] == [card["head"], card["tail"], card["neither"]]
    for part in ("head", "tail"):
        if card[part]:
            alone = datasets.load("music_avqa_r", tmp_path, part)
            assert len(alone) == card[part] and {e.meta["part"] for e in alone} == {part}
    for kind, group in card["groups"].items():
        some = [e for e in whole if "/".join(e.kind) == kind]
        assert len(some) == group["questions"]
        for part in ("head", "tail"):
            assert sum(e.meta.get("part") == part for e in some) == group[part]
    for was, now in zip(many, whole, strict=True):
        assert (now.question, now.reference.text, now.kind) == (was.question, was.reference.text, was.kind)
        assert now.meta["question_id"] == was.meta["question_id"] and now.clip.id == was.clip.id
    assert not check("music_avqa_r", tmp_path, media=False).findings, "head and tail are parts, not leaks"


def test_a_row_that_says_it_is_neither_is_believed(tmp_path):
    examples = drawn(3)
    build.write(build.rephrased(examples, lambda e: [e.question]), tmp_path, "unfiltered", {})
    path = tmp_path / "avqa-test-headtail.json"
    rows = json.loads(path.read_text())
    path.write_text(json.dumps([{**row, "split": ""} for row in rows]))
    assert not any("part" in e.meta for e in datasets.load("music_avqa_r", tmp_path, "test"))
    path.write_text(json.dumps([{**rows[0], "split": "both"}, *rows[1:]]))
    read = datasets.find("music_avqa_r")[0].read(tmp_path, "headtail")
    assert len(read.faults) == 1 and "'both' is neither head nor tail" in read.faults[0].why


def test_one_file_missing_says_nothing_of_the_others_questions(tmp_path):
    examples = [e for e in drawn(5) for _ in range(2)]
    card = build.write(build.rephrased(examples, lambda e: [e.question]), tmp_path, "unfiltered", {})
    path = tmp_path / "avqa-test-headtail.json"
    path.write_text(json.dumps([{k: v for k, v in r.items() if k != "split"} for r in json.loads(path.read_text())]))
    (tmp_path / "avqa-test-head.json").unlink()
    parts = [e.meta.get("part", "") for e in datasets.load("music_avqa_r", tmp_path, "headtail")]
    assert parts.count("tail") == card["tail"] and parts.count("head") == 0


def test_options_stretches_and_recordings_survive(tmp_path):
    (tmp_path / "world/videos").mkdir(parents=True)
    (tmp_path / "world/videos/a.mp4").write_bytes(b"")
    source = Source("a", tmp_path / "world/videos/a.mp4")
    meta = {"question_id": 1, "options": ("a dog", "a cat")}
    example = Example(
        "1", "question_answering", Clip(source, source, 1.0, 4.5), "Who is <it>?", Answer("a cat"), ("Both",), meta
    )
    many = build.rephrased([example], lambda e: [e.question])
    build.write(many, tmp_path / "r", "stated", {"origin": "avqa"}, tmp_path / "world")
    (read,) = datasets.load("music_avqa_r", tmp_path / "r", "test")
    assert read.question == "Who is <it>" and read.meta["options"] == ("a dog", "a cat")
    assert (read.clip.start, read.clip.end, read.clip.video.path.name) == (1.0, 4.5, "a.mp4")
    assert datasets.of("music_avqa_r").answers(tmp_path / "r") == ()
    assert not check("music_avqa_r", tmp_path / "r", media=False).findings
