"""All three paradigms train in both stages, stage 2 from stage 1's run folder; a run loads as it was trained."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lookhear import config, datasets, model
from lookhear.errors import DependencyError, ModelError, RecipeError
from lookhear.llms.omni import placement
from lookhear.model import tuned
from lookhear.train import estimate, learners, lessons, llm, prepared
from lookhear.train.llm import train
from lookhear.types import Answer, Example, Region
from tests.llms import test_crab, test_vlm_audio
from tests.llms.small import plus
from tests.train import films

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    """A tiny model of each paradigm in a folder of its own."""
    root = tmp_path_factory.mktemp("bases")
    plus().save(root / "crab_plus")
    test_vlm_audio.tiny().save(root / "vlm_audio")
    test_crab.tiny().save(root / "crab")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return films.make(tmp_path_factory.mktemp("films"))


@pytest.fixture
def recipe(bases, root, tmp_path):
    def made(name="crab_plus", out="run", train=None, stage="instruct", where=None, **changes):
        options = {
            "llm": {"name": name, "where": str(where or bases / name)} | changes.pop("llm", {}),
            "stage": stage,
            "adapter": {"name": "ilora", "rank": 4, "alpha": 8} if stage == "instruct" else {},
            "tasks": {"qa": {"dataset": "tests.train.films"}, "caption": {"dataset": "tests.train.films@caption"}},
            "root": str(root),
            "train": {"steps": 3, "batch": 2, "asks": 2, "lr": 0.01} | (train or {}),
            "out": str(tmp_path / out),
        }
        return config.parse(config.LLMRecipe, options | changes, "test")

    return made


def answers(run, root):
    clip = model.clip_of(root / "0.mp4")
    return [a.raw for a in model.load(run).ask(clip, "what is seen", "what is heard")]


PARADIGMS = {"crab_plus": "visual.merger", "vlm_audio": "ears.connector", "crab": "look."}


@pytest.mark.parametrize(("name", "connector"), PARADIGMS.items())
def test_stage_two_starts_where_stage_one_ended(name, connector, recipe, root):
    first = train(recipe(name, "one", stage="align"), progress=False)
    aligned = load_file(first / "connectors.safetensors")
    assert any(connector in key for key in aligned)
    again = recipe(name, "two", {"steps": 10}, where=first, connectors=name != "vlm_audio")
    began = learners.model_of(again)
    own = {n.replace("modules_to_save.default.", ""): p for n, p in began.model.named_parameters()}
    key = next(k for k in aligned if connector in k)
    found = next(p for n, p in own.items() if n.endswith(key))
    assert torch.equal(found, aligned[key]), "stage 2 begins at stage 1's connectors"
    second = train(again, progress=False)
    card = json.loads((second / "lookhear.json").read_text())
    assert card["base"] == str(Path(recipe(name).llm["where"]).resolve()) and card["start"] == str(first.resolve())
    kept = load_file(second / "connectors.safetensors")
    assert set(aligned) <= set(kept)
    if name == "vlm_audio":
        assert all(torch.equal(kept[k], aligned[k]) for k in aligned), (
            "frozen in stage 2, and in its folder all the same"
        )
    loaded = model.load(second).llm
    assert hasattr(loaded.spoken, "peft_config")
    lesson = lessons.read(again).lessons["qa"][0]
    clip = prepared.Clips(loaded).get(lesson)
    learned = float(loaded.loss([clip], [list(lesson.asks)]))
    bare = float(model.load(recipe(name).llm["where"]).llm.loss([clip], [list(lesson.asks)]))
    assert learned < bare
    assert answers(second, root) == answers(second, root)


def test_a_model_that_has_adapters_is_no_start(recipe):
    run = train(recipe(out="one", train={"steps": 1}), progress=False)
    with pytest.raises(ModelError, match="has adapters already"):
        train(recipe(out="two", where=run), progress=False)
    with pytest.raises(RecipeError, match="is of crab_plus, not of crab"):
        train(recipe("crab", out="three", where=run), progress=False)


def test_options_of_training_are_those_of_use_or_refused(recipe, root):
    first = train(
        recipe(out="one", stage="align", llm={"frames": 2, "sound": "whole", "size": [56, 56]}), progress=False
    )
    loaded = model.load(first).llm
    assert loaded.sampling.count == 2 and loaded.options.size == (56, 56)
    with pytest.raises(RecipeError, match=r"frames=2, not 4"):
        train(recipe(out="two", where=first, llm={"frames": 4}), progress=False)
    second = train(recipe(out="three", where=first), progress=False)
    assert model.load(second).llm.sampling.count == 2, "handed on from stage to stage"
    with pytest.raises(RecipeError, match="frames=2, not 8"):
        model.load(f"crab_plus@{second},frames=8")
    assert model.load(f"crab_plus@{second},frames=2,attention=eager").llm.base.config._attn_implementation == "eager"


def test_other_prompts_than_it_was_trained_with_are_refused(recipe, monkeypatch):
    run = train(recipe(train={"steps": 1}), progress=False)
    assert set(tuned.card(run)["prompts"]) == {"question_answering", "captioning"}
    from lookhear.tasks import captioning

    monkeypatch.setattr(captioning, "VERSION", captioning.VERSION + 1)
    with pytest.raises(ModelError, match="prompts of 'captioning'"):
        model.load(run)


@pytest.mark.parametrize("how", ["missing name", "nan", "torn"])
def test_learned_weights_that_do_not_fit_are_refused(recipe, how):
    from safetensors.torch import save_file

    run = train(recipe(stage="align", train={"steps": 1}), progress=False)
    file = run / "connectors.safetensors"
    state = load_file(file)
    if how == "torn":
        file.write_bytes(file.read_bytes()[:100])
    else:
        name = next(iter(state))
        state["other" if how == "missing name" else name] = state.pop(name) * float("nan" if how == "nan" else 1)
        save_file(state, file)
    with pytest.raises(ModelError, match=str(run)):
        model.load(run)


def masked(root, split):
    """S4-like examples: the light's place is a rectangle."""
    found = []
    for example in films.load(root, split, "caption"):
        mask = np.zeros((40, 40), bool)
        mask[5:20, 10 : 20 + int(example.clip.video.id)] = True
        reference = Answer("light", regions=(Region("light", (0.2, 0.1, 0.6, 0.5), mask),))
        found.append(
            Example(f"{example.id} m", "localisation", example.clip, "", reference, meta={"form": "s4", "mask": 1})
        )
    return found


def test_masks_are_part_of_training_where_a_task_has_them(recipe, monkeypatch):
    plain = datasets.load
    monkeypatch.setattr(
        lessons.datasets, "load", lambda n, r, s: masked(Path(r), s) if n.endswith("@silent") else plain(n, r, s)
    )
    tasks = {"s4": {"dataset": "tests.train.films@silent"}}
    asked = recipe("crab", tasks=tasks, train={"steps": 6, "lr": 0.005})
    before = model.load(asked.llm["where"]).llm.model
    run = train(asked, progress=False)
    kept = load_file(run / "connectors.safetensors")
    assert any(k.startswith("segment.") for k in kept) and any("embed_tokens" in k for k in kept)
    after = model.load(run).llm
    changed = [
        n for n, p in after.model.segment.named_parameters() if not torch.equal(p, before.segment.state_dict()[n])
    ]
    assert changed, "the mask decoder has learned"
    (one, *_) = lessons.read(asked, "<mask_start>").lessons["s4"]
    assert one.masks[0].shape == (224, 224) and one.asks[0][1].endswith("<mask_start>")
    curve = llm.curve(run)
    assert list(curve.values())[-1] < 12
    assert not lessons.read(replace(asked, llm={"name": "crab_plus"})).lessons["s4"][0].masks, "others write boxes"


def test_validation_keeps_the_best_and_ends_early(recipe):
    tasks = {"qa": {"dataset": "tests.train.films", "val": "train", "val_limit": 2}}
    settings = {"steps": 40, "val_every": 2, "patience": 1, "lr": 2.0, "warmup": 0.0, "clip_norm": None}
    run = train(recipe(tasks=tasks, train=settings), progress=False)
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    told = {line["step"]: line["val"]["mean"] for line in lines if "val" in line}
    assert max(told) < 40, "it has stopped early"
    best = min(told, key=told.get)
    assert best < max(told)
    loaded = model.load(run).llm
    held = lessons.read(recipe(tasks=tasks), validating=True).lessons["qa"]
    clips = prepared.Clips(loaded)
    with torch.no_grad():
        again = np.mean([float(loaded.loss([clips.get(one)], [list(one.asks)[:2]])) for one in held])
    assert again == pytest.approx(told[best], rel=1e-3), "what is kept is what was best"
    for train_settings, said in (({"val_every": 2}, "tasks.NAME.val"), ({"patience": 2}, "val_every")):
        with pytest.raises(RecipeError, match=said):
            train(recipe(out="no", train=train_settings), progress=False)


def test_clips_are_decoded_once_for_all_runs(recipe, tmp_path, monkeypatch):
    folder = tmp_path / "prepared"
    same = [
        train(recipe(out=f"w{w}", stage="align", train={"workers": w, "prepared": str(folder)}), progress=False)
        for w in (2, 0)
    ]
    assert llm.curve(same[0]) == llm.curve(same[1])
    plain = train(recipe(out="plain", stage="align", train={"workers": 0}), progress=False)
    one, two = load_file(same[0] / "connectors.safetensors"), load_file(plain / "connectors.safetensors")
    assert all(torch.equal(one[k], two[k]) for k in one)
    monkeypatch.setattr(prepared, "prepared", lambda *_: pytest.fail("decoded again"))
    train(recipe(out="third", stage="align", seed=0, train={"prepared": str(folder)}), progress=False)
    damaged = next(folder.rglob("*.pt"))
    damaged.write_bytes(b"torn")
    assert prepared._read(damaged) is None


def test_what_cannot_fit_is_refused_before_the_first_step(recipe, monkeypatch):
    monkeypatch.setattr(estimate, "free", lambda device: 1e6)
    with pytest.raises(ModelError, match=r"GB of memory.*train\.batch") as told:
        train(recipe(), progress=False)
    assert "\n" not in str(told.value)
    run = train(recipe(train={"check_memory": False, "steps": 1}), progress=False)
    first = json.loads((run / "log.jsonl").read_text().splitlines()[0])
    assert first["estimate"]["memory"] > 1e6 and first["estimate"]["seconds_a_step"] > 0
    line = json.loads((run / "log.jsonl").read_text().splitlines()[1])
    assert {"tokens_per_second", "decode_share", "mfu", "clips_per_second"} <= line.keys()


def test_trackers_are_told_or_refused(recipe, tmp_path, monkeypatch):
    with pytest.raises(RecipeError, match="tensorboard"):
        train(recipe(train={"report_to": ["tensorbord"], "steps": 1}), progress=False)
    said = []

    class Run:
        def log(self, facts, step):
            said.append((step, facts))

        def finish(self):
            said.append("end")

    import sys
    import types

    wandb = types.ModuleType("wandb")
    wandb.init = lambda **told: said.append(told) or Run()
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    train(recipe(out="told", train={"report_to": ["wandb"], "steps": 5}), progress=False)
    assert said[0]["name"] == "told" and said[-1] == "end" and any("loss" in one[1] for one in said[1:-1])


def test_placement_is_checked():
    assert placement.Placement("bf16").kind == torch.bfloat16
    for wrong in (
        {"dtype": "int3"},
        {"attention": "flash"},
        {"quantize": "2bit"},
        {"device": "cpu", "device_map": "auto"},
    ):
        with pytest.raises(RecipeError):
            placement.Placement(**wrong)
    if not placement.importlib.util.find_spec("bitsandbytes"):
        with pytest.raises(DependencyError, match="bitsandbytes"):
            placement.Placement(quantize="4bit")


@pytest.mark.parametrize("name", PARADIGMS)
def test_placement_is_alike_for_all(name, bases):
    loaded = model.load(f"{name}@{bases / name},dtype=bf16,attention=eager,device=cpu").llm
    part = getattr(loaded, "base", None) or loaded.model.bare
    assert part.get_input_embeddings().weight.dtype == torch.bfloat16
    assert part.config._attn_implementation == "eager" or part.config.get_text_config()._attn_implementation == "eager"


FAST = {("crab_plus", 1), ("crab_plus", 3), ("vlm_audio", 1), ("crab", 3)}  # each paradigm, each number of heads


@pytest.mark.parametrize(
    ("name", "heads"),
    [
        pytest.param(name, heads, marks=() if (name, heads) in FAST else pytest.mark.slow)
        for name in PARADIGMS
        for heads in (1, 3)
    ],
)
def test_an_exported_folder_answers_the_same(name, heads, recipe, root, tmp_path, lookhear):
    adapter = {"name": "ilora", "rank": 4, "alpha": 8, "heads": heads}
    run = train(recipe(name, adapter=adapter, connectors=name != "vlm_audio", llm={"frames": 2}), progress=False)
    want = answers(run, root)
    ran = lookhear("export", run, tmp_path / "out")
    assert ran.code == 0 and ("merged" in ran.out) == (heads == 1)
    assert answers(tmp_path / "out", root) == want
    assert model.load(tmp_path / "out").llm.sampling.count == 2, "its options go with it"
    page = (tmp_path / "out" / "README.md").read_text()
    assert "tests.train.films@caption" in page and f"heads {heads}" in page
    assert (tmp_path / "out" / "adapter").is_dir() == (heads == 3)
    if name == "crab_plus" and heads == 1:
        from transformers import Qwen2_5OmniThinkerForConditionalGeneration as Thinker

        plain, info = Thinker.from_pretrained(tmp_path / "out", output_loading_info=True)
        assert not info["missing_keys"] and not info["unexpected_keys"]
        ours = model.load(run).llm
        lesson = lessons.read(recipe()).lessons["qa"][0]
        clip = prepared.Clips(ours).get(lesson)
        ids = torch.tensor([ours.prefix(clip) + ours.question("what is seen")])
        seen = ours.tensors([clip])
        with torch.no_grad():
            said = plain.eval().generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False,
                eos_token_id=sorted(ours.stop), pad_token_id=ours.pad, **seen,
            )[0, ids.shape[1] :].tolist()  # fmt: skip
        reply = ours.answer(ours.watch([clip]), [0], ["what is seen"], 12)[0]
        assert said[: len(reply.tokens)] == list(reply.tokens), "token by token in plain transformers"
    ran = lookhear("export", run, tmp_path / "out")
    assert ran.code == 2 and "not empty" in ran.err
