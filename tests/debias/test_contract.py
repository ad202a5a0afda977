"""What every debiasing wrapper promises of every net: it trains in the net's place and leaves it as it was."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from lookhear import catalog, config
from lookhear.errors import RecipeError
from lookhear.store.batch import wants
from tests.nets.test_contract import CLIP, OWN, SMALL, loss_of, make, say, serve

LABELS = torch.tensor([0, 3, 6, 3])
BLIND = {"question_only"}  # nets whose watch orders nothing: there is nothing for coca to cut


def around(wrapper, name, net):
    sizes = {k: v for k, v in (SMALL | OWN.get(name, {})).items() if k != "words"} | {"words": 16}
    torch.manual_seed(3)
    return config.build("debias", {"name": wrapper}, **sizes)(net)


@pytest.mark.parametrize("wrapper", catalog.names("debias"))
@pytest.mark.parametrize("name", list(catalog.names("nets")))
def test_any_net_trains_inside(name, wrapper, tmp_path):
    variant = "released" if "variant" in config.schema_of(catalog.find("nets", name)).__annotations__ else ""
    net, sizes = make(name, variant)
    if wrapper == "coca" and name in BLIND:
        with pytest.raises(RecipeError, match="watch orders nothing"):
            around(wrapper, name, net)
        return
    wrapped = around(wrapper, name, net)
    assert wants(wrapped) == wants(net)
    watch, ask = serve(name, net, sizes)
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
    with torch.no_grad():
        inside, bare = say(wrapped.eval(), watch, ask).logits, say(net.eval(), watch, ask).logits
    assert torch.equal(inside, bare) and bare.shape == (len(CLIP), SMALL["answers"])
    save_file(net.state_dict(), tmp_path / "model.safetensors")
    alone, _ = make(name, variant)
    alone.load_state_dict(load_file(tmp_path / "model.safetensors"))  # the wrapper is left behind
    with torch.no_grad():
        assert torch.equal(say(alone.eval(), watch, ask).logits, bare)
