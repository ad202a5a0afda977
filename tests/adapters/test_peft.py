"""I-LoRA keeps PEFT's conventions: mixed batches, chosen layers, rank patterns, saved modules; misfits are refused."""

import json
import subprocess
import sys

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

from lookhear.errors import ModelError, RecipeError
from lookhear.ilora import fit
from lookhear.ilora import method as ilora

IDS = torch.arange(24).reshape(2, 12) * 7 % 97


def tiny(**options) -> LlamaForCausalLM:
    torch.manual_seed(0)
    shape = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 3}
    return LlamaForCausalLM(LlamaConfig(**{**shape, "num_attention_heads": 4, **options})).eval()


def adapted(seed: int = 1, **options) -> peft.PeftModel:
    torch.manual_seed(seed)
    base = tiny()
    return peft.get_peft_model(base, ilora.ILoraConfig(**{"r": 4, "init_weights": False, **options})).eval()


@torch.no_grad()
def test_each_row_of_a_batch_has_its_own_adapter():
    model = adapted()
    model.add_adapter("two", ilora.ILoraConfig(r=2, heads=5, init_weights=False))
    rows = torch.cat([IDS, IDS[:1], IDS[:1]])
    mixed = model(rows, adapter_names=["default", "two", "__base__", "two"]).logits
    alone = {}
    for name in ("default", "two"):
        model.set_adapter(name)
        alone[name] = model(rows).logits
    with model.disable_adapter():
        alone["__base__"] = model(rows).logits
    for row, name in enumerate(["default", "two", "__base__", "two"]):
        torch.testing.assert_close(mixed[row], alone[name][row], rtol=1e-4, atol=1e-5)
    assert (mixed[0] - mixed[3]).abs().max() > 1e-3, "the same words under two adapters"
    model.set_adapter("default")
    said = {"max_new_tokens": 4, "do_sample": False, "pad_token_id": 0}
    plain = model.generate(IDS, **said)
    assert torch.equal(model.generate(IDS, adapter_names=["default"] * 2, **said), plain)
    beams = model.generate(IDS, num_beams=2, adapter_names=["default", "__base__"], **said)
    assert torch.equal(beams[0], model.generate(IDS, num_beams=2, **said)[0])
    with pytest.raises(ModelError, match=r"'three'; there are: default, two"):
        model(rows, adapter_names=["three"] * 4)
    with pytest.raises(ModelError, match="2 adapter_names for a batch of 4"):
        model(rows, adapter_names=["two"] * 2)
    with pytest.raises(ModelError, match="eval"):
        model.train()(rows, adapter_names=["two"] * 4)


@pytest.mark.parametrize("targets", [None, ["q_proj", "up_proj"], r".*\.(q|up)_proj"])
@pytest.mark.parametrize(("layers", "pattern"), [([0, 2], None), (1, "layers"), ([1], ["h", "layers"])])
def test_only_chosen_layers(targets, layers, pattern):
    model = adapted(target_modules=targets, layers_to_transform=layers, layers_pattern=pattern)
    found = {int(name.split("layers.")[1].split(".")[0]) for name in ilora.layers(model)}
    assert found == set([layers] if isinstance(layers, int) else layers)
    assert len(ilora.layers(model)) == len(found) * (7 if targets is None else 2)


def test_ranks_by_pattern_are_saved_and_loaded(tmp_path):
    model = adapted(rank_pattern={"q_proj": 2, r"layers\.1\.mlp\.up_proj": 6}, alpha_pattern={"q_proj": 20})
    ranks = {name: layer.ilora_B["default"].shape[2] for name, layer in ilora.layers(model).items()}
    assert {r for n, r in ranks.items() if n.endswith("q_proj")} == {2}
    assert {n.split("model.")[-1]: r for n, r in ranks.items() if r == 6} == {"layers.1.mlp.up_proj": 6}
    layer = next(one for name, one in ilora.layers(model).items() if name.endswith("q_proj"))
    assert layer.scaling["default"] == 10
    model.save_pretrained(tmp_path)
    again = peft.PeftModel.from_pretrained(tiny(), tmp_path).eval()
    assert torch.equal(again(IDS).logits, model(IDS).logits)
    with pytest.raises(RecipeError, match="ranks >= 1"):
        ilora.ILoraConfig(rank_pattern={"q_proj": 0})
    with pytest.raises(RecipeError, match="needs layers_to_transform"):
        ilora.ILoraConfig(layers_pattern="layers")


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("saved", [["embed_tokens", "lm_head"], ["lm_head"], ["embed_tokens"]])
def test_embeddings_and_heads_beside_adapters(tmp_path, saved, tied):
    base = tiny(tie_word_embeddings=tied)
    config = ilora.ILoraConfig(r=4, heads=1, modules_to_save=saved, init_weights=False)
    model = peft.get_peft_model(base, config).eval()
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "modules_to_save" in name:
                weight += 0.1 * torch.randn_like(weight)
    model.save_pretrained(tmp_path)
    for load in (peft.PeftModel.from_pretrained, fit.load):
        again = load(tiny(tie_word_embeddings=tied), tmp_path).eval()
        assert torch.equal(again(IDS).logits, model(IDS).logits)
    merged = again.merge_and_unload()
    torch.testing.assert_close(merged(IDS).logits, model(IDS).logits, rtol=1e-4, atol=1e-5)
    assert not any("modules_to_save" in n for n, _ in merged.named_parameters())


def test_two_adapters_do_not_become_one():
    model = adapted()
    model.add_adapter("two", ilora.ILoraConfig(r=4, init_weights=False))
    with pytest.raises(ModelError, match=r"default, two cannot become one.*set_adapter"):
        model.add_weighted_adapter(["default", "two"], [0.5, 0.5], "sum", combination_type="linear")
    with torch.no_grad():
        model.base_model.set_adapter(["default", "two"])  # the way out
        assert torch.isfinite(model(IDS).logits).all()


def spoil(folder, how):
    file = folder / "adapter_model.safetensors"
    state = load_file(file)
    first = next(iter(state))
    if how == "renamed":
        state = {name.replace("base_model.", "model.", 1): t for name, t in state.items()}
    elif how == "renamed inside":
        state = {name.replace(".layers.", ".blocks."): t for name, t in state.items()}
    elif how == "empty":
        state = {}
    elif how == "half":
        state = dict(list(state.items())[: len(state) // 2])
    elif how == "one missing":
        del state[first]
    elif how == "nan":
        state[first][0] = float("nan")
    elif how == "rank":
        state = {n: t[..., :2].contiguous() if "_B" in n else t for n, t in state.items()}
    elif how == "torn":
        file.write_bytes(file.read_bytes()[:200])
        return
    save_file(state, file)


MISFITS = ["renamed", "renamed inside", "empty", "half", "one missing", "nan", "rank"]


@pytest.mark.parametrize("method", ["ilora", "lora"])
@pytest.mark.parametrize("how", [*MISFITS, "torn", "no config", "no weights"])
def test_what_does_not_fit_is_refused_by_name(tmp_path, how, method):
    model = peft.get_peft_model(tiny(), ilora.rows(method, r=4))
    model.save_pretrained(tmp_path)
    if how == "no config":
        (tmp_path / "adapter_config.json").unlink()
    elif how == "no weights":
        (tmp_path / "adapter_model.safetensors").unlink()
    else:
        spoil(tmp_path, how)
    with pytest.raises(ModelError) as told:
        fit.load(tiny(), tmp_path)
    assert str(tmp_path) in str(told.value)
    if method == "ilora" and how in MISFITS:
        with pytest.raises(ModelError):  # and through plain PEFT
            peft.PeftModel.from_pretrained(tiny(), tmp_path)


def test_the_adapter_of_a_larger_model_is_refused(tmp_path):
    adapted().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"layers\.2.*has no place"):
        fit.load(tiny(num_hidden_layers=2), tmp_path)
    with pytest.raises(ModelError, match=r"lacks .*layers\.3"):
        fit.load(tiny(num_hidden_layers=4), tmp_path)


def test_plain_peft_after_one_import(tmp_path):
    adapted().save_pretrained(tmp_path / "adapter")
    tiny().save_pretrained(tmp_path / "base")
    told = (
        "import lookhear.peft, peft, torch, transformers, json\n"
        f"base = transformers.LlamaForCausalLM.from_pretrained({str(tmp_path / 'base')!r})\n"
        f"model = peft.PeftModel.from_pretrained(base, {str(tmp_path / 'adapter')!r}).eval()\n"
        "ids = torch.arange(24).reshape(2, 12) * 7 % 97\n"
        "print(json.dumps(model(ids).logits[0, -1, :5].tolist()))\n"
    )
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    found = torch.tensor(json.loads(done.stdout.splitlines()[-1]))
    torch.testing.assert_close(found, adapted()(IDS).logits[0, -1, :5], rtol=1e-5, atol=1e-6)
