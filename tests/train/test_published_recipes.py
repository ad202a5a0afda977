"""Recipes at published settings name things that exist, and a refused setting leaves no run folder."""

import pytest
import torch

from lookhear import catalog, config
from lookhear.datasets import find
from lookhear.evaluate.study import rows as studies
from lookhear.store.batch import NEGATIVE, wants
from lookhear.store.names import configured, serving
from lookhear.train.rehearsal import rehearse, widths

PUBLISHED = [  # the `_real` recipes read features that packages bring, at settings of our own
    n
    for n in config.recipes()
    if n.split("/")[0] in ("music_avqa", "music_avqa_r", "music_avqa_v2", "avqa") and not n.endswith("_real")
]
STEPS = {
    "av_master": (30, 64, 1e-4),
    "av_master_paper": (30, 32, 1e-4),
    "qa_tiger": (15, 32, 1e-4),
    "mccd": (150, 64, 3e-5),
    "avst": (80, 64, 1e-4),
    "lavish": (30, 1, 8e-5),
    "dg_sct": (80, 8, 1e-4),
    "avmoe": (80, 8, 1e-4),
    "apl": (30, 64, 1e-4),
    "sasr_net": (80, 16, 1e-4),
}


def test_there_is_one_for_each_published_network():
    names = {n.split("/")[1] for n in PUBLISHED if n.startswith("music_avqa/")}
    with_official = {n for n in catalog.names("nets") if hasattr(catalog.find("nets", n), "from_official")}
    six = {"av_master", "avst", "mccd", "pstp_net", "qa_tiger", "tspm"}
    assert six | {"apl", "sasr_net", "lavish", "dg_sct", "avmoe"} <= names
    assert {n.removesuffix("_paper") for n in names} <= with_official


@pytest.mark.parametrize("name", PUBLISHED)
def test_it_names_what_there_is(name):
    recipe = config.load(name)
    find(recipe.data.name)
    for stream, served in recipe.features.items():
        configured(serving(served, stream)[0])
    with torch.device("meta"):
        net = config.build("nets", {k: v for k, v in recipe.net.items() if k != "pretrained"})
    assert {w.removesuffix(NEGATIVE) for w in wants(net)} <= set(recipe.features)
    net = name.split("/")[1].removesuffix("_bias").removesuffix("_balance")
    epochs, batch, lr = STEPS.get(net, (30, 64, 1e-4))
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


STUDIES = {"studies/music_avqa": 6, "studies/music_avqa_r": 5, "studies/music_avqa_v2": 6, "studies/avqa": 4}


@pytest.mark.parametrize("name", STUDIES)
def test_one_command_a_table(name, tmp_path):
    study = studies.read(name)
    assert len(study.rows) == STUDIES[name] and study.seeds == [0, 1, 2]
    jobs = studies.recipes(study, config.recipe_file(name), tmp_path, ["data.root=R"])
    assert len(jobs) == 3 * STUDIES[name] and {job.data.root for job in jobs.values()} == {"R"}
    if name.endswith("v2"):
        trained = {job.data.name for job in jobs.values()}
        assert trained == {b.dataset for b in study.beyond} == {"music_avqa_v2@bias", "music_avqa_v2@balance"}


def test_a_dry_run_builds_counts_and_times(lookhear):
    ran = lookhear("train", "avqa/tspm", "train.batch=4", "--dry-run", "--quiet")
    assert ran.code == 0, ran.err
    (head, line, *notes) = ran.out.strip().split("\n")
    assert "TFLOP a step" in head and line.startswith("avqa/tspm") and any("as published" in n for n in notes)
    more, whole, half = (rehearse("avqa/tspm", config.load("avqa/tspm", [f"train.batch={n}"])) for n in (12, 8, 4))
    net = config.build("nets", config.load("avqa/tspm").net, frames=768, patches=1024, question=768, prompt=768)
    assert whole.cost.parameters == sum(p.numel() for p in net.parameters())
    ops = [one.cost.operations for one in (half, whole, more)]
    assert ops[2] - ops[1] == pytest.approx(ops[1] - ops[0]), "what is done once a step is not done for every question"
    assert 0 < whole.seconds < whole.whole and whole.memory > 16 * whole.cost.trained
    assert whole.steps == 30 * -(-40_425 // 8)


def test_a_dry_run_says_what_does_not_run(lookhear, monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied\n(2x3 and 4x5)")

    monkeypatch.setattr("lookhear.train.rehearsal.trainee", broken)
    ran = lookhear("train", "avqa", "--dry-run", "--quiet")
    assert ran.code == 1 and ran.err.count("does not run: avqa/") == 4 and "Traceback" not in ran.err
    assert "cannot be multiplied (2x3 and 4x5)" in ran.err, "one line each"
    assert lookhear("train", "avqa/nothing", "--dry-run", "--quiet").code != 0


def test_widths_are_those_of_the_encoders():
    found = widths(config.load("music_avqa/qa_tiger"))
    assert {s: w for streams in found.values() for s, w in streams.items()} == {
        "audio": 128, "frames": 768, "patches": 1024, "question": 768, "words": 768,
    }  # fmt: skip
    assert widths(config.load("soundstage/gated"))["stage_audio"] == {"audio": 128}
