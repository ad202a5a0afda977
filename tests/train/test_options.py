"""AVQA's four options: a net answers among them, by a mask over its vocabulary or by each option's text."""

import json
from dataclasses import replace

import pytest
import torch

from lookhear import config, datasets
from lookhear.errors import LookhearError
from lookhear.evaluate.report import report
from lookhear.evaluate.run import run as ask
from lookhear.evaluate.study import rows as studies
from lookhear.metrics.answers import correct, normal
from lookhear.model import load, options
from lookhear.store.features import FeatureStore
from lookhear.train import questions
from lookhear.train.loop import train
from lookhear.types import Answer, Clip, Example
from tests.train import world

WORDS = ("a dog", "a cat", "a bird", "a car", "a horn", "the sea")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """AVQA's two layouts over the little world: training answers are numbers of choices, validation answers texts."""
    root = world.make(tmp_path_factory.mktemp("avqa"))
    for split in ("train", "val"):
        rows = []
        for n, record in enumerate(json.loads((root / f"{split}.json").read_text())):
            right = WORDS[world.VOCABULARY.index(record["answer"])]
            choices = [w for w in WORDS if w != right][n % 3 : n % 3 + 3]
            choices.insert(n % 4, right)
            answer = choices.index(right) if split == "train" else right
            rows.append({
                "id": n, "video_name": record["clip"], "video_id": n, "question_text": record["question"],
                "question_relation": "Both", "question_type": "Which", "multi_choice": choices, "answer": answer,
            })  # fmt: skip
        (root / f"{split}_qa.json").write_text(json.dumps(rows))
    return root


def recipe(root, out, **data):
    made = world.recipe(root, out)
    return replace(made, data=replace(made.data, name="avqa", **data))


def test_every_option_is_in_the_vocabulary(root, tmp_path):
    found = questions.read(recipe(root, tmp_path).data)
    assert set(found.vocabulary) == set(WORDS) and len(found.train) == 24
    off = questions.read(recipe(root, tmp_path, options="off").data)
    assert set(off.vocabulary) == set(WORDS[:3]), "answers alone"
    pairs = questions.read(recipe(root, tmp_path, options="text").data)
    assert pairs.vocabulary == ("no", "yes") and len(pairs.train) == 4 * 24
    assert sum(pairs.labels(pairs.train)) == 24, "one of four is right"
    assert pairs.train[1].question.startswith("how many heard? ") and pairs.train[1].id.endswith("/1")
    with pytest.raises(LookhearError, match="No way to answer among options"):
        questions.read(recipe(root, tmp_path, options="guess").data)


@pytest.mark.parametrize("mode", ["mask", "text"])
@pytest.mark.parametrize("debias", [{}, {"name": "havf", "options": True, "hidden": 8}])
def test_a_net_answers_among_the_options(root, tmp_path, mode, debias):
    made = replace(recipe(root, tmp_path / "run", options=mode), debias=debias)
    if debias and mode == "text":
        made = replace(made, debias={**debias, "options": False})
    model, store = load(train(made, progress=False)), FeatureStore(root / "features")
    examples = datasets.load("avqa", root, "val")
    answers = ask(model, examples, store)
    for example, answer in zip(examples, answers, strict=True):
        assert answer.text in example.meta["options"] and set(answer.scores) == set(example.meta["options"])
        assert sum(answer.scores.values()) == pytest.approx(1, abs=1e-4)
        assert answer.scores[answer.text] == max(answer.scores.values())
    right = [correct(a, e.reference) for a, e in zip(answers, examples, strict=True)]
    assert list(studies.asked(model, examples, store)) == right, "a study asks the same"
    log = [json.loads(line) for line in (tmp_path / "run/log.jsonl").read_text().splitlines()]
    assert next(line["val"]["total"] for line in reversed(log) if "val" in line) == 24, "questions, not pairs"
    best = max(line["val"]["correct"] for line in log if "val" in line)
    assert all(b - a > 1e-6 for a, b in (sorted(answer.scores.values())[-2:] for answer in answers)), "no ties"
    assert sum(right) == best, "validation counts what asking gives"
    scored = report(examples, answers, resamples=50)
    assert scored.overall.total == 24 and "Both/Which" in scored.types


def test_options_that_the_net_has_never_heard_of(root, tmp_path):
    model = load(train(recipe(root, tmp_path / "run"), progress=False))
    store = FeatureStore(root / "features")
    (example, other) = datasets.load("avqa", root, "val")[:2]
    strange = replace(example, meta={**example.meta, "options": ("A DOG", "a lute", "a cat ")})
    unknown = replace(other, meta={**other.meta, "options": ("a lute", "a harp")})
    plain = replace(other, id="plain", meta={k: v for k, v in other.meta.items() if k != "options"})
    first, second, third = ask(model, [strange, unknown, plain], store)
    assert first.text in ("A DOG", "a cat ") and first.scores["a lute"] == 0
    assert second.text == "a lute" and second.scores == {"a lute": 0.5, "a harp": 0.5}
    assert options.NONE_KNOWN in second.notes and options.NONE_KNOWN not in first.notes
    assert len(third.scores) == len(WORDS), "no options: the whole vocabulary"


def test_a_net_by_text_refuses_a_question_without_options(root, tmp_path):
    model = load(train(recipe(root, tmp_path / "run", options="text"), progress=False))
    store = FeatureStore(root / "features")
    example = datasets.load("avqa@open", root, "val")[0]
    with pytest.raises(LookhearError, match="offers no options, and this net scores options by their text"):
        model.using(store).answer(model.using(store).watch([example.clip]), [example])


def test_the_mask_by_hand():
    def asked(*offered: str, said: str = "") -> Example:
        return Example("1", "t", Clip(None, None), "?", Answer(said) if said else None, (), {"options": offered})

    words = ("a", "b", "c")
    rows = options.offered([asked("B", "c"), asked(), asked("x"), asked("a", said="c")], words)
    assert rows.tolist() == [[False, True, True], [True] * 3, [True] * 3, [True, False, False]]
    labelled = options.offered([asked("a", said="c")], words, labelled=True)
    assert labelled.tolist() == [[True, False, True]], "an answer that is no option can still be learned from"
    assert options.offered([asked(), asked()], words) is None
    logits = options.among(torch.tensor([[3.0, 2.0, 1.0]]), rows[:1])
    assert logits.argmax() == 1 and logits[0, 0] == -torch.inf
    assert options.vocabulary([asked("A", "b", said="a")]) == ("a", "b")


def test_pairs_are_counted_by_question():
    example = Example("q", "t", Clip(None, None), "Who?", Answer("b"), (), {"options": ("a", "b")})
    some = options.pairs([example, replace(example, id="r", reference=Answer("a"))])
    assert [e.reference.text for e in some] == ["no", "yes", "yes", "no"] and some[0].question == "Who? a"
    assert options.right_pairs([0.1, 0.9, 0.2, 0.3], some) == (1, 2)
    assert normal(options.by_text([Answer("no", {"yes": s}) for s in (0.1, 0.4)], [example])[0].text) == "b"


def test_the_recipes_of_avqa_answer_among_options():
    for name in (n for n in config.recipes() if n.startswith("avqa/")):
        data = config.load(name).data
        assert data.name == "avqa" and data.options == "mask", name
