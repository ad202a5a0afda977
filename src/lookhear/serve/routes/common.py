"""Shared by all routes: the engine of a request, its client, and cancelling work when the client disconnects."""

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

LEAVES = 0.5  # seconds between two checks of the connection


def engine_of(request: Request) -> Engine:
    """The engine. Raises Refusal if it is not ready."""
    engine: Engine = request.app.state.engine
    if not engine.ready:
        raise Refusal(503, "starting", "The models are being loaded. Try again in a moment.", retry=5)
    return engine


def jobs_of(request: Request) -> Jobs:
    """The jobs."""
    jobs: Jobs = request.app.state.jobs
    return jobs


def budget_of(request: Request) -> Budget:
    """The memory budget of all request bodies."""
    budget: Budget = request.app.state.budget
    return budget


def owner_of(request: Request) -> str:
    """The owner of the files that a request may use: the name of its key, "" without keys."""
    owner: str = request.state.owner
    return owner


def client_of(request: Request) -> str:
    """The client whose turn in the queue is used: a key or an address."""
    client: str = request.state.client
    return client


def body_of(shape: type[BaseModel]) -> dict[str, Any]:
    """OpenAPI description of a body that the route reads by itself."""
    schema = shape.model_json_schema(ref_template="#/components/schemas/{model}")
    schema.pop("$defs", None)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


async def while_connected(request: Request, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of `work`, which is cancelled if the client disconnects."""
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
    """Encode events as a server-sent stream."""
    async for event in events:
        yield b"data: " + json.dumps(event).encode() + b"\n\n"
