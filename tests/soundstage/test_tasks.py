"""The other tasks about the same scenes: read back, answered in full by the truth, clear by a margin, and balanced."""

import json
import re
from collections import Counter
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from lookhear import datasets, tasks
from lookhear.datasets import soundstage
from lookhear.errors import DatasetError, RecipeError
from lookhear.soundstage.picture.painter import masks
from lookhear.soundstage.scene import scene
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Look, Player, Scene, to_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import world
from lookhear.soundstage.tasks import events, examples, labels, places, referring
from lookhear.soundstage.write.folder import make, read_scenes
from tests.soundstage import reasons_reader

SETTINGS = Settings(train=30, val=4, test=40, questions=4, seed=1, size=64)
OTHER = ("reasoning", "evidence", "twins", "with_twins", "twins_evidence")  # questions: not written as they are read
TASKS = [version for version in soundstage.VERSIONS if version not in OTHER]


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    root = tmp_path_factory.mktemp("tasks") / "stage"
    make(root, SETTINGS, media=False, quiet=True)
    return root


def load(root, version, split="test"):
    return datasets.load(f"soundstage@{version}", root, split)


@pytest.mark.parametrize("version", TASKS)
def test_targets_read_back_and_the_truth_scores_full_marks(stage, version):
    found = [e for split in ("train", "test") for e in load(stage, version, split)]
    task = tasks.find(found[0].task)
    assert len({e.id for e in found}) == len(found)
    said = []
    for e in found:
        for explain in (True, False):
            answer = task.parse(task.target(e, explain), e)
            assert (answer.text, answer.segments, answer.regions) == (
                e.reference.text,
                e.reference.segments,
                e.reference.regions,
            )
            assert not answer.notes
        assert len(task.prompt(e)) > 20 and (version not in ("action", "emotion") or "Names: " in task.prompt(e))
        said.append(answer)
    scores = task.score(said, [e.reference for e in found])
    main = {"accuracy", "war", "uar", "iou", "success", "rouge_l", "segment/type", "event/type"} & set(scores)
    assert main and all(scores[name] == pytest.approx(100) for name in main) and scores["unread"] == 0


def test_reasoning_is_the_target_of_its_question(stage):
    task = tasks.find("question_answering")
    for split in ("train", "val", "test"):
        for plain, e in zip(datasets.load("soundstage", stage, split), load(stage, "reasoning", split), strict=True):
            assert replace(e, meta=plain.meta) == plain and e.reference.segments
            assert task.target(e) == e.meta["reasoning"] and task.target(plain) != e.meta["reasoning"]
            assert task.parse(task.target(e), e, soundstage.VOCABULARY).text == e.reference.text


@pytest.mark.parametrize("version", ["action", "event", "matching", "referring"])
def test_what_is_told_before_the_answer_is_so(stage, version):
    scenes = {s.id: json.loads(to_json(s)) for s in read_scenes(stage)}
    task = tasks.find(load(stage, version)[0].task)
    for e in load(stage, version):
        assert task.target(e).startswith(e.meta["because"])
        told = re.split(r"(?<=\.)\s+(?=[A-Z])", e.meta["because"])
        told = told[:1] if version == "matching" else told  # the second sentence is about the other scene
        assert told and not reasons_reader.untrue(told, scenes[e.clip.video.id])


def test_words_of_the_reader_are_those_of_the_world():
    assert soundstage.INSTRUMENTS == scene.INSTRUMENTS
    assert soundstage.TASKS["action"][2] == tuple(labels.ACTIONS.values())
    assert soundstage.TASKS["emotion"][2] == scene.MOODS and soundstage.TASKS["parsing"][2][-1] == events.SPEECH
    assert tuple(soundstage.TASKS) == examples.TASKS


def test_actions_need_both_modalities(stage):
    scenes = {s.id: s for s in read_scenes(stage)}
    for e in load(stage, "action"):
        s = scenes[e.clip.id]
        seen = {labels.ACTIONS[p.instrument] for p in s.visible}
        heard = {labels.ACTIONS[p.instrument] for p in s.heard}
        assert seen & heard == {e.reference.text}
        assert e.kind == (("Alone",) if len(seen) == 1 else ("Among others",))


def test_moods_are_seen_and_heard(stage):
    scenes = {s.id: s for s in read_scenes(stage)}
    for e in load(stage, "emotion"):
        s = scenes[e.clip.id]
        assert s.mood == e.reference.text and any(p.look.depth == 0 for p in s.visible)
        assert {p.instrument for p in s.heard} - set(labels.UNPITCHED)
    faceless = Scene("1", 0, 10.0, (Player("flute", 0.5, ((0.0, 10.0),), look=Look(depth=1)),), mood="sad")
    front = replace(faceless, players=(Player("flute", 0.5, ((0.0, 10.0),)),))
    assert labels.emotion(Facts(faceless)) is None and labels.emotion(Facts(front)) == {"answer": "sad"}
    drum = replace(faceless, players=(Player("drum", 0.5, ((0.0, 10.0),)),))
    assert labels.emotion(Facts(drum)) is None


def test_a_match_cannot_be_told_by_one_modality():
    scenes = [c.scene for c in world(Settings(train=150, val=0, test=0, questions=2, seed=3))]
    pairs = list(labels.matching(Random(1), scenes))
    assert len(pairs) > 20
    for k in (0, 1):
        counts = Counter((pair[k].id, pair[2]["answer"]) for pair in pairs)
        assert set(counts.values()) == {1} and len(counts) == len(pairs), "each once with yes and once with no"
    for picture, sound, record in pairs:
        there = {p.instrument for p in picture.visible}
        assert (record["answer"] == "yes") == ({p.instrument for p in sound.heard} <= there)
        assert (record["answer"] == "yes") == (picture is sound)


def test_pairs_are_clips_of_two_recordings(stage):
    for e in load(stage, "matching"):
        assert (e.clip.video == e.clip.audio) == (e.reference.text == "yes")


def test_events_are_those_of_the_scene(stage):
    scenes = {s.id: s for s in read_scenes(stage)}
    for e in load(stage, "event") + load(stage, "parsing"):
        s = scenes[e.clip.id]
        for segment in e.reference.segments:
            kind = segment.label
            if segment.stream == "visual":
                assert (segment.start, segment.end) == (0, 10) and kind in {p.instrument for p in s.visible}
                continue
            spans = [x for p in s.heard if p.instrument == kind for x in p.sounding]
            spans += [s.voiceover] if kind == "speech" and s.voiceover else []
            for second in range(int(segment.start), int(segment.end)):
                assert _filled(spans, second) > 0.5
    half = Scene("1", 0, 10.0, (Player("flute", 0.5, ((0.0, 2.5),)),))
    assert events.event(Facts(half)) is None and events.parsing(Facts(half)) is None, "two and a half is unclear"
    clear = replace(half, players=(Player("flute", 0.5, ((0.0, 2.6),)),))
    assert events.event(Facts(clear))["segments"] == [[0, 3, "flute", "audio-visual"]]


def _filled(spans, second):
    times = np.arange(second, second + 1, 0.01) + 0.005
    return np.mean([any(a <= t < b for a, b in spans) for t in times])


@pytest.mark.parametrize("version", ["s4", "ms3", "avss", "grounding"])
def test_what_is_marked_is_what_sounds(stage, version):
    scenes = {s.id: s for s in read_scenes(stage)}
    found = load(stage, version, "train") + load(stage, version)
    assert found
    for e in found:
        s, second = scenes[e.meta["video_id"]], int(e.clip.start)
        assert e.clip.end == second + 1
        sounding = [p for p in s.heard if _filled(p.sounding, second) > 0.99]
        assert all(p in sounding or _filled(p.sounding, second) == 0 for p in s.heard)
        assert all(p.x is not None for p in sounding)
        assert version == "avss" or (len(sounding) == 1) == (version in ("s4", "grounding"))
        assert {p.instrument for p in sounding} == set(e.reference.text.split(", "))
        if version == "grounding":
            continue
        owned = masks(s, second + 0.5, SETTINGS.size)
        marked = soundstage.with_mask(e).reference.regions
        joined = np.logical_or.reduce([r.mask for r in marked if r.mask is not None])
        assert (joined == owned[[s.players.index(p) for p in sounding]].any(0)).all()
        for r in marked:
            if r.mask is None:  # a point lies on its object
                mask = next(q.mask for q in marked if q.label == r.label and q.mask is not None)
                assert mask[int(r.box[1] * SETTINGS.size), int(r.box[0] * SETTINGS.size)]
    if version == "avss":
        assert any(len({r.label for r in e.reference.regions}) > 1 for e in found)


def test_masks_give_full_marks(stage):
    task = tasks.find("localisation")
    for version in ("s4", "ms3", "avss", "referring"):
        references = [soundstage.with_mask(e).reference for e in load(stage, version)]
        scores = task.score(references, references)
        assert scores["J"] == scores["F"] == pytest.approx(100)


def test_an_expression_means_one_or_nobody(stage):
    scenes = {s.id: s for s in read_scenes(stage)}
    families = Counter()
    for e in load(stage, "referring"):
        families[e.meta["family"], e.meta["null"]] += 1
        assert e.meta["null"] == (e.reference.text == "") == (e.kind == ("Null",))
        kinds = {p.instrument for p in scenes[e.meta["video_id"]].visible}
        assert e.meta["null"] or e.reference.text in kinds
        if e.meta["family"] == "kind" and e.meta["null"]:
            assert not any(f" {kind.replace('_', ' ')} " in f" {e.question} " for kind in kinds)
    assert len({family for family, _ in families}) > 8 and sum(n for (_, null), n in families.items() if null) > 10
    seen, unseen, null = (load(stage, "referring", split) for split in ("seen", "unseen", "null"))
    assert len(seen) + len(unseen) + len(null) == len(load(stage, "referring")) and unseen
    held_out = {kind.replace("_", " ") for kind in referring.UNSEEN}
    for e in load(stage, "referring", "train") + seen:
        assert e.reference.text not in referring.UNSEEN
        assert not any(kind in e.question for kind in held_out)


def test_expressions_are_unclear_within_the_margins():
    def said(*players):
        s = Scene("1", 0, 10.0, players)
        return {e.family: e.player for e in referring.expressions(Random(0), Facts(s)) if not e.named}

    one, other = Player("flute", 0.2, ((0.0, 9.0),), 6.0), Player("tuba", 0.8, ((1.0, 10.0),), 0.0)
    assert said(one, other)["loudest"] is one and "first" not in said(one, other)
    assert said(one, replace(other, sounding=((2.0, 10.0),)))["first"] is one
    assert "throughout" not in said(one, other), "nine of ten seconds are neither"
    assert said(replace(one, sounding=()), replace(other, sounding=()))["first"] is None
    twins = said(one, replace(other, instrument="flute", miming=other.sounding))
    assert "loudest" not in twins, "which of two flutes sounds is not seen"


def test_too_little_to_be_seen_is_not_asked(tmp_path):
    hidden = Scene("1", 0, 6.0, (Player("flute", 0.5, ((0.0, 6.0),), look=Look(depth=1)),))
    assert places.segmentation(Random(0), hidden, tmp_path, 64)
    assert places.pointed(hidden, hidden.players[0], 2, tmp_path, 64)
    assert not places._enough(np.zeros((64, 64), bool))


def test_records_follow_from_the_scenes(stage, tmp_path):
    """Again and in another folder: the same records and the same mask files."""
    make(tmp_path / "again", SETTINGS, media=False, quiet=True)
    for path in sorted((stage / "json").iterdir()) + sorted((stage / "masks").iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.relative_to(stage)).read_bytes(), path.name


def test_what_is_missing_is_explained(stage, tmp_path):
    with pytest.raises(RecipeError, match="'acton'"):
        load(stage, "acton")
    with pytest.raises(DatasetError, match="There are: test, train, val"):
        load(stage, "action", "tset")
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "avqa-test.json").write_text("[]")
    with pytest.raises(DatasetError, match="made before there was a task 'action'"):
        load(tmp_path, "action")
    assert soundstage.splits(stage, "referring") == ["test", "train", "val", "seen", "unseen", "null"]
    assert soundstage.splits(stage, "s4") == soundstage.splits(stage) == ["test", "train", "val"]
