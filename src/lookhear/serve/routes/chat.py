"""OpenAI's API: /v1/models and /v1/chat/completions, with and without streaming."""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from lookhear.serve import messages
from lookhear.serve.bodies import received
from lookhear.serve.clips import Tracks
from lookhear.serve.engine import Engine
from lookhear.serve.media_names import tracks_of_message
from lookhear.serve.refusals import Refusal, bad, missing
from lookhear.serve.routes.common import body_of, budget_of, client_of, engine_of, owner_of, while_connected
from lookhear.serve.schemas import ChatBody

router = APIRouter(tags=["OpenAI"])
ALIVE = 10.0  # seconds after which a waiting stream sends a keep-alive comment
PICTURE_TOKENS = 64  # tokens reported per second of picture
SOUND_TOKENS = 25  # tokens reported per second of sound
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@router.get("/v1/models")
async def models(request: Request) -> dict[str, Any]:
    """List the models."""
    return {"object": "list", "data": [_model(engine_of(request), told) for told in engine_of(request).models]}


@router.get("/v1/models/{name:path}")
async def model(request: Request, name: str) -> dict[str, Any]:
    """One model."""
    engine = engine_of(request)
    found = next((told for told in engine.models if told["id"] == name), None)
    if found is None:
        raise missing("model", name, "model")
    return _model(engine, found)


def _model(engine: Engine, told: dict[str, Any]) -> dict[str, Any]:
    return {"id": told["id"], "object": "model", "created": int(engine.started), "owned_by": "lookhear"}


@router.post("/v1/chat/completions", openapi_extra=body_of(ChatBody))
async def chat(request: Request) -> Response:
    """Ask about the clip in the messages. The last user message is the question.

    A language model also reads the earlier turns; other models refuse a conversation, because they answer each question
    separately. The answer is the most probable one; sampling settings that would change it are refused.

    The evidence of the answer is in `lookhear` beside `choices`, in the format of `lookhear ask --json`. `usage` counts
    words, and seconds of picture and sound.
    """
    engine = engine_of(request)
    limits = engine.settings.limits
    owner, client = owner_of(request), client_of(request)
    async with received(request, ChatBody, limits, budget_of(request), limits.body_bytes) as body:
        name = _checked(engine, body)
        asked = messages.read(body.messages, limits.images, limits.question_chars)
        tracks = await while_connected(request, tracks_of_message(engine, asked, owner, client))
        body.messages.clear()
        asked = replace(asked, media=messages.Media())  # the media are stored: release their base64 text
    ignored = ""
    if asked.before and not engine.language(name):
        asked, ignored = _alone(asked, name), f"{name} reads the question alone: earlier instructions were not used"
    work = _answer(engine, asked, tracks, client, name, ignored)
    if body.stream:
        stream = _streamed(engine, work, body, name)
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})
    result = await while_connected(request, work)
    return JSONResponse(_completion(result, body, name))


def _checked(engine: Engine, body: ChatBody) -> str:
    """The model to ask. Raises Refusal if the request contains unsupported settings."""
    if body.n not in (None, 1):
        raise bad("unsupported_value", "n must be 1: the same question has the same answer.", "n")
    if body.tools:
        raise bad("unsupported_parameter", "Tools are not supported.", "tools")
    if body.response_format and body.response_format.get("type") not in (None, "text"):
        raise bad("unsupported_parameter", "Answers are text: response_format must be text.", "response_format")
    changed = {
        "temperature": body.temperature,
        "presence_penalty": body.presence_penalty,
        "frequency_penalty": body.frequency_penalty,
        "logit_bias": body.logit_bias,
        "logprobs": body.logprobs,
        "top_logprobs": body.top_logprobs,
        "top_p": None if body.top_p == 1 or body.temperature == 0 else body.top_p,
    }
    for field, value in changed.items():
        if value:
            raise bad(
                "unsupported_value",
                f"{field} {str(value)[:40]}: the answer here is the likeliest one, and its probabilities stand in "
                "`lookhear.scores`. Leave it out.",
                field,
            )
    return engine.model(body.model)


def _alone(asked: messages.Asked, name: str) -> messages.Asked:
    """The question without earlier turns, for models that answer questions separately. Raises Refusal."""
    if any(role == "assistant" for role, _ in asked.before):
        raise bad(
            "unsupported_history",
            f"{name} answers each question by itself and reads no conversation. Send the clip with one question, or "
            "ask a language model.",
            "messages",
        )
    return replace(asked, before=())


async def _answer(
    engine: Engine, asked: messages.Asked, tracks: Tracks, client: str, model: str, ignored: str = ""
) -> dict[str, Any]:
    question = json.dumps([asked.conversation(), list(asked.options)])
    result = await engine.ask(tracks, [question], client, model)
    answer = {**result["answers"][0], "question": asked.question}
    if ignored:
        answer["notes"] = [*answer["notes"], ignored]
    text = answer["answer"]
    if asked.options and text in asked.options:
        text = f"{LETTERS[asked.options.index(text)]}. {text}"
    length = result["clip"]["seconds"]
    read = _tokens(asked.conversation() if asked.before else asked.text)
    read += round(length * PICTURE_TOKENS if result["clip"]["seen"] else 0)
    read += round(length * SOUND_TOKENS if result["clip"]["heard"] else 0)
    return {"text": text, "answer": answer, "read": read, "clip": result["clip"]}


def _tokens(text: str) -> int:
    return len(re.findall(r"\w+|[^\w\s]", text))


def _cut(text: str, body: ChatBody) -> tuple[str, str]:
    """(text, finish reason): the text is cut before a `stop` string and at `max_tokens`."""
    ends = [
        at for stop in ([body.stop] if isinstance(body.stop, str) else body.stop or []) if (at := text.find(stop)) >= 0
    ]
    text = text[: min(ends)] if ends else text
    most = body.max_completion_tokens or body.max_tokens
    pieces = [] if most is None else list(islice(re.finditer(r"\w+|[^\w\s]", text), most + 1))
    if most is None or len(pieces) <= most:
        return text, "stop"
    return text[: pieces[most - 1].end()], "length"


def _head(name: str, kind: str) -> dict[str, Any]:
    id = f"chatcmpl-{secrets.token_hex(12)}"
    return {"id": id, "object": kind, "created": int(time.time()), "model": name, "system_fingerprint": None}


def _usage(read: int, text: str) -> dict[str, int]:
    written = _tokens(text)
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def _completion(result: dict[str, Any], body: ChatBody, name: str) -> dict[str, Any]:
    text, reason = _cut(result["text"], body)
    message = {"role": "assistant", "content": text, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": reason, "logprobs": None}
    extra = {"usage": _usage(result["read"], text), "lookhear": {**result["answer"], "clip": result["clip"]}}
    return {**_head(name, "chat.completion"), "choices": [choice], **extra}


async def _streamed(engine: Engine, work: Any, body: ChatBody, name: str) -> AsyncIterator[bytes]:
    """The answer in pieces as server-sent events; comments keep the connection open while the clip is processed."""
    head = _head(name, "chat.completion.chunk")

    def chunk(delta: dict[str, Any], reason: str | None = None, **extra: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": reason, "logprobs": None}
        return b"data: " + json.dumps({**head, "choices": [choice], **extra}).encode() + b"\n\n"

    task = asyncio.create_task(work)
    try:
        yield chunk({"role": "assistant", "content": ""})
        while not task.done():
            await asyncio.wait({task}, timeout=ALIVE)
            if not task.done():
                yield b": watching\n\n"
        try:
            result = task.result()
        except Refusal as error:
            engine.metrics.refused.labels(error.code).inc()
            yield b"data: " + json.dumps(error.body()).encode() + b"\n\n"
            return
        text, reason = _cut(result["text"], body)
        for piece in re.findall(r"\S+\s*|\s+", text):
            yield chunk({"content": piece})
        yield chunk({}, reason, lookhear={**result["answer"], "clip": result["clip"]})
        if body.stream_options and body.stream_options.include_usage:
            last = {**head, "choices": [], "usage": _usage(result["read"], text)}
            yield b"data: " + json.dumps(last).encode() + b"\n\n"
        yield b"data: [DONE]\n\n"
    finally:
        if not task.done():
            task.cancel()
