"""Benchmarks of today: each read from a file in its published form, with its counts where the real one is here."""

import gzip
import json
from collections import Counter

import pytest

from lookhear import datasets, tasks
from lookhear.datasets import avhbench, dave, omnivideobench
from lookhear.datasets.reading import choices, missing
from lookhear.errors import DatasetError, RecipeError
from lookhear.types import BLANK
from tests.conftest import shared

FOUR = ["A. a dog", "B. a cat", "C. a cow", "D. a hen"]
PLAIN = ("a dog", "a cat", "a cow", "a hen")
FILES = {  # dataset -> (file, what is in it); each asks one question whose answer is "a cat"
    "daily_omni": (
        "qa.json",
        [{"Question": "Who?", "Choice": FOUR, "Answer": "B", "video_id": "v", "Type": "T", "video_duration": "30s"}],
    ),
    "omnivideobench": (
        "data.json",
        [
            {
                "video": "v",
                "video_type": "Vlog",
                "duration": "01:40",
                "questions": [
                    {
                        "question": "Who?",
                        "question_type": "counting",
                        "audio_type": "Speech",
                        "answer": "a cat",
                        "options": ["A.a dog", "B.a cat", "C.a cow", "D.a hen"],
                        "correct_option": "B",
                        "reasoning_steps": [
                            {"modality": "aduio", "evidence": "A mew at 0:12 and 1：02.", "inference": "a cat"},
                            {"modality": "vision", "evidence": "at 02:40 it is seen", "inference": "late"},
                        ],
                    }
                ],
            }
        ],
    ),
    "av_speakerbench": (
        "test.jsonl",
        [{"video_id": "v.mp4", "question": "Who?", "choices": list(PLAIN), "answer": "B", "task": "T"}],
    ),
    "worldsense": (
        "worldsense_qa.json",
        {
            "v": {
                "duration": 10,
                "domain": "D",
                "task0": {"question": "Who?", "candidates": FOUR, "answer": "B", "task_type": "T"},
            },
            "w": {"task0": {"question": "Who?", "candidates": FOUR, "answer": "B"}},
        },
    ),
    "jointavbench": (
        "test.json",
        [
            {
                "video_name": "v",
                "question": "Who?",
                "options": dict(zip("ABCD", PLAIN, strict=True)),
                "correct_answer": "B",
                "task": "T",
            }
        ],
    ),
    "omnibench": (
        "test.jsonl",
        [
            {
                "index": 3,
                "question": "Who?",
                "options": list(PLAIN),
                "answer": "a cat",
                "image_path": "mm/v.png",
                "audio_path": "mm/s.mp3",
                "task type": "T",
            }
        ],
    ),
    "avqa_r1_6k": (
        "test.json",
        [
            {
                "problem_id": 4,
                "problem": "Who?",
                "options": FOUR,
                "solution": "<answer>B</answer>",
                "path": {"image": "i/v.jpg", "audio": "a/v.wav"},
            }
        ],
    ),
    "xmodbench": (
        "data.json",
        [
            {
                "question": "Who?",
                "conditions": {"modality": "Audio", "input": "d/v.wav"},
                "options": {k: {"modality": "Text", "input": t} for k, t in zip("ABCD", PLAIN, strict=True)},
                "correct_answer": "B",
            }
        ],
    ),
    "valor32k_avqa_v2": (
        "combined_dataset_test_flattened.json",
        [
            {
                "id": 5,
                "video_id": "v",
                "question": "Who?",
                "options": list(PLAIN),
                "correct_answer_idx": 1,
                "modality": "audio",
                "category": "T",
            }
        ],
    ),
    "mcq@my.csv": ("my.csv", "video,question,option_a,option_b,option_c,answer\nv,Who?,a dog,a cat,a cow,B\n"),
    "mcq@my.json,question=q,options=o": (
        "my.json",
        [{"q": "Who?", "o": "A. a dog\nB. a cat\nC. a cow", "answer": "B", "video": "v"}],
    ),
}


def written(folder, name: str, content) -> None:
    if isinstance(content, str):
        text = content
    elif name.endswith(".jsonl"):
        text = "".join(json.dumps(row) + "\n" for row in content)
    else:
        text = json.dumps(content, ensure_ascii=False)
    (folder / name).write_text(text, "utf-8")


@pytest.mark.parametrize("name", FILES)
def test_each_form_is_read(name, tmp_path):
    written(tmp_path, *FILES[name])
    example = datasets.load(name, tmp_path, "test")[0]
    assert example.question == "Who?" and example.reference.text == "a cat"
    assert example.meta["options"][:3] == PLAIN[:3] and example.meta["place"] == 1 and example.clip.video.id == "v"
    task = tasks.find(example.task)
    assert "B. a cat" in task.prompt(example) and task.parse("The answer is B.", example).text == "a cat"
    with pytest.raises(DatasetError):
        datasets.load(name, tmp_path / "nowhere", "test")


def test_steps_become_evidence(tmp_path):
    written(tmp_path, *FILES["omnivideobench"])
    found = omnivideobench.read(tmp_path)
    segments = found.examples[0].reference.segments
    assert [(s.start, s.end, s.stream) for s in segments] == [(12, 13, "audio"), (62, 63, "audio")]
    kinds = Counter(fault.kind for fault in found.faults)
    assert kinds == {"misspelt sense": 1, "time past the end": 1}  # 2:40 of a video of 1:40


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("B", 1),
        ("(b)", 1),
        ("B. a cat", 1),
        ("a cat", 1),
        ("A CAT", 1),
        (1, 1),
        ("1", 1),
        ("<answer>B</answer>", 1),
        (["(B)"], 1),
        ("E", None),
        (9, None),
        (None, None),
        (True, None),
    ],
)
def test_an_answer_in_every_form(said, place):
    assert choices.place_of(said, PLAIN, []) == place


def test_options_in_every_form():
    for given in (FOUR, list(PLAIN), dict(zip("ABCD", PLAIN, strict=True)), str(list(PLAIN)), "\n".join(FOUR)):
        assert tuple(choices.options_of({"options": given}, ("options",))[0]) == PLAIN
    assert choices.options_of({}, ("options",)) == ([], [])
    chords = ["A:min", "E:maj", "D:7"]  # letters of their own, which stay
    assert choices.options_of({"options": chords}, ("options",))[0] == chords


def test_what_cannot_be_read_is_said(tmp_path):
    written(tmp_path, "my.json", [{"foo": 1}, {"question": "Who?", "options": ["x", "y"], "answer": "z", "video": "v"}])
    found = datasets.find("mcq")[0].read(tmp_path, "test", "my.json")
    assert [fault.kind for fault in found.faults] == ["malformed", "answer not a choice"] and len(found.examples) == 1
    for version, error in (("", RecipeError), ("no.json", DatasetError), ("my.json,colour=x", RecipeError)):
        with pytest.raises(error):
            datasets.find("mcq")[0].read(tmp_path, "test", version)
    (tmp_path / "bad.json.gz").write_bytes(gzip.compress(b"[1")[:-4])
    with pytest.raises(DatasetError, match="gzip"):
        datasets.find("mcq")[0].read(tmp_path, "test", "bad.json.gz")


def test_streams_go_missing_by_question(tmp_path):
    rows = [
        {"id": n, "video": f"v{n % 3}", "question": f"{n}?", "options": ["x", "y"], "answer": "A"} for n in range(20)
    ]
    written(tmp_path, "my.json", rows)
    assert missing.parted("music_avqa@update+missing0.3") == ("music_avqa@update", "missing0.3")
    assert missing.parted("mcq@missing0.3.json") == ("mcq@missing0.3.json", "")
    whole = datasets.load("mcq@my.json", tmp_path, "test")
    some = missing.without(whole, "missing0.5", tmp_path)
    gone = Counter(e.meta.get("missing") for e in some)
    assert gone == {None: 10, "audio": 5, "visual": 5} and some == missing.without(whole, "missing0.5", tmp_path)
    assert all((e.clip.audio == BLANK) == (e.meta.get("missing") == "audio") for e in some)
    written(tmp_path, "missing.json", [{"question_id": 3, "is_visual_missing": True, "is_audio_missing": False}])
    assert [e.meta.get("missing") for e in missing.without(whole, "missing", tmp_path)].count("visual") == 1
    written(tmp_path, "missing.json", [{"question_id": 3, "is_visual_missing": True, "is_audio_missing": True}])
    with pytest.raises(DatasetError, match="both"):
        missing.without(whole, "missing", tmp_path)
    with pytest.raises(RecipeError, match="missing0"):
        datasets.find("music_avqa@missing30")


COUNTS = {  # dataset, folder, split -> examples and kinds
    ("daily_omni", "daily_omni", "test"): (1197, 6),
    ("omnivideobench", "omnivideobench", "test"): (1000, 36),
    ("avhbench", "avhbench", "test"): (6408, 4),
    ("avhbench", "avhbench", "val"): (205, 3),
    ("dave", "dave", "test"): (854, 3),
    ("dave@temporal_video", "dave", "test"): (712, 1),
    ("vggsounder", "vggsounder", "test"): (12372, 0),
    ("mcq@mmau-test-mini.json", "mmau", "test"): (1000, 3),
    ("music_avqa@missing0.3", "music_avqa", "test"): (9129, 9),
}


@pytest.mark.parametrize(("name", "folder", "split"), COUNTS)
def test_published_files(name, folder, split):
    examples = datasets.load(name, shared("data", folder), split)
    assert (len(examples), len({e.kind for e in examples if e.kind})) == COUNTS[name, folder, split]
    for example in examples[:: max(1, len(examples) // 200)]:
        task = tasks.find(example.task)
        prompt = task.prompt(example)
        assert len(prompt) > 20 and ".?" not in prompt
        if "options" in example.meta and "place" in example.meta:
            letter = "ABCDEFGH"[example.meta["place"]]
            assert task.parse(letter, example).text == example.reference.text
            assert task.parse(task.target(example, explain=False), example).text == example.reference.text


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("multimodal", (1, 1)),
        ("silent_video", (1, 0)),
        ("audio", (0, 1)),
        ("text_only", (0, 0)),
        ("overlayed_full_audio_classification", (0, 1)),
    ],
)
def test_probes_of_dave_lack_what_their_prompt_says(part, shown):
    for example in dave.load(shared("data/dave"), "test", part)[:5]:
        assert (example.clip.video is not None, example.clip.audio is not None) == shown
        assert example.meta["video_id"] and tasks.find("question_answering").prompt(example)


def test_orders_are_read():
    example = dave.load(shared("data/dave"), "test", "temporal_video")[0]
    task = tasks.find("question_answering")
    assert "(A) " in task.prompt(example) and "order" in task.prompt(example)
    for reply in ("(B)(D)(C)(A)", "B, D, C, A", "The order is (B)(D)(C)(A).", "BDCA"):
        assert task.parse(reply, example).text == "(B)(D)(C)(A)"
    for reply in ("(B)(D)(C)", "A", "(A)(A)(B)(C)", "", "(A)(B)(C)(D) or (B)(A)(C)(D)"):
        assert not task.parse(reply, example).text
    assert avhbench.FILES["align_ft"]
