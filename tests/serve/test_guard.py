"""Who may ask: keys, hosts, origins, requests a minute. No workers are started."""

import pytest
from starlette.testclient import TestClient

from lookhear.serve.app import make_app
from lookhear.serve.settings import Limits, Settings

KEY = "k" * 24


@pytest.fixture
def client(tmp_path):
    def made(**settings):
        settings = {"hosts": ("testserver",), "keys": (KEY, "o" * 24), **settings}
        return TestClient(make_app(Settings(tmp_path, **settings)))  # no `with`: its life has not begun

    return made


def code(response):
    return response.status_code, response.json()["error"]["code"]


def test_a_key_is_asked_for_and_compared(client):
    server = client()
    assert code(server.get("/v1/models")) == (401, "invalid_api_key")
    assert code(server.get("/v1/models", headers={"Authorization": "Bearer wrong"})) == (401, "invalid_api_key")
    assert code(server.get("/v1/models", headers={"Authorization": f"Bearer {KEY}"})) == (503, "starting")
    assert server.get("/health").status_code == 200 and server.get("/").status_code == 200
    assert code(server.get("/metrics")) == (401, "invalid_api_key")


def test_a_browser_gets_a_cookie_that_scripts_cannot_read(client):
    server = client()
    assert code(server.post("/session", json={"key": "wrong"})) == (401, "invalid_api_key")
    cookie = server.post("/session", json={"key": KEY}).headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and KEY not in cookie
    assert code(server.get("/v1/models")) == (503, "starting")
    forged = cookie.partition(";")[0][:-4] + "0000"
    assert client().get("/v1/models", headers={"Cookie": forged}).status_code == 401


def test_pages_elsewhere_may_neither_post_nor_point_their_name_here(client):
    server = client(keys=())
    ours = {"Origin": "http://testserver"}
    assert code(server.post("/ask", json={}, headers={"Origin": "https://evil.example"})) == (403, "wrong_origin")
    assert code(server.post("/ask", json={}, headers=ours)) == (503, "starting")
    assert code(server.get("/v1/models", headers={"Host": "evil.example"})) == (421, "wrong_host")
    assert "access-control-allow-origin" not in server.get("/health", headers=ours).headers
    allowed = client(keys=(), origins=("https://good.example",)).get(
        "/health", headers={"Origin": "https://good.example"}
    )
    assert allowed.headers["access-control-allow-origin"] == "https://good.example"


def test_requests_a_minute_are_counted_for_each_client(client):
    server = client(limits=Limits(per_minute=3))
    mine, other = ({"Authorization": f"Bearer {key}"} for key in (KEY, "o" * 24))
    codes = [code(server.get("/v1/models", headers=mine))[0] for _ in range(5)]
    assert codes == [503, 503, 503, 429, 429]
    late = server.get("/v1/models", headers=mine)
    assert 1 <= int(late.headers["retry-after"]) <= 60
    assert code(server.get("/v1/models", headers=other)) == (503, "starting")
