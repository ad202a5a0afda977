"""`lookhear serve` in front of a model behind an address that wants a key: from the environment, from a file, wrong."""

import httpx
import pytest

from tests.chat import Chat, served
from tests.serve.live import live

pytestmark = pytest.mark.slow
KEY = "far-" + "k" * 20
QUESTION = "Which instrument plays first?"


class Keyed(Chat):
    """Answers those who bring the key."""

    def post(self, asked):
        if self.headers.get("Authorization") != f"Bearer {KEY}":
            return self.send({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401)
        self.server.asked.append(asked)
        return self.reply("flute")


@pytest.mark.parametrize("way", ["environment", "file", "wrong"])
def test_a_keyed_model_is_asked_through_the_server(tmp_path, clip, monkeypatch, way):
    for name in ("LOOKHEAR_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with served(Keyed) as far:
        model = f"endpoint@{far.url},model=m1"
        if way == "file":
            (tmp_path / "key").write_text(f"{KEY}\n")
            model += f",key_file={tmp_path / 'key'}"
        else:
            monkeypatch.setenv("LOOKHEAR_API_KEY", KEY if way == "environment" else "another")
        with live(tmp_path / "data", "--model", model) as server:
            told = httpx.get(f"{server.url}/v1/models").json()["data"]
            assert [one["id"] for one in told] == ["stage", model]
            id = server.upload(clip.read_bytes()).json()["id"]
            body = {"clip": id, "question": QUESTION, "model": model}
            got = httpx.post(f"{server.url}/ask", json=body, timeout=120)
            command = " ".join(word for one in server.family() for word in one.cmdline())
            assert KEY not in command and KEY not in got.text
            if way == "wrong":
                assert got.status_code == 502 and got.json()["error"]["code"] == "no_reply"
                assert "key" in got.json()["error"]["message"].lower() and not far.asked
                return
            assert got.status_code == 200, got.text
            assert got.json()["answers"][0]["answer"] == "flute"
            parts = far.asked[0]["messages"][-1]["content"]
            assert len(parts) > 1 and QUESTION in str(parts)
