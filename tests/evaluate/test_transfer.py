"""Positive transfer and net score as Crab+ defines them, and what seeds say of a difference."""

import pytest

from lookhear.errors import DatasetError
from lookhear.evaluate.study.transfer import best, sensitivity, transfer


def test_rates_are_the_papers():
    alone = {str(n): [50.0] for n in range(20)}
    together = {str(n): [51.0 if n < 9 else 49.0] for n in range(20)}
    found = transfer(alone, together)
    assert (found.gained, found.lost, found.net) == (45, 55, -10), "Crab+: 45 % gain, -10 net"
    together = {str(n): [51.0 if n < 47 else 49.0] for n in range(50)}
    assert transfer({str(n): [50.0] for n in range(50)}, together).net == pytest.approx(88), "94 % gain, +88 net"


def test_equal_scores_neither_gain_nor_lose():
    found = transfer({"a": [1.0], "b": [2.0]}, {"a": [1.0], "b": [3.0]})
    assert (found.gained, found.lost, found.net) == (50, 0, 50)
    assert [c.clear for c in found.changes.values()] == [0, 0], "one seed is clear about nothing"


def test_what_seeds_are_clear_about():
    found = transfer({"a": [10, 11, 12], "b": [10, 11, 12]}, {"a": [20, 22, 21], "b": [30, 1, 12]})
    assert found.changes["a"].clear == 1 and found.changes["b"].clear == 0
    told = found.to_json()
    assert told["clear_gains"] == 1 and told["tasks"]["a"]["difference"] == 10 and told["net"] == 100
    with pytest.raises(DatasetError, match="lacks 'b'"):
        transfer({"a": [1.0], "b": [1.0]}, {"a": [1.0]})
    with pytest.raises(DatasetError, match="no task at all"):
        transfer({}, {})


def test_best_and_sensitivity():
    assert best({"x": {"a": [1], "b": [5]}, "y": {"a": [2], "b": [5]}}) == {"x": 50, "y": 100}
    gaps, mean = sensitivity({"a": 50.0, "b": 60.0}, {"a": 54.0, "b": 58.0})
    assert gaps == {"a": 4, "b": -2} and mean == 3
