"""The ledger: nothing lost when it is stopped anywhere, nothing made twice by two at once, nothing else overwritten."""

import json
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from lookhear.errors import DatasetError
from lookhear.ledger import FIRST, Ledger, key_of


def test_what_is_added_is_there_again(tmp_path):
    path = tmp_path / "new" / "replies.jsonl"
    odd = {"text": "a\u2028b\x85c\nd \ud800", "n": 1.5, "none": None}
    with Ledger(path) as ledger:
        assert len(ledger) == 0 and ledger.get("a") is None
        ledger.add("a", odd)
        assert ledger.once("a", lambda: pytest.fail("it is there")) == odd
    with Ledger(path) as ledger:
        assert ledger.get("a") == odd and list(ledger) == ["a"] and ledger.damaged == 0


def test_stopped_at_any_byte_it_goes_on(tmp_path):
    path = tmp_path / "l.jsonl"
    with Ledger(path) as ledger:
        for n in range(3):
            ledger.add(f"k{n}", {"text": "é" * n, "n": n})
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        with Ledger(path) as ledger:
            kept = len(ledger)
            assert kept == max(0, whole[:cut].count(b"\n") - 1)
            ledger.add("new", {"n": 9})
        with Ledger(path) as ledger:
            ended = whole[:cut].endswith(b"\n") or cut <= len(FIRST)
            inside = cut < len(whole) and whole[cut : cut + 1] == b"\n" and cut > len(FIRST)  # all of it but its end
            assert len(ledger) == kept + 1 + inside and ledger.damaged == (not ended and not inside)
            assert ledger.get("new") == {"n": 9}


def test_lines_that_cannot_be_read_are_counted(tmp_path):
    path = tmp_path / "l.jsonl"
    bad = [b"not json", b"[1]", b"{}", b'{"n": 1}', b"\xff\xfe", b"[" * 5000, b"\x00\x00", b"9" * 5000]
    path.write_bytes(FIRST + b"\n".join(bad) + b'\n\n{"key": "a", "n": 1}\n{"key": "a", "n": 2}\n')
    with Ledger(path) as ledger:
        assert ledger.damaged == len(bad) and ledger.get("a") == {"n": 2}


@pytest.mark.parametrize("content", [b"a film", b'{"lookhear": "other"}\n', b"\x00" * 100])
def test_another_file_is_left_alone(tmp_path, content):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="is not a ledger: it begins with"):
        Ledger(path)
    assert path.read_bytes() == content


def test_what_is_not_json_is_refused(tmp_path):
    with Ledger(tmp_path / "l.jsonl") as ledger:
        with pytest.raises(ValueError, match="JSON"):
            ledger.add("a", {"n": float("nan")})
        with pytest.raises(ZeroDivisionError):
            ledger.once("a", lambda: {"n": 1 / 0})
        assert ledger.once("a", lambda: {"n": 1}) == {"n": 1}, "what failed may be tried again"


def test_keys_are_of_content(tmp_path):
    (tmp_path / "a").write_bytes(b"xyz")
    assert key_of({"a": 1, "b": [2]}, b"xyz") == key_of({"b": [2], "a": 1}, tmp_path / "a")
    assert len({key_of("a"), key_of("b"), key_of(b"a"), key_of(["a"]), key_of("a", ""), key_of(1), key_of("1")}) == 7
    with pytest.raises(TypeError, match="no part of a key"):
        key_of(object())


def test_threads_make_a_value_once(tmp_path):
    made = []

    def make():
        made.append(1)
        time.sleep(0.05)
        return {"n": 1}

    with Ledger(tmp_path / "l.jsonl") as ledger, ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda _: ledger.once("a", make), range(16))) == [{"n": 1}] * 16
    assert len(made) == 1


def _share(path, mine, keys):
    def make(key):
        with mine.open("a") as file:
            file.write(key + "\n")
        time.sleep(0.01)
        return {"by": os.getpid()}

    with Ledger(path) as ledger, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: ledger.once(key, lambda: make(key)), keys))


def test_processes_share_the_work(tmp_path):
    fork = multiprocessing.get_context("fork")
    keys = [f"k{n}" for n in range(60)]
    runs = [fork.Process(target=_share, args=(tmp_path / "l", tmp_path / f"m{n}", keys)) for n in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(30)
        assert run.exitcode == 0
    made = [line for n in range(3) if (tmp_path / f"m{n}").exists() for line in (tmp_path / f"m{n}").open()]
    assert sorted(line.strip() for line in made) == sorted(keys), "each once"
    lines = (tmp_path / "l").read_bytes().split(b"\n")
    assert len(lines) == 62 and [json.loads(line) for line in lines[:-1]]


def _stay(path, ready):
    with Ledger(path) as ledger:
        ledger.once("a", lambda: (ready.set(), time.sleep(60)))


def test_a_dead_owner_frees_its_key(tmp_path):
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    owner = fork.Process(target=_stay, args=(tmp_path / "l", ready))
    owner.start()
    assert ready.wait(20)
    threading.Timer(0.3, lambda: os.kill(owner.pid, signal.SIGKILL)).start()
    began = time.monotonic()
    with Ledger(tmp_path / "l") as ledger:
        assert ledger.once("a", lambda: {"n": 2}) == {"n": 2}
    assert time.monotonic() - began > 0.2, "it waited for the owner as long as there was one"
    owner.join(10)
