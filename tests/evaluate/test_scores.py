"""Every metric of every task through one door: oracle, constant, mutant, order, intervals, and back from disk."""

import json
import random

import numpy as np
import pytest

from lookhear import statistics, tasks
from lookhear.evaluate import compare
from lookhear.evaluate import report as reports
from lookhear.evaluate import scores as metrics
from lookhear.evaluate.run import run
from lookhear.pooled import Pooled, mean
from lookhear.types import Answer
from tests.evaluate.oracles import KINDS, Constant, Mutant, Oracle, drawn

EXAMPLES = drawn()
LOW_IS_GOOD = ("unread", "no_box", "no_mask", "S")
LEFT_OUT = ("J_read", "F_read", "mIoU", "F_classes", "mIoU_without_background", "F_without_background")
SAID = {
    name: run(model(), EXAMPLES) for name, model in (("oracle", Oracle), ("constant", Constant), ("mutant", Mutant))
}


def of(kind: str, who: str):
    places = metrics.kinds(EXAMPLES)[kind]
    return [EXAMPLES[i] for i in places], [SAID[who][i] for i in places]


@pytest.mark.parametrize("kind", KINDS)
def test_an_oracle_is_perfect_and_a_constant_is_not_read(kind):
    best = reports.report(*of(kind, "oracle"), resamples=50)
    for name, one in best.metrics[kind].items():
        if name == "meteor_exact":
            assert one.value > 99.8, "one run of words costs a trifle"
        elif name not in (*LEFT_OUT, "cider_d"):
            assert np.isnan(one.value) or one.value == pytest.approx(0 if name in LOW_IS_GOOD else 100), (name, one)
    if "cider_d" in best.metrics[kind]:
        assert best.metrics[kind]["cider_d"].value > 250
    if kind == "localisation/avss":
        assert best.metrics[kind]["mIoU_present"].value == pytest.approx(100)
        assert best.metrics[kind]["mIoU"].value == pytest.approx(200 / 71), "as published: absent classes count as 0"
    worst = reports.report(*of(kind, "constant"), resamples=50).metrics[kind]
    main = tasks.main_metric(kind)
    assert worst[main].value < 0.7 * best.metrics[kind][main].value or kind == "localisation/avss"
    if kind not in ("captioning", "event_localisation/ave"):
        assert worst["unread"].value == 100


@pytest.mark.parametrize("kind", KINDS)
def test_values_are_those_of_the_task_and_inside_their_intervals(kind):
    from lookhear import tasks

    for who in SAID:
        examples, answers = of(kind, who)
        found = reports.report(examples, answers, resamples=300).metrics[kind]
        task, _, form = kind.partition("/")
        score = tasks.find(task).score(answers, [e.reference for e in examples], form)
        assert set(found) == set(score)
        for name, one in found.items():
            assert one.value == pytest.approx(score[name], nan_ok=True)
            low, high = one.interval
            biased = name.startswith(("uar", "weighted", "bleu", "mIoU", "F_", "event/", "segment/"))
            known = not np.isnan(low)  # of a metric that is no share, where no redrawing differs, nothing is known
            assert np.isnan(one.value) or biased or not known or low - 1e-6 <= one.value <= high + 1e-6, (
                who,
                name,
                one,
            )


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_examples_does_not_matter(kind):
    examples, answers = of(kind, "mutant")
    order = random.Random(0).sample(range(len(examples)), len(examples))
    one = metrics.pooled(kind, examples, answers)
    other = metrics.pooled(kind, [examples[i] for i in order], [answers[i] for i in order])
    assert {k: v.total for k, v in one.items()} == pytest.approx({k: v.total for k, v in other.items()}, nan_ok=True)


def test_mutants_are_counted_not_dropped():
    for kind in KINDS:
        examples, answers = of(kind, "mutant")
        found = reports.report(examples, answers, resamples=20)
        assert found.metrics[kind]["unread"].total == len(examples)
        unread = sum(any(n.startswith("not read: ") for n in a.notes) for a in answers)
        assert found.metrics[kind]["unread"].value == pytest.approx(100 * unread / len(examples))
    lost = sum(any(n.startswith("not read: ") for n in a.notes) for a in SAID["mutant"])
    assert 0 < lost < len(EXAMPLES)


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_any_task_comes_back_from_disk(kind, tmp_path):
    scored = reports.report(*of(kind, "mutant"), {"model": "mutant"}, resamples=statistics.RESAMPLES)
    scored.save(tmp_path)
    again = reports.load(tmp_path)
    assert again.to_json() == scored.to_json() and json.loads((tmp_path / "report.json").read_text())
    assert (scored.overall is None) == (not tasks.judged(kind))
    shown = scored.table()
    assert "unread" in shown and all(name in shown for name in scored.classes.get(kind, {}))
    assert "tabular" in scored.table("latex") and "unread" in (tmp_path / "table.md").read_text()


def test_a_list_of_many_tasks_is_scored_task_by_task():
    found = reports.report(EXAMPLES, SAID["oracle"], resamples=20)
    assert list(found.metrics) == list(KINDS) and found.overall is None
    assert {kind: list(table) for kind, table in found.classes.items()}["emotion_recognition"] == [
        "angry",
        "happy",
        "sad",
    ]


def test_a_mask_of_another_size_is_scaled_and_none_is_no_silent_gap():
    examples, answers = of("localisation/s4", "oracle")
    regions = [r.regions for r in answers]
    small = [
        Answer(regions=tuple(type(r)(r.label, r.box, None if r.mask is None else r.mask[::2, ::2]) for r in some))
        for some in regions
    ]
    assert metrics.pooled("localisation/s4", examples, small)["J"].total > 97
    none = [Answer("dog") for _ in small]
    scored = metrics.pooled("localisation/s4", examples, none)
    assert scored["J"].total == 0 and scored["no_mask"].total == 100 and np.isnan(scored["J_read"].total)


def test_intervals_know_videos_and_degenerate_cases():
    clusters = np.arange(40) // 4
    same = mean((np.arange(40) // 4) % 2 == 0)
    spread = mean(np.arange(40) % 2 == 0)
    ((low, high),), ((a, b),) = (statistics.intervals([one], clusters) for one in (same, spread))
    assert high - low > 30, "what is alike within a video counts once"
    assert b - a == pytest.approx(62.58, abs=0.01), "where no redrawing differs: the exact interval of 5 in 10 videos"
    ((low, high),) = statistics.intervals([mean(np.zeros(40))], clusters)
    assert low == 0 and high == pytest.approx(100 * (1 - 0.025 ** (1 / 10)))
    nothing = Pooled(np.zeros((0, 2)), lambda sums: sums[..., 0] / np.where(sums[..., 1] > 0, sums[..., 1], np.nan))
    assert np.isnan(statistics.intervals([nothing], np.zeros(0, int))[0]).all()


def test_two_answerers_of_any_task_are_compared():
    for kind in KINDS:
        examples, best = of(kind, "oracle")
        _, worst = of(kind, "constant")
        sides = [reports.report(examples, said, resamples=2) for said in (best, worst)]
        found = compare.metrics(*sides, resamples=40)
        main = found[kind][tasks.main_metric(kind)]
        assert main.difference > 0 or kind == "localisation/avss"
        again = compare.metrics(sides[0], sides[0], resamples=40)[kind][tasks.main_metric(kind)]
        assert again.difference == 0 and again.p == 1
