# ruff: noqa: E501 - a line for each situation
"""Every shape of answer that servers send becomes a reply, another attempt or a counted failure: never a traceback."""

import email.utils
import json
import random
import threading
import time

import pytest

pytest.importorskip("httpx")

from lookhear.errors import DependencyError, ModelError, RecipeError
from lookhear.servers import client as clients
from lookhear.servers.asker import Asker
from lookhear.servers.client import Client, retry_after
from lookhear.servers.completion import ALL, ALONE, ServerError, read
from lookhear.types import ENDINGS
from tests.chat import Chat, said, served, streamed


class Scripted(Chat):
    """Does what its script says, a step each request; after its end it answers well."""

    def post(self, asked) -> None:
        with self.server.lock:
            self.server.asked.append(asked)
            step = self.server.script.pop(0) if self.server.script else good
        step(self)


def good(chat):
    chat.reply("B")


def body(content, code=200, **headers):
    return lambda chat: chat.send(content, code, **headers)


def raw(content, code=200, kind="text/html", **more):
    return lambda chat: chat.raw(content, code, kind, **more)


def error(message, status, **fields):
    return body({"error": {"message": message, **fields}}, status)


PAGE = b"<html><head><title>Sign in to Hotel WiFi</title></head><body>...</body></html>"
LOGIN = (b"<!DOCTYPE html>" + PAGE, 511)
CALL = [{"id": "1", "type": "function", "function": {"name": "look", "arguments": "{}"}}]
HALF = json.dumps(said("B")).encode()[:70]


def finish(reason, content="B"):
    return body(said(content, finish_reason=reason))


SITUATIONS = {  # name: (what the server does, how it ends, text or words of why, requests)
    # answers
    "plain": ([good], "finished", "B", 1),
    "parts": ([body(said([{"type": "text", "text": "B"}, {"type": "text", "text": "."}]))], "finished", "B.", 1),
    "parts, other": ([body(said(["B", {"type": "image"}, {"type": "output_text", "text": {"value": "!"}}]))], "finished", "B!", 1),
    "a number": ([body(said(2))], "finished", "2", 1),
    "a mapping": ([body(said({"text": "B"}))], "finished", "B", 1),
    "with reasoning": ([body(said("B", message={"reasoning_content": "so B"}))], "finished", "B", 1),
    "spoken": ([body(said(None, message={"audio": {"transcript": "B", "data": ""}}))], "finished", "B", 1),
    "old completion": ([body({"choices": [{"text": "B", "finish_reason": "stop"}]})], "finished", "B", 1),
    "no finish_reason": ([finish(None)], "finished", "B", 1),
    "another finish_reason": ([finish("eos")], "finished", "B", 1),
    "an unknown finish_reason": ([finish("sleepy")], "finished", "B", 1),
    "usage missing": ([body(said("B", usage=None))], "finished", "B", 1),
    "usage null and more": ([body({**said("B"), "usage": None, "id": None, "choices": [None, *said("B")["choices"]]})], "finished", "B", 1),
    "a mark at the start": ([raw(b"\xef\xbb\xbf\n" + json.dumps(said("B")).encode())], "finished", "B", 1),
    "streamed": ([raw(streamed("B", ".", done=True), 200, "text/event-stream")], "finished", "B.", 1),
    "streamed without an end mark": ([raw(streamed("B", done=False))], "finished", "B", 1),
    "lone surrogates": ([body(said("B\ud800"))], "finished", "B?", 1),
    "a tool call and words": ([body(said("B", finish_reason="tool_calls", message={"tool_calls": CALL}))], "finished", "B", 1),
    # endings
    "cut": ([finish("length")], "cut", "B", 1),
    "cut, Gemini": ([finish("MAX_TOKENS", "")], "cut", "", 1),
    "filtered": ([finish("content_filter", None)], "filtered", "content_filter", 1),
    "filtered, Gemini": ([body({"choices": [], "prompt_feedback": {"block_reason": "SAFETY"}})], "filtered", "SAFETY", 1),
    "filtered, Azure": ([error("jailbreak", 400, code="content_filter")], "filtered", "jailbreak", 1),
    "refused": ([body(said(None, message={"refusal": "I cannot"}))], "refused", "I cannot", 1),
    "refused, parts": ([body(said([{"type": "refusal", "refusal": "I cannot"}]))], "refused", "I cannot", 1),
    "a tool call": ([body(said(None, finish_reason="tool_calls", message={"tool_calls": CALL}))], "empty", "look", 1),
    "null": ([body(said(None))], "empty", "", 1),
    "blanks": ([body(said(" \n"))], "empty", "", 1),
    "reasoning alone": ([body(said("", message={"reasoning": "so B"}))], "empty", "so B", 1),
    # another attempt, then an answer
    "a page with 200": ([raw(PAGE)], "finished", "B", 2),
    "a page with 502": ([raw(b"<h1>Bad gateway", 502)], "finished", "B", 2),
    "a proxy's page": ([raw(*LOGIN)], "finished", "B", 2),
    "nothing": ([raw(b"")], "finished", "B", 2),
    "half a JSON": ([raw(HALF, 200, "application/json")], "finished", "B", 2),
    "less than promised": ([raw(HALF, promised=5000)], "finished", "B", 2),
    "hangs up": ([lambda chat: chat.hang_up()], "finished", "B", 2),
    "no choices": ([body({"choices": []})], "finished", "B", 2),
    "choices null": ([body({"choices": None})], "finished", "B", 2),
    "a list": ([body([1, 2])], "finished", "B", 2),
    "a text": ([body("oops")], "finished", "B", 2),
    "deeper than deep": ([raw(b"[" * 100_000)], "finished", "B", 2),
    "digits": ([raw(b"9" * 5000)], "finished", "B", 2),
    "not what it says it is": ([raw(b"xyz", Content_Encoding="gzip")], "finished", "B", 2),
    "an error with 200": ([body({"error": {"message": "overloaded", "code": 529}})], "finished", "B", 2),
    "half a stream": ([raw(streamed("B", end=None, done=False))], "finished", "B", 2),
    "an error in a stream": ([raw(b'data: {"error": {"message": "oops"}}\n\n')], "finished", "B", 2),
    "aborted": ([finish("abort")], "finished", "B", 2),
    "500 twice": ([error("oops", 500)] * 2, "finished", "B", 3),
    "503": ([raw(b"", 503)], "finished", "B", 2),
    "429": ([error("slow down", 429)], "finished", "B", 2),
    "429 and when to come back": ([body({}, 429, Retry_After="0.01")], "finished", "B", 2),
    "late": ([lambda chat: chat.late(1.5)], "finished", "B", 2),
    # failures, quoted
    "too long": ([error("context length exceeded", 400, code="context_length_exceeded")], "failed", "400 context length", 1),
    "unprocessable": ([body({"detail": [{"msg": "bad part"}]}, 422)], "failed", "422 [{\"msg\": \"bad part\"}]", 1),
    "too large": ([raw(b"<title>Too Large</title>", 413)], "failed", "413 Too Large (Send less", 1),
    "an expired key": ([error("key sk-secret expired", 401)], "failed", "401 key [key] expired (Set LOOKHEAR", 1),
    "no money": ([error("quota", 429, code="insufficient_quota")], "failed", "429 quota", 1),
    "no such model": ([error("no model m", 404)], "failed", "404 no model m", 1),
    "moved": ([raw(b"", 302, Location="https://login")], "failed", "302 moved to https://login", 1),
    "come back tomorrow": ([body({}, 429, Retry_After="86400")], "failed", "asks to wait 86400 s", 1),
    "never well": ([raw(PAGE)] * 6, "failed", "a page in place of a reply: 'Sign in to Hotel WiFi' (6 attempts)", 6),
    "always 500": ([error("worker died", 500)] * 6, "failed", "500 worker died (6 attempts)", 6),
    "always late": ([lambda chat: chat.late(1.5)] * 3, "failed", "no reply within 1 s (2 attempts)", 2),
    # fields that have another name here
    "max_tokens": ([error("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", 400)], "finished", "B", 2),
    "temperature": ([error("Unsupported value: 'temperature' does not support 0.0", 400)], "finished", "B", 2),
}  # fmt: skip


@pytest.mark.parametrize("name", SITUATIONS)
def test_situations(name):
    script, ended, words, requests = SITUATIONS[name]
    with served(Scripted, script=list(script)) as server:
        asker = Asker(Client(server.url, "m", "sk-secret", timeout=1, pause=0.001))
        done = asker.ask({"messages": [], "max_tokens": 9, "temperature": 0})
        assert done.ended == ended and len(server.asked) == requests
        assert (done.text == words) if ended in ("finished", "cut") else (words in done.why)
        assert "\n" not in done.why and "sk-secret" not in done.why
        assert sum(asker.failed.values()) == (ended == "failed")
        if name == "max_tokens":
            assert server.asked[1] == {"model": "m", "messages": [], "max_completion_tokens": 9, "temperature": 0}
        if name == "temperature":
            assert server.asked[1] == {"model": "m", "messages": [], "max_tokens": 9}
        if name.startswith("usage"):
            assert (done.read, done.written) == (None, None)
        if ended != "failed":
            assert asker.ask({"messages": []}).text == "B", "what came before is of no weight"


def test_log_probabilities():
    def score(logprobs):
        return read(200, json.dumps(said("B", logprobs=logprobs)).encode()).score

    assert score({"content": [{"logprob": -1}, {"logprob": -2.0}]}) == -1.5
    assert score({"token_logprobs": [-1, -3]}) == -2
    for bad in (None, {}, {"content": None}, {"content": [{"logprob": None}]}, {"content": [{"logprob": -1e999}]}, [1]):
        assert score(bad) is None


def test_a_dead_server_costs_one_question_its_attempts():
    with served(Scripted, script=[]) as server:
        url = server.url
    asker = Asker(Client(url, "m", pause=0.001))
    began = time.monotonic()
    whys = [asker.ask({"messages": [n]}).why for n in range(200)]
    assert "no connection: " in whys[0] and "(6 attempts)" in whys[0]
    assert all(why.startswith("not asked: no connection") for why in whys[1:]) and time.monotonic() - began < 2
    assert sum(asker.failed.values()) == 200


def test_a_server_that_comes_back_is_asked_again(monkeypatch):
    monkeypatch.setattr(clients, "REST", 0.05)
    with served(Scripted, script=[error("gone", 401)]) as server:
        asker = Asker(Client(server.url, "m"))
        assert asker.ask({}).ended == "failed" and "not asked" in asker.ask({}).why
        time.sleep(0.1)
        assert asker.ask({}).text == "B" and len(server.asked) == 2


def test_nothing_but_failures_is_noticed():
    with served(Scripted, script=[error("bad", 403)] * 100) as server:
        asker = Asker(Client(server.url, "m"))
        for n in range(60):
            asker.ask({"n": n})
        assert len(server.asked) == clients.IN_A_ROW


def test_one_bad_question_costs_itself_alone():
    with served(Scripted, script=[good, error("bad", 400), good]) as server:
        asker = Asker(Client(server.url, "m"))
        assert [asker.ask({"n": n}).ended for n in range(3)] == ["finished", "failed", "finished"]


def test_who_is_stopped_does_not_wait():
    with served(Scripted, script=[error("oops", 500)] * 9) as server:
        client = Client(server.url, "m", pause=60)
        whys = []
        asking = threading.Thread(target=lambda: whys.append(Asker(client).ask({}).why))
        asking.start()
        while not server.asked:
            time.sleep(0.01)
        client.stop()
        asking.join(10)
        assert whys == ["stopped after 500 oops"] and len(server.asked) == 1


def test_a_reply_without_end_is_cut_off(monkeypatch):
    monkeypatch.setattr(clients, "LARGEST", 1000)
    with served(Scripted, script=[raw(b"x" * 5000)]) as server:
        assert "more than 0 MB" in Asker(Client(server.url, "m")).ask({}).why


def test_a_reply_that_drips_is_late():
    def drip(chat):
        chat.send_response(200)
        chat.end_headers()
        for _ in range(40):
            chat.wfile.write(b" ")
            chat.wfile.flush()
            chat.late(0.05)

    with served(Scripted, script=[drip, drip]) as server:
        assert "no whole reply within 0.5 s" in Asker(Client(server.url, "m", timeout=0.5, pause=0)).ask({}).why


def test_the_name_of_the_model():
    class Unnamed(Scripted):
        def get(self):
            self.server.script.pop(0)(self)

    two = body({"data": [{"id": "a"}, {"id": "b"}]})
    for script, name in (([two], "a"), ([raw(PAGE), error("x", 500), two], "a")):
        with served(Unnamed, script=script) as server:
            assert Client(server.url, pause=0).name() == name
    for script, words in (
        ([body({"data": []})], "has no model. Name one: model=NAME"),
        ([error("no", 404)], "404 no"),
        ([body({"object": 1})] * 9, "no choices"),
    ):
        with served(Unnamed, script=script) as server, pytest.raises(ModelError, match=words):
            Client(server.url, pause=0).name()


def test_times_to_wait():
    in_a_minute = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert retry_after({"retry-after": in_a_minute}) == pytest.approx(60, abs=2)
    told = {"5": 5, "0.5": 0.5, "-3": 0, "soon": None, "nan": None, "1e400": 1e9, "Wed, 21 Oct 2015 07:28:00 GMT": 0}
    for text, seconds in told.items():
        assert retry_after({"retry-after": text}) == seconds, text
    assert retry_after({"retry-after-ms": "250", "retry-after": "9"}) == 0.25 and retry_after({}) is None


@pytest.mark.parametrize(
    "url",
    [
        "localhost:8000",
        "ftp://a/v1",
        "",
        "http://",
        "http://me:secret@h/v1",
        "https://h/v1?api_key=secret",
        "https://h/v1?sig=secret",
    ],
)
def test_addresses_that_are_none_or_hold_a_secret(url):
    with pytest.raises(RecipeError) as caught:
        Client(url, "m")
    assert "secret" not in str(caught.value)


def test_a_key_is_never_shown():
    assert "sk-secret" not in repr(Client("http://h/v1", "m", "sk-secret"))


def test_what_an_address_may_hold():
    with served(Scripted, script=[]) as server:
        assert Client(server.url + "/?api-version=1", "m").complete({}).text == "B"
    with pytest.raises(ServerError) as caught:
        Client("http://127.0.0.1:1/v1", "m", pause=0).complete({})
    assert caught.value.kind == ALL
    assert read(200, b'{"choices": [{"text": "x"}]}').text == "x"
    with pytest.raises(ServerError) as caught:
        read(418, b"")
    assert caught.value.kind == ALONE


def test_without_its_library(monkeypatch):
    import builtins

    whole = builtins.__import__

    def without(name, *rest, **more):
        if name == "httpx":
            raise ImportError(name)
        return whole(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(DependencyError, match=r"lookhear\[api\]"):
        Client("http://h/v1")


def test_mutated_answers_raise_nothing_else():
    dice = random.Random(0)
    whole = [json.dumps(said("B", logprobs={"content": [{"logprob": -1}]})).encode(), streamed("B", "C"), PAGE]
    pieces = [b"null", b"[]", b"{}", b'"x"', b"-1e999", b"NaN", b"\xff", b"\x00", b"true", b"[" * 50, b"9" * 400]
    for n in range(3000):
        body = bytearray(dice.choice(whole))
        for _ in range(dice.randint(1, 6)):
            at = dice.randrange(len(body) + 1)
            body[at : at + dice.choice([0, 1, 5, 40])] = dice.choice(pieces)
        try:
            done = read(dice.choice([200, 200, 200, 400, 429, 500, 302, 99]), bytes(body), None)
        except ServerError as error:
            assert error.why and "\n" not in error.why and len(error.why) < 400, n
        else:
            json.dumps(vars(done), allow_nan=False)
            assert done.ended in ENDINGS and "\n" not in done.why


@pytest.mark.parametrize("piece", [b" ", b"\n", b"{", b"[", b"9", b"data: \n", b'{"choices": [', b"<", b"a"])
def test_a_megabyte_of_anything_is_read_at_once(piece):
    began = time.process_time()
    with pytest.raises(ServerError):
        read(200, piece * (1_000_000 // len(piece)))
    assert time.process_time() - began < 0.3
