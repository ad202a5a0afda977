"""LAVISH, DG-SCT and AVMoE against their official code: adapters alone, towers, heads, losses."""

import json

import pytest
import torch
from safetensors.torch import save_file

from lookhear import checkpoints
from lookhear.layers import towers
from lookhear.layers.htsat import Sound, filters
from lookhear.layers.swin import Block, Sizes, SwinV2
from lookhear.nets import avmoe, dg_sct, lavish
from lookhear.nets.avmoe import adapter as avmoe_adapter
from lookhear.nets.avst.towers import translated
from lookhear.nets.dg_sct import adapter as dg_sct_adapter
from lookhear.nets.lavish import adapter as lavish_adapter
from lookhear.nets.lavish.adapter import Options
from tests.nets.official import Golden, gradients, leaves, trajectory, with_weights


def options_of(weights, relu=True):
    """The options that an adapter's tensors show."""
    down = next(v for k, v in weights.items() if k.endswith("down_sampler.weight"))
    dim = next(v for k, v in weights.items() if k.endswith("up_sampler.weight")).shape[0]
    tokens = next((len(v) for k, v in weights.items() if k.endswith("my_tokens")), 0)
    return Options(
        tokens=tokens,
        down=dim // down.shape[0],
        groups=dim // down.shape[1],
        gate=any(k.endswith("gate") for k in weights),
        norms=any("ln_before" in k for k in weights),
        batch_norm=any("bn1" in k for k in weights),
    )


def cases(file):
    golden = Golden("towers", file)
    return sorted({k.split("/")[0] for k in golden.tensors})


def built(file, weights, x, y):
    options, dim, other = options_of(weights), x.shape[-1], y.shape[-1]
    if file == "lavish_adapter":
        return lavish_adapter.Adapter(dim, options)
    sizes = (dim, x.shape[1], other, y.shape[1], options)
    if file == "dgsct_adapter":
        return dg_sct_adapter.Adapter(*sizes)
    experts = [
        len({k.split(".")[1] for k in weights if k.startswith(f"{n}modal_experts.")}) for n in ("multi", "single")
    ]
    return avmoe_adapter.Adapter(*sizes, *experts, any("self_attention" in k for k in weights))


@pytest.mark.parametrize("file", ["lavish_adapter", "dgsct_adapter", "avmoe_adapter"])
def test_adapters_golden(file):
    golden = Golden("towers", file)
    for case in cases(file):
        weights = {k: v.double() for k, v in golden.part(f"{case}/weights/").items() if "num_batches" not in k}
        given = {k: v.double() for k, v in golden.part(f"{case}/inputs/").items()}
        x, y = (given[n].clone().requires_grad_() for n in "xy")
        net = built(file, weights, x, y).double().eval()
        missing, strange = net.load_state_dict(weights, strict=False)
        assert not strange and all("num_batches" in n for n in missing), (case, missing, strange)
        state = leaves(weights)
        out = with_weights(net, state, lambda net: net(x, y))  # noqa: B023
        out, more = out if isinstance(out, tuple) else (out, None)
        score = (out * given["w"]).sum()
        if "v" in given and more is not None:
            score = score + (more * given["v"]).sum()
        golden.check(f"{case}/outputs/out", out)
        golden.check(f"{case}/outputs/score", score)
        for name in ("spatial", "gates"):
            if f"{case}/outputs/{name}" in golden:
                golden.check(f"{case}/outputs/{name}", more)
        theirs = golden.part(f"{case}/grads/")
        targets = {"x": x, "y": y} | {k: v for k, v in state.items() if v.requires_grad}
        names = [n for n in theirs if n in targets]
        found = torch.autograd.grad(score, [targets[n] for n in names], allow_unused=True)
        assert len(names) == len(theirs)
        for name, gradient in zip(names, found, strict=True):
            mine = torch.zeros_like(targets[name]) if gradient is None else gradient
            golden.check(f"{case}/grads/{name}", mine, relative=1e-4)
        if f"{case}/outputs/out_train" in golden:
            golden.check(f"{case}/outputs/out_train", net.train()(x, y))
            golden.check(f"{case}/after_train/bn1.running_var", net.bn1.running_var)


def test_latent_tokens_that_start_equal_stay_equal():
    """As released: nothing tells them apart, so they carry one vector, whatever their number."""
    torch.manual_seed(0)
    spread = {}
    for random in (False, True):
        net = lavish_adapter.Adapter(16, Options(tokens=4, down=4, random=random))
        with torch.no_grad():
            net.gate.fill_(0.5), net.gate_av.fill_(0.5)
        adam = torch.optim.Adam(net.parameters(), 1e-2)
        for _ in range(5):
            x, y = torch.randn(2, 3, 9, 16)
            adam.zero_grad()
            net(x, y).square().sum().backward()
            adam.step()
        spread[random] = float((net.my_tokens - net.my_tokens.mean(0)).abs().max())
    assert spread[False] < 1e-5 < 0.1 < spread[True]


def sound_of(golden):
    """The sizes of the small sound tower."""
    given, tower = json.loads(golden.meta["htsat"]), Sizes
    sizes = tower(
        image=given["htsat_spec_size"],
        window=given["htsat_window_size"],
        width=given["htsat_dim"],
        depths=given["htsat_depth"],
        heads=given["htsat_num_head"],
    )
    return Sound(
        int(golden.meta["sample_rate"]),
        given["window_size"],
        given["hop_size"],
        given["mel_bins"],
        given["fmin"],
        given["fmax"],
        sizes,
    )


MODULES = {"lavish": lavish, "dgsct": dg_sct, "avmoe": avmoe}


def official(file, golden):
    image = json.loads(golden.meta["swin"])["img_size"]
    module = MODULES[file]
    return module.from_official(
        golden.weights, image, **({} if file == "lavish" else {"sound": sound_of(golden), "repeat": 1})
    )


def asks(golden):
    """(watch, answer and losses of the golden inputs in double precision) -> (output, losses)."""
    kind = "audio" if "inputs/audio" in golden else "wave"
    sound, own, other = (golden[f"inputs/{n}"].double() for n in (kind, "visual_posi", "visual_nega"))

    def says(net):
        output = net.answer(net.watch(sound, own), golden["inputs/question"])
        return output, net.losses(output, golden["inputs/label"], other)

    return says


@pytest.mark.parametrize("file", list(MODULES))
def test_towers_golden(file):
    golden = Golden("towers", file)
    net = official(file, golden).double().eval()
    weights = {k: v.double() if v.is_floating_point() else v for k, v in golden.weights.items()}
    says = asks(golden)
    output, found = says(net)
    golden.checks({"logits": output.logits, "fc_a2": output.hidden["heard"], "fc_gl_posi": output.hidden["seen"]})
    golden.checks({"question_encoder": output.hidden["question"], "fc_fusion": output.hidden["fused"]})
    golden.checks({"loss_qa": found["answer"], "loss_match": found["match"] / 0.5, "loss_total": sum(found.values())})
    loss = lambda net: sum(says(net)[1].values())  # noqa: E731
    trained = {n for n, p in net.named_parameters() if p.requires_grad}
    frozen = tuple(k for k in weights if k.startswith(("swin.", "htsat.")) and k not in trained)
    _, gradient = gradients(net, weights, translated, loss, frozen=frozen)
    names = golden.part("grads/")
    assert names
    for name in names:
        golden.check(f"grads/{name}", gradient[name], relative=1e-3, absolute=1e-7)
    taken = trajectory(net, weights, translated, loss, frozen=frozen)
    golden.check("traj/losses", taken, relative=1e-5)


@pytest.mark.parametrize("file", ["dgsct", "avmoe"])
def test_frozen_tower_drifts_in_training_as_released_golden(file):
    golden = Golden("towers", file)
    net = official(file, golden).double().train()
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if isinstance(module, Block):
            module.path = 0.0
    net.masking, net.mixing = False, golden["inputs/mixup_lambda"]
    output, _ = asks(golden)(net)
    golden.check("outputs_train/logits", output.logits)
    golden.check("outputs_train/bn0_running_mean_after", net.htsat.bn0.running_mean)


def test_mel_filters_golden():
    golden = Golden("towers", "dgsct")
    golden.check("weights/htsat.logmel_extractor.melW", filters(sound_of(golden)), absolute=1e-7)


TINY = Sizes(image=32, window=4, width=16, depths=[2, 1], heads=[2, 2])


def tiny(module, **options):
    torch.manual_seed(0)
    known = {"tower": TINY, "latent": 2, "down": 4, "groups": 2, "answers": 5, "tokens": 9, "words": 4}
    if module is lavish:
        known["hidden"] = 16
    else:
        known["repeat"] = 1
        known["sound"] = Sound(8000, 128, 16, 8, 50.0, 3500.0, Sizes(32, 4, 4, 8, [2, 1], [2, 2]))
    return module.build(module.Config(**(known | options)))


def streams(module, clips=2):
    torch.manual_seed(1)
    sound = (
        {"spectrogram": torch.randn(clips, 3, 32, 32)} if module is lavish else {"waveform": torch.randn(clips, 3, 800)}
    )
    return {**sound, "pixels": torch.randint(0, 256, (clips, 3, 3, 32, 32), dtype=torch.uint8)}


@pytest.mark.parametrize("module", [lavish, dg_sct, avmoe], ids=lambda m: m.__name__.split(".")[-1])
def test_a_clip_is_watched_once_and_only_adapters_and_head_learn(module):
    net, given = tiny(module), streams(module)
    clip, tokens = torch.tensor([0, 1, 1, 0]), torch.randint(1, 9, (4, 4))
    memory = net.eval().watch(**given)
    output = net.answer({n: t[clip] for n, t in memory.items()}, tokens)
    assert output.logits.shape == (4, 5)
    alone = net.watch(**{n: t[1:] for n, t in given.items()})
    single = net.answer(alone, tokens[1:2]).logits
    assert torch.allclose(single, output.logits[1:2], atol=1e-4)
    net.train()
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], 1e-2)
    output = net.answer({n: t[clip] for n, t in net.watch(**given).items()}, tokens)
    sum(net.losses(output, torch.tensor([0, 1, 2, 3]), given["pixels"][clip.flip(0)]).values()).backward()
    adam.step()
    moved = {n for n, p in net.named_parameters() if not torch.equal(p, before[n])}
    assert moved and not any(n.startswith(("swin", "htsat")) and "norm" not in n for n in moved)


@pytest.mark.parametrize("module", [lavish, dg_sct, avmoe], ids=lambda m: m.__name__.split(".")[-1])
def test_the_match_takes_the_first_negative_of_each_clip(module):
    """Four questions about two clips: the loss of the two clips alone, and two negative clips pass the backbone."""
    net, given = tiny(module).eval(), streams(module)
    clip, tokens, labels = torch.tensor([1, 0, 1, 1]), torch.ones(4, 4, dtype=torch.long), torch.zeros(4).long()
    other, passed = torch.randint(0, 256, (4, 3, 3, 32, 32), dtype=torch.uint8), []
    net.swin.patch_embed.register_forward_hook(lambda module, given, out: passed.append(len(out)))
    memory = net.watch(**given)
    found = net.losses(net.answer({n: t[clip] for n, t in memory.items()}, tokens), labels, other)["match"]
    assert passed[-1] == 2 * 3
    single = net.answer(memory, tokens[:2])
    assert torch.allclose(found, net.losses(single, labels[:2], other[[1, 0]])["match"], atol=1e-6)
    assert not torch.allclose(found, net.losses(single, labels[:2], other[[1, 2]])["match"], atol=1e-6)


def test_checkpointing_gives_the_same_gradients():
    found = {}
    for checkpointing in (False, True):
        net = tiny(lavish, checkpointing=checkpointing, variant="paper").train()
        net.swin.eval()
        memory = net.watch(**streams(lavish))
        memory["seen"].square().sum().backward()
        found[checkpointing] = torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None])
    assert torch.allclose(found[True], found[False], atol=1e-5)


def test_what_is_read_from_a_file_is_not_saved_again(tmp_path):
    tower = SwinV2(TINY)
    newer = {}  # newer timm: the merge at the head of the next stage, a classifier, a prefix of nothing
    for name, tensor in tower.state_dict().items():
        newer[name.replace("layers.0.downsample", "layers.1.downsample")] = tensor
    newer["head.fc.weight"] = torch.zeros(3, 32)
    save_file(newer, tmp_path / "model.safetensors")
    net = tiny(lavish, swin=str(tmp_path), norms=True)
    assert torch.equal(net.swin.patch_embed.proj.weight, tower.patch_embed.proj.weight)
    state = net.state_dict()
    assert all("norm" in n for n in state if n.startswith("swin.")) and any(n.startswith("vis_adapter") for n in state)
    other = tiny(lavish, swin=str(tmp_path), norms=True)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1) if parameter.requires_grad else None
    other.load_state_dict(state)
    given = streams(lavish)
    with torch.no_grad():
        one, two = (n.eval().watch(**given)["heard"] for n in (net, other))
    assert torch.equal(one, two)


def test_swin_equals_the_one_of_transformers(tmp_path):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    settings = transformers.Swinv2Config(
        image_size=32, patch_size=4, embed_dim=16, depths=[2, 1], num_heads=[2, 2], window_size=4, drop_path_rate=0.0
    )
    theirs = transformers.Swinv2Model(settings).eval()
    for parameter in theirs.parameters():
        parameter.data.add_(0.05 * torch.randn_like(parameter))
    theirs.save_pretrained(tmp_path)
    ours = SwinV2(TINY).eval()
    checkpoints.load(ours, towers.published(str(tmp_path), ours), tmp_path)
    pictures = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(ours(pictures), theirs(pictures).last_hidden_state, atol=1e-4)


def test_the_cost_of_a_step_is_known_before_it():
    with torch.device("meta"):
        net = lavish.build(lavish.Config()).train()
        pixels, sound = torch.empty(2, 1, 3, 192, 192), torch.empty(2, 1, 192, 192)

    def step(net):
        memory = net.watch(sound, pixels)
        return memory["seen"].square().sum() + memory["heard"].sum()

    found = towers.cost(net, step)
    unused = 2_757_632  # parameters of the published network's head that it never uses
    assert found.trained == 21_098_476 - unused
    assert "parameters learn" in str(found) and found.operations > 1e11


@pytest.mark.slow
@pytest.mark.parametrize("file", list(MODULES))
def test_towers_golden_full(file):
    golden = Golden("towers", f"{file}_full")
    net = MODULES[file].from_official(golden.weights, **({} if file == "lavish" else {"repeat": 1})).eval()
    question = torch.zeros(2, 14, dtype=torch.long)
    question[0, :5] = torch.tensor([3, 17, 45, 8, 22])
    question[1, :10] = torch.tensor([5, 90, 12, 33, 4, 61, 7, 18, 2, 9])
    own, other = (2 * golden.drawn(n, (2, 1, 3, 192, 192)) for n in ("visual_posi", "visual_nega"))
    if file == "lavish":
        sound = golden.drawn("audio", (2, 1, 192, 192))
    else:
        sound = (0.3 * golden.drawn("wave", (2, 1, 32000))).repeat(1, 1, 10)
    with torch.no_grad():
        output = net.answer(net.watch(sound, own), question)
        found = net.losses(output, torch.tensor([5, 17]), other)
    allowed = {"relative": 1e-4}
    golden.checks({"logits": output.logits, "fc_a2": output.hidden["heard"], "fc_gl": output.hidden["seen"]}, **allowed)
    golden.check("outputs/loss_total", sum(found.values()), relative=1e-5)
