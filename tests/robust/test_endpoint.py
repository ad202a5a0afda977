"""A model behind an address, played by a small server here: votes, resuming, cost, and what goes wrong."""

import json
import re
import threading
from http.server import ThreadingHTTPServer

import pytest

pytest.importorskip("httpx")

from lookhear.curate.robust.endpoint import Writer
from lookhear.errors import ModelError
from lookhear.types import Answer, Clip, Example
from tests.chat import Chat


class Model(Chat):
    """Writes the question with a word before it; two of three voters refuse the second way; then fails if told to."""

    def post(self, asked) -> None:
        state = self.server.state
        text = asked["messages"][0]["content"]
        state["calls"] += 1
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
    server.state = {"calls": 0, "votes": 0, "until": 10**6, "reply": ""}
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    yield server
    server.shutdown()
    server.server_close()


TEMPLATES = ["Is the <Object> louder than the <Object>?", "Where is the <LL> instrument?", "Is there a <Object> here?"]


def question() -> Example:
    meta = {"template": TEMPLATES[0], "templ_values": ("cello", "tuba"), "question_id": 1}
    return Example("1", "t", Clip(None, None), "Is the cello louder than the tuba", Answer("yes"), ("Audio",), meta)


def test_two_of_three_votes_keep_a_way(model, tmp_path):
    writer = Writer(model.url, "m", "", tmp_path / "ledger.jsonl", price=(1.0, 2.0))
    writer.prepare(TEMPLATES[:1])
    assert writer.ways(question()) == ["Now, Is the cello louder than the tuba"]
    assert writer.rejected == 1 and writer.spent == [400, 40]
    assert writer.cost == pytest.approx(480e-6)
    entry = json.loads((tmp_path / "ledger.jsonl").read_text())
    assert [way["votes"] for way in entry["ways"]] == [3, 1]
    assert entry["ways"][0]["text"] == "Now, Is the {A} louder than the {B}?"


def test_a_stopped_run_goes_on(model, tmp_path):
    model.state["until"] = 6  # one template is four calls; the second is cut off in the middle
    writer = Writer(model.url, "m", "", tmp_path / "ledger.jsonl")
    with pytest.raises(ModelError, match="Run again to go on"):
        writer.prepare(TEMPLATES)
    with (tmp_path / "ledger.jsonl").open("a") as file:
        file.write('{"template": "torn')
    model.state["until"] = 10**6
    model.state["calls"] = 0
    again = Writer(model.url, "m", "", tmp_path / "ledger.jsonl")
    again.prepare(TEMPLATES)
    assert model.state["calls"] == 8, "two templates were left"
    assert len((tmp_path / "ledger.jsonl").read_text().splitlines()) == 3 and again.spent == [1200, 120]
    with pytest.raises(ModelError, match="was written by 'm' with 25 ways each"):
        Writer(model.url, "other", "", tmp_path / "ledger.jsonl")


def test_a_model_that_does_not_do_as_asked(model, tmp_path):
    model.state["reply"] = "I would rather not."
    with pytest.raises(ModelError, match=r"but \'I would rather not\.\'"):
        Writer(model.url, "m", "", tmp_path / "ledger.jsonl").prepare(TEMPLATES)
    assert model.state["calls"] == 3


def test_nobody_there(tmp_path):
    writer = Writer("http://127.0.0.1:9/v1", "m", "", tmp_path / "ledger.jsonl")
    writer._client.pause = 0.0
    with pytest.raises(ModelError, match=r"m at http://127\.0\.0\.1:9/v1: no connection"):
        writer.prepare(TEMPLATES)
