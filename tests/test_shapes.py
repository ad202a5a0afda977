"""A false shape in an annotation is caught where shapes are checked."""

import importlib
import sys

import pytest
import torch
from jaxtyping import TypeCheckError

from tests import shapes

PLANTED = """
from __future__ import annotations
from jaxtyping import Float
from torch import Tensor, nn

class Net(nn.Module):
    def pooled(
        self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip time wide"]
    ) -> Float[Tensor, "{made}"]:
        return audio.mean(dim=1)

    def named(self, told: "NotDefinedAnywhere", audio: Float[Tensor, "clip time dim"] | None = None) -> int:
        return "words are for mypy"
"""


@pytest.fixture(params=["clip dim", "clip time"])
def net(request, tmp_path, monkeypatch):
    (tmp_path / "planted_net.py").write_text(PLANTED.format(made=request.param))
    monkeypatch.syspath_prepend(str(tmp_path))
    with shapes.check("planted_net"):
        yield request.param, importlib.import_module("planted_net").Net()
    del sys.modules["planted_net"]


def test_a_planted_false_shape_is_caught(net):
    made, built = net
    audio, frames = torch.zeros(2, 5, 3), torch.zeros(2, 5, 7)
    if made == "clip dim":
        assert built.pooled(audio, frames).shape == (2, 3)
    else:
        with pytest.raises(TypeCheckError, match="clip time"):
            built.pooled(audio, frames)
    with pytest.raises(TypeCheckError):
        built.pooled(audio, torch.zeros(2, 6, 7))
    assert built.named(object()) and built.named(None, audio)
    with pytest.raises(TypeCheckError):
        built.named(None, audio[0])
