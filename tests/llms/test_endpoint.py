"""A model behind an address, played by a small server here: what it is sent, what comes back, what goes wrong."""

import base64
import io
import threading
from http.server import ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image

from lookhear import model as models
from lookhear.errors import LookhearError, ModelError
from lookhear.llms import LLM, endpoint
from lookhear.media.probe import probe
from lookhear.types import Example
from tests.chat import Chat
from tests.llms import small


class Server(Chat):
    """Repeats the last text it was sent, and keeps everything."""

    def get(self) -> None:
        self.send({"object": "list", "data": [{"id": "m1", "object": "model", "created": 0, "owned_by": "us"}]})

    def post(self, asked) -> None:
        self.server.asked.append(asked)
        if self.server.fails:
            self.send({"error": {"message": "too long"}}, 400)
            return
        text = f"From 1 to 2.5 s: {asked['messages'][0]['content'][-1]['text'][:5]}"
        choice = {}
        if asked.get("logprobs"):
            tokens = [{"token": "a", "logprob": p, "top_logprobs": []} for p in (-0.5, -1.5)]
            choice["logprobs"] = {"content": tokens}
        self.reply(text, **choice)


@pytest.fixture
def server():
    pytest.importorskip("openai")
    one = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    one.asked, one.fails = [], False
    threading.Thread(target=one.serve_forever, daemon=True).start()
    one.url = f"http://127.0.0.1:{one.server_port}/v1"
    yield one
    one.shutdown()
    one.server_close()


def kinds(content):
    return [part["type"] for part in content]


def decoded(url):
    return base64.b64decode(url.split(",", 1)[1])


def test_frames_and_sound_are_sent_before_the_question(server):
    llm = endpoint.load(server.url, frames="3", side="32")
    assert isinstance(llm, LLM) and llm.sampling.count == 3
    media = small.clip(3, seconds=1.5)
    first, second = llm.answer(llm.watch([media]), [0, 0], ["Who plays?", "Where?"], 9)
    assert (first.text, second.text) == ("From 1 to 2.5 s: Who p", "From 1 to 2.5 s: Where")
    assert np.isnan(first.score)
    asked = server.asked[0]
    assert (asked["model"], asked["temperature"], asked["max_tokens"]) == ("m1", 0, 9)
    content = asked["messages"][0]["content"]
    assert kinds(content) == ["text", "image_url"] * 3 + ["input_audio", "text"]
    assert content[2]["text"] == "At 0.5 s:"
    assert Image.open(io.BytesIO(decoded(content[1]["image_url"]["url"]))).size == (32, 23)
    assert base64.b64decode(content[6]["input_audio"]["data"])[:4] == b"RIFF"


def test_a_video_goes_as_one_file_as_long_as_the_clip(server, tmp_path):
    llm = endpoint.load(server.url, show="video", audio="both", model="m9", logprobs="true")
    (reply,) = llm.answer(llm.watch([small.clip(6, seconds=2.0, height=48, width=64)]), [0], ["Who?"])
    assert reply.score == pytest.approx(-1.0) and server.asked[0]["model"] == "m9"
    content = server.asked[0]["messages"][0]["content"]
    assert kinds(content) == ["video_url", "input_audio", "text"]
    (tmp_path / "sent.mp4").write_bytes(decoded(content[0]["video_url"]["url"]))
    facts = probe(tmp_path / "sent.mp4")
    assert facts.duration == pytest.approx(2.0, abs=0.15) and facts.sound is not None
    one = endpoint.load(server.url, show="video").prepare(small.clip(6))["parts"]
    assert kinds(one) == ["video_url"], "its sound is in it"


def test_what_is_not_there_is_not_sent_and_what_is_left_out_is_said(server):
    llm = endpoint.load(server.url, audio="none")
    seen = llm.watch([small.clip(2), small.clip(0), small.clip(2, sound=False)])
    assert [len(row) for row in seen.rows] == [4, 0, 4]
    assert seen.notes == (("the sound was not sent (audio=none)",),) * 2 + ((),)
    assert kinds(endpoint.load(server.url).prepare(small.clip(0))["parts"]) == ["input_audio"]


def test_it_goes_through_the_waist(server, tmp_path):
    from tests.train import world

    model = models.load(f"endpoint@{server.url},frames=2")
    film = world.film(tmp_path / "film.mp4")
    (answer,) = model.ask(film, "Who plays?")
    assert answer.raw.startswith("From 1 to 2.5 s") and answer.scores == {}
    assert [(s.start, s.end) for s in answer.segments] == [(1.0, 2.5)]
    clip = models.clip_of(film)
    captioned = model.answer(model.watch([clip]), [Example("1", "captioning", clip, "")])
    assert captioned[0].text


def test_what_goes_wrong_is_one_line(server):
    llm = endpoint.load(server.url)
    server.fails = True
    with pytest.raises(ModelError, match=r"m1 at http://127.*too long") as caught:
        llm.answer(llm.watch([small.clip(1)]), [0], ["?"])
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelError, match="cannot be trained from here"):
        llm.loss([], [])
    for options, words in (({"show": "slides"}, "'slides'"), ({"framse": "3"}, "Did you mean 'frames'")):
        with pytest.raises(LookhearError, match=words):
            endpoint.load(server.url, **options)
    assert "no disk and no memory here" in llm.needs()
