"""A model behind an address, played by a small server here: what it is sent, what comes back, what goes wrong."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from lookhear import model as models
from lookhear.config import LLMRecipe
from lookhear.errors import LookhearError, ModelError, RecipeError
from lookhear.llms import LLM, Trainable, endpoint
from lookhear.media.probe import probe
from lookhear.train.learners import model_of
from lookhear.types import Example
from tests.chat import Chat, served
from tests.llms import small


class Server(Chat):
    """Repeats the last text it was sent, and keeps everything."""

    def post(self, asked) -> None:
        self.server.asked.append(asked)
        self.server.keys.append(self.headers.get("Authorization"))
        content = asked["messages"][0]["content"]
        if self.server.forgets and any(part.get("video_url") == {} for part in content):
            self.send({"error": {"message": "no such uuid"}}, 400)
            return
        if self.server.fails:
            self.send({"error": {"message": "too long"}}, 400)
            return
        text = f"From 1 to 2.5 s: {content[-1]['text'][:5]}"
        choice = {}
        if asked.get("logprobs"):
            tokens = [{"token": "a", "logprob": p, "top_logprobs": []} for p in (-0.5, -1.5)]
            choice["logprobs"] = {"content": tokens}
        self.reply(text, **choice)


@pytest.fixture
def server():
    pytest.importorskip("httpx")
    with served(Server, fails=False, forgets=False, keys=[]) as one:
        yield one


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
    llm = endpoint.load(server.url, dialect="transformers-serve", model="m9", logprobs="true")
    (reply,) = llm.answer(llm.watch([small.clip(6, seconds=2.0, height=48, width=64)]), [0], ["Who?"])
    assert reply.score == pytest.approx(-1.0) and server.asked[0]["model"] == "m9"
    content = server.asked[0]["messages"][0]["content"]
    assert kinds(content) == ["video_url", "text"], "its sound is in it"
    (tmp_path / "sent.mp4").write_bytes(decoded(content[0]["video_url"]["url"]))
    facts = probe(tmp_path / "sent.mp4")
    assert facts.duration == pytest.approx(2.0, abs=0.15) and facts.sound is not None


def test_what_is_not_there_is_not_sent_and_what_is_left_out_is_said(server):
    llm = endpoint.load(server.url, audio="none")
    seen = llm.watch([small.clip(2), small.clip(0), small.clip(2, sound=False)])
    assert [len(row.parts) for row in seen.rows] == [4, 0, 4]
    assert seen.notes == (("the sound was not sent (audio=none)",),) * 2 + ((),)
    assert kinds(endpoint.load(server.url).prepare(small.clip(0))["message"].parts) == ["input_audio"]


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
    (reply,) = llm.answer(llm.watch([small.clip(1)]), [0], ["?"])
    assert (reply.text, reply.ended, reply.why) == ("", "failed", "400 too long")
    assert isinstance(llm, LLM) and not isinstance(llm, Trainable)
    with pytest.raises(ModelError, match="cannot be trained from here"):
        model_of(LLMRecipe(llm={"name": "endpoint", "where": server.url}))
    for options, words in (
        ({"dialect": "slides"}, "'slides'"),
        ({"framse": "3"}, "Did you mean 'frames'"),
        ({"audio": "loud"}, "'loud'"),
        ({"workers": 0}, "must be positive"),
        ({"budget": "3"}, "needs price="),
        ({"price": "cheap"}, "is not two numbers"),
        ({"price": "nan/1"}, "0 or more"),
        ({"key_file": "/nowhere"}, "No key in '/nowhere'"),
    ):
        with pytest.raises(LookhearError, match=words):
            endpoint.load(server.url, **options)
    assert "no disk and no memory here" in llm.needs()


def test_fields_are_added_renamed_and_left_out(server):
    name = f"endpoint@{server.url},frames=1,dialect=vllm,extra.seed=7,extra.mm_processor_kwargs.fps=2,extra.stop=a.b"
    llm = models.load(
        f"{name},extra.list=[1,2],rename.max_tokens=max_new_tokens,drop=temperature+logprobs,logprobs=true"
    ).llm
    llm.answer(llm.watch([small.clip(1)]), [0], ["?"], 5)
    sent = {k: v for k, v in server.asked[0].items() if k not in ("messages", "model")}
    kwargs = {"use_audio_in_video": False, "fps": 2}
    assert sent == {"max_new_tokens": 5, "mm_processor_kwargs": kwargs, "seed": 7, "stop": "a.b", "list": [1, 2]}
    llm = models.load(f"endpoint@{server.url},max_completion_tokens=40,temperature=none").llm
    llm.answer(llm.watch([small.clip(1)]), [0], ["?"], 5)
    assert server.asked[1]["max_completion_tokens"] == 40
    assert not {"temperature", "max_tokens"} & set(server.asked[1])


def test_keys_come_from_a_program_or_a_file(server, tmp_path):
    (tmp_path / "key").write_text("sk-file\n")
    for llm, key in (
        (models.load(f"endpoint@{server.url},key_file={tmp_path / 'key'}").llm, "Bearer sk-file"),
        (models.load(f"endpoint@{server.url}", key="sk-late").llm, "Bearer sk-late"),
        (models.load(f"endpoint@{server.url}").llm, None),
    ):
        llm.answer(llm.watch([small.clip(1)]), [0], ["?"])
        assert server.keys[-1] == key and "sk-" not in repr(llm.config)
    for name in ("key=sk-secret", "model=m,key=sk-secret", "api_key=sk-secret,model="):
        with pytest.raises(RecipeError, match="printed and stored") as caught:
            models.load(f"endpoint@{server.url},{name}")
        assert "sk-secret" not in str(caught.value)


def test_replies_are_paid_for_once(server, tmp_path):
    file = tmp_path / "replies" / "m.jsonl"

    def ask(prompt="Who?", frames=2, **options):
        llm = endpoint.load(server.url, model="m", frames=frames, replies=str(file), **options)
        return llm.answer(llm.watch([small.clip(2)]), [0], [prompt])[0], llm

    first, _ = ask()
    again, llm = ask()
    assert repr(again) == repr(first) and len(server.asked) == 1  # their score is nan
    assert "1 more from" in llm.lines()[0] and llm.lines()[1] == "tokens: 100 read, 10 written"
    for changed in ({"prompt": "Where?"}, {"side": 16}, {"max_tokens": 9}, {"temperature": 1}, {"dialect": "sglang"}):
        ask(**changed)
    assert len(server.asked) == 6
    server.fails = True
    failed, llm = ask(prompt="When?")
    assert failed.ended == "failed" and llm.lines()[-1] == "no reply to 1: 400 too long"
    server.fails = False
    assert ask(prompt="When?")[0].ended == "finished" and ask(prompt="When?")[0].ended == "finished"
    assert len(server.asked) == 8, "what failed is asked again, once"


def test_a_dry_run_asks_nothing(server, tmp_path):
    def ask(prompts, **options):
        llm = endpoint.load(server.url, model="m", replies=str(tmp_path / "r"), price="1000/1000", **options)
        return llm.answer(llm.watch([small.clip(2)]), [0] * len(prompts), prompts), llm

    ask(["a"])
    replies, llm = ask(["a", "b", "c"], dry_run=True)
    assert len(server.asked) == 1 and {r.ended for r in replies} == {"failed"}
    first, second = llm.lines()
    assert first == "3 questions, 1 of them answered before: 2 to ask"
    assert "128 to write at most, about $" in second


def test_a_budget_is_kept_to(server, tmp_path):
    options = {"model": "m", "replies": str(tmp_path / "r"), "price": "1000/0", "budget": "1.0"}  # a reply costs $0.10
    spent = []
    for _ in range(2):
        llm = endpoint.load(server.url, **options, workers=4)
        replies = llm.answer(llm.watch([small.clip(0)]), [0] * 30, [str(n) for n in range(30)])
        spent.append(len(server.asked))
        assert "the budget of $1 is used up" in next(r.why for r in replies if r.ended == "failed")
    assert spent[0] <= 10 and spent[1] == spent[0], "what was paid before counts"


def test_what_was_paid_counts_before_anything_new_is_asked(server, tmp_path):
    """The last questions were paid first: the new ones before them may not spend their part of the budget."""
    options = {"model": "m", "replies": str(tmp_path / "r"), "price": "1000/0", "workers": 1}  # a reply costs $0.10
    prompts = [str(n) for n in range(30)]
    llm = endpoint.load(server.url, **options)
    llm.answer(llm.watch([small.clip(0)]), [0] * 8, prompts[-8:])
    llm = endpoint.load(server.url, budget="1.05", **options)
    replies = llm.answer(llm.watch([small.clip(0)]), [0] * 30, prompts)
    assert len(server.asked) == 10 and [r.ended for r in replies[-8:]] == ["finished"] * 8
    assert llm.client.limits.spent.dollars == pytest.approx(1.0)


def test_the_same_media_are_sent_once(server, tmp_path):
    llm = endpoint.load(server.url, dialect="vllm", once=True)
    seen = llm.watch([small.clip(3)])
    for prompt in ("a", "b"):
        llm.answer(seen, [0], [prompt])
    whole, named = (asked["messages"][0]["content"] for asked in server.asked)
    assert [sorted(part) for part in named[:2]] == [["type", "uuid", "video_url"], ["audio_url", "type", "uuid"]]
    assert [part["uuid"] for part in named[:2]] == [part["uuid"] for part in whole[:2]]
    assert named[0]["video_url"] == {} and named[1]["audio_url"] == {}
    server.forgets = True
    (reply,) = llm.answer(seen, [0], ["c"])
    assert reply.ended == "finished" and len(server.asked) == 4, "the server had let go of them"
