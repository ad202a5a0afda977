"""What routes share: the engine behind a request, who asks, and work that ends when its client leaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from fastapi import Request
from pydantic import BaseModel

from lookhear.serve.bodies import Budget
from lookhear.serve.engine import Engine
from lookhear.serve.jobs import Jobs
from lookhear.serve.refusals import Refusal

LEAVES = 0.5  # seconds between two looks whether the client is still there


def engine_of(request: Request) -> Engine:
    """The engine. Raises Refusal while it is not ready."""
    engine: Engine = request.app.state.engine
    if not engine.ready:
        raise Refusal(503, "starting", "The models are being loaded. Try again in a moment.", retry=5)
    return engine


def jobs_of(request: Request) -> Jobs:
    """The jobs."""
    jobs: Jobs = request.app.state.jobs
    return jobs


def budget_of(request: Request) -> Budget:
    """The memory that bodies may take together."""
    budget: Budget = request.app.state.budget
    return budget


def owner_of(request: Request) -> str:
    """Whose files a request may use: the name of its key, "" where there are no keys."""
    owner: str = request.state.owner
    return owner


def client_of(request: Request) -> str:
    """Who has its turn in the queue: a key, or an address."""
    client: str = request.state.client
    return client


def body_of(shape: type[BaseModel]) -> dict[str, Any]:
    """What the OpenAPI page is to show of a body that a route reads itself."""
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def while_connected(request: Request, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of `work`, which is cancelled when the client has left."""
    task = asyncio.create_task(work)
    try:
        while not task.done():
            await asyncio.wait({task}, timeout=LEAVES)
            if not task.done() and await request.is_disconnected():
                raise Refusal(499, "client_left", "The client has left.")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await task


async def sse(events: AsyncIterator[dict[str, Any]]) -> AsyncIterator[bytes]:
    """Events as a server-sent stream."""
    async for event in events:
        yield b"data: " + json.dumps(event).encode() + b"\n\n"
