"""Rephrasing: the grammar covers every template, keeps every value, and what is written is read again."""

import json
import re

import pytest

from lookhear import datasets
from lookhear.curate.robust import build
from lookhear.curate.robust._grammar import GRAMMAR
from lookhear.curate.robust.rephrase import articles, expand, forms, rephrase, rephrasings
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
            assert not re.search(r"[\[\]|<]|  |\?$", form) and form[0].isupper()
            assert set(re.findall(r"\{(\d)\}", form)) == {str(n) for n in range(slots)}, form


def test_nested_choices():
    assert list(expand("[a|b [c|d]] e")) == ["a e", "b c e", "a e", "b d e"]


def test_the_same_seed_asks_the_same_way():
    assert rephrasings("Is there a voiceover?", [], 5) == rephrasings("Is there a voiceover? ", [], 5)
    assert rephrasings("Is there a voiceover?", [], 5) != rephrasings("Is there a voiceover?", [], 5, seed=1)
    with pytest.raises(DatasetError, match="No grammar for question 'Who is it'"):
        rephrasings("Who is it", [])


def test_a_question_without_a_template_is_framed():
    plain = Example("1", "t", Clip(None, None), "What sings?", Answer("a bird"), ("both",))
    assert rephrase(plain, 2) == ["Please tell me, what sings?", "Judging by what is seen and heard, what sings?"]
    named = Example("1", "t", Clip(None, None), "VGGSound names what?", Answer("a bird"), ("both",))
    assert rephrase(named, 1) == ["Please tell me, VGGSound names what?"]


def test_no_sentence_is_that_of_two_templates_and_words_are_many():
    whose, words = {}, set()
    for template, patterns in GRAMMAR.items():
        for form in {form for pattern in patterns for form in expand(pattern)}:
            assert whose.setdefault(form, template) == template, form
        words |= {word for form in forms(template) for word in re.findall(r"[a-z][a-z'-]*", form.lower())}
    assert len(words) > 320, "beside the instruments' names and other values"


def test_articles_go_with_the_sound_of_the_next_word():
    assert articles("Is there a accordion, a ukulele or an cello") == "Is there an accordion, a ukulele or a cello"
    assert (
        articles("A electric_bass and an one-man band, a hour long")
        == "An electric_bass and a one-man band, an hour long"
    )
    ways = rephrasings("Is there a <Object> sound?", ["accordion"], 25)
    assert any("an accordion" in way for way in ways) and not any("a accordion" in way for way in ways)


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
