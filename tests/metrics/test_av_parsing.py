"""Video parsing and event localisation: the official numbers, oracles, chance, and what must not matter."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lookhear.metrics import av_parsing as metric
from lookhear.types import Answer, Segment
from tests.conftest import shared

LABELS = ("Speech", "Dog", "Cello")
segments = st.lists(
    st.builds(
        lambda label, start, length, stream: Segment(label, start, min(10, start + length), stream),
        st.sampled_from(LABELS),
        st.integers(0, 9),
        st.integers(1, 10),
        st.sampled_from(("audio", "visual")),
    ),
    max_size=5,
)
answers = segments.map(lambda some: Answer(segments=tuple(some)))


def said(*some: tuple) -> Answer:
    return Answer(segments=tuple(Segment(*one) for one in some))


def test_the_official_numbers():
    golden = json.loads(shared("goldens", "av_llm", "metric_avvp.json").read_text())

    def answer(case: dict, who: str) -> Answer:
        return said(*((str(c), s, s + 1, stream) for stream in ("audio", "visual") for c, s in case[who + stream[0]]))

    predicted, true = ([answer(case, who) for case in golden["cases"]] for who in "pg")
    for p, t, case in zip(predicted, true, golden["cases"], strict=True):
        one = metric.parsing([p], [t])
        for level in ("segment", "event"):
            mine = [one[f"{level}/{kind}"] for kind in ("audio", "visual", "event", "audio-visual")]
            assert mine == pytest.approx([100 * x for x in case[level]], abs=1e-9)
    names = {"audio": "A", "visual": "V", "audio-visual": "AV", "type": "Type", "event": "Event"}
    scores = metric.parsing(predicted, true)
    for level in ("segment", "event"):
        for mine, theirs in names.items():
            assert scores[f"{level}/{mine}"] == pytest.approx(golden["dataset"][level][theirs], abs=1e-9)


def test_a_video_by_hand():
    true = said(("Speech", 0, 4, "audio"), ("Speech", 2, 6, "visual"), ("Dog", 0, 10, "visual"))
    predicted = said(("speech", 0, 2, "audio"), ("Speech", 2, 6, "visual"))
    scores = metric.parsing([predicted], [true])
    assert scores["segment/audio"] == pytest.approx(100 * 2 * 2 / (2 * 2 + 2)), "2 of 4 seconds found"
    assert scores["segment/visual"] == pytest.approx(50), "Speech 1, Dog 0"
    assert scores["segment/audio-visual"] == 0, "true in seconds 2 and 3, found in none"
    assert scores["segment/type"] == pytest.approx((200 / 3 + 50) / 3)
    assert scores["segment/event"] == pytest.approx(100 * (2 * 6 / (2 * 6 + 2) + 0) / 2), "audio and visual pooled"
    assert scores["event/audio"] == 100, "IoU 2/4 is enough"
    by_label = metric.parsing_by_label([predicted], [true])
    assert by_label["speech"]["visual"] == 100 and by_label["dog"] == {"visual": 0}


def test_a_segment_of_both_streams_is_in_each():
    one, two = said(("Dog", 1, 3, "audio-visual")), said(("Dog", 1, 3, "audio"), ("Dog", 1, 3, "visual"))
    assert set(metric.parsing([one], [two]).values()) == {100}


def test_no_length_covers_nothing_and_halves_count_by_the_middle_of_a_second():
    assert not metric.grid([Segment("Dog", 9, 9, "audio")], "audio", ["dog"]).any()
    assert np.flatnonzero(metric.grid([Segment("Dog", 0.4, 2.6, "audio")], "audio", ["dog"])[0]).tolist() == [0, 1, 2]


@given(st.lists(answers, min_size=1, max_size=4))
def test_what_is_true_scores_full_marks(true):
    assert set(metric.parsing(true, true).values()) == {100}


@given(st.lists(st.tuples(answers, answers), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_order_does_not_matter_and_scores_stay_in_range(pairs, random):
    scores = metric.parsing(*zip(*pairs, strict=True))
    assert all(0 <= value <= 100 for value in scores.values())
    shuffled = [(Answer(segments=tuple(random.sample(p.segments, len(p.segments)))), t) for p, t in pairs]
    random.shuffle(shuffled)
    assert metric.parsing(*zip(*shuffled, strict=True)) == pytest.approx(scores)


def test_event_accuracy_by_hand():
    true = [said(("Bark", 0, 4)), said(("Goat", 7, 10))]
    predicted = [said(("bark", 0, 5)), said(("Horse", 7, 10))]
    assert metric.event_accuracy(predicted, true) == pytest.approx(100 * (9 + 7) / 20)
    assert metric.event_accuracy(true, true) == 100
    assert metric.event_accuracy([Answer()] * 2, true) == pytest.approx(100 * 13 / 20), "background everywhere"
    assert metric.event_accuracy_by_label(predicted, true) == {
        "background": pytest.approx(100 * 12 / 13),
        "bark": 100,
        "goat": 0,
    }
    assert metric.event_accuracy([said(("Goat", 0, 4), ("Bark", 0, 4))], true[:1]) == 60, "the first named counts"


def test_a_guessed_event_is_right_as_often_as_it_is_drawn():
    draw = np.random.default_rng(0)
    events = [f"event {n}" for n in range(28)]
    true = [said((events[n], 0, 10)) for n in draw.integers(0, 28, 4000)]
    constant = [said((events[0], 0, 10))] * len(true)
    assert metric.event_accuracy(constant, true) == pytest.approx(100 / 28, abs=1)
