"""A probe takes away exactly what it says, from every example, and nothing else."""

from pathlib import Path

import pytest

from lookhear.errors import DatasetError
from lookhear.evaluate.probes import PROBES
from lookhear.types import BLANK, Answer, Clip, Example, Source

SOURCES = [Source(f"v{i}", Path(f"v{i}.mp4")) for i in range(4)]
EXAMPLES = [
    Example(f"q{i}", "question_answering", Clip(SOURCES[i % 4], SOURCES[i % 4]), f"How many {i % 3}?", Answer(str(i)))
    for i in range(12)
]


@pytest.mark.parametrize("name", PROBES)
def test_order_references_and_length_stay(name):
    probed = PROBES[name](EXAMPLES)
    assert [(e.id, e.reference) for e in probed] == [(e.id, e.reference) for e in EXAMPLES]
    assert probed == PROBES[name](EXAMPLES)
    assert PROBES[name].__doc__.strip().endswith(".")


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("silence", {"audio"}),
        ("blindfold", {"video"}),
        ("swap_audio", {"audio"}),
        ("swap_video", {"video"}),
        ("swap_clip", {"audio", "video"}),
        ("shuffle_questions", {"question"}),
    ],
)
def test_exactly_what_it_says_changes_everywhere(name, changed):
    for before, after in zip(EXAMPLES, PROBES[name](EXAMPLES), strict=True):
        differs = {part for part in ("audio", "video") if getattr(before.clip, part) != getattr(after.clip, part)}
        differs |= {"question"} if before.question != after.question else set()
        assert differs == changed


def test_blanks_are_the_blank_source():
    assert all(e.clip.audio is BLANK and e.clip.video is not BLANK for e in PROBES["silence"](EXAMPLES))


def test_another_seed_swaps_otherwise_and_questions_of_a_clip_stay_together():
    one, two = (PROBES["swap_audio"](EXAMPLES, seed) for seed in (0, 1))
    assert one != two
    assert len({(a.clip.video, a.clip.audio) for a in one}) == 4


@pytest.mark.parametrize("name", ["swap_audio", "swap_clip", "shuffle_questions"])
def test_nothing_to_swap_with_is_said(name):
    with pytest.raises(DatasetError, match="two different"):
        PROBES[name](EXAMPLES[:1])
