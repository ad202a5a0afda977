"""Evaluations that are killed, doubled, cut off and out of money: nothing lost, nothing paid twice, equal bytes.

Each runs the command line in a process of its own, forked from this one: nothing needs to be imported again.
"""

import hashlib
import json
import multiprocessing
import os
import random
import sys
import time
from collections import Counter

import pytest

pytest.importorskip("httpx")

from lookhear.cli import main
from lookhear.evaluate import many  # noqa: F401 - imported once, for every process that is forked
from lookhear.llms import endpoint  # noqa: F401
from tests.chat import Chat, said, served, streamed
from tests.servers import world

PAGE = b"<html><title>Bad Gateway</title>"


def answer_to(asked) -> str:
    """A reply that depends on all that was sent; some are long, refused or odd."""
    seed = int(hashlib.sha256(json.dumps(asked["messages"]).encode()).hexdigest(), 16)
    return random.Random(seed).choice(
        ["Yes.", "no", "The answer is yes", "Perhaps\u2028not", "<think>no</think> yes", ""]
    )


class Moody(Chat):
    """Answers, or with the probability `moods` does anything else; `paid` counts answers by what was asked."""

    def post(self, asked) -> None:
        server = self.server
        key = hashlib.sha256(json.dumps(asked["messages"]).encode()).hexdigest()
        with server.lock:
            server.asked.append(key)
            bad = server.dice.random() < server.moods and server.dice.choice(MOODS)
            if not bad:
                server.paid[key] += 1
        time.sleep(server.takes)
        if bad:
            bad(self)
        elif server.dice.random() < 0.5:
            self.reply(answer_to(asked))
        else:
            self.raw(streamed(answer_to(asked)), 200, "text/event-stream")


MOODS = (
    lambda chat: chat.send({"error": {"message": "oops"}}, 500),
    lambda chat: chat.send({}, 429, Retry_After="0.01"),
    lambda chat: chat.send({}, 429),
    lambda chat: chat.raw(PAGE, 200),
    lambda chat: chat.raw(PAGE, 502),
    lambda chat: chat.raw(json.dumps(said("yes")).encode()[:60], 200),
    lambda chat: chat.raw(json.dumps(said("yes")).encode()[:60], 200, promised=400),
    lambda chat: chat.hang_up(),
    lambda chat: chat.send({"choices": []}),
    lambda chat: chat.send({"error": {"message": "overloaded", "code": 503}}),
    lambda chat: chat.raw(b'data: {"choices": [{"delta": {"content": "ye"}}]}\n\n', 200),
    lambda chat: chat.send(said("ye", finish_reason="abort")),
    lambda chat: chat.raw(b""),
    lambda chat: chat.send({"error": {"message": "this one is too long"}}, 400),
)


def moody(moods, port=0, takes=0.0):
    return served(Moody, port, paid=Counter(), moods=moods, dice=random.Random(1), takes=takes)


class Run:
    """`lookhear evaluate` under way in a process of its own."""

    def __init__(self, root, url, store, out, *more, options=""):
        model = f"endpoint@{url},model=m,frames=1,side=16,workers=8,pause=0.001,timeout=20{options}"
        words = ["evaluate", model, "--dataset", "tests.servers.world", "--root", root, "--store", store, "--out", out]
        self.told = [out.parent / f"{out.name}.{end}{time.monotonic_ns()}" for end in ("out", "err")]
        self.process = multiprocessing.get_context("fork").Process(target=self._main, args=([*words, *more],))
        self.process.start()

    def _main(self, words):
        for number, path in enumerate(self.told, 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        sys.argv = ["lookhear", *map(str, words)]
        os.environ["LOOKHEAR_API_KEY"] = "sk-secret"
        main()

    def end(self):
        """(exit code, what was printed, what was said on the side)."""
        self.process.join(300)
        return self.process.exitcode, *(path.read_text() for path in self.told)

    def kill(self):
        self.process.kill()
        self.process.join()


def content(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def undisturbed(tmp_path, clips, questions, options=""):
    """(port, what the run wrote, questions) of a run with a server that only answers."""
    root = world.make(tmp_path / "world", clips, questions)
    with moody(0) as server:
        code, _, err = Run(root, server.url, tmp_path / "s0", tmp_path / "whole", options=options).end()
        assert code == 0, err
        assert len(server.paid) == clips * questions and set(server.paid.values()) == {1}
        return root, server.server_port, content(tmp_path / "whole")


def disturbed(tmp_path, clips, questions, kills, moods=0.4):
    """(what the run wrote, how often questions were paid for twice, requests): killed so often, then run to its end."""
    root, port, whole = undisturbed(tmp_path, clips, questions)
    with moody(moods, port, takes=0.002) as server:
        for n in range(kills):
            run = Run(root, server.url, tmp_path / "s1", tmp_path / "out")
            until = (n + 1) * clips * questions // (kills + 1)
            while len(server.paid) < until and run.process.is_alive():
                time.sleep(0.005)
            assert run.process.is_alive(), run.end()
            run.kill()
        for _ in range(40):
            code, _, err = Run(root, server.url, tmp_path / "s1", tmp_path / "out").end()
            assert code in (0, 1) and "Traceback" not in err, err
            if code == 0:
                break
            assert "run again to ask them" in err
        assert code == 0, "in the end everything is answered"
        assert content(tmp_path / "out") == whole
        assert len(server.paid) == clips * questions
        twice = sum(count - 1 for count in server.paid.values())
        return twice, len(server.asked)


def test_killed_twice_it_ends_the_same(tmp_path):
    twice, _ = disturbed(tmp_path, 6, 25, kills=2)
    assert twice <= 2 * 8, "what was under way when it was killed, eight at a time, and nothing else"


@pytest.mark.slow
def test_two_thousand_questions_killed_five_times(tmp_path):
    twice, requests = disturbed(tmp_path, 20, 100, kills=5)
    assert twice <= 5 * 8, f"{twice} of 2,000 paid for twice in {requests} requests"


def test_two_at_once_share(tmp_path):
    root = world.make(tmp_path / "world", 6, 25)
    with moody(0, takes=0.02) as server:
        runs = [Run(root, server.url, tmp_path / "s", tmp_path / f"out{n}") for n in range(2)]
        told = [run.end() for run in runs]
        assert [code for code, *_ in told] == [0, 0], told
        assert len(server.asked) == 150 and set(server.paid.values()) == {1}
    assert content(tmp_path / "out0") == content(tmp_path / "out1")


def test_a_key_that_expires_and_a_server_that_goes(tmp_path):
    root, port, whole = undisturbed(tmp_path, 4, 10)

    class Expiring(Moody):
        def post(self, asked):
            if len(self.server.paid) >= 15:
                return self.send({"error": {"message": "key sk-secret has expired"}}, 401)
            return super().post(asked)

    def run():
        return Run(root, f"http://127.0.0.1:{port}/v1", tmp_path / "s", tmp_path / "out").end()

    with served(Expiring, port, paid=Counter(), moods=0, dice=random.Random(1), takes=0) as server:
        code, out, err = run()
        paid = len(server.paid)
    assert code == 1 and "401 key [key] has expired" in err and "run again to ask them" in err
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert len(report["card"]["no_reply"]) == 40 - paid
    code, _, err = run()  # nobody is there now: what was answered stays answered
    assert code == 1 and "no connection" in err
    assert json.loads((tmp_path / "out" / "report.json").read_text())["overall"] == report["overall"]
    with moody(0, port) as server:
        code, _, err = run()
        assert code == 0 and len(server.asked) == 40 - paid, err
    assert content(tmp_path / "out") == whole
    held = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert b"sk-secret" not in held + (out + err).encode()


def test_nobody_answers_at_all(tmp_path):
    root = world.make(tmp_path / "world", 2, 3)
    code, out, err = Run(root, "http://127.0.0.1:9/v1", tmp_path / "s", tmp_path / "out").end()
    assert code == 2 and not out and err.count("\n") == 1
    assert "None of the 6 questions was answered. The first: no connection" in err
    assert not (tmp_path / "out").exists(), "a report of nothing is not begun"


def test_a_dry_run_counts_and_asks_nothing(tmp_path):
    root = world.make(tmp_path / "world", 2, 3)
    with moody(0) as server:
        priced = ",price=2/8"
        code, out, err = Run(root, server.url, tmp_path / "s", tmp_path / "out", "--dry-run", options=priced).end()
        assert code == 0 and not server.asked and not (tmp_path / "out").exists(), err
        assert out.startswith("6 questions, 0 of them answered before: 6 to ask") and "at most, about $0.0" in out
        assert Run(root, server.url, tmp_path / "s", tmp_path / "out", options=priced).end()[0] == 0
        code, out, _ = Run(root, server.url, tmp_path / "s", tmp_path / "out", "--dry-run", options=priced).end()
        assert "6 of them answered before: 0 to ask" in out and len(server.asked) == 6
