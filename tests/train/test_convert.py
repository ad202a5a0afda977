"""A checkpoint in each published layout becomes a run folder that is evaluated; what cannot become one says why."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lookhear import catalog, checkpoints
from lookhear.model import load
from lookhear.store.batch import wants
from tests.conftest import shared

CLIPS = [f"{i:08d}" for i in range(3)]
NETS = {  # net -> golden file, and for each stream its published layer, with the axes before the width
    "av_master": ("nets_a/av_master", {"audio": "fc_a", "frames": "fc_v", "question": "fc_q", "words": "fc_word"}),
    "pstp_net": ("nets_a/pstp_net", {"audio": "fc_a", "frames": "fc_v", "question": "fc_q", "words": "fc_word"}),
    "tspm": (
        "nets_a/tspm",
        {"audio": "input_a", "frames": "input_v", "patches": "input_v_patch", "question": "input_qst"}
        | {"prompt": "input_qst_prompt"},
    ),
    "qa_tiger": (
        "nets_a/qa_tiger",
        {"audio": "audio_proj.proj", "frames": "video_proj.proj", "patches": "patch_proj.proj"}
        | {"question": "quest_proj.proj", "words": "words_proj.proj"},
    ),
    "avst": ("nets_b/avst", {"audio": "fc_a1", "patches": None}),
    "mccd": ("nets_b/mccd", {"audio": "audio_linear", "frames": "video_linear"}),
}
SHAPES = {"audio": (60,), "frames": (60,), "patches": (60, 4), "question": (1,), "words": (1, 9), "prompt": (1,)}


@pytest.fixture(scope="module")
def annotations(tmp_path_factory):
    root = tmp_path_factory.mktemp("annotations")
    rows = [
        {"video_id": clip, "question_id": int(clip), "type": '["Audio", "Counting"]', "question_deleted": 0}
        | {"question_content": "How many instruments are sounding in the video?", "templ_values": "[]", "anser": "two"}
        for clip in CLIPS
    ]
    (root / "avqa-test.json").write_text(json.dumps(rows))
    return root


def published(net, folder):
    """The golden weights as a checkpoint under its wrapper and prefix, and features as wide as it reads."""
    file, layers = NETS[net]
    tensors = load_file(shared("goldens", f"{file}.safetensors"))
    state = {k.removeprefix("weights/"): v for k, v in tensors.items() if k.startswith("weights/")}
    torch.save({"epoch": 7, "state_dict": {f"module._orig_mod.{k}": v for k, v in state.items()}}, folder / "net.pth")
    rng = np.random.default_rng(0)
    for stream, layer in layers.items():
        width = len(state["fc_a1.weight"]) if layer is None else state[f"{layer}.weight"].shape[1]
        (folder / stream).mkdir()
        for clip in CLIPS:  # questions have the numbers of the clips they are about
            name = str(int(clip)) if stream in ("question", "words", "prompt") else clip
            np.save(folder / stream / f"{name}.npy", rng.normal(size=(*SHAPES[stream], width)).astype("f4"))
    return list(layers), state


def tokens(net, folder):
    """What turns questions into tokens; MCCD's golden knows 60 words and the padding."""
    words = ["How", "many", "instruments", "are", "sounding", "in", "the", "video"]
    (folder / "words.txt").write_text("\n".join([*words, *(f"word{i}" for i in range(60 - len(words)))]))
    named = {"avst": "avst_words", "mccd": f"avst_words@vocabulary={folder / 'words.txt'}"}
    return ["--features", f"tokens={named[net]}"] if net in named else []


@pytest.mark.parametrize("net", NETS)
def test_a_published_checkpoint_is_evaluated(net, annotations, tmp_path, lookhear):
    streams, _ = published(net, tmp_path)
    places = [x for s in streams for x in (f"--{s}", tmp_path / s)]
    dataset = ["--dataset", "music_avqa", "--root", annotations]
    store = tmp_path / "store"
    assert lookhear("adopt", "theirs", *places, *dataset, "--out", store).code == 0
    more = [x for s in streams for x in ("--features", f"{s}=theirs")] + tokens(net, tmp_path)
    run = tmp_path / "run"
    ran = lookhear("convert", net, tmp_path / "net.pth", *more, "--store", store, "--out", run)
    assert ran.code == 0, ran.err
    ran = lookhear("evaluate", run, *dataset, "--store", store, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["overall"]["total"] == len(CLIPS)


OTHERS = {  # net -> golden file
    **{name: f"baselines/{name}" for name in ("avsd", "convlstm", "fcnlstm", "hcrn", "hme", "lavit", "mcan", "psac")},
    **{name: f"nets_c/{name}" for name in ("apl", "sasr_net")},
    "hcattn": "baselines/hcattn_parallel",
    "lavish": "towers/lavish",
}


@pytest.mark.parametrize("net", OTHERS)
def test_every_other_published_layout_becomes_a_run_folder(net, tmp_path, lookhear):
    """With features as wide as its weights say, of an encoder that was adopted."""
    tensors = load_file(shared("goldens", f"{OTHERS[net]}.safetensors"))
    state = {k.removeprefix("weights/"): v for k, v in tensors.items() if k.startswith("weights/")}
    torch.save({"model": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "net.pth")
    made = catalog.find("nets", net).from_official(state)
    sizes = dataclasses.asdict(made.config)
    streams = [s.removesuffix("_negative") for s in wants(made)]
    shapes = {s: (60, 4) if s in ("patches", "boxes") else (60,) for s in streams if s in sizes and s != "tokens"}
    features = []
    for stream, shape in shapes.items():
        (tmp_path / stream).mkdir()
        np.save(tmp_path / stream / "00000000.npy", np.zeros((*shape, sizes[stream]), np.float32))
        features += ["--stream", f"{stream}={tmp_path / stream}"]
    if features:
        ran = lookhear("adopt", "theirs", *features, "--out", tmp_path / "store")
        assert ran.code == 0, ran.err
    (tmp_path / "words.txt").write_text("\n".join(f"word{i}" for i in range(sizes["tokens"] - 1)))
    (tmp_path / "answers.json").write_text(json.dumps([f"answer {i}" for i in range(sizes["answers"])]))
    more = ["--features", "theirs"] if features else []
    ran = lookhear(
        *("convert", net, tmp_path / "net.pth", *more, "--store", tmp_path / "store", "--out", tmp_path / "run"),
        *("--features", f"tokens=avst_words@vocabulary={tmp_path / 'words.txt'}"),
        *("--vocabulary", tmp_path / "answers.json"),
    )
    assert ran.code == 0, ran.err
    loaded = load(tmp_path / "run")
    assert dataclasses.asdict(loaded.net.config) | {"every": 0} == sizes | {"every": 0}
    ours = made.state_dict()
    other = [n for n, t in loaded.net.state_dict().items() if not torch.equal(t, ours[n])]
    assert all(net == "avsd" and n.startswith("head.") for n in other), (
        "AVSD's answer decoder has no place: a fresh head"
    )


@pytest.fixture
def tspm(tmp_path):
    state = published("tspm", tmp_path)[1]
    return tmp_path, state


def test_wrappers_and_prefixes_are_taken_off(tspm):
    folder, state = tspm
    for wrapped in (state, {"model": state}, {"net": {f"module.{k}": v for k, v in state.items()}}):
        torch.save(wrapped, folder / "one.pt")
        from lookhear.train.convert import read

        assert read(folder / "one.pt").keys() == checkpoints.tensors(state).keys()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda s: s | {"input_a.weight": s["input_a.weight"] * torch.nan},
            "NaN or infinite values in 'input_a.weight'",
        ),
        (lambda s: {k: v for k, v in s.items() if k != "input_a.weight"}, "no tensor 'input_a.weight'"),
        (lambda s: {}, "holds no tensors"),
    ],
)
def test_what_is_refused_is_one_line_and_leaves_nothing(tspm, lookhear, change, said):
    folder, state = tspm
    torch.save(change(state), folder / "bad.pt")
    ran = lookhear("convert", "tspm", folder / "bad.pt", "--features", "theirs", "--out", folder / "run")
    assert ran.code == 2 and said in ran.err and ran.err.count("\n") == 1
    assert not (folder / "run").exists()


def test_other_wrong_uses(tspm, lookhear, annotations):
    folder, _ = tspm
    assert (
        "No checkpoint was published"
        in lookhear("convert", "gated", folder / "net.pth", "--recipe", "soundstage/gated", "--out", folder / "run").err
    )
    assert "No checkpoint at" in lookhear("convert", "tspm", folder / "no.pth", "--out", folder / "run").err
    store = folder / "store"
    assert lookhear("adopt", "wide", "--audio", folder / "frames", "--out", store).code == 0
    ran = lookhear(
        *("convert", "tspm", folder / "net.pth", "--features", "wide", "--store", store, "--out", folder / "run")
    )
    assert ran.code == 2 and "it has no stream" in ran.err + "it has no stream" * ("the recipe wants" in ran.err)
