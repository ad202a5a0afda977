"""AST's front end equals the official one and transformers' own; a folder on disk becomes an encoder."""

import numpy as np
import pytest
import torch

from lookhear import config
from lookhear.encoders import ast
from lookhear.errors import ModelError, RecipeError
from lookhear.types import Media
from tests.encoders.goldens import error, golden


def test_the_front_end_equals_the_original():
    g, _ = golden("audio_frontends")
    ours = ast.front_end(g["wav16k"][None])[0]
    assert ours.shape == (1024, 128)
    assert error(ours[:600], g["ast.input_first600"]) < 1e-4


def test_the_front_end_equals_that_of_transformers():
    from transformers import ASTFeatureExtractor

    wave = np.random.default_rng(0).normal(0, 0.1, 48_000).astype(np.float32)
    theirs = ASTFeatureExtractor()(wave, sampling_rate=16_000, return_tensors="pt").input_values[0]
    assert error(ast.front_end(torch.from_numpy(wave)[None])[0], theirs) < 1e-3


def test_a_folder_on_disk_becomes_an_encoder(tmp_path):
    from transformers import ASTConfig, ASTModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    ASTModel(ASTConfig(**sizes, max_length=128)).save_pretrained(tmp_path)
    built = config.build("encoders", {"name": "ast", "weights": str(tmp_path), "seconds": 1.0})
    wave = np.random.default_rng(0).normal(0, 0.1, 40_000).astype(np.float32)
    (out,) = built([Media(None, np.zeros(0), wave, 16_000, 2.5)])
    assert built.streams == {"audio": 16}
    assert out["audio"].shape == (3, 16)
    assert torch.allclose(built([Media(None, np.zeros(0), wave[:16_000], 16_000, 1.0)])[0]["audio"][0], out["audio"][0])
    with pytest.raises(RecipeError, match=r"seconds=0\.0"):
        ast.build(ast.Config(seconds=0.0))
    with pytest.raises(ModelError, match="No AST at"):
        ast.build(ast.Config(str(tmp_path / "missing")))
