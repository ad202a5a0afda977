"""The official client asks as docs/guides/serve.md shows it, of the server that the tests run."""

import re
import shutil
from functools import partial
from pathlib import Path

import pytest


def test_the_block_of_serve_md_runs(server, clip, tmp_path, monkeypatch):
    openai = pytest.importorskip("openai")
    page = (Path(__file__).parents[2] / "docs" / "guides" / "serve.md").read_text("utf-8")
    (block,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    shutil.copyfile(clip, tmp_path / "concert.mp4")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(openai, "OpenAI", partial(openai.OpenAI, http_client=server))
    names: dict = {}
    exec(block.replace("http://127.0.0.1:8000", "http://testserver"), names)
    assert names["reply"].choices[0].message.content
    assert names["reply"].model_extra["lookhear"]["evidence"]["seen"]
