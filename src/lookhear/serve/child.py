"""A worker process that exchanges lines of JSON over its standard input and output.

request {"op": …}  ─▶  child  ─▶  {"progress": …}, {"progress": …}, {"result": …} or {"error": …, "kind": …}

JSON is used rather than pickle because a process that opens untrusted files must not be able to run code in the server.
A child that exceeds its time is killed; one that died is started again at the next request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

LINE = 256_000_000  # largest reply in bytes: the timeline of a long clip with its masks
START = 600.0  # seconds allowed for loading the models

Progress = Callable[[Any], None]


class ChildError(Exception):
    """The child refused the request; `kind` is the name of the error's class."""

    def __init__(self, message: str, kind: str):
        super().__init__(message)
        self.kind = kind


class ChildLostError(Exception):
    """The child died while working."""


class ChildLateError(Exception):
    """The child did not answer in time and was killed."""


class Child:
    """One worker process, which handles one request at a time. `hello` is its first message, sent when it is ready."""

    def __init__(self, arguments: Sequence[str], private: Mapping[str, Any] | None = None):
        # keys go through the pipe, because other users can read a process's arguments
        self.arguments, self.private = list(arguments), private
        self.process: asyncio.subprocess.Process | None = None
        self.hello: dict[str, Any] = {}
        self.starts = 0

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self.process is not None and self.process.returncode is None

    async def start(self) -> None:
        """Start the process and wait until it is ready. Raises ChildLostError, ChildLateError, ChildError."""
        self.starts += 1
        self.process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "lookhear.serve.worker", *self.arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE,
            start_new_session=True,  # Ctrl-C in the terminal goes to the server, which then stops its children
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
        except (asyncio.CancelledError, ValueError):  # else an unread answer would be taken for the next one
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
        """Stop the process after its current request, or kill it after `seconds`."""
        if self.process is not None and self.alive and self.process.stdin is not None:
            self.process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.process.wait(), seconds)
        await self.kill()
