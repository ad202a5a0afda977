"""Twins differ in one cause, by proof and by a second reader; their questions are answered again by brute force."""

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from lookhear import datasets
from lookhear.cli import app
from lookhear.datasets.reading.templates import fill
from lookhear.errors import DatasetError, MediaError
from lookhear.media.decode import decode
from lookhear.media.sampling import Sampling
from lookhear.soundstage.scene.scene import to_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import world
from lookhear.soundstage.sound.mix import stem
from lookhear.soundstage.twins import write
from lookhear.soundstage.twins.families import families
from lookhear.soundstage.twins.kinds import KINDS, chosen, twin_of, twins
from lookhear.soundstage.twins.render import Proof, prove
from lookhear.soundstage.write.folder import make
from tests.soundstage.second_reader import Stage
from tests.soundstage.twins_reader import differences

SETTINGS = Settings(train=60, val=0, test=60, diagnostic=20, seed=41)


@pytest.fixture(scope="module")
def scenes():
    return [asked.scene for asked in world(SETTINGS)]


@pytest.fixture(scope="module")
def found(scenes):
    return list(families(scenes))


def read_again(found, most=10**9):
    """(pairs, disagreements) of all families, both answers of each worked out by the second reader."""
    pairs, wrong = 0, []
    for family in found:
        stages = {family.base.id: Stage(json.loads(to_json(family.base)))}
        stages |= {t.id: Stage(json.loads(to_json(t.truth))) for t in family.twins}
        for asked in family.asked:
            question = fill(asked.template, asked.values)
            said = {family.base.id: asked.base} | dict(asked.others)
            wrong += [(c, question, w, f) for c, w in said.items() if (f := stages[c].answer(question)) != w]
            pairs += len(asked.others)
        if pairs >= most:
            break
    return pairs, wrong


def test_a_second_reader_finds_both_answers(found):
    pairs, wrong = read_again(found)
    assert pairs > 2000 and not wrong, wrong[:3]


@pytest.mark.slow
def test_a_second_reader_finds_both_answers_of_20000_pairs():
    pairs, wrong = read_again(families(a.scene for a in world(Settings(train=1200, val=0, test=0, seed=77))), 20_000)
    assert pairs >= 20_000 and not wrong, wrong[:3]


def test_the_second_reader_would_notice(found):
    """Questions asked of the base's scene in place of the twin's: every pair that must change is wrong."""
    changed = 0
    for family in found[:20]:
        stage = Stage(json.loads(to_json(family.base)))
        for asked in family.asked:
            for word in asked.others.values():
                if word != asked.base:
                    assert stage.answer(fill(asked.template, asked.values)) != word
                    changed += 1
    assert changed > 50


def test_only_what_the_kind_names_is_changed(scenes):
    seen = Counter()
    for scene in scenes:
        for kind in KINDS:
            for twin in twins(scene, kind):
                wrong = differences(kind, json.loads(to_json(scene)), json.loads(to_json(twin.truth)))
                assert not wrong, (twin.id, wrong)
                assert twin_of(scene, twin.id) == twin
                seen[kind] += 1
    assert set(seen) == set(KINDS) and min(seen.values()) > 20, seen


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_changes_in_sound_and_picture(scenes, kind):
    """Without the changed players both mixes are equal bit by bit; what is left of the difference is their voices."""
    tried = 0
    for scene in scenes:
        for twin in twins(scene, kind)[:1]:
            proof = prove(scene, twin, size=64, fps=2)
            assert proof.same and proof.rest and proof.changed and proof.residual < 1e-6, (twin.id, proof)
            tried += 1
        if tried == 6:
            return
    raise AssertionError(f"only {tried} twins of kind {kind}")


def test_the_proof_fails_where_something_else_changes(scenes):
    twin = next(t for s in scenes for t in twins(s, "mute") if len(s.heard) > 1)
    scene = next(s for s in scenes if twin.id.startswith(s.id))
    other = next(i for i, p in enumerate(scene.players) if p.sounding and i not in twin.players)
    players = list(twin.sound.players)
    players[other] = replace(players[other], level=players[other].level + 1)
    softer = replace(twin, sound=replace(twin.sound, players=tuple(players)))
    proof = prove(scene, softer, size=64, fps=2)
    assert proof.same and not proof.rest and proof.residual > 1e-3
    lit = replace(twin, picture=replace(scene, light=scene.light + 1))
    assert not prove(scene, lit, size=64, fps=2).same


def test_a_shifted_player_plays_the_same_later(scenes):
    twin = next(t for s in scenes for t in twins(s, "shift"))
    scene = next(s for s in scenes if twin.id.startswith(s.id))
    (index,) = twin.players
    by = round((twin.sound.players[index].sounding[0][0] - scene.players[index].sounding[0][0]) * 16000)
    before, after = stem(scene, index, dry=True), stem(twin.sound, index, dry=True)
    assert abs(by) >= 2 * 16000 and np.abs(np.roll(before, by) - after).max() < 0.02 * np.abs(before).max()


def test_kinds_and_templates_are_spread(scenes, found):
    kinds = Counter(t.kind for f in found for t in f.twins)
    assert set(kinds) == set(KINDS) and len(found) > 0.9 * len(scenes)
    must = Counter((w != a.base) for f in found for a in f.asked for w in a.others.values())
    assert must[True] > 0.2 * must.total() and must[False] > 0.2 * must.total()
    again = list(families(scenes[:40]))
    assert again and again == found[: len(again)], "equal scenes give equal families"


def test_a_muted_player_is_asked_about_in_the_picture(scenes):
    """Each twin has a question about what was changed that must stay: of the sense in which nothing changed."""
    asked = [
        a
        for f in families(scenes, ["mute"])
        for a in f.asked
        if a.template.startswith("Is there a") and "entire" in a.template and set(a.others.values()) == {a.base}
    ]
    assert any(a.base == "yes" for a in asked)


def test_names_of_kinds():
    assert chosen(["mute,swap", "hide"]) == ("mute", "swap", "hide") and chosen(["all"]) == tuple(KINDS)
    for wrong in (["mutte"], [""], ["mute", "x"]):
        with pytest.raises(DatasetError, match="kind of twin"):
            chosen(wrong)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    root = tmp_path_factory.mktemp("twins") / "world"
    small = Settings(train=2, val=0, test=3, questions=4, seconds=6.0, size=64, fps=2.0, seed=5)
    make(root, small, workers=1, quiet=True, twins=("mute", "hide"))
    return root


def test_the_world_itself_stays_as_it_was(stage, tmp_path):
    small = Settings(train=2, val=0, test=3, questions=4, seconds=6.0, size=64, fps=2.0, seed=5)
    make(tmp_path / "plain", small, workers=1, quiet=True)
    for path in (tmp_path / "plain").rglob("*"):
        if path.is_file() and path.name != "card.json":
            assert path.read_bytes() == (stage / path.relative_to(tmp_path / "plain")).read_bytes(), path
    plain, ours = (json.loads((f / "card.json").read_text()) for f in (tmp_path / "plain", stage))
    assert "twins" not in plain and {k: v for k, v in ours.items() if k not in ("twins", "sha256")} == {
        k: v for k, v in plain.items() if k != "sha256"
    }


def test_the_dataset(stage):
    examples = datasets.load("soundstage@twins", stage, "test")
    by = {(e.meta["pair"], e.clip.id): e for e in examples}
    assert len(by) == len(examples) and len({e.id for e in examples}) == len(examples)
    bases = {e.meta["pair"]: e for e in examples if not e.meta["twin"]}
    for e in examples:
        base = bases[e.meta["pair"]]
        assert e.question == base.question and e.meta["video_id"] == base.clip.id and e.clip.video.path.is_file()
        if e.meta["twin"]:
            assert e.meta["must"] == ("change" if e.reference.text != base.reference.text else "stay")
            assert e.clip.id.startswith(f"{base.clip.id}-{e.meta['twin']}") and e.meta["changed"]
        assert e.reference.segments
    assert {e.meta["must"] for e in examples} == {"", "change", "stay"}


def test_the_files_sound_and_look_as_they_should(stage):
    """After encoding: a muted twin looks the same to the bit; one that hides a player sounds the same to the bit."""
    sampling = Sampling(fps=2)
    seen = set()
    for e in datasets.load("soundstage@twins", stage, "train"):
        if e.meta["twin"]:
            base, twin = decode(replace_clip(e, stage), sampling), decode(e.clip, sampling)
            same = np.array_equal(base.frames, twin.frames), np.array_equal(base.waveform, twin.waveform)
            assert same == (e.meta["twin"] == "mute", e.meta["twin"] == "hide")
            seen.add(e.meta["twin"])
    assert seen == {"mute", "hide"}


def replace_clip(example, root):
    other = datasets.soundstage.Source(example.meta["video_id"], root / "videos" / f"{example.meta['video_id']}.mp4")
    return datasets.soundstage.Clip(other, other)


def test_going_on_and_refusing(stage, monkeypatch, tmp_path):
    settings = Settings(train=2, val=0, test=3, questions=4, seconds=6.0, size=64, fps=2.0, seed=5)
    lost = next((stage / "videos").glob("*mute*"))
    before = lost.read_bytes()
    lost.unlink()
    make(stage, settings, workers=1, quiet=True, twins=("mute", "hide"))
    assert lost.read_bytes() == before
    with pytest.raises(DatasetError, match="other twins"):
        make(stage, settings, workers=1, quiet=True, twins=("swap",))
    with pytest.raises(DatasetError, match=r"no twins.*--twins all"):
        make(tmp_path / "none", settings, media=False, quiet=True)
        datasets.load("soundstage@twins", tmp_path / "none", "test")
    monkeypatch.setattr("lookhear.soundstage.twins.render.prove", lambda *a, **k: Proof(True, False, 0.1, 1.0))
    lost.unlink()
    with pytest.raises(MediaError, match="does not differ in the one thing"):
        make(stage, settings, workers=1, quiet=True, twins=("mute", "hide"))
    monkeypatch.undo()
    make(stage, settings, workers=1, quiet=True, twins=("mute", "hide"))


def test_the_command(tmp_path):
    given = ["soundstage", str(tmp_path / "w"), "--clips", "4", "--no-media", "--json", "--twins", "mute", "shift"]
    done = CliRunner().invoke(app("soundstage"), given)
    assert done.exit_code == 0, done.output
    card = json.loads(done.stdout)
    assert card["twins"]["kinds"] == ["mute", "shift"] and card["twins"]["proved"] is False
    assert {kind for _, kind, _ in write.read(tmp_path / "w")} <= {"mute", "shift"}
    refused = CliRunner().invoke(app("soundstage"), ["soundstage", str(tmp_path / "x"), "y"])
    assert isinstance(refused.exception, DatasetError)
