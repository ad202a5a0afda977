"""Evidence: taking away what decides must cost, taking away what does not must not; pictures show what is there."""

import builtins
import json

import numpy as np
import pytest
import torch
from PIL import Image

from lookhear.config import Recipe, parse
from lookhear.errors import DependencyError, ModelError
from lookhear.evaluate.answered import as_json
from lookhear.evaluate.draw.picture import picture
from lookhear.evaluate.draw.words import fitting, words
from lookhear.evaluate.evidence import deletion, means
from lookhear.evaluate.records import from_record, to_record
from lookhear.model import NetModel
from lookhear.model.pointing import word_weights
from lookhear.store.features import FeatureStore
from lookhear.types import Answer, Clip, Evidence, Example, Media, Output, Region, Segment, Source
from tests.train import world

SECONDS = 8


class Pointer(torch.nn.Module):
    """Answers with the loudest entry it hears, and points to the second it is in, or away from it."""

    def __init__(self, honest: bool = True, points: bool = True):
        super().__init__()
        self.honest, self.points = honest, points

    def watch(self, audio):
        return {"audio": audio}

    def answer(self, memory, question):
        audio = memory["audio"]
        heard = (audio.amax(-1) * (4.0 if self.honest else -4.0)).softmax(-1)
        return Output(audio.amax(1)[:, :5], attention={"heard": heard} if self.points else {})


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return world.make(tmp_path_factory.mktemp("world"), seconds=SECONDS)


def model(root, net, vocabulary=world.VOCABULARY):
    recipe = parse(Recipe, {"data": {"name": world.READER, "root": str(root)}, "features": world.FEATURES}, "test")
    return NetModel(net, recipe, vocabulary, {}, name="pointer")


def examples(root):
    return [e for e in world.load(root, "val") if "heard" in e.question]


def test_deleting_what_decides_costs(root):
    from lookhear.store.fill import fill

    store = FeatureStore(root / "features")
    fill(store, world.FEATURES, ("question",), examples(root))
    honest = model(root, Pointer())
    reference = means(honest, world.load(root, "train"), store)
    assert reference["audio"].shape == (world.WIDTH,)
    found = deletion(honest, examples(root), store, reference)
    assert found.whole == 100
    assert found.cost["pointed"] > 40
    assert found.cost["random"] == pytest.approx(0, abs=1e-4) == found.cost["least"]
    assert found.interval[0] > 0 and found.interval[0] <= found.extra <= found.interval[1]
    assert f"costs {found.cost['pointed']:.1f} points" in found.sentence()
    liar = deletion(model(root, Pointer(honest=False)), examples(root), store, reference)
    assert liar.cost["least"] == pytest.approx(found.cost["pointed"])
    assert liar.extra < 0
    assert deletion(honest, examples(root), store, reference, seed=3).cost["pointed"] == found.cost["pointed"]


def test_the_mean_is_over_seconds_of_distinct_clips(root):
    store = FeatureStore(root / "features")
    heard = model(root, Pointer())
    clips = {e.clip.id for e in world.load(root, "train")}
    every = np.concatenate([store.get(world.EARS, "audio", c) for c in clips])
    assert means(heard, world.load(root, "train"), store)["audio"].numpy() == pytest.approx(every.mean(0), abs=1e-6)


def test_a_model_that_points_to_nothing_is_refused(root):
    with pytest.raises(ModelError, match="gives no weight to at least 6 seconds"):
        deletion(model(root, Pointer(points=False)), examples(root), FeatureStore(root / "features"), {})


ANSWER = Answer(
    "violin",
    {"violin": 0.7, "cello": 0.3},
    (Segment("heard", 1.0, 2.0, "audio"),),
    (Region("violin", (0.1, 0.2, 0.3, 0.4), time=1.5),),
    Evidence(
        (0.1, 0.2, 0.7),
        (0.0, 0.9, 0.1),
        {"audio": {"violin": 0.6, "cello": 0.4}},
        {"seen": (("who", 0.25), ("plays", 0.7), ("[end]", 0.05))},
    ),
    notes=("truncated at 29.1 s",),
)


def test_json_is_as_promised():
    said = as_json("what?", ANSWER, "stage")
    assert list(said) == ["question", "answer", "scores", "evidence", "opinions", "model", "notes"]
    assert said["evidence"]["segments"] == [{"label": "heard", "start": 1.0, "end": 2.0, "stream": "audio"}]
    assert said["evidence"]["regions"] == [{"box": (0.1, 0.2, 0.3, 0.4), "time": 1.5, "label": "violin"}]
    assert said["evidence"]["heard"] == [0.0, 0.9, 0.1]
    assert said["evidence"]["words"] == {"seen": [["who", 0.25], ["plays", 0.7], ["[end]", 0.05]]}
    assert said["opinions"] == {"audio": {"violin": 0.6, "cello": 0.4}}
    assert as_json("what?", Answer("yes"), "x")["evidence"]["seen"] == []


def test_words_survive_a_report_and_are_drawn(tmp_path):
    example = Example("1", "question_answering", Clip(None, Source("a")), "who plays?")
    record = json.loads(json.dumps(to_record(example, ANSWER, None)))
    assert from_record(record)[1].evidence == ANSWER.evidence
    del record["evidence"]["words"]
    assert from_record(record)[1].evidence.words == {}, "reports of earlier versions have none"
    for wrong in (["who", "0.25"], [["who", "0.25"]]):
        with pytest.raises((ValueError, TypeError)):
            from_record({**record, "evidence": {**record["evidence"], "words": {"seen": wrong}}})
    assert words("who plays?", ANSWER, tmp_path / "words.svg") == tmp_path / "words.svg"
    drawn = (tmp_path / "words.svg").read_text()
    assert all(f">{text}<" in drawn for text in ("who", "plays", "[end]", "70%", "eye reads"))
    assert words("who?", Answer("yes"), tmp_path / "none.svg") is None and not (tmp_path / "none.svg").exists()


def test_words_without_room_are_left_out():
    row = [("where", 0.3), ("is", 0.1), ("the", 0.1), ("loudest", 0.4), ("one", 0.1)]
    assert fitting(row, 30) == row
    shown = fitting(row, 22)
    assert [w for w, _ in shown] == ["where", "…", "loudest", "…"]
    assert sum(w for _, w in shown) == pytest.approx(1)
    assert fitting(row, 1)[1][0] == "loudest", "one word at least"


def test_pieces_of_a_word_are_added_and_the_rest_is_padding():
    weight = torch.tensor([0.1, 0.2, 0.1, 0.4, 0.1, 0.1])
    found = word_weights(weight, ["[start]", "clarinet", "##s", "loud"])
    assert [w for w, _ in found] == ["[start]", "clarinets", "loud", "[padding]"]
    assert [round(x, 6) for _, x in found] == [0.1, 0.3, 0.4, 0.2]
    assert [w for w, _ in word_weights(weight[:2], ["a", "b", "c"])] == ["a", "b"], "a net that reads the first two"


def media(frames=True, sound=True):
    shown = np.zeros((3, 20, 30, 3), np.uint8)
    shown[:, :, :, 0] = [[[10]], [[120]], [[250]]]
    wave = np.sin(np.arange(48_000) / 9).astype(np.float32)
    return Media(shown if frames else None, np.arange(3) + 0.5, wave if sound else None, 16_000, 3.0)


def draw(path, **kwargs):
    return np.asarray(Image.open(picture(media(**kwargs), "Which instrument?", ANSWER, path)).convert("RGB"))


def near(pixels, colour):
    return int((np.abs(pixels.astype(int) - colour).max(axis=-1) < 6).sum())


def test_the_picture_shows_frames_sound_weights_and_opinions(tmp_path):
    full, blind, deaf = (
        draw(tmp_path / "full.png"),
        draw(tmp_path / "blind.png", frames=False),
        draw(tmp_path / "deaf.png", sound=False),
    )
    red = [250, 0, 0]
    assert near(full, red) > 1000 and near(blind, red) == 0
    seen, heard = [47, 111, 143], [194, 98, 47]
    assert near(full, seen) > 1000 and near(full, heard) > 1000
    assert len(deaf) < len(full) and near(deaf, heard) < near(full, heard)  # no track of a sound that is not there


def test_an_answer_without_evidence_can_be_drawn(tmp_path):
    path = picture(media(), "Is it?", Answer("yes"), tmp_path / "deep" / "plain.png")
    assert path.is_file()


def test_without_matplotlib_the_way_out_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def none(name, *args):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name, name="matplotlib")
        return real(name, *args)

    monkeypatch.setattr(builtins, "__import__", none)
    with pytest.raises(DependencyError, match=r"pip install 'lookhear\[report\]'"):
        picture(media(), "what", Answer("yes"), tmp_path / "x.png")
