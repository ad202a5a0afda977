"""An encoder with settings is one text: read, refused where mistyped, and a safe folder."""

import numpy as np
import pytest

from lookhear.errors import RecipeError
from lookhear.store.batch import batch
from lookhear.store.extract import extract, extract_texts
from lookhear.store.features import FeatureStore
from lookhear.store.fill import encoders_of, fill
from lookhear.store.names import build_encoder, serving, stored_name
from lookhear.types import Example

TEXT = "stage_text@weights={}"


@pytest.fixture
def weights(tmp_path):
    """stage_text's own weights at another place, and others of the same shapes."""
    from safetensors import safe_open
    from safetensors.torch import load_file, save_file

    from lookhear.encoders._stage import WEIGHTS

    same, other = tmp_path / "models, mine" / "same.safetensors", tmp_path / "other.safetensors"
    same.parent.mkdir()
    same.write_bytes((WEIGHTS / "stage_text.safetensors").read_bytes())
    with safe_open(same, "pt") as file:
        header = file.metadata()
    save_file({k: v * 1.01 if v.is_floating_point() else v for k, v in load_file(same).items()}, other, header)
    return same, other


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("clip", ("clip", "frames")),
        ("clip:patches", ("clip", "patches")),
        ("clip@weights=/a/b,patches=true:patches", ("clip@weights=/a/b,patches=true", "patches")),
        ("clip@weights=/a:b/c", ("clip@weights=/a:b/c", "frames")),
        ("mylab.eyes@x=1", ("mylab.eyes@x=1", "frames")),
    ],
)
def test_what_serves_a_stream(text, found):
    assert serving(text, "frames") == found


def test_the_folder_tells_the_settings_but_not_the_machine():
    assert stored_name("clip") == "clip"
    assert stored_name("clip@device=cuda,batch=4") == "clip"
    assert stored_name("clip@precision=fp16,weights=/models/mine/L14/") == "clip@precision=fp16,weights=L14"
    assert stored_name("clip@weights=C:\\models\\L14") == stored_name("clip@weights=/x/L14,device=cuda")
    assert stored_name(stored_name("clip@weights=/a/b/c.pt")) == "clip@weights=c.pt"
    assert stored_name("vggish@official") == "vggish@official", "a name that others gave stays as it is"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stage_text@wieghts=/x", "Did you mean 'weights'?"),
        ("stage_vision@ruel=crab_arange", "Did you mean 'rule'?"),
        ("stage_text@weights", "not of the form key=value"),
        ("stage_text@weights=", "not of the form key=value"),
        ("stage_text@weights=a,weights=b", "gives weights twice"),
        ("stage_txt@weights=a", "Did you mean 'stage_text'?"),
        ("stage_audio@rule=every", "this encoder reads waveform"),
        ("stage_vision@rule=evry", "'every'"),
        ("stage_vision@fps=often", "fps"),
        ("tome_vit@merge=[25", "not a list"),
        ("tome_vit@batch=many", "batch"),
    ],
)
def test_what_is_mistyped_is_one_line_with_the_right_one(text, said):
    with pytest.raises(RecipeError) as caught:
        build_encoder(text)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_settings_sign_and_separate_what_they_make(weights, tmp_path):
    store = FeatureStore(tmp_path / "store")
    plain, moved, zeros = map(build_encoder, ("stage_text", *(TEXT.format(w) for w in weights)))
    for encoder in (plain, moved, zeros):
        extract_texts(["Where is it?"], encoder, store)
    folders = {p.name: p for p in (tmp_path / "store").iterdir()}
    assert set(folders) == {"stage_text", "stage_text@weights=same.safetensors", "stage_text@weights=other.safetensors"}
    assert store.card("stage_text")["weights"] == store.card(TEXT.format(weights[0]))["weights"]
    assert store.card("stage_text")["weights"] != store.card(TEXT.format(weights[1]))["weights"]


def test_a_recipe_serves_streams_from_encoders_with_settings(weights, tmp_path, clips):
    features = {
        "frames": "stage_vision@rule=uniform,count=3",
        "whole": "stage_vision:frames",
        "question": TEXT.format(weights[0]),
        "words": TEXT.format(weights[1]) + ":words",
    }
    wanted, examples = tuple(features), [Example("0", "question_answering", clips["red"], "Who plays?")]
    assert set(encoders_of(features, wanted)) == {
        "stage_vision@rule=uniform,count=3",
        "stage_vision",
        *(TEXT.format(w) for w in weights),
    }
    store = FeatureStore(tmp_path / "store")
    assert fill(store, features, wanted, examples).made == 3  # one clip, two texts
    assert fill(store, features, wanted, examples).made == 0
    got = batch(examples, wanted, features, store)
    assert got.watch["frames"].shape[1] == 3 and got.watch["whole"].shape[1] == 4
    assert got.ask["question"].abs().sum() > 0
    assert "uniform count=3" in store.card("stage_vision@rule=uniform,count=3")["sampling"]


def test_configured_encoders_work_in_other_processes(clips, tmp_path):
    store = FeatureStore(tmp_path)
    name = "stage_vision@rule=uniform,count=2"
    assert extract([clips["red"]], [build_encoder(name)], store, workers=2).made == 1
    alone = FeatureStore(None)
    extract([clips["red"]], [build_encoder(name)], alone)
    assert np.array_equal(store.get(name, "frames", "red"), alone.get(name, "frames", "red"))
