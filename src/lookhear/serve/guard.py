"""The guard before every route: host, origin, key and rate checks, and security headers.

host name ─ origin ─ key ─ requests a minute ─ concurrent requests ─▶ route ─▶ headers, counters, log line
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lookhear.serve.metrics import Metrics
from lookhear.serve.refusals import Refusal
from lookhear.serve.settings import LOOPBACK, Settings

OPEN = ("/", "/health", "/ready", "/session", "/favicon.ico")  # paths that need no key
OPEN_UNDER = ("/static/",)
SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE")
COOKIE = "lookhear_session"
CLIENTS = 10_000  # number of clients whose recent requests are remembered
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
LOOSE = POLICY.replace(
    "default-src 'self'", "default-src 'self' 'unsafe-inline'"
)  # the API page contains an inline script
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=()",
}


class Keys:
    """API keys, compared in constant time. A session cookie is derived from a key and a secret of this data folder."""

    def __init__(self, keys: tuple[str, ...]):
        self.owners = {self._hash(key): self._hash(key)[:16] for key in keys}
        self.secret = self._hash("session" + "".join(sorted(self.owners))).encode()

    @staticmethod
    def _hash(text: str) -> str:
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()

    def owner(self, headers: Headers) -> str | None:
        """The owner of a request: "" if no keys are configured, None if the key is missing or wrong."""
        if not self.owners:
            return ""
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._owner_of_digest(self._hash(key.strip()))
        name, _, sign = cookie_parser(headers.get("cookie", "")).get(COOKIE, "").partition(".")
        if name in self.owners.values() and hmac.compare_digest(sign, self._sign(name)):
            return name
        return None

    def _owner_of_digest(self, digest: str) -> str | None:
        return next((o for known, o in self.owners.items() if hmac.compare_digest(known, digest)), None)

    def session(self, key: str) -> str | None:
        """The session cookie for a browser that has sent `key`."""
        name = self._owner_of_digest(self._hash(key))
        return f"{name}.{self._sign(name)}" if name else None

    def _sign(self, name: str) -> str:
        return hmac.new(self.secret, name.encode(), "sha256").hexdigest()


class Guard:
    """ASGI middleware around the application."""

    def __init__(self, app: ASGIApp, settings: Settings, keys: Keys, metrics: Metrics, draining: Callable[[], bool]):
        self.app, self.settings, self.keys, self.metrics = app, settings, keys, metrics
        self.draining = draining
        self.recent: OrderedDict[str, deque[float]] = OrderedDict()
        self.open: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        headers = Headers(scope=scope)
        number = secrets.token_hex(8)
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._headers(message, number, scope["path"])
            await send(message)

        client = ""
        self.metrics.open.inc()
        try:
            client = self._client(scope, headers)
            self.open[client] += 1
            await self.app(scope, receive, sending)
        except Refusal as error:
            await refuse(error, sending)
            self.metrics.refused.labels(error.code).inc()
        finally:
            self.metrics.open.dec()
            if client:
                self.open[client] -= 1
                if not self.open[client]:
                    del self.open[client]
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in METHODS else "other"
            self.metrics.requests.labels(route, method, status).inc()
            self.metrics.latency.labels(route).observe(time.perf_counter() - began)

    def _client(self, scope: Scope, headers: Headers) -> str:
        """The client's name for limits. Raises Refusal if the request is not allowed."""
        state = scope.setdefault("state", {})
        self._host(headers.get("host", ""))
        self._origin(scope, headers)
        path = scope["path"]
        owner = self.keys.owner(headers)
        if owner is None and path not in OPEN and not path.startswith(OPEN_UNDER):
            raise Refusal(401, "invalid_api_key", "Give a valid API key: Authorization: Bearer KEY.")
        peer = scope["client"][0] if scope.get("client") else "local"
        client = f"key:{owner}" if owner else f"peer:{peer}"
        state["owner"], state["client"] = owner or "", client
        if path not in OPEN:
            self._rate(client)
        if self.open[client] >= self.settings.limits.per_client:
            raise Refusal(429, "too_many_at_once", "Too many of your requests are under way. Wait for some.", retry=1)
        return client

    def _host(self, host: str) -> None:
        """Refuse foreign host names: a hostile page may point its own name at this server (DNS rebinding)."""
        name = urlsplit(f"//{host}").hostname if host else ""
        allowed = self.settings.hosts or (LOOPBACK if self.settings.loopback else ())
        if allowed and name not in (*allowed, *(LOOPBACK if self.settings.loopback else ())):
            raise Refusal(421, "wrong_host", f"This server is not called {host[:80]!r}. Name it with --allow-host.")

    def _origin(self, scope: Scope, headers: Headers) -> None:
        """Refuse changes requested by a web page of another origin, unless that origin is allowed."""
        origin = headers.get("origin")
        if origin is None or scope["method"] in SAFE or origin in self.settings.origins:
            return
        if urlsplit(origin).netloc != headers.get("host", ""):
            raise Refusal(403, "wrong_origin", f"Pages of {origin[:80]!r} may not call this server. See --cors.")

    def _rate(self, client: str) -> None:
        most, now = self.settings.limits.per_minute, time.monotonic()
        if not most:
            return
        times = self.recent.setdefault(client, deque())
        self.recent.move_to_end(client)
        while len(self.recent) > CLIENTS:
            self.recent.popitem(last=False)
        while times and times[0] < now - 60:
            times.popleft()
        if len(times) >= most:
            wait = 60 - (now - times[0])
            raise Refusal(429, "rate_limited", f"More than {most} requests in a minute. Wait.", retry=wait)
        times.append(now)

    def _headers(self, message: MutableMapping[str, Any], number: str, path: str) -> None:
        headers = message.setdefault("headers", [])
        present = {name.lower() for name, _ in headers}
        policy = {"Content-Security-Policy": LOOSE} if path in ("/docs", "/redoc") else {}
        for name, value in {**HEADERS, **policy, "X-Request-Id": number}.items():
            if name.lower().encode() not in present:
                headers.append((name.lower().encode(), value.encode()))
        if self.draining() or message["status"] in (401, 403, 408, 413, 415, 421, 429, 503, 507):
            headers.append((b"connection", b"close"))  # the rest of the body is not read


async def refuse(error: Refusal, send: Callable[[Message], Awaitable[None]]) -> None:
    """Send a refusal as response."""
    body = json.dumps(error.body()).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **error.headers()}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})
