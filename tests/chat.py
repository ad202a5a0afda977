"""A small OpenAI-compatible server on the loopback: a test writes `post` and says what comes back, or how it fails.

with served(Chat, replies=["yes"]) as server: Client(server.url) …        server.asked: what it was asked
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Chat(BaseHTTPRequestHandler):
    """Reads what was asked and sends JSON back, without a word on the terminal."""

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def get(self) -> None:
        """Answer a GET: there is one model, m1."""
        self.send({"object": "list", "data": [{"id": "m1", "object": "model", "created": 0, "owned_by": "us"}]})

    def post(self, asked: dict[str, Any]) -> None:
        """Answer a POST of the JSON `asked`."""
        self.send({}, 404)

    def reply(self, text: Any, **choice: Any) -> None:
        """Send `text` as what the model says."""
        self.send(said(text, **choice))

    def send(self, body: Any, code: int = 200, **headers: str) -> None:
        """Send any JSON."""
        self.raw(json.dumps(body).encode(), code, "application/json", **headers)

    def raw(
        self, body: bytes, code: int = 200, kind: str = "text/html", promised: int | None = None, **headers: str
    ) -> None:
        """Send bytes, of which `promised` are announced."""
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if promised is None else promised))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        """Close the connection without a word."""
        self.close_connection = True
        self.connection.close()

    def late(self, seconds: float) -> None:
        """Let them wait."""
        time.sleep(seconds)

    def log_message(self, *_: Any) -> None:
        pass


def said(content: Any, usage: Any = (100, 10), **choice: Any) -> dict[str, Any]:
    """A chat completion whose message has `content`; `usage` None leaves the tokens out."""
    message = {"role": "assistant", "content": content, **choice.pop("message", {})}
    body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m"}
    body["choices"] = [{"index": 0, "finish_reason": "stop", "message": message, **choice}]
    if usage is not None:
        read, written = usage
        body["usage"] = {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}
    return body


def streamed(*pieces: str, end: str | None = "stop", done: bool = True) -> bytes:
    """A reply as server-sent events."""
    chunks = [{"choices": [{"index": 0, "delta": {"content": piece}}]} for piece in pieces]
    chunks += [{"choices": [{"index": 0, "delta": {}, "finish_reason": end}]}] if end else []
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks] + ["data: [DONE]\n\n"] * done
    return b": keep-alive\n\n" + "".join(lines).encode()


@contextmanager
def served(handler: type[Chat], port: int = 0, **state: Any) -> Iterator[Any]:
    """A running server with `url` and whatever `state` its handler reads from `self.server`."""
    server = Server(("127.0.0.1", port), handler)
    vars(server).update({"asked": [], "lock": threading.Lock(), **state})
    server.url = f"http://127.0.0.1:{server.server_port}/v1"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class Server(ThreadingHTTPServer):
    """Many at once, and connections that break are no news."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        pass
