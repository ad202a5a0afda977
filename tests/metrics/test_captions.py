"""Caption scores against numbers worked out by hand."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookhear.metrics import captions as metric
from lookhear.types import Answer

texts = st.lists(st.sampled_from(["a", "man", "plays", "the", "cello", "while", "dogs", "bark"]), max_size=8).map(
    " ".join
)


def split(*lines: str) -> list[list[str]]:
    return [line.split() for line in lines]


def test_words_lose_case_and_punctuation():
    assert metric.words("A man's Dog -- barks, twice!") == ["a", "man's", "dog", "barks", "twice"]


def test_bleu_by_hand():
    said, true = split("the cat is on the mat"), [split("there is a cat on the mat", "the cat sat on a mat")]
    scores = metric.bleu(said, true)
    assert scores[0] == pytest.approx(5 / 6), "the second 'the' is clipped; no brevity: a reference has 6 words"
    assert scores[1] == pytest.approx(math.sqrt(5 / 6 * 3 / 5)), "the cat, on the, the mat"
    assert scores[3] == 0
    short = metric.bleu(split("on the mat"), [split("a cat on the mat now")])
    assert short[2] == pytest.approx(math.exp(1 - 6 / 3))


def test_cider_by_hand():
    said, true = split("dog barks", "a b"), [split("dog barks"), split("cat sleeps")]
    idf = math.log(2)
    one = [idf, idf]
    assert metric.cider_d(said[:2], true)[0] == pytest.approx(10 * 2 / 4), "two of the four lengths exist and fit"
    assert metric.cider_d(said[:2], true)[1] == 0
    longer = metric.cider_d(split("dog", "x"), true)[0]
    expected = 10 / 4 * math.exp(-1 / 72) * (idf * idf) / (idf * math.hypot(*one))
    assert longer == pytest.approx(expected)
    repeated = metric.cider_d(split("dog dog", "x"), true)[0]
    assert repeated == pytest.approx(10 / 4 * (idf * idf) / (2 * idf * math.hypot(*one))), "repetition is clipped"


def test_rouge_and_meteor_by_hand():
    assert metric.rouge_l([*"abcd"], split("a x c")) == pytest.approx((1 + 1.44) * 0.5 * (2 / 3) / (2 / 3 + 1.44 * 0.5))
    assert metric.meteor_exact([*"abc"], split("a b c")) == pytest.approx(1 - 0.5 / 27)
    swapped = metric.meteor_exact([*"cdab"], split("a b c d"))
    assert swapped == pytest.approx(1 - 0.5 * (2 / 4) ** 3), "all words, in two chunks"
    assert metric.meteor_exact(["x"], split("a")) == 0


def test_perfect_constant_and_empty():
    true = [Answer("a man plays the cello"), Answer("two dogs bark at a car"), Answer("rain falls on a roof")]
    perfect = metric.captions(true, true)
    assert perfect["cider_d"] == pytest.approx(1000) and perfect["bleu_4"] == pytest.approx(100)
    assert perfect["rouge_l"] == pytest.approx(100) and perfect["meteor_exact"] > 99
    constant = metric.captions([Answer("a")] * 3, true)
    assert constant["cider_d"] < 10 and constant["bleu_2"] == 0
    assert set(metric.captions([Answer()] * 3, true).values()) == {0}
    assert all(math.isnan(value) for value in metric.captions([], []).values())
    with pytest.raises(ValueError, match="1 captions for 2 references"):
        metric.captions(true[:1], true[:2])


def test_one_of_several_references_is_enough():
    several = [[Answer("a man plays the cello"), Answer("someone makes music")], [Answer("a dog")]]
    scores = metric.captions([Answer("someone makes music"), Answer("a dog")], several)
    assert scores["rouge_l"] == scores["bleu_1"] == pytest.approx(100)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_order_of_captions_does_not_matter_and_scores_stay_in_range(pairs, random):
    scores = metric.captions(*([Answer(t) for t in side] for side in zip(*pairs, strict=True)))
    assert all(0 <= v <= (1000 if name == "cider_d" else 100) + 1e-6 for name, v in scores.items())
    random.shuffle(pairs)
    again = metric.captions(*([Answer(t) for t in side] for side in zip(*pairs, strict=True)))
    assert again == pytest.approx(scores)
