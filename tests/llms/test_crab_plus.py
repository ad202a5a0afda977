"""Crab+ loads what is published, in whole or in parts, says what did not fit, hears, and tells time."""

import json
import shutil

import numpy as np
import peft
import pytest
import torch
from safetensors.torch import save_file

from lookhear import model as models
from lookhear.errors import LookhearError, ModelError, RecipeError
from lookhear.ilora import method as ilora
from lookhear.llms import crab_plus
from lookhear.llms.omni import storage
from lookhear.types import Media
from tests.llms import small

PROMPT = "Which instrument starts first?"
PUBLISHED = (("model.language_model.", "model."), ("model.audio_tower.", "audio_tower."), ("model.visual.", "visual."))


def said(llm, media=None, tokens=6):
    return llm.answer(llm.watch([media or small.clip()]), [0], [PROMPT], tokens)[0].tokens


@pytest.fixture(scope="module")
def base():
    return small.plus()


@pytest.fixture(scope="module")
def folder(base, tmp_path_factory):
    """The thinker alone, as we save it."""
    path = tmp_path_factory.mktemp("llm") / "base"
    base.save(path)
    return path


@pytest.fixture(scope="module")
def whole(base, folder):
    """The whole Omni model as Qwen publishes it: `thinker.` names of before transformers 5, and a part that speaks."""
    path = folder.parent / "whole"
    shutil.copytree(folder, path)
    state = {}
    for name, tensor in base.model.state_dict().items():
        ours, theirs = next(((a, b) for a, b in PUBLISHED if name.startswith(a)), ("", ""))
        state["thinker." + theirs + name.removeprefix(ours)] = tensor.contiguous()
    save_file(state | {"talker.model.norm.weight": torch.ones(3)}, path / "model.safetensors", {"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    told = {"model_type": "qwen2_5_omni", "architectures": ["Qwen2_5OmniModel"], "thinker_config": config}
    (path / "config.json").write_text(json.dumps(told))
    (path / "lookhear.json").unlink()
    return path


@pytest.fixture(scope="module")
def adapted(folder):
    """The same with adapters that change what is said, over the towers too."""
    llm = crab_plus.load(folder)
    torch.manual_seed(0)
    llm.adapt(ilora.ILoraConfig(r=4, alpha=8, heads=3, scope="thinker", init_weights=False))
    llm.model.eval()
    return llm


def test_a_folder_comes_back_as_it_was(base, folder):
    again = crab_plus.load(folder)
    assert said(again) == said(base) and again.options == base.options and again.report == ()
    assert "parameters: " in again.needs() and "of memory in float32" in again.needs()
    assert again.size_on_disk > 100_000


def test_the_whole_model_is_read_for_its_thinker(base, whole):
    llm = crab_plus.load(whole, size=(56, 84), frames=4)
    assert said(llm) == said(base) and llm.report == ()
    assert crab_plus.load(whole).options.size == (224, 224), "where nothing is said: 8 x 8 places"


def test_adapters_of_peft_travel_with_the_folder(adapted, base, tmp_path):
    assert said(adapted) != said(base)
    adapted.save(tmp_path)
    again = crab_plus.load(tmp_path)
    assert said(again) == said(adapted)
    assert "ILORA" in again.report[0]
    with again.model.disable_adapter():
        assert said(again) == said(base)


def test_published_weights_load_with_a_report(adapted, whole, tmp_path):
    state = ilora.to_official(adapted.model)
    torch.save(state, tmp_path / "finetune_weights.bin")
    llm = crab_plus.load(whole, tmp_path / "finetune_weights.bin", size=(56, 84), frames=4)
    assert said(llm) == said(adapted)
    assert llm.report == (f"I-LoRA r=4, 3 heads, in 26 layers of {tmp_path / 'finetune_weights.bin'}",)
    assert said(crab_plus.load(whole, tmp_path, size=(56, 84), frames=4)) == said(adapted), "or its folder"
    lacking = {k: v for k, v in state.items() if "layers.1.mlp.up_proj" not in k} | {"mm.weight": torch.ones(1)}
    torch.save(lacking, tmp_path / "lacking.bin", _use_new_zipfile_serialization=False)
    report = crab_plus.load(whole, tmp_path / "lacking.bin").report
    assert "25 layers" in report[0] and "no adapters and were not used, first 'mm.weight'" in report[1]
    assert report[2].startswith("1 layers of scope thinker stay as they were, first 'model.language_model.layers.1")


def test_half_precision_has_adapters_of_its_own_kind(adapted, whole, tmp_path):
    torch.save(ilora.to_official(adapted.model), tmp_path / "a.bin")
    llm = crab_plus.load(whole, tmp_path / "a.bin", dtype="bfloat16", size=(56, 84), frames=4)
    assert {p.dtype for p in llm.model.parameters()} == {torch.bfloat16}
    assert len(said(llm)) > 0
    plain = crab_plus.load(whole, dtype="bfloat16", size=(56, 84), frames=4)
    plain.adapt(ilora.ILoraConfig(r=4, heads=3))  # PEFT makes these in float32, for training
    loss = plain.loss([small.clip()], [[(PROMPT, "drum")]])
    loss.backward()
    assert torch.isfinite(loss)


def test_the_sound_reaches_the_model(base):
    media = small.clip()
    mute = Media(media.frames, media.times, np.zeros_like(media.waveform), 16_000, media.duration)
    other = small.clip(seed=7)
    swapped = Media(media.frames, media.times, other.waveform, 16_000, media.duration)
    blind = Media(np.zeros_like(media.frames), media.times, media.waveform, 16_000, media.duration)
    asks = [[(PROMPT, "violin")]]
    with torch.no_grad():
        losses = [base.loss([one], asks).item() for one in (media, mute, swapped, blind)]
    assert all(abs(losses[0] - other) > 1e-3 for other in losses[1:]), losses


def test_what_is_not_there_is_left_out_and_silence_is_not(base):
    video, silent = small.clip(sound=False), small.clip()
    text = base.tokenizer.decode(base.prefix(base.prepare(video)))
    assert "This is a video:" in text and "AUDIO" not in text
    assert "This is an image and an audio:" in base.tokenizer.decode(base.prefix(base.prepare(small.clip(1))))
    zeros = Media(silent.frames, silent.times, 0 * silent.waveform, 16_000, silent.duration)
    assert "input_features" in base.prepare(zeros)
    assert base.tokenizer.decode(base.prefix({})).endswith("user\n")
    with pytest.raises(ModelError, match="16000 samples a second, not 8000"):
        base.prepare(Media(None, np.zeros(0), np.zeros(8000, np.float32), 8000, 1.0))


def test_two_videos_are_one_after_the_other_behind_the_sound(base):
    one = small.clip(4, seed=1)
    text = base.tokenizer.decode(base.prefix(base.prepare(one, pair="a2v")))
    assert "These are two videos and an audio:<|audio_bos|>" in text and text.index("AUDIO") < text.index("VIDEO")
    text = base.tokenizer.decode(base.prefix(base.prepare(one, pair="v2a")))
    assert "This is a video and two audio clips:<|vision_bos|>" in text


def test_what_looks_like_a_special_token_is_only_letters(base):
    asked = base.question("Ignore <|im_end|> and <|VIDEO|>?")
    assert asked.count(base.ids["im_end"]) == 1 and base.places["video"] not in asked
    assert len(said(base)) > 0
    assert base.answer(base.watch([small.clip()]), [0], ["<|AUDIO|>"], 2)


def test_time_is_nominal_or_true_and_can_be_scaled(folder):
    media = small.clip(4, seconds=8.0)
    grid = {k: crab_plus.load(folder, **o).prepare(media)["video_second_per_grid"].item() for k, o in {
        "nominal": {}, "true": {"clock": "true"}, "half": {"time_scale": "0.5"}}.items()}  # fmt: skip
    assert grid == {"nominal": 2.0, "true": 4.0, "half": 1.0}
    positions = {}
    for scale in (1.0, 3.0):
        llm = crab_plus.load(folder, time_scale=scale)
        prepared = llm.prepare(media)
        ids = torch.tensor([llm.prefix(prepared)])
        where, _ = llm.positions(ids, torch.ones_like(ids, dtype=torch.bool), llm.tensors([prepared]))
        seen = where[0, 0][ids[0] == llm.places["video"]]
        positions[scale] = (seen.max() - seen.min()).item()
    assert positions == {1.0: 50, 3.0: 150}, "two grids, 25 positions a second"


def test_long_sound_is_cut_and_short_sound_filled_up(base):
    assert base.options.longest == 300
    llm = small.plus(longest=2.0)
    long = Media(None, np.zeros(0), np.zeros(16_000 * 3, np.float32), 16_000, 3.0)
    assert llm.prepare(long)["input_features"].shape[1] == 200
    assert llm.watch([long]).notes[0] == ("only the first 2 s of 3 s of sound were heard",)
    short = Media(None, np.zeros(0), np.zeros(10, np.float32), 16_000, 0.0)
    assert llm.prepare(short)["input_features"].shape[1] == 100


def test_the_model_goes_through_the_waist(folder, tmp_path):
    from tests.train import world

    film = world.film(tmp_path / "film.mp4")
    model = models.load(folder)
    model.max_tokens = 4
    first, second = model.ask(film, "How many?", "Where?")
    assert first.raw != second.raw and model.name == "base"
    (alone,) = models.load(f"crab_plus@{folder}").ask(film, "Where?")[:1]
    assert alone.raw.startswith(second.raw[:3])
    silent = world.film(tmp_path / "silent.mp4", sound=False)
    assert any("no sound track" in n for n in model.ask(silent, "How many?")[0].notes)


def test_what_cannot_be_loaded_is_one_line(folder, whole, tmp_path):
    shutil.copytree(folder, tmp_path / "bad")
    state = small.plus().model.state_dict()
    save_file(
        {k: v for k, v in state.items() if "lm_head" not in k}, tmp_path / "bad" / "model.safetensors", {"format": "pt"}
    )
    (tmp_path / "notes.txt").write_text("not weights")
    (tmp_path / "empty").mkdir()
    cases = [
        (lambda: crab_plus.load(tmp_path / "nowhere"), "No folder at"),
        (lambda: crab_plus.load(folder, tmp_path / "nowhere"), "No folder at .* for the adapters of crab_plus"),
        (lambda: crab_plus.load(folder, tmp_path / "empty"), "holds no adapters"),
        (lambda: crab_plus.load(folder, tmp_path / "notes.txt"), "not readable as a checkpoint"),
        (lambda: crab_plus.load(tmp_path / "empty"), "No file at .*config.json"),
        (lambda: crab_plus.load(tmp_path / "bad"), "lacks 1 weights, first 'lm_head.weight'"),
        (lambda: crab_plus.load(folder, size=(50, 50)), r"size=\(50, 50\)"),
        (lambda: crab_plus.load(folder, sond="whole"), "Did you mean 'sound'"),
        (lambda: crab_plus.load(folder, sound="loud"), "sound='loud': there are"),
        (lambda: crab_plus.load(folder, clock="atomic"), "nominal and true"),
        (lambda: models.load(f"crab_plus@{folder},frames="), "not of the form key=value"),
    ]
    for load, words in cases:
        with pytest.raises(LookhearError, match=words) as caught:
            load()
        assert "\n" not in str(caught.value)
    assert issubclass(RecipeError, LookhearError)


def test_what_it_needs_is_known_before_it_is_loaded(folder, adapted, tmp_path):
    plan = crab_plus.plan(folder)
    assert plan.download == 0 and plan.disk > plan.memory > 500_000
    assert plan.memory == sum(p.numel() * 4 for p in small.plus().model.parameters())
    assert "on disk" in str(plan) and "to download" not in str(plan)
    assert "1.5 GB to download" in str(storage.Plan("x", 1_500_000_000, 2_000_000_000, 3))


def test_the_hub_is_asked_what_there_is_to_fetch(folder, monkeypatch):
    import huggingface_hub as hub
    from huggingface_hub import DryRunFileInfo

    def listed(where, allow_patterns=None, dry_run=False, repo_type="model", **_):
        if not dry_run:
            return str(folder)
        size = 1_740_000_000 if repo_type == "dataset" else 22_000_000_000
        return [DryRunFileInfo("c", size, "a", "", False, True), DryRunFileInfo("c", 5, "b", "", True, False)]

    monkeypatch.setattr(hub, "snapshot_download", listed)
    plan = crab_plus.plan()
    assert plan.download == 23_740_000_000 and plan.disk == plan.download + 10
    assert str(plan).startswith("crab_plus (Qwen/Qwen2.5-Omni-7B + Jayson236/Crab_Plus): 23.7 GB to download")


def test_offline_is_one_line_with_the_way_out(monkeypatch):
    import huggingface_hub as hub

    def refused(*_, **__):
        raise ConnectionError("no route")

    monkeypatch.setattr(hub, "snapshot_download", refused)
    for call in (crab_plus.load, crab_plus.plan):
        with pytest.raises(ModelError, match=r"the hub cannot be reached\. Go online, or .*NAME@FOLDER"):
            call()


@pytest.mark.slow  # the meta device costs no memory, but time
def test_the_full_size_has_the_papers_counts():
    """7 B on the meta device; adapters over the language model as in the paper, over the thinker as released."""
    with torch.device("meta"):
        llm = crab_plus.build(crab_plus.Config())
        counts = {}
        for scope in ("llm", "thinker"):
            model = peft.get_peft_model(llm.base, ilora.ILoraConfig(r=128, alpha=256, dropout=0.1, scope=scope))
            counts[scope] = sum(p.numel() for n, p in model.named_parameters() if "ilora_" in n) / 1e6
            model.unload()
    assert counts == pytest.approx({"llm": 682.35, "thinker": 870.48}, abs=0.006)
    assert 8.9e9 < sum(p.numel() for p in llm.base.parameters()) < 9.0e9
