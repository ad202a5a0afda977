"""Fetching: public addresses only, limits held, nothing left behind. The servers here are on the loopback."""

import http.server
import ipaddress
import socket
import threading
import time

import pytest

from lookhear.errors import MediaError
from lookhear.fetch import FetchOptions, fetch, is_public

HERE = ("127.0.0.0/8",)
BODY = b"sound and picture" * 1000


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind = self.path.partition("?")[0].strip("/")
        if kind == "loop":
            return self._send(302, b"", Location="/loop")
        if kind == "away":
            return self._send(302, b"", Location="http://169.254.169.254/latest/meta-data")
        if kind == "file":
            return self._send(302, b"", Location="file:///etc/passwd")
        if kind == "once":
            return self._send(307, b"", Location="/whole")
        if kind == "packed":
            return self._send(200, b"x", **{"Content-Encoding": "gzip"})
        if kind == "endless":
            self.send_response(200)
            self.end_headers()
            with pytest.raises(OSError):
                while True:
                    self.wfile.write(b"x" * 65536)
            return None
        if kind == "drip":
            self.send_response(200)
            self.end_headers()
            with pytest.raises(OSError):
                for _ in range(100):
                    self.wfile.write(b"x")
                    time.sleep(0.05)
                raise OSError
            return None
        if kind == "short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            return self.wfile.write(b"x")
        return self._send(404 if kind == "none" else 200, BODY)

    def _send(self, status, body, **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


@pytest.mark.parametrize("path", ["whole", "once", "whole?token=secret"])
def test_a_file_comes_whole(server, tmp_path, path):
    got = fetch(f"{server}/{path}", tmp_path, FetchOptions(allowed=HERE))
    assert got.read_bytes() == BODY and list(tmp_path.iterdir()) == [got]


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("loop", "redirects more than 3 times"),
        ("away", "not a public address"),
        ("file", "not an address that can be fetched"),
        ("packed", "compressed"),
        ("endless", "larger than"),
        ("drip", "took longer than"),
        ("short", "ended before|cannot be fetched"),
        ("none", "answered 404"),
    ],
)
def test_what_is_refused_leaves_nothing(server, tmp_path, path, says):
    began = time.monotonic()
    with pytest.raises(MediaError, match=says):
        fetch(f"{server}/{path}", tmp_path, FetchOptions(max_bytes=1_000_000, seconds=1, allowed=HERE))
    assert time.monotonic() - began < 3 and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost/x",
        "http://[::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://[64:ff9b::a00:1]/x",
        "http://2130706433/x",  # 127.0.0.1 as one number
        "http://0/x",
        "http://0x7f.1/x",
        "http://169.254.169.254/latest",
        "http://192.168.1.1/x",
        "http://100.64.0.1/x",
        "http://224.0.0.1/x",
        "http://user:word@8.8.8.8/x",
        "ftp://8.8.8.8/x",
        "file:///etc/passwd",
        "http:///x",
        "http://8.8.8.8:99999/x",
        "http://8.8.8.8/a b",
        "http://8.8.8.8/\r\nHost: x",
    ],
)
def test_private_and_strange_addresses_are_refused(tmp_path, url):
    with pytest.raises(MediaError):
        fetch(url, tmp_path, FetchOptions(seconds=5))
    assert not list(tmp_path.iterdir())


def test_a_name_is_resolved_once_and_all_its_addresses_count(monkeypatch, tmp_path):
    asked = []

    def resolver(host, port, **_):
        asked.append(host)
        return [(2, 1, 6, "", (ip, port)) for ip in ("8.8.8.8", "127.0.0.1")]

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    with pytest.raises(MediaError, match=r"127\.0\.0\.1, which is not a public"):
        fetch("http://two.example/x", tmp_path)
    assert asked == ["two.example"]


def test_public_is_what_is_on_the_internet():
    for text in ("8.8.8.8", "2606:4700:4700::1111", "64:ff9b::808:808"):
        assert is_public(ipaddress.ip_address(text))
    for text in ("2002:7f00:1::", "fe80::1", "fc00::1", "ff02::1", "0.0.0.0", "255.255.255.255", "::"):
        assert not is_public(ipaddress.ip_address(text)), text
