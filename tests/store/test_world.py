"""A clip unlike those of training is told apart, one like them is not; the file goes round, or is refused."""

import numpy as np
import pytest

from lookhear.errors import ModelError
from lookhear.store import world as worlds
from lookhear.types import Media


def clip(seed: int, real: bool = False) -> Media:
    """Flat colours and a tone, or noise."""
    random = np.random.default_rng(seed)
    time = np.arange(32_000) / 16_000
    if real:
        frames = random.integers(0, 256, (2, 96, 128, 3), dtype=np.uint8)
        wave = random.normal(0, 0.1, 32_000).astype(np.float32)
    else:
        frames = np.full((2, 96, 128, 3), 100, np.uint8)
        frames[:, 20:60, 10:50] = random.integers(60, 200, 3)
        wave = (random.uniform(0.05, 0.2) * np.sin(2 * np.pi * random.uniform(200, 500) * time)).astype(np.float32)
    return Media(frames, np.arange(2.0), wave, 16_000, 2.0)


@pytest.fixture(scope="module")
def world() -> worlds.World:
    return worlds.fit([worlds.of_media(clip(i)) for i in range(40)])


def test_the_same_kind_is_inside_and_another_is_not(world):
    inside = [world.note(worlds.of_media(clip(100 + i))) for i in range(20)]
    assert sum(map(bool, inside)) <= 2
    note = world.note(worlds.of_media(clip(1, real=True)))
    assert "out of this model's world" in note
    assert "picture" in note


def test_it_is_kept_and_read(world, tmp_path):
    worlds.write(tmp_path, world)
    again = worlds.read(tmp_path)
    some = worlds.of_media(clip(7))
    assert again.distance(some) == pytest.approx(world.distance(some), rel=0.05)


def test_too_few_clips_tell_no_world():
    assert worlds.fit([worlds.of_media(clip(i)) for i in range(3)]) is None


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / worlds.FILE).write_bytes(b"no safetensors")
    with pytest.raises(ModelError, match="not readable"):
        worlds.read(tmp_path)
    assert worlds.read(tmp_path / "nowhere") is None


def test_silence_and_black_are_described():
    assert worlds.of_media(Media(None, np.zeros(0), np.zeros(16_000, np.float32), 16_000, 1.0)) == {}


def test_clips_are_described_from_their_files_where_these_are(tmp_path):
    from lookhear.media.sampling import Sampling
    from lookhear.media.write import write
    from lookhear.types import Clip, Source

    paths = [tmp_path / "a.mp4", tmp_path / "gone.mp4", tmp_path / "broken.mp4"]
    write(paths[0], list(clip(1).frames), clip(1).waveform, fps=1)
    paths[2].write_bytes(b"no video")
    clips = [Clip(Source(p.stem, p), Source(p.stem, p)) for p in paths] + [Clip(Source("b", None), Source("b", None))]
    found = worlds.of_files(clips, [Sampling(), Sampling()])
    assert set(found[0]) == {"picture", "sound"}
    assert found[1:] == [{}, {}, {}]


def rows(seed: int, count: int, wide: int = 12) -> list[dict[str, np.ndarray]]:
    """Descriptors of clips: a decoded one, and features with a heavy tail."""
    random = np.random.default_rng(seed)
    made = [{"sound": random.normal(size=wide), "audio": random.standard_t(1.5, wide)} for _ in range(count)]
    return [{k: v.astype(np.float64) for k, v in one.items()} for one in made]


@pytest.mark.parametrize("count", [70, 150, 1000])
def test_few_held_out_clips_are_flagged_whatever_the_number_of_clips(count):
    flagged = []
    for seed in range(5):
        world = worlds.fit(rows(seed, count))
        assert max(len(region.rows) for region in world.regions.values()) <= worlds.KEPT
        flagged += [bool(world.note(one)) for one in rows(100 + seed, 100)]
    assert 0.005 < np.mean(flagged) <= 0.065


def test_features_decide_only_where_the_clip_was_not_decoded():
    world = worlds.fit(rows(0, 60))
    far = {"sound": np.zeros(12), "audio": np.full(12, 1e4)}
    assert set(world.distance(far)) == {"sound"} and not world.note(far)
    assert "audio" in world.note({"audio": far["audio"]})


def test_clips_are_spread_evenly():
    assert worlds.spread(range(7), 3) == [0, 2, 4]
    assert worlds.spread([1, 2], 3) == [1, 2]
    assert len(worlds.spread(range(299), 150)) == 150
