"""A complete store is not served under an encoder whose weights have changed, and is not checked anew each time."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from lookhear.encoders._stage import WEIGHTS
from lookhear.errors import FeatureError
from lookhear.store.features import FeatureStore
from lookhear.store.fill import fill
from lookhear.store.names import build_encoder
from lookhear.types import Example


def test_other_weights_are_refused_and_the_same_are_not_loaded(clips, tmp_path):
    weights = tmp_path / "vision.safetensors"
    shutil.copyfile(WEIGHTS / "stage_vision.safetensors", weights)
    name, built = f"stage_vision@weights={weights}", []
    examples = [Example("0", "question_answering", clips["red"], "?")]

    def filled():
        built.clear()
        store = FeatureStore(tmp_path / "store")  # as another run opens it
        return fill(store, {"frames": name}, ["frames"], examples, lambda n: built.append(n) or build_encoder(n))

    assert filled().made == 1
    assert (filled().made, len(built)) == (0, 1), "seen once more: what lies on the disk gives these features"
    assert (filled().made, len(built)) == (0, 0), "and remembered"
    weights.touch()
    assert (filled().made, len(built)) == (0, 1), "a file that was written again is read again"
    tensors = load_file(weights)
    first = next(k for k, v in tensors.items() if v.is_floating_point())
    save_file(tensors | {first: torch.zeros_like(tensors[first])}, weights)
    with pytest.raises(FeatureError, match=r"were made with weights '[0-9a-f]{64}', this .* has '[0-9a-f]{64}'. Use"):
        filled()
    weights.unlink()
    assert filled().kept == 0, "without weights here there is nothing to compare with"
