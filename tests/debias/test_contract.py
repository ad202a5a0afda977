"""What every debiasing wrapper promises of every net: it trains in the net's place and leaves it as it was."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from lookhear import catalog, config
from lookhear.debias._around import AUDIO, QUESTION, VISUAL
from lookhear.debias.ogm import owned
from lookhear.errors import RecipeError
from lookhear.store.batch import orders, wants
from tests.nets.test_contract import CLIP, OWN, SMALL, loss_of, make, say, serve

LABELS = torch.tensor([0, 3, 6, 3])


def refuses(wrapper, net):
    """Whether a wrapper has nothing to work on in a net."""
    watched, asked = orders(net.watch), orders(net.answer)
    hears, sees = (any(s in watched for s in streams) for streams in (AUDIO, VISUAL))
    if wrapper == "havf":
        return not {"frames", "patches"} & set(watched) or not set(QUESTION) & set(asked)
    if wrapper == "tm_avqa":
        return set(watched) != {"audio", "patches"} or "tokens" not in asked
    if wrapper == "ogm":
        return not (hears and sees and all(owned(net, side, ()) for side in ("audio", "visual")))
    return not (hears and sees) if wrapper == "opm" else wrapper == "coca" and not (hears or sees)


def around(wrapper, name, net):
    sizes = {k: v for k, v in (SMALL | OWN.get(name, {})).items() if k not in ("words", "inner")} | {"words": 16}
    sizes |= {"pixels": 32, "spectrogram": 32, "waveform": 800}
    torch.manual_seed(3)
    return config.build("debias", {"name": wrapper}, **sizes)(net)


@pytest.mark.parametrize("wrapper", catalog.names("debias"))
@pytest.mark.parametrize("name", list(catalog.names("nets")))
def test_any_net_trains_inside(name, wrapper, tmp_path):
    variant = "released" if "variant" in config.schema_of(catalog.find("nets", name)).__annotations__ else ""
    net, sizes = make(name, variant)
    if refuses(wrapper, net):
        with pytest.raises(RecipeError, match=r"requests|by name"):
            around(wrapper, name, net)
        return
    wrapped = around(wrapper, name, net)
    if wrapper == "tm_avqa":
        pytest.skip("reads ten seconds of 49 patches: tests/nets/test_reconstruction.py")
    stays = catalog.find("debias", wrapper).STAYS
    assert stays == wrapped.stays and (stays or wants(wrapped) == wants(net))
    watch, ask = serve(name, wrapped, sizes)
    adam = torch.optim.Adam(wrapped.parameters(), 1e-3)
    before = {k: v.clone() for k, v in net.state_dict().items()}
    losses = []
    for _ in range(2):
        adam.zero_grad()
        loss = loss_of(name, wrapped, sizes, say(wrapped.train(), watch, ask), LABELS)
        loss.backward()
        adam.step()
        losses.append(loss.item())
    assert all(torch.tensor(losses).isfinite())
    assert any(not torch.equal(v, before[k]) for k, v in net.state_dict().items())
    if stays:
        with torch.no_grad():
            assert say(wrapped.eval(), watch, ask).logits.shape == (len(CLIP), SMALL["answers"])
        return
    with torch.no_grad():
        inside, bare = say(wrapped.eval(), watch, ask).logits, say(net.eval(), watch, ask).logits
    assert torch.equal(inside, bare) and bare.shape == (len(CLIP), SMALL["answers"])
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    alone, _ = make(name, variant)
    alone.load_state_dict(load_file(tmp_path / "model.safetensors"))  # the wrapper is left behind
    with torch.no_grad():
        assert torch.equal(say(alone.eval(), watch, ask).logits, bare)
