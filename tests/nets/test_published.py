"""Published checkpoints of every net of the second round become nets that their own settings build again."""

import dataclasses
import json

import pytest
import torch

from lookhear import catalog, config
from lookhear.nets import avmoe, dg_sct
from tests.nets.official import Golden
from tests.nets.test_towers import sound_of

FILES = {name: ("baselines", name) for name in ("mcan", "hcrn", "hme", "psac", "lavit", "avsd", "fcnlstm", "convlstm")}
FILES |= {"hcattn": ("baselines", "hcattn_alternating"), "apl": ("nets_c", "apl"), "sasr_net": ("nets_c", "sasr_net")}
FILES |= {"cign": ("nets_c", "cign"), "lavish": ("towers", "lavish"), "dg_sct": ("towers", "dgsct")}
FILES |= {"avmoe": ("towers", "avmoe")}


@pytest.mark.parametrize("name", list(FILES))
def test_its_settings_build_it_again(name):
    golden = Golden(*FILES[name])
    module, options = catalog.find("nets", name), {}
    if name in ("lavish", "dg_sct", "avmoe"):
        options["image"] = json.loads(golden.meta["swin"])["img_size"]
    if module in (dg_sct, avmoe):
        options["sound"] = sound_of(golden)
    net = module.from_official({f"module.{k}": v for k, v in golden.weights.items()}, **options)
    again = config.build("nets", {"name": name, **dataclasses.asdict(net.config)})
    again.load_state_dict(net.state_dict())
    assert all(torch.equal(t, net.state_dict()[n]) for n, t in again.state_dict().items())
