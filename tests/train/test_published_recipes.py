"""Recipes at published settings name things that exist, and a refused setting leaves no run folder."""

import pytest
import torch

from lookhear import catalog, config
from lookhear.datasets import find
from lookhear.store.batch import NEGATIVE, wants
from lookhear.store.names import configured, serving

PUBLISHED = [n for n in config.recipes() if n.split("/")[0] in ("music_avqa", "music_avqa_r", "music_avqa_v2", "avqa")]
STEPS = {"av_master": (30, 64, 1e-4), "qa_tiger": (15, 32, 1e-4), "mccd": (150, 64, 3e-5), "avst": (80, 64, 1e-4)}
STEPS |= {"lavish": (30, 1, 8e-5), "dg_sct": (80, 8, 1e-4), "avmoe": (80, 8, 1e-4)}
STEPS |= {"apl": (30, 64, 1e-4), "sasr_net": (80, 16, 1e-4)}


def test_there_is_one_for_each_published_network():
    names = {n.split("/")[1] for n in PUBLISHED if n.startswith("music_avqa/")}
    with_official = {n for n in catalog.names("nets") if hasattr(catalog.find("nets", n), "from_official")}
    six = {"av_master", "avst", "mccd", "pstp_net", "qa_tiger", "tspm"}
    assert six | {"apl", "sasr_net", "lavish", "dg_sct", "avmoe"} <= names <= with_official


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_names_what_there_is(name):
    recipe = config.load(name)
    find(recipe.data.name)
    for stream, served in recipe.features.items():
        configured(serving(served, stream)[0])
    with torch.device("meta"):
        net = config.build("nets", {k: v for k, v in recipe.net.items() if k != "pretrained"})
    assert {w.removesuffix(NEGATIVE) for w in wants(net)} <= set(recipe.features)
    epochs, batch, lr = STEPS.get(name.split("/")[1], (30, 64, 1e-4)) if "v2" not in name else STEPS["qa_tiger"]
    assert (recipe.train.epochs, recipe.train.batch, recipe.train.lr) == (epochs, batch, lr)
    assert (
        "published" in config.recipe_file(name).read_text().lower()
        and f"lookhear train {name}" in config.recipe_file(name).read_text()
    )


def test_one_name_serves_every_stream_but_tokens():
    recipe = config.load("music_avqa/mccd", ["features=theirs", "features.audio=vggish"])
    assert recipe.features == {"audio": "vggish", "frames": "theirs", "tokens": "bert_tokens"}


@pytest.mark.parametrize("wrong", ["data.fit=cut_short", "train.lr=-1", "train.schedule=cosin", "net.hiden=3"])
def test_a_refused_setting_leaves_no_run_folder(wrong, tmp_path, lookhear):
    world = tmp_path / "world"
    assert lookhear("soundstage", world, "--clips", "12", "--no-media", "--json").code == 0
    recipe = ["train", "soundstage/question_only", f"data.root={world}", "train.epochs=1", f"out={tmp_path / 'run'}"]
    ran = lookhear(*recipe, wrong, "--quiet")
    assert ran.code == 2 and ran.err.count("\n") == 1, ran.err
    assert not (tmp_path / "run").exists()
    assert lookhear(*recipe, "--quiet").code == 0
    assert lookhear(*recipe, "train.epochs=2", "--quiet").code == 2
    assert lookhear(*recipe, "train.epochs=2", "--quiet", "--overwrite").code == 0
