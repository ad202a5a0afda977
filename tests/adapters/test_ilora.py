"""I-LoRA equals both official codes, is a full PEFT method, and refuses what cannot be done."""

import json

import peft
import pytest
import torch
import torch.nn.functional as F
from transformers import LlamaConfig, LlamaForCausalLM

from bench import ilora as direct
from lookhear.errors import ModelError, RecipeError
from lookhear.ilora import method as ilora
from lookhear.ilora import routes as routers
from lookhear.ilora.products import Codes, DroppedLinear, Heads
from tests.adapters.golden_llm import read
from tests.parity import note

CODES = ["crab", "crab_plus"]


def equal(code: str, part: str, ours, theirs, rtol=1e-4, atol=1e-5) -> None:
    note(f"ilora_linear_{code}", part, ours, theirs)
    torch.testing.assert_close(ours, theirs, rtol=rtol, atol=atol)


def cases(code: str):
    tensors, meta = read(f"ilora_linear_{code}")
    for number, case in enumerate(json.loads(meta["cases"])):
        prefix = f"c{number}."
        yield case, {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def adapted(case: dict, g: dict, dtype=torch.float32) -> tuple[torch.nn.Module, ilora.ILoraLinear]:
    """A model of one linear layer with the published tensors in it."""
    base = torch.nn.Sequential(torch.nn.Linear(case["i"], case["o"], bias=case["bias"]))
    base[0].weight.data.copy_(g["w.weight"])
    if case["bias"]:
        base[0].bias.data.copy_(g["w.bias"])
    state = {f"base_model.model.0.{k[2:]}": v for k, v in g.items() if k.startswith("w.lora")}
    model = ilora.from_official(base, state, alpha=case["a"]).to(dtype).eval()
    return model, model.base_model.model[0]


@pytest.mark.parametrize("code", CODES)
def test_linear_goldens(code):
    for case, g in cases(code):
        model, layer = adapted(case, g)
        assert layer.scaling["default"] == case["scaling"]
        layer.base_layer.requires_grad_(True)
        x = g["x"].clone().requires_grad_()
        with routers.recorded(model) as routes:
            y = model(x)
        equal(code, "y", y, g["y"])
        equal(code, "route", routes.by_layer["base_model.model.0"][0], g["route"], 1e-5, 1e-6)
        with model.disable_adapter():
            equal(code, "base_y", model(x), g["base_y"], 1e-5, 1e-6)
        y.backward(g["grad_out"])
        up = layer.ilora_B["default"].grad
        grads = {
            "lora_A.weight": layer.ilora_A["default"].grad,
            "lora_route.weight": layer.ilora_router["default"].grad,
            "bias": layer.base_layer.bias.grad if case["bias"] else None,
            **{f"lora_B{k}.weight": up[:, k] for k in range(case["n"])},
        }
        equal(code, "grad_x", x.grad, g["grad_x"], atol=1e-4)
        for key in (k for k in g if k.startswith("grad.")):
            equal(code, key, grads[key.removeprefix("grad.")], g[key], atol=1e-4)
        for head in range(case["n"]):
            with ilora.without_heads(model, head):
                equal(code, f"drop{head}.y", model(g["x"]), g[f"drop{head}.y"])
        half, _ = adapted(case, g, torch.bfloat16)
        ours, theirs = half(g["x"].bfloat16()).float(), g["bf16.y"].float()
        note(f"ilora_linear_{code}", "bf16.y", ours, theirs)
        assert (ours - theirs).abs().max() <= 2**-6 * theirs.abs().max(), "two units in the last place"
        assert (ours - g["y"]).abs().mean() <= 1.02 * (theirs - g["y"]).abs().mean(), "no further from the truth"


def tiny(**options) -> LlamaForCausalLM:
    shape = {"vocab_size": 97, "hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 2}
    return LlamaForCausalLM(LlamaConfig(**{**shape, "num_attention_heads": 4, **options})).eval()


@pytest.mark.parametrize("code", CODES)
def test_tiny_llama_golden(code):
    tensors, meta = read(f"ilora_llama_{code}")
    state = {k.removeprefix("sd."): v for k, v in tensors.items() if k.startswith("sd.")}
    base = LlamaForCausalLM(LlamaConfig(**json.loads(meta["config"]))).eval()
    plain = {k.removeprefix("base_model.model."): v for k, v in state.items() if "lora_" not in k}
    base.load_state_dict(plain)
    model = ilora.from_official(base, {k: v for k, v in state.items() if "lora_" in k}).eval()
    out = model(input_ids=tensors["input_ids"], labels=tensors["labels"])
    for part in ("logits", "loss"):
        note(f"ilora_llama_{code}", part, out[part], tensors[part])
    torch.testing.assert_close(out.logits, tensors["logits"], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(out.loss, tensors["loss"], rtol=1e-6, atol=1e-6)
    trainable = {n for n, p in model.named_parameters() if p.requires_grad}
    assert len(trainable) == 3 * 14 and all("ilora_" in n for n in trainable)
    back = ilora.to_official(model)
    assert set(back) == set(json.loads(meta["trainable"]))
    assert all(torch.equal(back[k], state[k]) for k in back)


IDS = torch.arange(24).reshape(2, 12) * 7 % 97


def fresh(seed: int = 0, **options):
    torch.manual_seed(seed)
    return peft.get_peft_model(tiny(), ilora.ILoraConfig(r=4, alpha=8, **options))


@pytest.mark.parametrize("shape", [(2, 5, 12), (7, 12)])
@pytest.mark.parametrize(("router", "shared_a"), [("hidden", True), ("low_rank", True), ("hidden", False)])
def test_equals_the_loop_over_heads(shape, router, shared_a):
    torch.manual_seed(2)
    base = torch.nn.Sequential(torch.nn.Linear(12, 10))
    config = ilora.ILoraConfig(r=4, alpha=8, router=router, shared_a=shared_a, init_weights=False, target_modules=["0"])
    layer = peft.get_peft_model(base, config).base_model.model[0]
    down, up, route = (t["default"] for t in (layer.ilora_A, layer.ilora_B, layer.ilora_router))
    x = torch.randn(shape)
    downs = [down] * 3 if shared_a else down.chunk(3)
    theirs = direct.loop(x, base[0].base_layer, downs, up.unbind(1), route, 2.0, router)
    torch.testing.assert_close(layer(x), theirs, rtol=1e-5, atol=1e-6)


def test_dropout_masks_are_shared_or_fresh():
    torch.manual_seed(0)
    base = torch.nn.Sequential(torch.nn.Linear(64, 8))
    for mode, equal in (("shared", True), ("per_head", False)):
        config = ilora.ILoraConfig(r=2, dropout=0.5, dropout_mode=mode, init_weights=False, target_modules=["0"])
        layer = ilora.ILoraLinear(base[0], "default", config).train()
        x, down = torch.randn(3, 64), layer.ilora_A["default"]
        codes = layer._codes(x, down, 0.5, config).reshape(3, -1, 2)
        assert codes.shape[1] == (1 if equal else 3)
        assert equal or not torch.allclose(codes[:, 0], codes[:, 1])
        torch.manual_seed(3)
        one = layer(x)
        torch.manual_seed(3)
        assert torch.equal(layer(x), one) and not torch.allclose(layer(x), one)
        mean = torch.stack([layer(x) for _ in range(600)]).mean(dim=0)
        torch.testing.assert_close(mean, layer.eval()(x), rtol=0.2, atol=0.15)  # dropout keeps the mean


def test_dropped_linear_has_the_gradients_of_its_mask():
    x, weight = torch.randn(3, 5, 6, dtype=torch.double), torch.randn(4, 6, dtype=torch.double)

    def run(x, weight):
        torch.manual_seed(1)
        return DroppedLinear.apply(x, weight, 0.4)

    assert torch.autograd.gradcheck(run, (x.requires_grad_(), weight.requires_grad_()))
    ones = run(torch.ones(1000, 6, dtype=torch.double), torch.eye(6, dtype=torch.double))
    assert set(ones.unique().tolist()) == {0.0, 1 / 0.6}
    assert float((ones == 0).double().mean()) == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("needs", [(True, True, True), (False, True, True), (True, False, False)])
@pytest.mark.parametrize("heads", [1, 3])
def test_products_have_their_gradients(needs, heads):
    torch.manual_seed(0)

    def drawn(*shapes):
        return [torch.randn(s, dtype=torch.double, requires_grad=n) for s, n in zip(shapes, needs, strict=True)]

    assert torch.autograd.gradcheck(Codes.apply, drawn((3, 5, 6), (4, 6), (3, 6)))
    assert torch.autograd.gradcheck(Heads.apply, drawn((3, 5, heads, 4), (3, 5, 3), (7, 3, 4)))


@pytest.mark.parametrize("autocast", [False, True])
def test_products_are_those_of_autograd(autocast):
    torch.manual_seed(0)
    given = [torch.randn(shape, requires_grad=True) for shape in ((2, 9, 16), (4, 16), (3, 16), (12, 3, 4))]

    def plain(x, down, router, up):
        z, logits = F.linear(x, torch.cat([down, router])).split([4, 3], dim=-1)
        return F.linear((logits.softmax(-1).to(z.dtype)[..., None] * z[..., None, :]).flatten(-2), up.flatten(1))

    def ours(x, down, router, up):
        z, logits = Codes.apply(x, down, router)
        return Heads.apply(z[..., None, :], logits.softmax(-1).to(z.dtype), up)

    found = []
    for run in (plain, ours):
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            out = run(*given)
        found.append([out, *torch.autograd.grad(out.float().square().sum(), given)])
    close = {"rtol": 2e-2, "atol": 2e-1} if autocast else {"rtol": 1e-5, "atol": 1e-4}
    for theirs, mine in zip(*found, strict=True):
        assert mine.dtype == theirs.dtype
        torch.testing.assert_close(mine, theirs, **close)


def test_no_more_is_kept_than_by_plain_lora():
    base, ours, plain = direct.layers(256, 512, 32, 3, 0.0)
    weights = [*base.parameters(), *ours.parameters(), *plain.parameters()]
    x = torch.randn(1, 64, 256, requires_grad=True)
    assert direct.kept(lambda: ours(x), weights) <= direct.kept(lambda: plain(x), weights)


def test_it_begins_at_the_base_and_learns():
    model = fresh()
    with torch.no_grad(), model.disable_adapter():
        before = model(IDS).logits
    torch.testing.assert_close(model(IDS).logits, before, rtol=0, atol=0)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    told = []
    for _ in range(12):
        loss = model(IDS, labels=IDS).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        told.append(float(loss.detach()))
    assert told[-1] < told[0] - 0.3
    with torch.no_grad(), model.disable_adapter():
        assert torch.equal(model(IDS).logits, before), "the base has not moved"
    heads = model.base_model.model.model.layers[0].self_attn.q_proj.ilora_B["default"]
    assert (heads[:, 0] - heads[:, 1]).abs().max() > 1e-5, "heads part, by their routes alone"


def test_save_load_switch_delete(tmp_path):
    torch.manual_seed(0)
    base = tiny()
    weights = {k: v.clone() for k, v in base.state_dict().items()}
    model = peft.get_peft_model(base, ilora.ILoraConfig(r=4, init_weights=False))
    model.save_pretrained(tmp_path / "one")
    saved = json.loads((tmp_path / "one" / "adapter_config.json").read_text())
    assert saved["peft_type"] == "ILORA" and saved["heads"] == 3
    again = tiny()
    again.load_state_dict(weights)
    loaded = peft.PeftModel.from_pretrained(again, tmp_path / "one")
    with torch.no_grad():
        one = model(IDS).logits
        assert torch.equal(loaded(IDS).logits, one)
        model.add_adapter("two", ilora.ILoraConfig(r=2, heads=5, init_weights=False))
        model.set_adapter("two")
        two = model(IDS).logits
        assert (two - one).abs().max() > 1e-3
        model.set_adapter("default")
        assert torch.equal(model(IDS).logits, one)
        with model.disable_adapter():
            nothing = model(IDS).logits
        loaded.load_adapter(tmp_path / "one", adapter_name="again")
        loaded.set_adapter("again")
        assert torch.equal(loaded(IDS).logits, one)
        model.delete_adapter("two")
        assert torch.equal(model.unload()(IDS).logits, nothing)


def test_merging():
    torch.manual_seed(0)
    single = peft.get_peft_model(tiny(), ilora.ILoraConfig(r=4, heads=1, init_weights=False)).eval()
    with torch.no_grad():
        before = single(IDS).logits
        single.merge_adapter()
        torch.testing.assert_close(single(IDS).logits, before, rtol=1e-4, atol=1e-5)
        single.unmerge_adapter()
        torch.testing.assert_close(single(IDS).logits, before, rtol=1e-4, atol=1e-5)
        merged = single.merge_and_unload(safe_merge=True)
        torch.testing.assert_close(merged(IDS).logits, before, rtol=1e-4, atol=1e-5)
    assert not ilora.layers(merged)
    several = fresh(init_weights=False)
    with torch.no_grad():
        before = several(IDS).logits
        for way in (several.merge_and_unload, several.merge_adapter):
            with pytest.raises(ModelError, match=r"3 heads cannot be merged.*every token"):
                way()
        assert torch.equal(several(IDS).logits, before), "a refusal leaves nothing half done"
    layer = next(iter(ilora.layers(several).values()))
    x, route = torch.randn(5, layer.in_features), torch.tensor([0.2, 0.5, 0.3])
    fixed = F.linear(x, layer.get_delta_weight("default", route))
    layer.ilora_router["default"].data.zero_()
    even = F.linear(x, layer.get_delta_weight("default", torch.full((3,), 1 / 3)))
    torch.testing.assert_close(layer.added(x, "default", x.dtype), even, rtol=1e-4, atol=1e-5)
    assert (fixed - even).abs().max() > 1e-4


def test_half_precision_base_with_full_precision_adapters():
    model = peft.get_peft_model(tiny().bfloat16(), ilora.ILoraConfig(r=4, init_weights=False))
    kinds = {p.dtype for n, p in model.named_parameters() if "ilora" in n}
    assert kinds == {torch.float32}, "PEFT keeps adapters in float32 by default"
    assert model(IDS).logits.dtype == torch.bfloat16


def test_gradient_checkpointing_gives_the_same_gradients():
    found = []
    for checkpointing in (False, True):
        model = fresh(init_weights=False).train()
        if checkpointing:
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable({"use_reentrant": False})
        model(IDS, labels=IDS).loss.backward()
        found.append({n: p.grad for n, p in model.named_parameters() if p.requires_grad})
    for name, grad in found[0].items():
        torch.testing.assert_close(found[1][name], grad, rtol=1e-5, atol=1e-7)


def test_generation_and_what_the_router_said():
    model = fresh(init_weights=False)
    with routers.recorded(model, "decode") as routes:
        batched = model.generate(
            input_ids=IDS[:, :4], max_new_tokens=3, min_new_tokens=3, do_sample=False, pad_token_id=0
        )
    assert batched.shape == (2, 7)
    means = routes.means()
    assert len(means) == 14
    for name, mean in means.items():
        assert len(routes.by_layer[name]) == 2, "the first new token comes from the prefill"
        torch.testing.assert_close(mean.sum(), torch.tensor(1.0))
    assert all(-1 <= value <= 1 for value in routers.similarity(model).values())
    with pytest.raises(RecipeError, match="prefill"), routers.recorded(model, "warmup"):
        pass


def test_rows_of_the_ablation():
    counted = {}
    for method in ("lora", "lora_moe", "ilora"):
        model = peft.get_peft_model(tiny(), ilora.rows(method, r=4))
        model(IDS, labels=IDS).loss.backward()
        counted[method] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert counted["lora"] < counted["ilora"] < counted["lora_moe"]


class Thinker(torch.nn.Module):
    """The paths of Qwen2.5-Omni's thinker in transformers 5, one block each."""

    def __init__(self):
        super().__init__()
        names = [f"language_model.layers.0.self_attn.{p}_proj" for p in "qkvo"]
        names += [f"language_model.layers.0.mlp.{p}_proj" for p in ("gate", "up", "down")]
        names += [f"audio_tower.layers.0.self_attn.{p}_proj" for p in ("q", "k", "v", "out")]
        names += [f"visual.blocks.0.mlp.{p}_proj" for p in ("gate", "up", "down")] + ["visual.blocks.0.attn.qkv"]
        for name in ("model." + n for n in names):
            at = self
            *path, last = name.split(".")
            for part in path:
                if not hasattr(at, part):
                    at.add_module(part, torch.nn.Module())
                at = getattr(at, part)
            at.add_module(last, torch.nn.Linear(6, 6, bias=False))


@pytest.mark.parametrize(("scope", "count"), [("llm", 7), ("thinker", 13)])
def test_scope_and_the_published_names_of_the_towers(scope, count):
    model = peft.get_peft_model(Thinker(), ilora.ILoraConfig(r=2, scope=scope, init_weights=False))
    assert len(ilora.layers(model)) == count
    assert not any(n.endswith(("out_proj", "qkv")) for n in ilora.layers(model))
    published = ilora.to_official(model)
    starts = {k.split("layers")[0].split("blocks")[0] for k in published}
    towers = {"base_model.model.audio_tower.", "base_model.model.visual."} if scope == "thinker" else set()
    assert starts == {"base_model.model.model.", *towers}
    assert len(published) == count * 5
    again = ilora.from_official(Thinker(), published)
    for name, layer in ilora.layers(again).items():
        twin = ilora.layers(model)[name]
        assert torch.equal(layer.ilora_B["default"], twin.ilora_B["default"])


def test_refusals():
    with pytest.raises(RecipeError, match="hidden, low_rank"):
        ilora.ILoraConfig(router="input")
    with pytest.raises(RecipeError, match="llm, thinker"):
        ilora.ILoraConfig(scope="towers")
    with pytest.raises(RecipeError, match="shared_a"):
        ilora.ILoraConfig(shared_a=False, router="low_rank")
    with pytest.raises(RecipeError, match="r >= 1"):
        ilora.ILoraConfig(heads=0)
    with pytest.raises(RecipeError, match="linear layers"):
        peft.get_peft_model(tiny(), ilora.ILoraConfig(target_modules=["embed_tokens"]))
    with pytest.raises(RecipeError, match="ilora, lora, lora_moe"):
        ilora.rows("dora")
    state = ilora.to_official(fresh(init_weights=False))
    with pytest.raises(ModelError, match="one rank and one number of heads"):
        ilora.from_official(tiny(), {"model.embed_tokens.weight": torch.zeros(1)})
    with pytest.raises(ModelError, match=r"not in this model, first '.*layers\.1"):
        ilora.from_official(tiny(num_hidden_layers=1), state)
    del state[next(k for k in state if k.endswith("lora_route.weight"))]
    with pytest.raises(ModelError, match=r"lacks '.*lora_route"):
        ilora.from_official(tiny(), state)


@pytest.mark.parametrize(("scope", "millions"), [("llm", 682.35), ("thinker", 870.48)])
def test_full_size_counts_of_crab_plus(scope, millions):
    """The 7B thinker on the meta device; the second is the published `finetune_weights.bin`, 1.74 GB in bf16."""
    transformers = pytest.importorskip("transformers")
    config = transformers.Qwen2_5OmniThinkerConfig(vision_config={"hidden_size": 1280, "out_hidden_size": 3584})
    with torch.device("meta"):
        base = transformers.Qwen2_5OmniThinkerForConditionalGeneration(config)
        model = peft.get_peft_model(base, ilora.ILoraConfig(r=128, alpha=256, dropout=0.1, scope=scope))
    count = sum(p.numel() for n, p in model.named_parameters() if "ilora_" in n)
    assert count / 1e6 == pytest.approx(millions, abs=0.006)
    assert all(p.requires_grad == ("ilora_" in n) for n, p in model.named_parameters())


def test_the_trainer_of_transformers_trains_and_saves_it(tmp_path):
    transformers = pytest.importorskip("transformers")
    model = fresh(dropout=0.1)
    rows = [{"input_ids": IDS[i % 2], "labels": IDS[i % 2]} for i in range(8)]
    settings = transformers.TrainingArguments(
        *(str(tmp_path),),
        max_steps=3,
        per_device_train_batch_size=2,
        save_steps=3,
        learning_rate=1e-2,
        report_to=[],
        gradient_checkpointing=True,
        gradient_checkpointing_kwargs={"use_reentrant": False},
        disable_tqdm=True,
        use_cpu=True,
    )
    transformers.Trainer(model=model, args=settings, train_dataset=rows).train()
    with torch.no_grad():
        trained = model.eval()(IDS).logits
        base = tiny()
        base.load_state_dict(model.unload().state_dict())
        before = base(IDS).logits
        saved = peft.PeftModel.from_pretrained(base, tmp_path / "checkpoint-3").eval()
        torch.testing.assert_close(saved(IDS).logits, trained, rtol=1e-5, atol=1e-6)
    assert (trained - before).abs().max() > 1e-3, "three steps have changed something"
