"""Pair scores and what they say of listeners, of the deaf, and of those who always say the same."""

from dataclasses import replace

import numpy as np
import pytest

from lookhear import datasets
from lookhear.errors import DatasetError
from lookhear.evaluate import pairs
from lookhear.evaluate.audit import pairs as lines
from lookhear.evaluate.audit.card import audit, audit_answers
from lookhear.evaluate.audit.page import document, sentences
from lookhear.evaluate.report import load, report
from lookhear.model._clips import Watched
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from lookhear.types import BLANK, Answer, Clip, Example, Source


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    root = tmp_path_factory.mktemp("world") / "w"
    make(root, Settings(train=0, val=0, test=60, questions=6, seed=8), media=False, quiet=True, twins=("mute", "hide"))
    return datasets.load("soundstage@twins", root, "test")


def test_who_knows_everything(twins):
    found = pairs.scores(twins, [e.reference for e in twins])
    assert {n: s.value for n, s in found.items() if "says" not in n} == dict.fromkeys(set(found) - {"says_muted"}, 100)
    assert found["says_muted"].value == 0 and found["says_muted"].total > 20
    assert {"pairs", "pairs/mute", "pairs/hide", "consistency", "stays", "changes"} <= set(found)


@pytest.mark.parametrize("said", ["yes", "no", "", "two"])
def test_who_always_says_the_same_is_at_the_floor(twins, said):
    found = pairs.scores(twins, [Answer(said)] * len(twins))
    assert found["pairs"].value == found["changes"].value == 0
    assert found["stays"].value == 100 and found["consistency"].value == 50
    assert found["says_muted"].value == (100 if said == "yes" else 0)


@pytest.mark.parametrize(("sense", "kept", "lost"), [("audio", "hide", "mute"), ("visual", "mute", "hide")])
def test_who_lacks_a_sense_is_at_its_floor_for_that_sense_alone(twins, sense, kept, lost):
    """It answers every twin that differs in what it lacks as it answers the clip."""
    base = {e.meta["pair"]: e.reference for e in twins if not e.meta["twin"]}
    said = [base[e.meta["pair"]] if e.meta["stream"] == sense else e.reference for e in twins]
    found = pairs.scores(twins, said)
    assert found[f"pairs/{lost}"].value == 0 and found[f"consistency/{lost}"].value == 50
    assert found[f"pairs/{kept}"].value == found[f"consistency/{kept}"].value == 100


def test_who_guesses(twins):
    rng = np.random.default_rng(0)
    coin = [Answer(str(rng.choice(["yes", "no"]))) if e.reference.text in ("yes", "no") else e.reference for e in twins]
    some = [i for i, e in enumerate(twins) if e.reference.text in ("yes", "no")]
    found = pairs.scores([twins[i] for i in some], [coin[i] for i in some])
    low, high = found["pairs"].interval
    assert low < 25 < high and found["consistency"].interval[0] < 50 < found["consistency"].interval[1]


def test_intervals_redraw_families(twins):
    right = [e.reference if hash(e.meta["video_id"]) % 2 else Answer("nothing") for e in twins]
    found = pairs.scores(twins, right)["pairs"]
    doubled = pairs.scores(
        [*twins, *(replace(e, meta={**e.meta, "pair": e.meta["pair"] + "x"}) for e in twins)], [*right, *right]
    )["pairs"]
    assert doubled.total == 2 * found.total and doubled.interval == pytest.approx(found.interval)


def test_the_report_has_them_and_keeps_them(twins, tmp_path):
    made = report(twins, [e.reference for e in twins])
    assert made.metrics["question_answering"]["pairs"].value == 100
    assert "consistency/mute" in made.table() and made.overall.accuracy == 100
    made.save(tmp_path)
    kept = load(tmp_path).metrics["question_answering"]["pairs"]
    assert repr(kept) == repr(made.metrics["question_answering"]["pairs"]), "equal, nan as well"
    plain = [e for e in twins if not e.meta["twin"]]
    assert "pairs" not in report(plain, [e.reference for e in plain]).metrics["question_answering"]


def test_the_card_of_answers(twins):
    card = audit_answers("m", twins, [Answer("yes")] * len(twins))
    by = {line.name: line for line in card.lines}
    assert by["consistency"].verdict == "like the same answer twice" and by["says_muted"].after == 100
    assert by["says_muted"].verdict == "claims to" and by["stays"].after == 100
    told = [s for s in sentences(card) if "hears what was muted" in s]
    assert len(told) == 1 and "100.0 %" in told[0]
    assert told[0] in document(card)
    knows = audit_answers("m", twins, [e.reference for e in twins])
    by = {line.name: line.verdict for line in knows.lines}
    assert by["consistency"] == "follows the change" and by["says_muted"] == "does not claim to"


class Plays:
    """Answers by rule from what of a clip is there: `hears` says no where the sound is blank."""

    name = "plays"

    def __init__(self, hears, sees=True):
        self.hears, self.sees = hears, sees

    def watch(self, clips):
        return Watched(tuple(clips), None, (10,) * len(clips), ((),) * len(clips))

    def answer(self, watched, examples):
        out = []
        for e in examples:
            lacks = (self.hears and e.kind[0] != "Visual" and e.clip.audio == BLANK) or (
                self.sees and e.kind[0] == "Visual" and e.clip.video == BLANK
            )
            out.append(Answer("no" if lacks else e.reference.text, {"x": 1.0}))
        return out


def real(count=40):
    asked = [
        ("Is there a dog barking sound?", ("Audio", "Existential")),
        ("Is there a dog?", ("Visual", "Existential")),
    ]
    asked += [("Is the dog louder than the cat?", ("Audio", "Comparative"))]
    return [
        Example(f"{i}-{k}", "question_answering", Clip(Source(f"v{i}"), Source(f"v{i}")), q, Answer("yes"), kind)
        for i in range(count)
        for k, (q, kind) in enumerate(asked)
    ]


@pytest.mark.parametrize(("hears", "share", "verdict"), [(True, 0, "does not claim to"), (False, 100, "claims to")])
def test_the_card_of_a_model_on_real_clips(hears, share, verdict):
    card = audit(Plays(hears), real())
    by = {line.name: line for line in card.lines}
    assert by["says_muted"].after == share and by["says_muted"].verdict == verdict and by["says_muted"].questions == 40
    assert by["stays/silence"].after == by["stays/swap_audio"].after == by["stays/blindfold"].after == 100
    assert by["stays/silence"].verdict == "steady" if by["stays/silence"].interval[0] >= 95 else True
    assert by["shift_sound"].verdict == "not done", "no media, so no shifted files"
    assert sum("hears what was muted" in s for s in sentences(card)) == 1


def test_which_questions_are_about_hearing():
    def of(question, truth="yes", kind=("Audio", "Counting")):
        return lines.about_hearing(Example("1", "question_answering", Clip(None, None), question, Answer(truth), kind))

    assert (
        of("Is there a violin sound") and of("Is the dog audible in the audio?") and of("Can you hear a bell?", kind=())
    )
    assert not of("Is there a violin sound", "no") and not of("Is the violin louder than the tuba")
    assert not of("Is there a violin in the video", kind=("Visual", "Counting")) and not of("Is it raining?", kind=())


def test_without_pairs_the_line_says_so():
    with pytest.raises(DatasetError, match="soundstage@twins"):
        lines.of_twins(type("A", (), {"examples": real(2), "answers": [Answer("yes")] * 6}))
    with pytest.raises(DatasetError):
        lines.of_edits({})
