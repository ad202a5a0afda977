"""A reader that knows nothing of the question programs finds the same answers, and would notice a wrong one."""

import json

import pytest

from lookhear.datasets import soundstage
from lookhear.soundstage.questions.templates import TEMPLATES
from lookhear.soundstage.questions.truth import evidence
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make, read_scenes
from tests.soundstage.second_reader import READERS, check


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    root = tmp_path_factory.mktemp("truth")
    make(root, Settings(train=90, val=0, test=80, diagnostic=20, seed=4), media=False, quiet=True)
    return root


def test_zero_disagreements(stage):
    asked, wrong = check(stage)
    assert asked > 3000 and not wrong, wrong[:3]


def test_every_template_has_a_reader(stage):
    asked = {e.meta["template"] for e in soundstage.load(stage, "train")}
    assert asked == set(TEMPLATES)
    assert len({method for _, method in READERS}) == 28  # louder and busier share one, so do three that compare


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_wrong_answer_is_noticed(stage, tmp_path, template):
    records = json.loads((stage / "json" / "avqa-test.json").read_text())
    one = next(r for r in records if r["question_content"] == template)
    other = {"yes": "no", "no": "yes", "left": "right"}.get(one["anser"], "left")
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "avqa-test.json").write_text(json.dumps([one, {**one, "anser": other}]))
    scenes = (stage / "scenes.jsonl").read_text().splitlines()
    (tmp_path / "scenes.jsonl").write_text(next(s for s in scenes if json.loads(s)["id"] == one["video_id"]))
    asked, wrong = check(tmp_path)
    assert asked == 2 and [(d.written, d.found) for d in wrong] == [(other, one["anser"])]


def test_a_changed_scene_is_noticed(stage, tmp_path):
    """Halve the margins of every scene: most questions about order and comparison become unclear."""
    (tmp_path / "json").mkdir()
    (tmp_path / "json" / "avqa-test.json").write_text((stage / "json" / "avqa-test.json").read_text())
    lines = [json.loads(line) for line in (stage / "scenes.jsonl").read_text().splitlines()]
    for raw in lines:
        for p in raw["players"]:
            p["level"] /= 3
            p["rate"] = 2 + p["rate"] / 10
            p["sounding"] = [[a / 4, b / 4] for a, b in p["sounding"]]
    (tmp_path / "scenes.jsonl").write_text("\n".join(map(json.dumps, lines)))
    _, wrong = check(tmp_path)
    unclear = {d.question.split(" the ")[0] for d in wrong if d.found == "unclear"}
    assert {"Is", "Where is", "What is"} <= unclear and sum("louder" in d.question for d in wrong) > 20


def test_evidence_lies_in_the_clip_and_names_what_is_there(stage):
    scenes = {s.id: s for s in read_scenes(stage)}
    for e in soundstage.load(stage, "test"):
        scene = scenes[e.clip.id]
        assert e.reference.segments == evidence(scene, e.meta["template"], e.meta["templ_values"])
        for s in e.reference.segments:
            assert 0 <= s.start < s.end <= scene.seconds
            if e.kind[0] == "Audio" and e.reference.text == "yes":
                players = [p for p in scene.heard if p.instrument == s.label]
                assert any(a <= s.start and s.end <= b for p in players for a, b in p.sounding)
