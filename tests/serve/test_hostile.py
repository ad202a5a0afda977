"""A live server against bombs, lying headers, huge frames, dripping uploads and addresses that are not public."""

import gzip
import io
import json
import socket
import struct
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from http.server import ThreadingHTTPServer

import av
import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from lookhear.media.write import write
from tests.serve.live import live
from tests.test_fetch import Handler

pytestmark = pytest.mark.slow
LONGEST = 60.0  # seconds in which every answer must be there, on a busy machine
QUESTION = "How many instruments are sounding in the video?"
MEMORY = 3_000_000_000  # bytes that the server and its workers may have together at any moment


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    options = ("--file-mb", "8", "--max-seconds", "600", "--remote", "--remote-network", "127.0.0.0/8")
    with live(tmp_path_factory.mktemp("hostile"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def elsewhere():
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def asked(server, data, name):
    kept = server.upload(data, name)
    assert kept.status_code == 201, (name, kept.text[:200])
    return httpx.post(f"{server.url}/ask", json={"clip": kept.json()["id"], "question": QUESTION}, timeout=LONGEST)


def told(response):
    return response.status_code, response.json()["error"]["code"]


def compressed_header(claimed):
    """An mp4 whose header is compressed and says that it is `claimed` bytes long."""
    packed = zlib.compress(bytes(50_000_000), 9)
    inner = struct.pack(">I4s4s", 12, b"dcom", b"zlib")
    inner += struct.pack(">I4sI", 12 + len(packed), b"cmvd", claimed) + packed
    cmov = struct.pack(">I4s", 8 + len(inner), b"cmov") + inner
    return struct.pack(">I4s4sI", 16, b"ftyp", b"qt  ", 0) + struct.pack(">I4s", 8 + len(cmov), b"moov") + cmov


def chunked(kind, data):
    return struct.pack(">I4s", len(data), kind) + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, text=b""):
    """A grey picture of one bit a pixel, with a compressed text beside it."""
    head = chunked(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    rows = zlib.compressobj(9)
    packed = b"".join(rows.compress(bytes(1 + (width + 7) // 8)) for _ in range(height)) + rows.flush()
    more = chunked(b"zTXt", b"Comment\0\0" + zlib.compress(text, 9)) if text else b""
    return b"\x89PNG\r\n\x1a\n" + head + more + chunked(b"IDAT", packed) + chunked(b"IEND", b"")


def film(size, times, kind="mp4", codec="libx264"):
    """Flat frames of `size` (width, height) at `times`, in milliseconds."""
    held = io.BytesIO()
    with av.open(held, "w", format=kind) as container:
        stream = container.add_stream(codec, rate=10)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1_000)
        for time_ms in times:
            frame = av.VideoFrame(*size, "yuvj420p" if codec == "mjpeg" else "yuv420p")
            for plane in frame.planes:
                plane.update(bytes([80]) * plane.buffer_size)
            frame.pts, frame.time_base = time_ms, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return held.getvalue()


def says_a_second(data):
    """A Matroska file whose header says that it lasts one second."""
    at = data.index(b"\x44\x89\x88")
    return data[: at + 3] + struct.pack(">d", 1_000.0) + data[at + 11 :]


class Memory:
    """The most that the server and its workers had together."""

    def __init__(self, server):
        self.server, self.most, self.over = server, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(0.1):
            total = 0
            for one in self.server.family():
                try:
                    total += one.memory_info().rss
                except psutil.Error:
                    continue
            self.most = max(self.most, total)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def test_what_unpacks_to_much_is_refused_within_memory(server, record_property):
    cases = {
        "header.mp4": compressed_header(50_000_000),
        "claimed.mp4": compressed_header(0xFFFFFFF0),
        "picture.png": png(16_384, 16_384),
        "text.png": png(64, 64, bytes(400_000_000)),
        "frame16k.mkv": film((16_384, 8_704), [0], "matroska", "mjpeg"),
    }
    with Memory(server) as memory:
        codes = {name: asked(server, data, name).status_code for name, data in cases.items()}
    record_property("memory", memory.most)
    assert codes == dict.fromkeys(cases, 422) | {"text.png": codes["text.png"]}  # its picture may be looked at
    assert codes["text.png"] in (200, 422) and memory.most < MEMORY


def test_ten_hours_are_refused_whatever_the_header_says(server):
    sparse = list(range(0, 36_000_001, 400_000))  # a frame every 400 s: longer pauses are not believed
    whole = film((64, 48), sparse, "matroska", "mpeg4")  # no frames out of order, which would be a longer pause
    for name, data in {"ten.mkv": whole, "ten.mp4": film((64, 48), sparse, "mp4", "mpeg4")}.items():
        assert told(asked(server, data, name)) == (422, "media_refused"), name
    lying = asked(server, says_a_second(whole), "second.mkv")
    assert lying.status_code == 422 or lying.json()["clip"]["seconds"] <= 600


def test_frames_that_grow_within_a_file(server):
    """A stream of 64 x 48 whose second half has frames of 36 million pixels."""
    data = film((64, 48), [0, 1_000], "mpegts") + film((8_192, 4_608), [2_000], "mpegts")
    began = time.monotonic()
    assert asked(server, data, "grows.ts").status_code in (200, 422)
    assert time.monotonic() - began < LONGEST


def test_packed_bodies_and_ten_thousand_questions(server, tmp_path):
    write(tmp_path / "a.mp4", np.zeros((8, 48, 64, 3), np.uint8), None, fps=4)
    id = server.upload((tmp_path / "a.mp4").read_bytes()).json()["id"]
    packed = gzip.compress(json.dumps({"clip": id, "question": QUESTION}).encode() + bytes(50_000_000))
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert httpx.post(f"{server.url}/ask", content=packed, headers=headers).status_code in (400, 415)
    many = {"clip": id, "questions": [f"{QUESTION} {i}" for i in range(10_000)]}
    assert told(httpx.post(f"{server.url}/ask", json=many)) == (400, "too_many_questions")
    part = {"type": "text", "text": "\n".join(many["questions"])}
    message = {"role": "user", "content": [{"type": "file", "file": {"file_id": id}}, part]}
    body = {"model": "stage", "messages": [message]}
    assert told(httpx.post(f"{server.url}/v1/chat/completions", json=body)) == (413, "too_large")


def test_addresses_that_are_not_public_and_those_that_lead_there(server, elsewhere):
    refused = [
        "http://10.0.0.1/x", "http://192.168.1.1/x", "http://169.254.169.254/latest", "http://[::1]/x",
        "http://[::ffff:10.0.0.1]/x", "http://0/x", "http://167772161/x", "http://u:p@127.0.0.1/x", "http://8.8.8.8:0/x",
        *(f"{elsewhere}/{path}" for path in ("away", "file", "loop", "packed", "endless", "short", "none")),
    ]  # fmt: skip
    for url in refused:
        got = httpx.post(f"{server.url}/files/remote", json={"url": url}, timeout=LONGEST)
        assert told(got) == (400, "not_fetched"), url
        part = {"type": "video_url", "video_url": {"url": url}}
        message = {"role": "user", "content": [part, {"type": "text", "text": QUESTION}]}
        got = httpx.post(f"{server.url}/v1/chat/completions", json={"messages": [message]}, timeout=LONGEST)
        assert told(got) == (400, "not_fetched"), url
    assert httpx.post(f"{server.url}/files/remote", json={"url": f"{elsewhere}/once"}).status_code == 201
    assert not list(server.data.glob("parts/*"))


def test_traversal_by_path_name_and_id(server):
    secret = server.data / "secret.txt"
    secret.write_text("nobody reads this")
    for path in (
        "/static/../../secret.txt", "/static/%2e%2e/%2e%2e/secret.txt", "/static/..%2f..%2fsecret.txt", "//etc/passwd",
        "/files/..%2fsecret.txt/content", "/files/%2e%2e/content", "/jobs/..%2f..%2fsecret.txt",
        "/results/0/media/..%2f..", "/static/%00", "/static/..\\secret.txt", "/v1/files/../../secret.txt/content",
    ):  # fmt: skip
        with socket.create_connection(("127.0.0.1", server.port), timeout=LONGEST) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
            got = b"".join(iter(lambda c=connection: c.recv(65_536), b""))
        assert got.split()[1] in (b"400", b"404", b"405") and b"nobody reads" not in got, path
    for name in ("../../secret.mp4", "/etc/passwd", "..\\..\\x.mp4", "a\0b.mp4", "\u202egpm.exe"):
        kept = server.upload(png(8, 8), name).json()
        assert not set("/\\\0\u202e") & set(kept["filename"]), kept["filename"]
    assert secret.read_text() == "nobody reads this"


def test_fifty_dripping_uploads_end_and_hold_nobody_up(server, tmp_path):
    head = b"POST /files?name=a.mp4 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"

    def drip(_):
        with socket.create_connection(("127.0.0.1", server.port), timeout=LONGEST) as connection:
            connection.sendall(head)
            connection.settimeout(0.5)
            began, got = time.monotonic(), b""
            while time.monotonic() - began < LONGEST:
                try:
                    connection.sendall(b"x")
                    got = connection.recv(1_000)
                    break
                except TimeoutError:
                    continue
                except OSError:
                    break
            return got, time.monotonic() - began

    write(tmp_path / "b.mp4", np.zeros((8, 48, 64, 3), np.uint8), None, fps=4)
    with ThreadPoolExecutor(50) as pool:
        dripping = [pool.submit(drip, number) for number in range(50)]
        time.sleep(2)
        assert asked(server, (tmp_path / "b.mp4").read_bytes(), "b.mp4").status_code == 200
        ended = [one.result() for one in dripping]
    assert all(seconds < LONGEST for _, seconds in ended)
    assert all(not got or got.split()[1] in (b"408", b"429") for got, _ in ended)
    assert not list(server.data.glob("parts/.*"))


def test_it_still_serves(server):
    held = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(held, "JPEG")
    assert asked(server, held.getvalue(), "last.jpg").status_code == 200
    assert not list(server.data.glob("parts/.*")) and not list(server.data.rglob("*.part*"))
