"""The waist: watch once, ask many; what is not there is said; what does not fit is refused."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from lookhear import config
from lookhear import model as models
from lookhear.errors import FeatureError, MediaError, ModelError, RecipeError
from lookhear.media.write import write
from lookhear.store.features import FeatureStore
from lookhear.train.loop import train
from lookhear.types import BLANK, Clip, Example, Media, Source
from tests.train import ears, world


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return world.make(tmp_path_factory.mktemp("world"), clips=40)


@pytest.fixture(scope="module")
def runs(root, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    nets = {"ears": {"name": "audio_only"}, "pooled": {"name": "pooled_mlp"}, "blind": {"name": "question_only"}}
    for name, net in nets.items():
        train(world.recipe(root, folder / name, net={**net, "hidden": 16}, epochs=15), progress=False)
    return folder


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return world.film(tmp_path_factory.mktemp("film") / "film.mp4")


def test_ask_answers_with_evidence(runs, film):
    first, second = models.load(runs / "ears").ask(film, "How many heard?", "how many seen")
    assert first.text == "two"  # the second pitch
    assert sum(first.scores.values()) == pytest.approx(1, abs=1e-5)
    assert list(first.scores.values()) == sorted(first.scores.values(), reverse=True)
    assert len(first.evidence.heard) == 4
    assert sum(first.evidence.heard) == pytest.approx(1, abs=1e-5)
    assert first.evidence.seen == ()
    for segment in first.segments:
        stretch = first.evidence.heard[int(segment.start) : int(segment.end)]
        assert segment.stream == "audio" and min(stretch) > 1.5 / 4
    assert second.scores != first.scores


def test_a_video_is_decoded_once_and_again_when_it_changes(runs, tmp_path, monkeypatch):
    heard, hear = [], ears.Pitches.hear
    monkeypatch.setattr(ears.Pitches, "hear", lambda self, media: (heard.append(1), hear(self, media))[1])
    path = world.film(tmp_path / "film.mp4", heard=0)
    model = models.load(runs / "ears")
    before = model.ask(path, "how many heard")
    once = len(heard)
    assert model.ask(path, "how many heard", "how many seen")[0].scores == pytest.approx(before[0].scores)
    assert len(heard) == once
    world.film(path, heard=2, seconds=5)
    after = model.ask(path, "how many heard")
    assert len(heard) > once
    assert after[0].scores != before[0].scores


def test_features_from_a_store_and_from_the_file_give_the_same(runs, film, tmp_path):
    clip = models.clip_of(film)
    from_file = models.load(runs / "pooled").ask(clip, "how many heard")
    store = FeatureStore(tmp_path / "features")
    assert models.load(runs / "pooled", store).ask(clip, "how many heard")[0].scores == from_file[0].scores
    elsewhere = replace(clip, video=Source(clip.video.id), audio=Source(clip.audio.id))  # the file is gone
    assert models.load(runs / "pooled", store).ask(elsewhere, "how many heard")[0].scores == from_file[0].scores


def test_many_clips_at_once_are_as_one_by_one(runs, root):
    model = models.load(runs / "pooled", FeatureStore(root / "features"))
    examples = world.load(root, "val")
    clips = list(dict.fromkeys(e.clip for e in examples))
    together = model.answer(model.watch(clips), examples)
    for example, answer in zip(examples, together, strict=True):
        (alone,) = model.answer(model.watch([example.clip]), [example])
        assert answer.text == alone.text
        assert list(answer.scores.values()) == pytest.approx(list(alone.scores.values()), abs=1e-5)


def test_logits_that_are_no_numbers_answer_nothing_and_say_so(runs, film):
    model = models.load(runs / "pooled")
    with torch.no_grad():
        for weight in model.net.parameters():
            weight.mul_(1e38)
    (answer,) = model.ask(film, "how many heard")
    assert answer.text == "" and answer.scores == {} and "not answered: " in answer.notes[-1]


def test_no_sound_track_is_said_and_silence_asked_for_is_not(runs, tmp_path):
    model = models.load(runs / "pooled")
    silent = world.film(tmp_path / "silent.mp4", sound=False)
    (answer,) = model.ask(silent, "how many heard")
    assert any("no sound track" in note for note in answer.notes)
    source = models.clip_of(world.film(tmp_path / "film.mp4")).video
    clip = Clip(source, BLANK)
    (answer,) = model.ask(clip, "how many heard")
    assert not any("no sound track" in note for note in answer.notes)


def test_a_net_that_watches_nothing_answers(runs, film):
    assert models.load(runs / "blind").ask(film, "how many heard")[0].evidence.heard == ()


def test_evidence_is_as_long_as_the_clip_and_cuts_are_said(root, film, tmp_path):
    recipe = world.recipe(root, tmp_path / "run", net={"name": "audio_only", "hidden": 16}, epochs=1)
    for seconds, length, said in ((9, 4, False), (2, 2, True)):
        data = replace(recipe.data, seconds=seconds)
        run = train(replace(recipe, data=data, out=str(tmp_path / f"run{seconds}")), progress=False)
        (answer,) = models.load(run).ask(film, "how many heard")
        assert len(answer.evidence.heard) == length
        assert any("only the first 2 of 4 s" in note for note in answer.notes) == said


def test_a_run_on_standardised_features_answers_on_them(root, film, tmp_path):
    recipe = world.recipe(root, tmp_path / "run", net={"name": "audio_only", "hidden": 16}, epochs=15)
    run = train(replace(recipe, data=replace(recipe.data, standardize=True)), progress=False)
    model = models.load(run)
    assert model.ask(film, "how many heard")[0].text == "two"
    mean, deviation = model.scale["audio"]
    store = FeatureStore(root / "features")
    example = world.load(root, "val")[0]
    made = model.batch([example], ("audio",), store).watch["audio"][0]
    raw = torch.from_numpy(store.get(world.EARS, "audio", example.clip.id))
    assert torch.allclose(made, (raw - mean) / deviation)
    (run / "scale.safetensors").unlink()
    with pytest.raises(ModelError, match=r"scale\.safetensors: not readable"):
        models.load(run)


@pytest.mark.parametrize("name", ["nothing", "stagee"])
def test_an_unknown_model_is_refused_with_what_there_is(name):
    with pytest.raises(ModelError, match=f"No model called '{name}'. Shipped: "):
        models.load(name)


def test_a_missing_video_is_one_line(runs):
    with pytest.raises(MediaError, match=r"No video at 'gone\.mp4'"):
        models.load(runs / "ears").ask("gone.mp4", "how many heard")


def test_an_unfinished_run_says_how_to_go_on(runs, tmp_path):
    (tmp_path / "recipe.yaml").write_text((runs / "ears" / "recipe.yaml").read_text())
    with pytest.raises(ModelError, match="not trained to the end"):
        models.load(tmp_path)


def test_a_run_folder_of_an_earlier_version_loads_and_a_recipe_with_its_key_is_refused(runs, tmp_path):
    """`data.test` was a key that nothing read."""
    old = tmp_path / "old"
    shutil.copytree(runs / "ears", old)
    text = (old / "recipe.yaml").read_text()
    (old / "recipe.yaml").write_text(text.replace("  val: val\n", "  val: val\n  test: test\n"))
    assert (old / "recipe.yaml").read_text() != text
    assert models.load(old).recipe == models.load(runs / "ears").recipe
    (old / "mine.yaml").write_text((old / "recipe.yaml").read_text())
    for path, overrides in ((old / "mine.yaml", ()), (old / "recipe.yaml", ("data.test=val",))):
        with pytest.raises(RecipeError, match=r"no key is called 'data\.test'"):
            config.load(path, overrides)


@pytest.mark.parametrize("file", ["model.safetensors", "vocabulary.json", "features.json"])
def test_a_damaged_run_folder_is_one_line(runs, tmp_path, file):
    for path in (runs / "ears").glob("*.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / file).write_bytes(b"\0\0\0")
    with pytest.raises(ModelError, match=file) as caught:
        models.load(tmp_path)
    assert "\n" not in str(caught.value)


def test_another_encoder_under_the_same_name_is_refused(runs, film, monkeypatch):
    monkeypatch.setattr(ears.Pitches, "signature", lambda self: {"name": world.EARS, "sha256": "9" * 8})
    with pytest.raises(ModelError, match=r"trained on tests\.train\.ears features of weights '22222222'"):
        models.load(runs / "ears").ask(film, "how many heard")


def test_asking_about_what_was_not_watched_is_refused(runs, film):
    model = models.load(runs / "ears")
    watched = model.watch([models.clip_of(film)])
    other = Example("0", "question_answering", Clip(Source("b"), Source("b")), "how many heard")
    with pytest.raises(ModelError, match="'b', which was not watched"):
        model.answer(watched, [other])
    assert model.answer(watched, []) == []


def test_features_that_are_not_numbers_are_refused(runs, tmp_path):
    root = world.make(tmp_path / "world")
    path = root / "features" / world.EARS / "audio" / "val0.npy"
    values = np.load(path)
    values[1, 1] = np.nan
    np.save(path, values)
    model = models.load(runs / "ears", FeatureStore(root / "features"))
    with pytest.raises(FeatureError, match="1 values that are NaN"):
        model.watch([world.load(root, "val")[0].clip])
    np.save(path, values[:, :3])
    with pytest.raises(FeatureError, match="expected width 6"):
        model.watch([world.load(root, "val")[0].clip])


def test_half_precision_weights_load(runs, film, tmp_path):
    from safetensors.torch import load_file, save_file

    for path in (runs / "ears").glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "recipe.yaml").write_bytes((runs / "ears" / "recipe.yaml").read_bytes())
    weights = load_file(runs / "ears" / "model.safetensors")
    save_file({n: t.half() for n, t in weights.items()}, tmp_path / "model.safetensors")
    half, full = (models.load(f).ask(film, "how many heard")[0] for f in (tmp_path, runs / "ears"))
    assert half.text == full.text
    assert next(models.load(tmp_path).net.parameters()).dtype == torch.float32


def test_questions_are_plain():
    assert models.plain("  Which instrument  starts first? ") == "Which instrument starts first"


def test_run_folders_say_what_they_were_trained_on(runs):
    cards = json.loads((runs / "pooled" / "features.json").read_text())
    assert {name: card["weights"] for name, card in cards.items()} == {
        world.EARS: "22222222",
        world.EYES: "33333333",
        world.READER: "11111111",
    }


def test_a_segment_is_what_weighs_half_again_its_even_share():
    from lookhear.model import pointing

    even = 0.1
    weights = [even * w for w in (1.4, 1.6, 1.6, 1.4, 1.0, 0.6, 0.6, 0.6, 0.6, 0.6)]
    (segment,) = pointing.segments("heard", weights)
    assert (segment.start, segment.end) == (1.0, 3.0)


def test_a_silent_second_is_no_evidence_of_what_was_heard():
    from lookhear.model import pointing

    weights = [0.4, 0.4, 0.1, 0.1]
    assert [(s.start, s.end) for s in pointing.segments("heard", weights)] == [(0.0, 2.0)]
    assert [(s.start, s.end) for s in pointing.segments("heard", weights, (True, False, False, False))] == [(1.0, 2.0)]
    assert pointing.trimmed(torch.tensor(weights), 4, (True,) * 4) == ()
    assert sum(pointing.trimmed(torch.tensor(weights), 2, (True, False))) == pytest.approx(1)


def test_empty_seconds_are_black_or_silent_ones():
    from lookhear.model import pointing

    wave = np.zeros(3 * 100, np.float32)
    wave[150] = 0.5
    frames = np.zeros((3, 2, 2, 3), np.uint8)
    frames[2] = 200
    empty = pointing.empty_seconds(Media(frames, np.array([0.5, 1.5, 2.5]), wave, 100, 3.0))
    assert empty == {"heard": (True, False, True), "seen": (True, True, False)}
    assert pointing.empty_seconds(Media(None, np.zeros(0), None, 100, 3.0)) == {}


def test_a_muted_track_is_not_lit(tmp_path):
    """The shipped model says where it looked, and nothing of what it heard, of a clip without sound."""
    frames = [np.full((64, 64, 3), 30 * i, np.uint8) for i in range(1, 6)]
    write(tmp_path / "mute.mp4", frames, None, fps=1)
    write(tmp_path / "silent.mp4", frames, np.zeros(5 * 16_000, np.float32), fps=1)
    for name in ("mute.mp4", "silent.mp4"):
        (answer,) = models.load("stage").ask(tmp_path / name, "Which instrument makes sounds first?")
        assert answer.evidence.heard == () and len(answer.evidence.seen) == 5
        assert not [s for s in answer.segments if s.stream == "audio"]


def test_a_folder_of_clips_does_not_hide_the_shipped_model_of_its_name(tmp_path, monkeypatch):
    """`lookhear soundstage stage` makes a folder called stage, and `lookhear evaluate stage` asks the model."""
    monkeypatch.chdir(tmp_path)
    for name in ("stage", "real"):
        (tmp_path / name).mkdir()
        models.check(name)
    (tmp_path / "stage/recipe.yaml").write_text("{}")
    with pytest.raises(ModelError, match="not trained to the end"):
        models.check("stage")
