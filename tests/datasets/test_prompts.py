"""Prompts of the benchmarks as a model sees them: options complete, lettered once, legible; the answer not given away.

What ten prompts of each published file showed when they were read, as rules for all of its questions.
"""

import re

import pytest

from lookhear import datasets, tasks
from lookhear.datasets.reading import choices
from lookhear.types import Answer, Clip, Example
from tests.conftest import shared

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
LEAK = re.compile(r"<answer>\s*\(?[A-H]\b|\b(?:answer|correct option)[ \t]*(?:is|:)[ \t]*\(?[A-H]\b", re.IGNORECASE)
REAL = [  # dataset, folder of the published files, split, questions that have a fault of their own
    ("daily_omni", "daily_omni", "test", 0),
    ("omnivideobench", "omnivideobench", "test", 1),  # two options alike
    ("avhbench", "avhbench", "test", 0),
    ("avhbench", "avhbench", "val", 0),
    ("dave", "dave", "final_inference_epic_2.0_flash", 0),
    ("avqa", "avqa_thu", "train_Happening", 159),  # options alike, an answer that is none of them
    ("avqa", "avqa_thu", "train_Where", 58),
    ("avqa", "avqa_thu", "test", 0),
    ("valor32k_avqa", "valor32k_avqa", "test", 1),
    ("music_avqa", "music_avqa", "test", 0),
    ("music_avqa_v2", "music_avqa_v2", "test", 0),
    ("mcq@mmau-test-mini.json", "mmau", "test", 27),
    ("ave", "ave", "test", 0),
    ("unav_100", "unav100", "test", 0),
    ("llp", "llp", "test", 4),  # events of no length
    ("vggsounder", "vggsounder", "test", 0),
    ("kinetics_sounds", "kinetics_sounds", "test", 0),
    ("ucf51", "ucf101", "test", 0),
    ("crema_d", "crema_d", "test", 0),
    ("meld", "meld", "dev", 0),
]
EVERY = 7  # one question in seven of the larger files


def faults(example: Example, vocabulary: tuple[str, ...]) -> list[str]:
    """What is wrong with a prompt, in words."""
    task, reference = tasks.find(example.task), example.reference or Answer()
    prompt = task.prompt(example, vocabulary)
    options, labels = example.meta.get("options", ()), vocabulary or example.meta.get("labels", ())
    wrong = [f"leak: {m[0]}" for m in LEAK.finditer(prompt)]
    if not example.question.strip() and example.task == "question_answering":
        wrong.append("no question")
    if options:
        lines = [line for line in prompt.split("\n") if re.match(r"[A-Z]\. ", line)]
        written = [f"{letter}. {option.strip()}" for letter, option in zip(LETTERS, options, strict=False)]
        if lines[-len(written) :] != written or len({o.strip().casefold() for o in options}) < len(options):
            wrong.append(f"options not whole, or alike: {lines}")
        if not all(option.strip() for option in options):
            wrong.append(f"empty: {options}")
        if all(re.match(rf"{letter}[ .):]\s*\S", o) for letter, o in zip(LETTERS, options, strict=False)):
            wrong.append(f"lettered twice: {options}")
        if reference.text not in options:
            wrong.append(f"answer {reference.text!r} not among {options}")
        elif task.parse(LETTERS[options.index(reference.text)], example, vocabulary).text != reference.text:
            wrong.append("its letter is read as another answer")
    elif labels:
        names = {segment.label for segment in reference.segments} or {reference.text} - {""}
        if missing := [name for name in names if name not in labels or not (name in prompt or name in ("yes", "no"))]:
            wrong.append(f"not in the list: {missing}")
    if any(not 0 <= s.start < s.end or s.start > example.meta.get("duration", 1e9) for s in reference.segments):
        wrong.append(f"not in seconds of the clip: {reference.segments}")
    return wrong


@pytest.mark.parametrize(("name", "folder", "split", "known"), REAL, ids=lambda value: str(value)[:30])
def test_prompts_of_published_files(name, folder, split, known):
    dataset = datasets.of(name)
    examples = list(dataset.read(shared("data", folder), split).examples)
    some = examples if known or len(examples) < 1500 else examples[::EVERY]
    found = {}
    for example in some:
        closed = example.task != "question_answering" and "labels" in example.meta
        if wrong := faults(example, () if closed else dataset.vocabulary):
            found[example.id] = wrong
    assert len(found) == known, list(found.items())[:5]


def test_the_rules_find_each_fault():
    def asked(*options, question="What is heard?", answer="cat", **meta):
        return faults(
            Example(
                "1", "question_answering", Clip(None, None), question, Answer(answer), meta={"options": options} | meta
            ),
            (),
        )

    assert not asked("dog", "cat") and not asked("A dog", "cat")
    assert "lettered twice" in asked("A dog", "B cat", answer="B cat")[0]
    assert "empty" in asked("dog", " ", "cat")[0] and not asked("dog", " cat ", answer=" cat ")
    assert "alike" in asked("cat", "Cat")[0] and "whole" in asked("dog\nor wolf", "cat")[0]
    assert "not among" in asked("dog", "cow")[0] and "leak" in asked("dog", "cat", question="Who? The answer is B.")[0]


@pytest.mark.parametrize(
    ("written", "options", "letters"),
    [
        (["A Kitchen", "B Bathroom", "C Dining Room"], ["Kitchen", "Bathroom", "Dining Room"], ["A", "B", "C"]),
        (["A 3", "B 4", "C 5", "D 6"], ["3", "4", "5", "6"], ["A", "B", "C", "D"]),
        (["A cat", "A dog", "A cow"], ["A cat", "A dog", "A cow"], []),
        (["A cat", "B sharp"], ["A cat", "B sharp"], []),  # two of them may be so by chance
    ],
)
def test_options_with_letters_and_no_stop(written, options, letters):
    assert choices.options_of({"o": written}, ("o",)) == (options, letters)
