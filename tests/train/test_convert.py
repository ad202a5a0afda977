"""A checkpoint in each published layout becomes a run folder that is evaluated; what cannot become one says why."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from lookhear import catalog, checkpoints, config
from lookhear.model import load
from lookhear.store.batch import wants
from lookhear.train.convert import not_in_weights, recipe_of
from tests.conftest import shared
from tests.nets.test_towers import sound_of

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


TOWERS = {"tower": {"image": 48}}  # what a checkpoint of a tower does not contain
LAYOUTS = {  # golden file -> net, and settings that its weights do not show
    **{f"baselines/{name}": (name, {}) for name in ("avsd", "convlstm", "fcnlstm", "hcrn", "hme", "lavit", "mcan")},
    "baselines/psac": ("psac", {}),
    "baselines/hcattn_alternating": ("hcattn", {}),
    "baselines/hcattn_parallel": ("hcattn", {}),
    "baselines/hcrn_havf": ("hcrn", {"sound": "middle-ccrn"}),
    **{f"nets_a/{name}": (name, {}) for name in ("av_master", "pstp_net", "qa_tiger", "tspm")},
    "nets_a/qa_tiger_top3of5": ("qa_tiger", {"top_k": 3}),
    "nets_b/avst": ("avst", {}),
    "nets_b/avst_baseline": ("avst", {}),
    "nets_b/mccd": ("mccd", {}),
    **{f"nets_c/{name}": (name, {}) for name in ("apl", "cign", "sasr_net")},
    "towers/lavish": ("lavish", TOWERS),
    "towers/dgsct": ("dg_sct", TOWERS),
    "towers/avmoe": ("avmoe", TOWERS),
}
NOT_NETS = {  # golden file with weights -> what it is
    "baselines/avsd_shared": "AVSD's attention alone",
    "nets_b/avst_grounding": "a pre-training, which answers nothing",
    "nets_c/havf": "parts of several networks by level; `hcrn_havf` is one of them whole",
    "nets_c/ogm": "two ResNets",
    "nets_c/opm": "a classifier",
    "nets_c/tm_avqa_stage1": "a wrapper's",
}


def stored(file):
    """The published tensors of a golden file, and its metadata; without those given by their first four entries."""
    with safe_open(shared("goldens", f"{file}.safetensors"), "pt") as opened:
        names = [k for k in opened.keys() if k.startswith("weights/")]  # noqa: SIM118
        tensors = {k.removeprefix("weights/"): opened.get_tensor(k) for k in names}
        return ({} if any("__first4__" in k for k in names) else tensors), dict(opened.metadata() or {})


def test_every_golden_network_with_weights_is_converted_below():
    files = [
        f for g in ("nets_a", "nets_b", "nets_c", "baselines", "towers") for f in shared("goldens", g).glob("*.s*")
    ]
    weights = {f"{f.parent.name}/{f.stem}" for f in files if stored(f"{f.parent.name}/{f.stem}")[0]}
    assert weights == LAYOUTS.keys() | NOT_NETS.keys()


@pytest.mark.parametrize("file", LAYOUTS)
def test_every_published_layout_becomes_a_run_folder(file, annotations, tmp_path, lookhear):
    """With features as wide as its weights say, of an encoder that was adopted."""
    (net, settings), (state, meta) = LAYOUTS[file], stored(file)
    if net in ("dg_sct", "avmoe"):
        settings = {**settings, "sound": dataclasses.asdict(sound_of(SimpleNamespace(meta=meta)))}
    torch.save({"model": {f"module.{k}": v for k, v in state.items()}}, tmp_path / "net.pth")
    recipe = recipe_of(net)
    recipe = dataclasses.replace(recipe, net={**recipe.net, **settings})
    config.dump(recipe, tmp_path / "recipe.yaml")
    made = catalog.find("nets", net).from_official(state, **not_in_weights(net, recipe))
    sizes = dataclasses.asdict(made.config)
    streams = [s.removesuffix("_negative") for s in wants(made)]
    shapes = {s: (60, 4) if s in ("patches", "boxes") else (60,) for s in streams if s in sizes and s != "tokens"}
    texts = {"question": (), "words": (9,), "prompt": ()}
    shapes |= {s: shape for s, shape in texts.items() if s in shapes}
    features = ["--dataset", "music_avqa", "--root", annotations] if texts.keys() & shapes.keys() else []
    for stream, shape in shapes.items():
        (tmp_path / stream).mkdir()
        for clip in CLIPS:
            name = str(int(clip)) if stream in texts else clip
            np.save(tmp_path / stream / f"{name}.npy", np.zeros((*shape, sizes[stream]), np.float32))
        features += ["--stream", f"{stream}={tmp_path / stream}"]
    if features:
        ran = lookhear("adopt", "theirs", *features, "--out", tmp_path / "store")
        assert ran.code == 0, ran.err
    words = [f"word{i}" for i in range(sizes.get("tokens", 1) - 1)]
    (tmp_path / "words.txt").write_text("\n".join(words))
    (tmp_path / "answers.json").write_text(json.dumps([f"answer {i}" for i in range(sizes["answers"])]))
    more = ["--features", "theirs"] if features else []
    for stream in {"tokens", "candidates"} & {*streams}:  # HAVF reads the four options as tokens too
        more += ["--features", f"{stream}=avst_words@vocabulary={tmp_path / 'words.txt'}:tokens"]
    ran = lookhear(
        *("convert", net, tmp_path / "net.pth", *more, "--store", tmp_path / "store", "--out", tmp_path / "run"),
        *("--recipe", tmp_path / "recipe.yaml", "--vocabulary", tmp_path / "answers.json"),
    )
    assert ran.code == 0, ran.err
    loaded = load(tmp_path / "run")
    assert dataclasses.asdict(loaded.net.config) | {"every": 0} == sizes | {"every": 0}
    ours = made.state_dict()
    other = [n for n, t in loaded.net.state_dict().items() if not torch.equal(t, ours[n])]
    assert all(net == "avsd" and n.startswith("head.") for n in other), (
        "AVSD's answer decoder has no place: a fresh head"
    )


@pytest.mark.parametrize("name", ["dg_sct", "avmoe"])
def test_a_converted_tower_hears_each_second_ten_times_as_published(name):
    """The store has each second once."""
    state, meta = stored(f"towers/{name.replace('_', '')}")
    module, sound = catalog.find("nets", name), sound_of(SimpleNamespace(meta=meta))
    ten, one = (module.from_official(state, 48, sound, **more).eval() for more in ({}, {"repeat": 1}))
    wave, pixels = torch.randn(1, 2, 192), torch.randn(1, 2, 3, 48, 48)
    heard = [net.watch(w, pixels)["heard"] for net, w in ((ten, wave), (one, wave.repeat(1, 1, 10)), (one, wave))]
    assert torch.equal(heard[0], heard[1]) and not torch.allclose(heard[0], heard[2])


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
