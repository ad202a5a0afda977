"""What every net on the shelf promises: it builds, answers, learns, is saved, and no question hears its neighbours."""

import inspect
from dataclasses import fields

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from lookhear import catalog, config
from lookhear.errors import ModelError, RecipeError

SECONDS, CLIP = 12, torch.tensor([0, 1, 1, 0])
SMALL = {"answers": 7, "audio": 8, "frames": 12, "patches": 16, "question": 16, "words": 16, "hidden": 32, "inner": 16}
SMALL |= {"prompt": 16, "tokens": 40, "vocabulary": 40}
TOWERS = ("lavish", "dg_sct", "avmoe")
TIME = {"fcnlstm": 300, "convlstm": 300}  # rows of a spectrogram that do not vanish in the published halvings
TIME |= dict.fromkeys(TOWERS, 3)
PATCHES = {"mccd": 16, "pstp_net": 30}  # how many a second has; 6 where a net does not mind
OWN = {
    "apl": {"inner": 32},
    "avsd": {"dropout": 0.0},
    "cign": {"heads": 4, "depth": 1},
    "convlstm": {"audio": 64, "filters": 2},
    "fcnlstm": {"audio": 64, "filters": 2},
    "hcrn": {"each": 5, "stretches": 5},
    "lavit": {"hidden": 24, "heads": 4},
    "avst": {"words": 5},
    "mccd": {"words": 14, "width": 16, "visual": 8, "layers": 2, "heads": 4},
    "pstp_net": {"top_m": 3},
    "sasr_net": {"steps": 2, "words": 5, "depth": 1},
}  # where a field of that name means something else
SMALL_TOWER = {"image": 32, "window": 4, "width": 16, "depths": [2, 1], "heads": [2, 2]}
SMALL_SOUND = {"rate": 8000, "fft": 128, "hop": 16, "bands": 8, "highest": 3500.0}
SMALL_SOUND |= {"tower": {"image": 32, "window": 4, "width": 8, "depths": [2, 1], "heads": [2, 2]}}
OWN |= {name: {"tower": SMALL_TOWER, "latent": 2, "down": 4, "groups": 2, "words": 4} for name in TOWERS}
for name in TOWERS[1:]:
    OWN[name] |= {"sound": SMALL_SOUND, "inner": [16, 8, 4], "repeat": 1}
MIXES = {("qa_tiger", "released"), ("pstp_net", "concat")}  # whose published code lets questions of a batch mix
MORE = {("pstp_net", "concat"): {}, ("avst", "baseline"): {"variant": "released", "form": "baseline"}}
READ = ("mcan", "hcattn", "hcrn", "hme", "psac", "lavit", "avsd")  # as word ids; these read word vectors as well
MORE |= {(name, "words"): {"variant": "released", "read": "words"} for name in READ}
MORE |= {(name, "sound"): {"variant": "released", "sound": True} for name in ("mcan", "hcattn", "hme", "psac")}
MORE |= {("hcrn", level): {"variant": "released", "sound": level} for level in ("middle-2crn", "late", "early")}
MORE |= {
    ("hme", "clip"): {"variant": "released", "start": "clip"},
    ("avsd", "shared"): {"variant": "released", "shared": True, "mask": True},
}


def forms():
    """(net, variant) of every file on the shelf, and further forms that published code has."""
    for name in catalog.names("nets"):
        module = catalog.find("nets", name)
        schema = config.schema_of(module)
        variants = ("released", "paper", "avqa") if "variant" in {f.name for f in fields(schema)} else ("",)
        yield from ((name, variant) for variant in variants if has(module, schema, variant))
    yield from MORE


def has(module, schema, variant):
    """Whether a net has a variant of that name."""
    if not variant:
        return True
    try:
        with torch.device("meta"):
            module.build(schema(variant=variant))
    except RecipeError:
        return False
    return True


@pytest.fixture(params=list(forms()), ids="-".join)
def form(request):
    return request.param


def make(name, variant):
    """A small one, and its settings."""
    module = catalog.find("nets", name)
    known = {f.name for f in fields(config.schema_of(module))}
    options = {k: v for k, v in (SMALL | OWN.get(name, {})).items() if k in known}
    form = ({"variant": variant} if variant else {}) | MORE.get((name, variant), {})
    torch.manual_seed(0)
    return config.build("nets", {"name": name, **options, **form}), options


def draw(name, stream, sizes, rows):
    """A stream by its name, one row per clip or question."""
    stream = stream.removesuffix("_negative")
    if stream == "tokens":
        tokens = torch.randint(1, sizes["tokens"], (rows, 6))
        tokens[1::2, 4:] = 0
        return tokens
    time = TIME.get(name, SECONDS)
    raw = {"pixels": (3, 32, 32), "spectrogram": (32, 32), "waveform": (800,)}
    if stream in raw:
        return torch.randn(rows, time, *raw[stream])
    shape = {"question": (), "prompt": (), "words": (5,), "patches": (time, PATCHES.get(name, 6))}
    return torch.randn(rows, *shape.get(stream, (time,)), sizes.get(stream, SMALL[stream]))


def orders(method):
    return [n for n in inspect.signature(method).parameters if n not in ("memory", "output", "labels")]


def serve(name, net, sizes):
    torch.manual_seed(1)
    watch = {s: draw(name, s, sizes, 2) for s in orders(net.watch)}
    ask = {s: draw(name, s, sizes, len(CLIP)) for s in orders(net.answer)}
    return watch, ask


def say(net, watch, ask, clip=CLIP):
    memory = {k: v[clip] for k, v in net.watch(**watch).items()}
    return net.answer(memory, **ask)


def loss_of(name, net, sizes, output, labels):
    torch.manual_seed(2)
    if not hasattr(net, "losses"):
        return F.cross_entropy(output.logits, labels)
    other = {s: draw(name, s, sizes, len(labels)) for s in orders(net.losses)}
    return sum(net.losses(output, labels, **other).values())


def test_answers_a_batch_and_says_when(form):
    net, sizes = make(*form)
    watch, ask = serve(form[0], net, sizes)
    with torch.no_grad():
        output = say(net.eval(), watch, ask)
    assert output.logits.shape == (4, 7) and output.logits.isfinite().all()
    for opinion in output.opinions.values():
        assert opinion.shape == (4, 7)
    for side, weight in output.attention.items():
        assert side in ("seen", "heard") and weight.shape == (4, TIME.get(form[0], SECONDS))
        assert (weight >= 0).all() and torch.allclose(weight.sum(1), torch.ones(4), atol=1e-4)


def test_an_answer_does_not_depend_on_its_neighbours(form):
    net, sizes = make(*form)
    watch, ask = serve(form[0], net, sizes)
    with torch.no_grad():
        together = say(net.eval(), watch, ask).logits
        alone = torch.cat(
            [say(net, watch, {k: v[i : i + 1] for k, v in ask.items()}, CLIP[i : i + 1]).logits for i in range(4)]
        )
        clip = int(CLIP[2])
        lone = {k: v[clip : clip + 1] for k, v in watch.items()}
        single = say(net, lone, {k: v[2:3] for k, v in ask.items()}, torch.tensor([0])).logits
    assert torch.allclose(single, alone[2:3], atol=1e-5)
    assert torch.allclose(together, alone, atol=1e-5) is (form not in MIXES)


def test_learns_is_saved_and_comes_back(form, tmp_path):
    net, sizes = make(*form)
    watch, ask = serve(form[0], net, sizes)
    labels = torch.tensor([0, 3, 6, 3])
    adam = torch.optim.Adam(net.parameters(), 1e-3)
    losses = []
    for _ in range(8):
        adam.zero_grad()
        loss = loss_of(form[0], net, sizes, say(net.train(), watch, ask), labels)
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert min(losses[4:]) < losses[0]
    with torch.no_grad():
        said = say(net.eval(), watch, ask).logits
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    other, _ = make(*form)
    other.load_state_dict(load_file(tmp_path / "model.safetensors"))
    with torch.no_grad():
        assert torch.equal(say(other.eval(), watch, ask).logits, said)


@pytest.mark.parametrize("name", list(catalog.names("nets")))
def test_builds_from_defaults(name):
    with torch.device("meta"):
        net = config.build("nets", {"name": name})
    assert sum(p.numel() for p in net.parameters()) > 0


def whole(form):
    """(net in evaluation, all its streams and the index of each question's clip)."""
    net, sizes = make(*form)
    watch, ask = serve(form[0], net.eval(), sizes)
    return net, {**watch, **ask, "clip": CLIP}


@torch.no_grad()
def test_a_net_is_called_like_any_module(form):
    net, streams = whole(form)
    watch, ask = ({n: streams[n] for n in names} for names in (net.watch_streams, net.answer_streams))
    hooked = []
    net.register_forward_hook(lambda *seen: hooked.append(seen[-1]))
    torch.testing.assert_close(net(**streams).logits, say(net, watch, ask).logits)
    assert len(hooked) == 1
    with pytest.raises(ModelError, match="takes the streams"):
        net(**{k: v for k, v in streams.items() if k != net.answer_streams[0]} if ask else {"video": CLIP})


def test_operations_are_counted(form):
    from torch.utils.flop_counter import FlopCounterMode

    net, streams = whole(form)
    net.requires_grad_(False)  # its module tracker hooks gradients, which views of leaves have not
    with FlopCounterMode(display=False) as counter:
        net(**streams)
    assert counter.get_total_flops() > 0


@pytest.mark.parametrize(
    "name", ["pooled_mlp", "gated", *(pytest.param(name, marks=pytest.mark.slow) for name in ("av_master", "mcan"))]
)
@torch.no_grad()
def test_it_compiles(name, request):
    if request.config.getoption("--shapes"):
        pytest.skip("torch.compile cannot trace the checker of annotations")
    net, streams = whole((name, "released" if name == "av_master" else ""))
    expected = net(**streams).logits
    compiled = torch.compile(net, backend="eager")
    torch.testing.assert_close(compiled(**streams).logits, expected)
    torch.compiler.reset()


@pytest.mark.parametrize("name", ["pooled_mlp", "gated"])
@torch.no_grad()
def test_a_plain_net_is_exported(name):
    net, streams = whole((name, ""))

    class Logits(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, **streams):
            return self.net(**streams).logits

    program = torch.export.export(Logits().eval(), (), streams)
    torch.testing.assert_close(program.module()(**streams), net(**streams).logits)
