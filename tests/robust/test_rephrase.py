"""Rephrasing: the grammar covers every template, keeps every value, and what is written is read again."""

import json
import re

import pytest

from lookhear import datasets
from lookhear.curate.robust import build
from lookhear.curate.robust._grammar import GRAMMAR
from lookhear.curate.robust.rephrase import expand, rephrase, rephrasings
from lookhear.datasets.reading.declarative import SENTENCES
from lookhear.errors import DatasetError
from lookhear.types import Answer, Clip, Example, Source


def question(n: int = 1, said: str = "yes") -> Example:
    source = Source(f"v{n}")
    meta = {"template": "Is there a <Object> sound?", "templ_values": ("cello",), "question_id": n, "video_id": f"v{n}"}
    return Example(
        str(n), "t", Clip(source, source), "Is there a cello sound", Answer(said), ("Audio", "Counting"), meta
    )


def test_the_grammar_covers_all_33_templates():
    assert set(GRAMMAR) == set(SENTENCES) and len(GRAMMAR) == 33


@pytest.mark.parametrize("template", GRAMMAR)
def test_every_form_keeps_every_value_and_there_are_enough(template):
    slots = len(re.findall(r"<\w+>", template))
    values = [f"value{n}" for n in range(slots)]
    ways = rephrasings(template + "?", values)
    assert len(ways) == 25 == len(set(ways))
    for pattern in GRAMMAR[template]:
        for form in expand(pattern):
            said = form.format(*values)
            assert not re.search(r"[\[\]{}|]|  |\?$", said) and all(value in said for value in values)
            assert said[0].isupper() and "<" not in said


def test_nested_choices():
    assert list(expand("[a|b [c|d]] e")) == ["a e", "b c e", "a e", "b d e"]


def test_the_same_seed_asks_the_same_way():
    assert rephrasings("Is there a voiceover?", [], 5) == rephrasings("Is there a voiceover? ", [], 5)
    assert rephrasings("Is there a voiceover?", [], 5) != rephrasings("Is there a voiceover?", [], 5, seed=1)
    with pytest.raises(DatasetError, match="No grammar for question 'Who is it'"):
        rephrasings("Who is it", [])


def test_a_question_without_a_template_is_framed():
    plain = Example("1", "t", Clip(None, None), "What sings?", Answer("a bird"), ("both",))
    assert rephrase(plain, 2) == ["Watch and listen: what sings?", "Look and listen: what sings?"]


def test_what_is_written_is_a_dataset(tmp_path):
    examples = [question(n, "yes" if n < 7 else "no") for n in range(10)] + [
        Example(**{**vars(question(n, said)), "kind": ("Visual", "Location")}) for n, said in enumerate("abcaaa", 20)
    ]
    many = build.rephrased(examples, lambda example: rephrase(example, 4))
    card = build.write(many, tmp_path, "stated", {"dataset": "drawn"})
    assert card["questions"] == 64 == len(datasets.load("music_avqa_r", tmp_path, "headtail"))
    head, tail = (datasets.load("music_avqa_r", tmp_path, part) for part in ("head", "tail"))
    assert len(head) == card["head"] and len(tail) == card["tail"]
    assert {e.reference.text for e in head if e.kind[0] == "Audio"} == {"yes"}
    assert len({e.meta["question_id"] for e in head}) * 4 == len(head)
    assert json.loads((tmp_path / "card.json").read_text())["groups"]["Audio/Counting"]["head_answers"] == ["yes"]
