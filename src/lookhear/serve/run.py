"""Run the server: uvicorn with a time limit on request headers and an orderly shutdown.

SIGTERM ─▶ no new connections, /ready returns 503 ─▶ accepted requests finish (`grace_seconds`) ─▶ jobs stay on disk
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from lookhear.errors import LookhearError
from lookhear.fetch import networks
from lookhear.model import check
from lookhear.serve.app import make_app
from lookhear.serve.settings import Settings

log = logging.getLogger("uvicorn.error")
STAGE = "stage"  # the model that needs a warning
HEADER_SECONDS = 15.0  # time limit for receiving the headers of a request


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1 protocol with a time limit for headers, which uvicorn lacks."""

    _late: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Start the timer at the connection."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Stop the timer once the header is complete; start it again at the first byte of the next request."""
        super().data_received(data)
        busy = self.cycle is not None and not self.cycle.response_complete
        if busy and self._late is not None:
            self._late.cancel()
            self._late = None
        elif not busy and self._late is None:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        if self._late is not None:
            self._late.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._late = self.loop.call_later(HEADER_SECONDS, self._too_late)

    def _too_late(self) -> None:
        self._late = None
        if (self.cycle is None or self.cycle.response_complete) and not self.transport.is_closing():
            self.transport.close()


class Server(uvicorn.Server):
    """A uvicorn server that announces its shutdown before it stops."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the shutdown: streams of jobs close, so that they do not delay it."""
        app = self.config.app
        app.state.engine.draining = True  # type: ignore[union-attr]
        app.state.jobs.stopping = True  # type: ignore[union-attr]
        self.force_exit = self.should_exit and sig == signal.SIGINT  # a second Ctrl-C stops immediately
        self.should_exit = True


def serve(settings: Settings, log_level: str = "info", begun: Callable[[], None] = lambda: None) -> int:
    """Run the server until a signal stops it; returns the exit code. Raises LookhearError if a model or the port is
    unavailable.

    `begun` is called once the settings are valid, before models are loaded.
    """
    for name in settings.models:
        check(name)
    networks(settings.remote_networks)
    app = make_app(settings)
    begun()
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=Protocol,
        ws="none",
        log_level=log_level,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=settings.proxies or None,
        limit_concurrency=settings.limits.connections,
        timeout_keep_alive=15,
        timeout_graceful_shutdown=round(settings.limits.grace_seconds),
        h11_max_incomplete_event_size=64_000,
    )
    server = Server(config)

    async def run() -> None:
        engine = app.state.engine
        await engine.start()
        for model in engine.models:
            if model["name"] == STAGE:
                log.warning("`%s` knows the drawn world of Soundstage only; of real videos it guesses.", STAGE)
        await server.serve()

    try:
        asyncio.run(run())
    except SystemExit as error:
        raise LookhearError(f"The server could not start on {settings.host}:{settings.port} (code {error}).") from None
    return 0 if server.started else 1
