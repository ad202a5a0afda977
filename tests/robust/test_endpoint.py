"""A model behind an address, played by a small server here: votes, resuming, cost, and what goes wrong."""

import json
import re
import threading
from http.server import ThreadingHTTPServer

import pytest

pytest.importorskip("httpx")

from lookhear.curate.robust import ways
from lookhear.curate.robust.endpoint import Panel
from lookhear.errors import ModelError
from lookhear.servers.client import Client
from lookhear.types import Answer, Clip, Example
from tests.chat import Chat


class Model(Chat):
    """Writes the question with a word before it; two of three voters refuse the second way; then fails if told to."""

    def post(self, asked) -> None:
        state = self.server.state
        text = asked["messages"][0]["content"]
        state["calls"] += 1
        state["asked"].append(asked["model"])
        if state["calls"] > state["until"]:
            self.send_response(400)
            self.end_headers()
            return
        question = re.search(r"Question: (.*)", text)[1]
        if "numbered rephrasings" in text:
            state["votes"] += 1
            ways = re.findall(r"^\d+\. ", text, re.M)
            reply = json.dumps([n != 1 or state["votes"] % 3 == 0 for n in range(len(ways))])
        else:
            written = [f"Now, {question}", f"Maybe, {question}", question, "Lost its slots?", f"Now, {question}"]
            reply = state["reply"] or "Here you are: " + json.dumps(written)
        self.reply(reply)


@pytest.fixture
def model():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.state = {"calls": 0, "votes": 0, "until": 10**6, "reply": "", "asked": []}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield server
    server.shutdown()
    server.server_close()


TEMPLATES = ["Is the <Object> louder than the <Object>?", "Where is the <LL> instrument?", "Is there a <Object> here?"]


def panel(model, path, names: str = "m", voters: str = "", **settings) -> Panel:
    writers, voting = ([Client(model.url, name) for name in some.split(",") if name] for some in (names, voters))
    return Panel(writers, path / "ledger.jsonl", voting, **settings)


def question() -> Example:
    meta = {"template": TEMPLATES[0], "templ_values": ("accordion", "ukulele"), "question_id": 1}
    return Example("1", "t", Clip(None, None), "Is the accordion louder", Answer("yes"), ("Audio",), meta)


def test_two_of_three_votes_keep_a_way(model, tmp_path):
    asked = panel(model, tmp_path, price=(1.0, 2.0))
    found = asked.ways(TEMPLATES[:1])
    assert [(way.text, way.votes, way.kept()) for way in found] == [
        ("Now, Is the {A} louder than the {B}?", (True, True, True), True),
        ("Maybe, Is the {A} louder than the {B}?", (False, False, True), False),
    ], "neither the question itself nor what lost its slots is a way"
    assert ways.filled(found[0].text, question()) == "Now, Is the accordion louder than the ukulele"
    assert asked.spent == [400, 40] and asked.cost == pytest.approx(480e-6)
    told = ways.agreement(found)
    assert (told["ways"], told["votes"], told["kept"], told["unanimous"]) == (2, 6, 50.0, 50.0)
    # four of six votes are yes: chance agreement 5/9; observed (1 + 1/3) / 2
    assert told["kappa"] == pytest.approx((2 / 3 - 5 / 9) / (4 / 9), abs=1e-4)


def test_several_writers_share_the_ways_and_others_vote(model, tmp_path):
    found = panel(model, tmp_path, "a,b", "c,d", count=3).ways(TEMPLATES[:1])
    assert model.state["asked"].count("a") == model.state["asked"].count("b") == 1
    assert model.state["asked"].count("c") == 2 and model.state["asked"].count("d") == 1, "three votes, in turn"
    assert [way.writer for way in found] == ["a", "a"], "b's one way is the first of a's"
    assert ways.by_writer(found) == {"a": {"written": 2, "kept": 1}}
    assert panel(model, tmp_path, "a,b", count=3).ways(TEMPLATES[:1], vote=False)[0].votes == ()


def test_a_stopped_run_goes_on(model, tmp_path):
    model.state["until"] = 6  # one template is four calls; the second is cut off in the middle
    with pytest.raises(ModelError, match="Run again to go on"):
        panel(model, tmp_path).ways(TEMPLATES)
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write('{"template": "torn')
    model.state["until"] = 10**6
    model.state["calls"] = 0
    again = panel(model, tmp_path)
    found = again.ways(TEMPLATES)
    assert model.state["calls"] == 6, "of twelve calls six were paid for before"
    assert len(found) == 6 and again.spent == [1200, 120]


def test_a_model_that_does_not_do_as_asked(model, tmp_path):
    model.state["reply"] = "I would rather not."
    with pytest.raises(ModelError, match=r"but \'I would rather not\.\'"):
        panel(model, tmp_path).ways(TEMPLATES)
    assert model.state["calls"] == 3


def test_nobody_there(tmp_path):
    nobody = Client("http://127.0.0.1:9/v1", "m")
    nobody.pause = 0.0
    with pytest.raises(ModelError, match=r"m at http://127\.0\.0\.1:9/v1: no connection"):
        Panel([nobody], tmp_path / "ledger.jsonl").ways(TEMPLATES)
