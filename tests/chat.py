"""A small OpenAI-compatible server: a test writes `post` and says what comes back."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler
from typing import Any


class Chat(BaseHTTPRequestHandler):
    """Reads what was asked and sends JSON back, without a word on the terminal."""

    def do_GET(self) -> None:
        self.get()

    def do_POST(self) -> None:
        self.post(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def get(self) -> None:
        """Answer a GET."""
        self.send({}, 404)

    def post(self, asked: dict[str, Any]) -> None:
        """Answer a POST of the JSON `asked`."""
        self.send({}, 404)

    def reply(self, text: str, **choice: Any) -> None:
        """Send `text` as what the model says."""
        said = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}, **choice}
        body = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [said]}
        self.send(body | {"usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}})

    def send(self, body: dict[str, Any], code: int = 200) -> None:
        """Send any JSON."""
        sent = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_: Any) -> None:
        pass
