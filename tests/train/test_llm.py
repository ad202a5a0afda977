"""A language model learns what its recipe says: the right weights, resumed and shared out without a difference."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from lookhear import config, datasets, model, tasks
from lookhear.errors import DatasetError, ModelError, RecipeError
from lookhear.evaluate import many
from lookhear.train import batches, learners, lessons, llm, prepared
from lookhear.train.llm import train
from tests.llms.small import plus
from tests.train import films

torch.set_num_threads(1)
RECIPES = config.RECIPES / "crab_plus"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A tiny thinker in a folder."""
    folder = tmp_path_factory.mktemp("base")
    plus().save(folder)
    return folder


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return films.make(tmp_path_factory.mktemp("films"))


@pytest.fixture
def recipe(base, root, tmp_path):
    """`recipe(stage=…, train={…}, out=…)` on the films."""

    def made(out="run", train=None, tasks=None, **changes):
        options = {
            "llm": {"name": "crab_plus", "where": str(base)},
            "adapter": {"name": "ilora", "rank": 4, "alpha": 8, "heads": 3},
            "tasks": tasks
            or {"qa": {"dataset": "tests.train.films"}, "caption": {"dataset": "tests.train.films@caption"}},
            "root": str(root),
            "mix": "equal",
            "train": {"steps": 4, "batch": 2, "asks": 2, "lr": 0.01, "checkpoint_every": 2} | (train or {}),
            "out": str(tmp_path / out),
        }
        return config.parse(config.LLMRecipe, options | changes, "test")

    return made


def learned(run: Path) -> dict[str, torch.Tensor]:
    """What a run has written."""
    from safetensors.torch import load_file

    file = run / "connectors.safetensors"
    return load_file(file if file.is_file() else run / "adapter" / "adapter_model.safetensors")


def same(one, other, tolerance=0.0):
    return one.keys() == other.keys() and all(
        torch.allclose(one[k], other[k], rtol=tolerance, atol=tolerance) for k in one
    )


def test_alignment_trains_connectors_alone(recipe, base):
    run = train(recipe(stage="align", adapter={}, train={"steps": 12}), progress=False)
    names = {name.rsplit(".", 1)[0] for name in learned(run)}
    assert names == {"model.audio_tower.proj", "model.visual.merger.ln_q"} | {
        f"model.visual.merger.mlp.{k}" for k in (0, 2)
    }
    tuned, plain = model.load(run).llm, model.load(base).llm
    changed = {n for n, p in tuned.model.named_parameters() if not torch.equal(p, plain.model.state_dict()[n])}
    assert changed == set(learned(run))


@pytest.mark.parametrize("name", ["ilora", "lora", "lora_moe"])
def test_instruction_tuning_learns_and_is_read_again(name, recipe, root):
    adapter = {"name": name, "rank": 4, "alpha": 8} | ({} if name == "lora" else {"heads": 4})
    run = train(recipe(adapter=adapter, train={"steps": 20, "batch": 4, "lr": 0.02}), progress=False)
    losses = list(llm.curve(run).values())
    assert losses[-1] < 0.7 * losses[0]
    tuned = model.load(run)
    found = learned(run)
    assert any("merger" in key for key in found) and any("lora_A" in key for key in found)
    if name != "lora":
        assert {t.shape[1] for key, t in found.items() if "ilora_B" in key} == {4}
    asked = lessons.read(recipe())
    one = asked.lessons["qa"][0]
    given = prepared.Clips(tuned.llm).get(one)
    with torch.no_grad():
        after = float(tuned.llm.loss([given], [list(one.asks)]))
        before = float(model.load(recipe().llm["where"]).llm.loss([given], [list(one.asks)]))
    assert after < 0.8 * before, "what was saved is what learned"


def test_connectors_may_stay_as_they_are(recipe):
    run = train(recipe(connectors=False, train={"steps": 1}), progress=False)
    assert not [key for key in learned(run) if "merger" in key or "audio_tower" in key]


def test_a_run_that_was_stopped_ends_as_one_that_was_not(recipe, monkeypatch):
    whole = train(recipe("whole", adapter={"name": "ilora", "rank": 4, "dropout": 0.2}), progress=False)
    one = llm._Run._train_step

    def until_three(self):
        if self.run.step == 3:
            raise KeyboardInterrupt
        one(self)

    cut = recipe("cut", adapter={"name": "ilora", "rank": 4, "dropout": 0.2})
    with monkeypatch.context() as patch:
        patch.setattr(llm._Run, "_train_step", until_three)
        with pytest.raises(KeyboardInterrupt):
            train(cut, progress=False)
    assert not (Path(cut.out) / "lookhear.json").exists()
    run = train(cut, progress=False)
    assert same(learned(whole), learned(run))
    assert not (run / "checkpoint").exists()
    assert train(cut, progress=False) == run, "and a third time there is nothing to do"


def test_prompts_are_those_of_ask_and_those_of_evaluate(recipe, root, monkeypatch):
    monkeypatch.setattr(films, "VOCABULARY", ("yes", "no", "two"), raising=False)
    dataset = "tests.train.films"
    plain = datasets.load(dataset, root, "train")
    listed = many.examples_of(many.Asked(dataset, "train", root))
    prompt = tasks.find("question_answering").prompt
    assert "Answer with one of: yes, no, two." in prompt(listed[0])
    asked = sorted(ask[0] for one in lessons.read(recipe()).lessons["qa"] for ask in one.asks)
    assert asked == sorted(prompt(pair[i % 2]) for i, pair in enumerate(zip(plain, listed, strict=True)))


def test_other_lessons_than_it_was_started_on_are_refused(recipe, root, monkeypatch):
    cut = recipe("cut")
    with monkeypatch.context() as patch:
        patch.setattr(llm._Run, "_finish", lambda self: None)
        train(cut, progress=False)
    monkeypatch.setattr(lessons.Curriculum, "digest", "other")
    with pytest.raises(ModelError, match="not those"):
        train(cut, progress=False)


def test_parts_of_a_step_make_the_whole(recipe):
    runs = [train(recipe(f"parts{n}", train={"accumulate": n, "batch": 4}), progress=False) for n in (1, 2)]
    assert same(*map(learned, runs), tolerance=2e-4)
    assert list(llm.curve(runs[0]).values()) == pytest.approx(list(llm.curve(runs[1]).values()), rel=1e-5)


def test_activations_worked_out_again_change_nothing(recipe):
    for wanted in (False, True):
        language = llm.model_of(recipe(train={"checkpointing": wanted})).base.model.language_model
        assert language.gradient_checkpointing == wanted
    runs = [train(recipe(f"again{n}", train={"checkpointing": n}), progress=False) for n in (False, True)]
    assert same(*map(learned, runs), tolerance=1e-5)


def test_a_clip_without_sound_still_takes_its_process_through_the_ears(recipe):
    silent = {"seen": {"dataset": "tests.train.films@silent"}}
    recipe = recipe(tasks=silent, stage="align", adapter={})
    tuned, curriculum = llm.model_of(recipe), lessons.read(recipe)
    clips = prepared.Clips(tuned)
    drawn = [batches.Drawn(one, list(one.asks), [None] * len(one.asks), 3) for one in curriculum.lessons["seen"]]
    plain = tuned.loss([clips.get(one.lesson) for one in drawn], [one.asks for one in drawn])
    for processes in (1, 2):
        engine = type("Many", (), {"num_processes": processes, "process_index": 0})
        part = batches.Batches(tuned, curriculum, recipe, clips, engine).part(drawn, 3 * len(drawn))
        tuned.model.zero_grad()
        loss = tuned.loss(part.clips, part.asks)
        loss.backward()
        assert loss.item() == pytest.approx(plain.item(), rel=1e-5) and part.share == 1
        ears = tuned.base.model.audio_tower.proj.weight.grad
        assert (ears is None) == (processes == 1)
        assert processes == 1 or not ears.any(), "and they learn nothing from it"


def test_a_film_that_cannot_be_read_is_passed_by_and_told(base, tmp_path):
    root = films.make(tmp_path / "films", 3)
    (root / "1.mp4").write_bytes(b"no film")
    clips = prepared.Clips(model.load(base).llm)
    found = lessons.read(
        config.parse(config.LLMRecipe, {"root": str(root), "tasks": {"qa": {"dataset": "tests.train.films"}}}, "test")
    ).lessons["qa"]
    assert [clips.get(one) is None for one in found] == [False, True]
    assert list(clips.failed) == ["1"]


def test_memory_for_clips_has_a_bound(base, root):
    tuned = model.load(base).llm
    recipe = {"root": str(root), "tasks": {"qa": {"dataset": "tests.train.films"}}}
    found = lessons.read(config.parse(config.LLMRecipe, recipe, "test")).lessons["qa"]
    clips = prepared.Clips(tuned)
    most = 2.5 * prepared.size(clips.get(found[0]))
    clips = prepared.Clips(tuned, most)
    first = clips.get(found[0])
    for one in found:
        clips.get(one)
    assert len(clips.kept) == 2 and clips.bytes <= most
    again = clips.get(found[0])
    assert all(torch.equal(first[k], again[k]) for k in first), "read again it is the same"


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"stage": "instruckt"}, RecipeError, "instruct"),
        ({"adapter": {"name": "ilorra"}}, RecipeError, "ilora"),
        ({"adapter": {"name": "ilora", "rnk": 4}}, RecipeError, "rank"),
        ({"stage": "align"}, RecipeError, "connectors alone"),
        ({"adapter": {}, "connectors": False}, RecipeError, "Nothing would be trained"),
        ({"llm": {}}, RecipeError, "needs a name"),
        ({"llm": {"name": "crab_pluss"}}, RecipeError, "crab_plus"),
        ({"mix": "evenly"}, RecipeError, "mix"),
        ({"train": {"schedule": "step"}}, RecipeError, "cosine"),
        ({"train": {"steps": 0}}, RecipeError, "steps=0"),
        ({"tasks": {"qa": {"dataset": "tests.train.films", "split": "test"}}}, (DatasetError, OSError), "test"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(changes, error, said, recipe):
    with pytest.raises(error, match=said) as told:
        train(recipe(**changes), progress=False)
    assert "\n" not in str(told.value)


def test_the_command_trains_a_language_model_where_the_recipe_has_one(recipe, lookhear, tmp_path):
    file = tmp_path / "mine.yaml"
    config.dump(recipe(), file)
    said = lookhear("train", file, "train.steps=1", f"out={tmp_path / 'there'}", "--quiet")
    assert said.code == 0 and said.out.strip() == str(tmp_path / "there")
    assert json.loads((tmp_path / "there" / "lookhear.json").read_text())["llm"] == "crab_plus"
    wrong = lookhear("train", file, "train.stepps=1", "--quiet")
    assert wrong.code == 2 and "steps" in wrong.err and "Traceback" not in wrong.err


@pytest.mark.slow
def test_a_run_killed_without_warning_ends_as_one_that_was_not(recipe, tmp_path):
    asked = recipe("killed", train={"steps": 24, "checkpoint_every": 3})
    file, last = tmp_path / "mine.yaml", Path(asked.out) / "checkpoint" / "last.pt"
    config.dump(asked, file)
    here = Path(__file__).parents[2]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(here)}
    command = [sys.executable, "-m", "lookhear.cli", "train", str(file), "--quiet"]
    going = subprocess.Popen(command, env=environment, cwd=here, stderr=subprocess.DEVNULL)
    while not last.is_file():
        assert going.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    going.kill()
    going.wait()
    assert not (Path(asked.out) / "lookhear.json").exists()
    whole = train(recipe("whole", train={"steps": 24, "checkpoint_every": 3}), progress=False)
    assert same(learned(whole), learned(train(asked, progress=False)))


@pytest.mark.slow
def test_two_processes_make_the_same_steps_as_one(recipe, tmp_path):
    file = tmp_path / "mine.yaml"
    config.dump(recipe(train={"steps": 15, "batch": 4, "lr": 0.01}), file)
    here = Path(__file__).parents[2]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(here), "ACCELERATE_USE_CPU": "true"}
    for count in (1, 2):
        command = ["-m", "torch.distributed.run", f"--nproc-per-node={count}", "--master-port=29517"]
        command += ["-m", "lookhear.cli", "train", str(file), f"out={tmp_path / str(count)}", "--quiet"]
        subprocess.run([sys.executable, *command], check=True, env=environment, cwd=here, capture_output=True)
    one, two = (tmp_path / str(count) for count in (1, 2))
    assert llm.curve(two) == pytest.approx(llm.curve(one), rel=1e-4)
    assert same(learned(one), learned(two), tolerance=1e-3)


@pytest.mark.parametrize("name", ["fsdp2", "deepspeed"])
def test_ready_configurations_are_read_by_accelerate_and_name_real_layers(name):
    from accelerate.commands.config.config_args import load_config_from_file
    from transformers.models.qwen2_5_omni import modeling_qwen2_5_omni as layers

    read = load_config_from_file(str(config.RECIPES / "accelerate" / f"{name}.yaml"))
    assert read.mixed_precision == "bf16" and read.num_processes == 8
    if name == "fsdp2":
        wrapped = read.fsdp_config["fsdp_transformer_layer_cls_to_wrap"].split(",")
        assert read.fsdp_config["fsdp_version"] == 2 and all(hasattr(layers, kind) for kind in wrapped)


@pytest.mark.parametrize(("name", "method"), [("align", "none"), ("instruct", "ilora")])
def test_the_published_stages_are_recipes(name, method):
    recipe = config.load(RECIPES / f"{name}.yaml", [], config.LLMRecipe)
    llm.check(recipe)
    assert recipe.stage == name and learners.method_of(recipe) == method
    assert (recipe.train.lr, recipe.train.warmup, recipe.train.weight_decay) == (1e-4, 0.03, 0.0)
