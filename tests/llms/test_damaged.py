"""A folder of model files with one of them damaged: one line that names the folder, whatever its reader raises."""

import json
import shutil

import pytest

from lookhear.errors import LookhearError
from lookhear.llms import crab_plus
from tests.llms.small import plus


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    plus().save(folder)
    return folder


def with_key(path, key, value):
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))


DAMAGE = {
    "header of weights": lambda f: (f / "model.safetensors").write_bytes(b"\xff\x1c\0\0\0\0\0\0{}"),
    "no weights": lambda f: (f / "model.safetensors").write_bytes(b""),
    "tokenizer's kinds": lambda f: with_key(f / "tokenizer.json", "normalizer", {"type": 3}),
    "tokenizer's class": lambda f: with_key(f / "tokenizer_config.json", "tokenizer_class", [1]),
    "a token that is a text": lambda f: with_key(f / "config.json", "audio_start_token_id", "x\u2028\x1b[2J"),
    "chunks that are a list": lambda f: with_key(f / "preprocessor_config.json", "chunk_length", [[]]),
    "config is a list": lambda f: (f / "config.json").write_text("[]"),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_one_line_names_the_folder(whole, tmp_path, what):
    folder = tmp_path / "folder"
    shutil.copytree(whole, folder)
    DAMAGE[what](folder)
    with pytest.raises(LookhearError) as caught:
        crab_plus.load(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value) and len(str(caught.value)) < 500
