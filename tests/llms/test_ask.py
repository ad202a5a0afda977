"""lookhear ask with language models: a folder, an address, masks, and what is said before anything is fetched."""

import json

import numpy as np
import pytest
from PIL import Image

from lookhear.cli import ask as command
from lookhear.llms import crab_plus
from lookhear.llms.omni.hub import Plan
from lookhear.model.llm import seconds
from tests.llms import small
from tests.llms.test_endpoint import Server, server  # noqa: F401
from tests.train import world

PLACED = "The drum is at [20,30,120,140], points [50,60], [70,80], [60,90], from 1 to 2 s."


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return world.film(tmp_path_factory.mktemp("film") / "film.mp4")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("llm") / "tiny"
    small.plus().save(path)
    return path


@pytest.fixture
def placing(server, monkeypatch):  # noqa: F811
    """A server that says where and when."""

    def post(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": PLACED}}
        self.send({"id": "1", "object": "chat.completion", "created": 0, "model": "m1", "choices": [choice]})

    monkeypatch.setattr(Server, "do_POST", post)
    return f"endpoint@{server.url},frames=2"


def test_a_folder_in_the_official_format_answers(folder, film, lookhear):
    ran = lookhear("ask", film, "Who plays?", "Where?", "--model", folder, "--json")
    assert ran.code == 0, ran.err
    first, second = (json.loads(line) for line in ran.out.splitlines())
    assert (first["question"], first["model"], second["question"]) == ("Who plays?", "tiny", "Where?")
    assert first["answer"] and first["evidence"]["seen"] == []


def test_a_run_folder_names_its_base(folder, film, lookhear, tmp_path):
    (tmp_path / "lookhear.json").write_text(json.dumps({"llm": "crab_plus", "base": str(folder)}))
    ran = lookhear("ask", film, "Who plays?", "--model", tmp_path)
    assert ran.code == 0 and "Who plays?" in ran.out, ran.err


def test_seconds_places_and_masks(placing, film, lookhear, tmp_path):
    from transformers import Sam2Model

    from lookhear.segmenters import sam2

    Sam2Model(sam2.small()).save_pretrained(tmp_path / "sam")
    out = tmp_path / "out"
    ran = lookhear(
        *("ask", film, "Where is the drum?"),
        *("--model", placing, "--segmenter", tmp_path / "sam", "--evidence", out),
    )
    assert ran.code == 0, ran.err
    assert "when   1 to 2 s" in ran.out and "9% to 54% from the left, 13% to 62% from the top, its mask" in ran.out
    names = sorted(p.name for p in out.iterdir())
    assert names == [f"1-where-is-the-drum{end}.png" for end in ("-mask", "-where", "")]
    assert set(np.unique(np.asarray(Image.open(out / names[0])))) <= {0, 255}
    ran = lookhear("ask", film, "Where?", "--model", placing, "--json")
    told = json.loads(ran.out)["evidence"]
    assert told["segments"][0]["start"] == 1 and len(told["regions"]) == 4


class Large:
    """What is needed, without a network."""

    def __init__(self, monkeypatch, download):
        from lookhear.model import names

        self.loaded = []
        monkeypatch.setattr(
            names, "plan", lambda _: Plan("crab_plus (there)", download, 24_000_000_000, 19_000_000_000)
        )
        monkeypatch.setattr(crab_plus, "load", lambda **_: self.loaded.append(1) or small.plus())


def test_a_download_is_told_and_needs_a_yes(film, lookhear, monkeypatch):
    large = Large(monkeypatch, 23_700_000_000)
    ran = lookhear("ask", film, "Who?", "--model", "crab_plus")
    told, error = ran.err.splitlines()
    assert told == "crab_plus (there): 23.7 GB to download, 24.0 GB on disk, 19.0 GB of memory"
    assert ran.code == 2 and "Add --yes" in error and not large.loaded
    ran = lookhear("ask", film, "Who?", "--model", "crab_plus", "--yes")
    assert ran.code == 0 and large.loaded == [1], ran.err


def test_what_is_here_is_told_and_loaded(film, lookhear, monkeypatch):
    large = Large(monkeypatch, 0)
    ran = lookhear("ask", film, "Who?", "--model", "crab_plus")
    assert ran.code == 0 and large.loaded == [1]
    assert ran.err.startswith("crab_plus (there): 24.0 GB on disk")


def test_what_is_nothing_is_one_line(film, folder, lookhear, tmp_path):
    for model, words in (
        ("crab_pluss", "No model called 'crab_pluss'"),
        (f"crab_plus@{tmp_path / 'gone'}", "No folder at"),
        (f"crab_plus@{folder},sond=whole", "Did you mean 'sound'"),
        (f"crab_plus@{folder},sound=", "not of the form key=value"),
    ):
        ran = lookhear("ask", film, "Who?", "--model", model)
        assert ran.code == 2 and ran.err.count("\n") == 1 and words in ran.err, ran.err


def test_a_reply_is_read_for_its_seconds():
    def found(text):
        return [(s.start, s.end) for s in seconds(text, "x", 10)]

    assert found("from 3 to 5 seconds, then 7.5-9 s") == [(3, 5), (7.5, 9)]
    assert found("<event>dog</event><range>0,4</range>") == [(0, 4)]
    assert found("It barks at 2.5 s.") == [(2.5, 2.5)]
    assert found("between 2 and 30 s, 5 to 3 s, two to three dogs, 3 to 4 dogs") == []


def test_lines_say_points_as_places():
    from lookhear.types import Region

    assert command._placed(Region("a", (0.25, 0.5, 0.25, 0.5))) == "25% from the left, 50% from the top"
