"""The same world in the formats of public datasets, read back by their own loaders and true to the scenes."""

import numpy as np
import pytest

from lookhear.datasets import (
    arig,
    ave,
    avsbench,
    crema_d,
    kinetics_sounds,
    llp,
    music_avqa,
    ref_avs,
    unav_100,
    valor,
    vgg_cm,
)
from lookhear.errors import DatasetError
from lookhear.soundstage.picture.painter import masks
from lookhear.soundstage.scene.facts import Facts
from lookhear.soundstage.scene.scene import Player, Scene, from_json
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.scene.world import world
from lookhear.soundstage.tasks import labels, referring
from lookhear.soundstage.write import formats, formats_tasks
from lookhear.soundstage.write.folder import make

SETTINGS = Settings(train=30, val=12, test=30, questions=4, size=48)


@pytest.fixture(scope="module")
def stage(tmp_path_factory):
    """Truth and formats with stand-ins for videos, which these formats only link to."""
    root = tmp_path_factory.mktemp("formats")
    clips = list(world(SETTINGS))
    (root / "videos").mkdir()
    for c in clips:
        (root / "videos" / f"{c.scene.id}.mp4").write_text(c.scene.id)
    counts = formats.write_formats(root, SETTINGS, clips, True, lambda: None)
    return root, {c.scene.id: c.scene for c in clips}, counts


def test_ave(stage):
    root, scenes, counts = stage
    found = 0
    for split in ("train", "val", "test"):
        read = ave.read(root / "formats" / "ave", split)
        assert not read.faults and len(read.loaded()) == counts["ave"][split]
        for e in read.loaded():
            (player,) = (p for p in scenes[e.clip.id].players if p.instrument in formats.AVE_LABELS)
            (event,) = e.reference.segments
            assert formats.AVE_LABELS[player.instrument] == e.reference.text and player.x is not None
            assert abs(event.start - player.sounding[0][0]) <= 0.5 and abs(event.end - player.sounding[-1][1]) <= 0.5
            assert e.clip.video.path.read_text() == e.clip.id
            found += 1
    assert found > 3


def test_llp(stage):
    root, scenes, _ = stage
    for split in ("train", "val", "test"):
        read = llp.read(root / "formats" / "llp", split)
        assert not read.faults and read.loaded()
        for e in read.loaded():
            scene = scenes[e.clip.id[3:11]]
            assert e.clip.video.path.is_file()
            labels = {formats.LLP_LABELS[p.instrument] for p in scene.players if p.instrument in formats.LLP_LABELS}
            assert set(e.meta["events"]) - {"Speech"} <= labels
            assert ("Speech" in e.meta["events"]) == (scene.voiceover is not None)
            seen = {s.label for s in e.reference.segments if s.stream == "visual"}
            assert split == "train" or seen == labels & {
                formats.LLP_LABELS.get(p.instrument, "") for p in scene.visible
            }


@pytest.mark.parametrize("version", avsbench.VERSIONS)
def test_avsbench(stage, version):
    root, _, _ = stage
    folder = root / "formats" / "avsbench"
    scenes = {s.id: s for s in map(from_json, (folder / "scenes.jsonl").read_text().splitlines())}
    read = avsbench.read(folder, "test", version)
    assert not read.faults and read.loaded()
    for e in read.loaded():
        scene, time = scenes[e.meta["video_id"].rsplit("_", 2)[0]], e.meta["frame"] + 0.5
        sounding = [any(a <= time < b for a, b in p.sounding) for p in scene.players]
        truth = masks(scene, time, SETTINGS.size)[sounding].any(0)
        regions = avsbench.with_mask(e).reference.regions
        marked = np.any([r.mask for r in regions], axis=0) if regions else np.zeros_like(truth)
        assert (marked == truth).all() and e.clip.audio.path.is_file() and e.clip.video.path.is_file()
        if version == "s4":
            assert sum(sounding) == 1 and len(regions) == 1
        if version == "avss":
            kinds = {formats.AVSBENCH_LABELS[p.instrument] for p, on in zip(scene.players, sounding, strict=True) if on}
            assert {r.label for r in regions} <= kinds


def test_arig(stage):
    root, _, counts = stage
    folder = root / "formats" / "avsbench"
    for split in ("train", "val", "test"):
        read = arig.read(folder, split)
        assert not read.faults and len(read.examples) == counts["arig"][split] > 0
        frames = {(e.meta["video_id"], str(e.meta["frame"])): e for e in avsbench.load(folder, split, "s4")}
        for e in read.examples:
            box = arig.from_mask(frames[e.meta["video_id"], e.meta["frame"]]).reference.regions[0].box
            assert np.allclose(e.reference.regions[0].box, box, atol=0.5 / 224 + 1e-9)
            assert e.clip.video.path.is_file() and e.clip.audio.path.is_file()


@pytest.mark.parametrize("module", [kinetics_sounds, crema_d, unav_100, valor, vgg_cm])
def test_other_loaders_read_it_unchanged(stage, module):
    root, scenes, counts = stage
    name = module.__name__.rpartition(".")[2]
    for split in ("train", "val", "test"):
        read = module.read(root / "formats" / name, split)
        assert not read.faults and len(read.loaded()) == counts[name][split], split
        for e in read.examples:
            assert e.clip.video.path.read_text() == e.clip.video.id and e.clip.audio.path.is_file()
            facts = Facts(scenes[e.clip.video.id])
            if module is kinetics_sounds:
                assert labels.action(facts)
                assert formats_tasks.KINETICS_LABELS[facts.sounding[0].instrument] == e.reference.text
            elif module is crema_d:
                assert labels.emotion(facts) and facts.scene.mood[:3] == e.reference.text[:3]
            elif module is unav_100:
                for segment in e.reference.segments:
                    kind = segment.label.removeprefix("playing ").replace(" ", "_")
                    spans = [span for p in facts.sounding if p.instrument == kind for span in p.sounding]
                    assert any(a == segment.start for a, _ in spans) and any(b == segment.end for _, b in spans)
            elif module is valor:
                for kind in facts.players:
                    assert kind.replace("_", " ") in e.reference.text
    assert sum(counts[name].values()) > 5


def test_the_right_one_of_two_is_the_one_that_sounds(stage):
    root, _, _ = stage
    answers = []
    for e in vgg_cm.load(root / "formats" / "vgg_cm", "train"):
        first, second = (
            (e.clip.video, e.meta["second"]) if e.meta["form"] == "a2v" else (e.clip.audio, e.meta["second"])
        )
        other = e.clip.audio if e.meta["form"] == "a2v" else e.clip.video
        assert {"one": first, "two": second}[e.reference.text].id == other.id
        answers.append((e.meta["form"], e.reference.text))
    assert len(set(answers)) == 4


def test_ref_avs(stage):
    root, scenes, counts = stage
    folder = root / "formats" / "ref_avs"
    for split in ref_avs.SPLITS:
        read = ref_avs.read(folder, split)
        assert not read.faults and len(read.examples) == counts["ref_avs"].get(split, 0)
        for e in read.examples:
            assert e.clip.video.path.is_file() and e.clip.audio.path.is_file()
            marked = ref_avs.with_mask(e)
            assert e.meta["null"] == (not marked.reference.regions) == (e.reference.text == "")
            if e.meta["null"]:
                continue
            kind = e.reference.text.replace("-", "_")
            scene = scenes[e.meta["video_id"]]
            owned = masks(scene, e.meta["frame"] + 0.5, SETTINGS.size)
            truths = [m for p, m in zip(scene.players, owned, strict=True) if p.instrument == kind]
            assert any((marked.reference.regions[0].mask == m).all() for m in truths)
            assert (kind in referring.UNSEEN) <= (split == "test_u")
    assert min(counts["ref_avs"].get(split, 0) for split in ("train", "test_s", "test_n")) > 0
    assert all(e.meta["null"] for e in ref_avs.load(folder, "null"))


def test_labels_are_those_of_the_public_datasets():
    assert len(formats.AVE_LABELS) == 6 and len(formats.LLP_LABELS) == 5 and len(formats.AVSBENCH_LABELS) == 17
    assert formats.AVSBENCH_LABELS["suona"] == "sorna" and "congas" not in formats.AVSBENCH_LABELS
    assert len(formats_tasks.KINETICS_LABELS) == 11 and formats_tasks.UNAV_LABELS["violin"] == "playing violin"


@pytest.mark.parametrize(
    ("spans", "whole"),
    [
        ([], []),
        ([(0.0, 10.0)], [(0, 10)]),
        ([(0.5, 2.4)], [(0, 2)]),
        ([(0.6, 2.5)], [(1, 3)]),
        ([(1.0, 2.0), (4.0, 5.0)], [(1, 2), (4, 5)]),
        ([(1.0, 1.3), (1.0, 1.3)], []),  # two at once fill no more than one
        ([(9.5, 10.0)], [(9, 10)]),
    ],
)
def test_whole_seconds(spans, whole):
    assert formats.seconds(spans) == whole


def test_an_event_needs_one_player_in_one_stretch():
    one = Player("flute", 0.5, ((1.0, 4.0),))
    assert list(formats._ave_row(Scene("1", 0, 10.0, (one,)))) == [("Flute", "1", "good", "1", "4")]
    for players in [(one, Player("banjo", 0.9)), (Player("flute", None, ((1.0, 4.0),)),), (Player("drum", 0.5),)]:
        assert not list(formats._ave_row(Scene("1", 0, 10.0, players)))


def test_our_questions_are_music_avqa_to_its_loader(tmp_path):
    make(tmp_path / "s", Settings(train=2, val=0, test=3), media=False, quiet=True)
    ours = music_avqa.read(tmp_path / "s", "test", "original")
    assert not ours.faults and ours.loaded()


def test_formats_need_ten_seconds(tmp_path):
    with pytest.raises(DatasetError, match="--seconds 10"):
        make(tmp_path / "s", Settings(train=2, val=0, test=1, seconds=8.0), formats=True)
    assert not (tmp_path / "s").exists()
