"""A live server under abuse: mutated media, mutated requests, bombs, claims, slow clients, wrong lengths."""

import io
import json
import random
import socket
import struct
import time
import wave
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from lookhear.media.write import write, write_wav
from tests.serve.live import live

MEDIA = 1_000
REQUESTS = 1_000
LONGEST = 60.0  # seconds in which every answer must be there, on a busy machine
KNOWN = {200, 201, 202, 400, 404, 405, 408, 413, 415, 422, 429, 431, 503, 504}
QUESTION = "How many instruments are sounding in the video?"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    options = ("--file-mb", "8", "--max-seconds", "600", "--max-megapixels", "8.3", "--workers", "1")
    with live(tmp_path_factory.mktemp("abused"), *options) as running:
        yield running


def ask(server, id, timeout=LONGEST):
    return httpx.post(f"{server.url}/ask", json={"clip": id, "question": QUESTION}, timeout=timeout)


def code(response):
    return response.status_code, response.json()["error"]["code"]


def seeds(folder):
    """Small whole files of many kinds."""
    frames = np.random.default_rng(0).integers(0, 255, (8, 48, 64, 3), np.uint8)
    tone = 0.3 * np.sin(np.arange(32_000) / 5).astype(np.float32)
    write(folder / "a.mp4", frames, tone, fps=4)
    write(folder / "b.mp4", frames, None, fps=4)
    write_wav(folder / "c.wav", tone)
    found = [path.read_bytes() for path in sorted(folder.glob("*.*"))]
    for kind in ("JPEG", "PNG", "GIF", "WEBP"):
        held = io.BytesIO()
        Image.fromarray(frames[0]).save(held, kind)
        found.append(held.getvalue())
    return found


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16, 64))):
        at = rng.randrange(max(1, len(data)))
        how = rng.randrange(6)
        if how == 0:
            data[at : at + 1] = bytes([rng.randrange(256)])
        elif how == 1:
            del data[at : at + rng.randrange(1, 200)]
        elif how == 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 50))
        elif how == 3:
            data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\0\0\0\1"))
        elif how == 4:
            data[at:] = b"" if rng.random() < 0.3 else data[at:]
        else:
            other = rng.randrange(max(1, len(data)))
            data[at : at + 64] = data[other : other + 64]
    return bytes(data)


def open_files(server):
    return psutil.Process(server.process.pid).num_fds()


@pytest.mark.slow
def test_mutated_media(server, tmp_path, record_property):
    whole = seeds(tmp_path)
    before = open_files(server)

    def one(number):
        rng = random.Random(number)
        began = time.monotonic()
        kept = server.upload(mutated(rng, rng.choice(whole)), f"{number}.mp4")
        if kept.status_code != 201:
            return kept.status_code, time.monotonic() - began
        told = ask(server, kept.json()["id"])
        return told.status_code, time.monotonic() - began

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(one, range(MEDIA)))
    counts = Counter(status for status, _ in done)
    record_property("statuses", dict(counts))
    assert set(counts) <= KNOWN and max(t for _, t in done) < LONGEST
    whole_and_well(server, before)


@pytest.mark.slow
def test_mutated_requests(server, tmp_path, record_property):
    id = server.upload(seeds(tmp_path)[0]).json()["id"]
    before = open_files(server)
    part = {"type": "file", "file": {"file_id": id}}
    message = {"role": "user", "content": [part, {"type": "text", "text": QUESTION}]}
    bodies = [
        ("/ask", {"clip": id, "questions": [QUESTION, "Who?"], "start": 0, "end": 1.5, "senses": True}),
        ("/watch", {"clip": id, "audio": "blank"}),
        ("/v1/chat/completions", {"model": "stage", "messages": [message], "stream": True, "max_tokens": 5}),
        ("/files/remote", {"url": "http://127.0.0.1:1/x"}),
    ]
    odd = (
        None,
        True,
        -1,
        1e308,
        10**30,
        "",
        "file-",
        "../../etc/passwd",
        "data:;base64,",
        "http://[::1]/",
        [],
        {},
        "\ud800",
        "\0",
    )

    def bent(rng, value):
        if rng.random() < 0.15:
            return rng.choice(odd)
        if isinstance(value, dict):
            return {(k if rng.random() > 0.05 else k + "x"): bent(rng, v) for k, v in value.items()}
        return [bent(rng, v) for v in value] if isinstance(value, list) else value

    def one(number):
        rng = random.Random(number)
        path, body = rng.choice(bodies)
        text = json.dumps(bent(rng, body)).encode()
        text = mutated(rng, text) if rng.random() < 0.3 else text
        headers = {"Content-Type": rng.choice(("application/json",) * 9 + ("text/plain",))}
        if rng.random() < 0.1:
            path = rng.choice(("/files/", "/jobs/", "/static/", "/results/", "/review/")) + rng.choice(
                ("..%2f..%2fetc%2fpasswd", "%00", "a" * 3000, "-1", "0", "%ff%fe", "file-x")
            )
        began = time.monotonic()
        method = rng.choice(("POST",) * 12 + ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"))
        told = httpx.request(method, server.url + path, content=text, headers=headers, timeout=LONGEST)
        return told.status_code, time.monotonic() - began

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(one, range(REQUESTS)))
    counts = Counter(status for status, _ in done)
    record_property("statuses", dict(counts))
    assert set(counts) <= KNOWN and max(t for _, t in done) < LONGEST
    whole_and_well(server, before)


def whole_and_well(server, before):
    """The server answers, nothing half-written is left, no file is leaked."""
    time.sleep(2)
    assert httpx.get(f"{server.url}/ready").status_code == 200
    assert not list(server.data.glob("parts/.*")) and not list(server.data.rglob("*.part*"))
    assert open_files(server) <= before + 8


def png(width, height):
    held = io.BytesIO()
    Image.new("1", (width, height)).save(held, "PNG")
    return held.getvalue()


def ten_hours():
    """A wav that says it has ten hours of sound and has a second of it."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8_000)
        file.writeframes(bytes(16_000))
    data = bytearray(held.getvalue())
    data[40:44] = struct.pack("<I", 36_000 * 16_000)
    return bytes(data)


def long_film(folder):
    """A whole film of twenty minutes, two frames long."""
    write(folder / "long.mp4", np.zeros((1_200, 16, 16, 3), np.uint8), None, fps=1)
    return (folder / "long.mp4").read_bytes()


def huge_frames(folder):
    write(folder / "huge.mp4", np.zeros((1, 2_304, 4_096, 3), np.uint8), None, fps=1)
    return (folder / "huge.mp4").read_bytes()


@pytest.mark.slow
def test_bombs_claims_and_playlists(server, tmp_path):
    began = time.monotonic()
    for name, data in {
        "bomb.png": png(20_000, 20_000),
        "frames.mp4": huge_frames(tmp_path),
        "long.mp4": long_film(tmp_path),
        "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/x.ts\n",
        "concat.txt": b"ffconcat version 1.0\nfile /etc/passwd\n",
        "dash.mpd": b'<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>/etc/</BaseURL></MPD>',
        "sdp.sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nm=audio 5004 RTP/AVP 0\n",
    }.items():
        assert code(ask(server, server.upload(data, name).json()["id"])) == (422, "media_refused"), name
    told = ask(server, server.upload(ten_hours(), "ten.wav").json()["id"])  # refused, or the second that is there
    assert told.status_code == 422 or told.json()["clip"]["seconds"] < 3
    assert time.monotonic() - began < 8 * LONGEST


def raw(server, data, wait):
    """(what came back, seconds until the server ended the connection)."""
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        connection.sendall(data)
        got = b""
        try:
            while piece := connection.recv(65_536):
                got += piece
        except ConnectionResetError:
            pass  # it was ended with our bytes unread
        except TimeoutError:
            return got, None
    return got, time.monotonic() - began


@pytest.mark.slow
def test_slow_and_lying_clients(server):
    post = b"POST /files?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    head = post + b"Content-Length: %s\r\n\r\n"
    cases = {
        "half a header": b"POST /files HTTP/1.1\r\nHost: 127",
        "nothing": b"",
        "half a body": head % b"1000" + b"x" * 10,
        "no number": head % b"many",
        "below zero": head % b"-5",
        "two lengths": post + b"Content-Length: 5\r\nContent-Length: 9\r\n\r\nhello",
        "too much said": head % b"999999999999",
        "smuggled": post + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "long header": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"x" * 200_000,
        "no http": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    }
    with ThreadPoolExecutor(len(cases)) as pool:
        done = dict(zip(cases, pool.map(lambda data: raw(server, data, LONGEST), cases.values()), strict=True))
    for name, (got, seconds) in done.items():
        assert seconds is not None, f"{name}: the connection was left open"
        assert not got or got.split()[1] in (b"400", b"408", b"413", b"431"), (name, got[:100])
    assert done["half a body"][0].split()[1] == b"408" and done["too much said"][0].split()[1] == b"413"
    assert not list(server.data.glob("parts/.*"))


@pytest.mark.slow
def test_a_body_that_breaks_off_is_not_kept(server):
    before = len(list(server.data.glob("blobs/*/*")))
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(b"POST /files HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf")
        time.sleep(0.5)
    time.sleep(1)
    assert len(list(server.data.glob("blobs/*/*"))) == before and not list(server.data.glob("parts/.*"))
