"""A checkpoint that is damaged, foreign or not finite is refused in one line, and nothing is trained on it."""

import pytest
import torch
from safetensors import SafetensorError

from lookhear import checkpoints
from lookhear.errors import FileError, ModelError
from lookhear.train.files import restore, resuming


def written(run, state):
    path = run / "checkpoint" / "last.pt"
    path.parent.mkdir()
    torch.save(state, path) if not isinstance(state, bytes) else path.write_bytes(state)
    return path


HOSTILE = {
    "text": b"not a checkpoint",
    "empty": b"",
    "list": [1, 2],
    "nan": {"net": {"w": torch.tensor([1.0, float("nan")])}, "optimizer": {}},
    "infinite moment": {"optimizer": {"state": {0: {"exp_avg": torch.tensor([float("inf")])}}}},
    "no optimizer": {"net": {}},
    "optimizer is a number": {"optimizer": 3},
    "other groups": {"optimizer": {"state": {}, "param_groups": []}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_checkpoints_are_one_line(tmp_path, name):
    written(tmp_path, HOSTILE[name])
    adam = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2, 3))])
    with (
        pytest.raises(ModelError, match=r"damaged .* Delete it to train from the start") as error,
        resuming(tmp_path) as s,
    ):
        restore(adam, s["optimizer"])
    assert "\n" not in str(error.value)


def test_moments_of_another_shape_are_refused_and_right_ones_come_back(tmp_path):
    weights = [torch.nn.Parameter(torch.zeros(2, 3))]
    adam = torch.optim.Adam(weights)
    weights[0].grad = torch.ones(2, 3)
    adam.step()
    good = adam.state_dict()
    written(tmp_path, {"optimizer": good})
    again = torch.optim.Adam([torch.nn.Parameter(torch.zeros(2, 3))])
    with resuming(tmp_path) as state:
        restore(again, state["optimizer"])
    assert torch.equal(next(iter(again.state.values()))["exp_avg"], good["state"][0]["exp_avg"])
    with pytest.raises(ModelError, match="exp_avg has shape"), resuming(tmp_path) as state:
        restore(torch.optim.Adam([torch.nn.Parameter(torch.zeros(5))]), state["optimizer"])
    with resuming(tmp_path / "fresh") as state:
        assert state is None


def test_weights_on_a_full_disk_are_one_line(tmp_path, monkeypatch):
    """safetensors says what the system says, in an error of its own."""

    def full(tensors, path):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(FileError, match=r"Cannot write .*No space left on device") as caught:
        checkpoints.save({"weight": torch.zeros(2)}, tmp_path / "model.safetensors")
    assert "\n" not in str(caught.value) and list(tmp_path.iterdir()) == []
