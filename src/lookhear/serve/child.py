"""A worker process: requests and replies as lines of JSON over its standard input and output.

    request {"op": …}  ─▶  child  ─▶  {"progress": …}, {"progress": …}, {"result": …} or {"error": …, "kind": …}

JSON, not pickle: a process that opens hostile files must not be able to make the server run anything. A child that is
late is killed; one that dies is started again at the next request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LINE = 256_000_000  # bytes of the longest reply: the timeline of a long clip with its masks
START = 600.0  # seconds in which a child must have loaded its models

Progress = Callable[[Any], None]


class ChildError(Exception):
    """The child refused the request: `kind` is the name of the error's class."""

    def __init__(self, message: str, kind: str):
        super().__init__(message)
        self.kind = kind


class ChildLostError(Exception):
    """The child died while it worked."""


class ChildLateError(Exception):
    """The child did not answer in time and was killed."""


class Child:
    """One process, which does one thing at a time. `hello` is what it said of itself when it was ready."""

    def __init__(self, arguments: Sequence[str], private: Mapping[str, Any] | None = None):
        self.arguments, self.private = list(arguments), private  # what is private is no argument: those are seen by all
        self.process: asyncio.subprocess.Process | None = None
        self.hello: dict[str, Any] = {}
        self.starts = 0

    @property
    def alive(self) -> bool:
        """Whether there is a process that could take a request."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Start the process and wait until it is ready. Raises ChildLostError, ChildLateError, ChildError."""
        self.starts += 1
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lookhear.serve.worker", *self.arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE,
            start_new_session=True,  # Ctrl-C in the terminal is for the server, which then ends its children
        )
        if self.private is not None:
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(self.private).encode() + b"\n")
        self.hello = await self._reply(START, None)

    async def call(self, request: dict[str, Any], seconds: float, progress: Progress | None = None) -> Any:
        """The result of `request`. Raises ChildError, ChildLostError, ChildLateError."""
        if not self.alive:
            await self.start()
        assert self.process is not None and self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            await self.process.stdin.drain()
        except OSError:
            raise ChildLostError(self._ended()) from None
        return await self._reply(seconds, progress)

    async def _reply(self, seconds: float, progress: Progress | None) -> Any:
        assert self.process is not None and self.process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                while line := await self.process.stdout.readline():
                    reply = json.loads(line)
                    if "progress" not in reply:
                        break
                    if progress is not None:
                        progress(reply["progress"])
        except TimeoutError:
            await self.kill()
            raise ChildLateError(f"took longer than {seconds:.0f} s") from None
        except (asyncio.CancelledError, ValueError):  # an answer that nobody reads would be taken for the next one's
            await self.kill()
            raise
        if not line:
            await self.kill()
            raise ChildLostError(self._ended())
        if "error" in reply:
            raise ChildError(str(reply["error"]), str(reply.get("kind", "")))
        return reply["result"]

    def _ended(self) -> str:
        return f"ended with code {self.process.returncode if self.process else None}"

    async def kill(self) -> None:
        """End the process at once."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
            await self.process.wait()
            self.process._transport.close()  # type: ignore[attr-defined]  # else its pipes live until the next collection

    async def stop(self, seconds: float = 5.0) -> None:
        """End the process when it is done with what it does, or at once after `seconds`."""
        if self.process is not None and self.alive and self.process.stdin is not None:
            self.process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), seconds)
        await self.kill()
