"""Ask and watch, directly or as jobs, and exports of the timeline."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from lookhear.serve import exports
from lookhear.serve.bodies import received
from lookhear.serve.clips import Tracks
from lookhear.serve.engine import Engine
from lookhear.serve.jobs import Work
from lookhear.serve.media_names import tracks_of
from lookhear.serve.refusals import bad, too_large
from lookhear.serve.routes.common import (
    body_of,
    budget_of,
    client_of,
    engine_of,
    jobs_of,
    owner_of,
    sse,
    while_connected,
)
from lookhear.serve.schemas import AskBody, Question, WatchBody
from lookhear.serve.settings import Limits

router = APIRouter(tags=["Clips"])


@router.post("/ask", openapi_extra=body_of(AskBody))
async def ask(request: Request) -> Response:
    """Answer questions, with evidence: seconds, places, seen and heard events, the answers of each modality alone."""
    engine = engine_of(request)
    limits = engine.settings.limits
    owner, client = owner_of(request), client_of(request)
    async with received(request, AskBody, limits, budget_of(request), limits.body_bytes) as body:
        questions, model = asked(body, limits), engine.model(body.model)
        tracks, plain = await tracks_of(engine, body, owner)
    plain |= {"questions": questions, "model": model, "senses": body.senses}
    if body.background:
        job = jobs_of(request).add("ask", owner, client, plain)
        return JSONResponse(jobs_of(request).description(job), 202, {"Location": f"/jobs/{job.id}"})
    return JSONResponse(
        await while_connected(request, engine.ask(tracks, questions, client, model, senses=body.senses))
    )


def asked(body: AskBody, limits: Limits) -> list[str]:
    """The questions of a request, each as JSON text of [question, options]. Raises Refusal."""
    given: Sequence[str | Question] = [*([body.question] if body.question is not None else []), *body.questions]
    if not given:
        raise bad("missing_question", "Ask at least one question.", "questions")
    if len(given) > limits.questions:
        raise bad(
            "too_many_questions", f"{len(given)} questions; at most {limits.questions} are taken at once.", "questions"
        )
    questions = []
    for one in given:
        text, options = (one, []) if isinstance(one, str) else (one.question, one.options)
        if not text.strip():
            raise bad("empty_question", "A question is empty.", "questions")
        if len(text) > limits.question_chars:
            raise too_large("question", f"{limits.question_chars} characters", "questions")
        questions.append(json.dumps([text, options]))
    return questions


@router.post("/watch", openapi_extra=body_of(WatchBody))
async def watch(
    request: Request,
    format: str = Query("json", description="json, webvtt, audacity, elan, textgrid, label_studio or fiftyone"),
) -> Response:
    """Make the timeline of a clip: what is heard, seen and said, and when."""
    engine = engine_of(request)
    limits = engine.settings.limits
    exports.check_format(format)
    owner, client = owner_of(request), client_of(request)
    async with received(request, WatchBody, limits, budget_of(request), limits.body_bytes) as body:
        model = engine.model(body.model)
        tracks, plain = await tracks_of(engine, body, owner)
    if body.background:
        job = jobs_of(request).add("watch", owner, client, {**plain, "model": model})
        return JSONResponse(jobs_of(request).description(job), 202, {"Location": f"/jobs/{job.id}"})
    found = await while_connected(request, engine.watch(tracks, client, model))
    if format == "json":
        return JSONResponse(found)
    return exports.response(found["timeline"], format)


@router.get("/jobs/{id}")
async def job(request: Request, id: str) -> dict[str, Any]:
    """A job: its state, place in the queue, and result."""
    return jobs_of(request).description(jobs_of(request).find(id, owner_of(request)))


@router.get("/jobs/{id}/events")
async def events(request: Request, id: str) -> Response:
    """Changes and progress of a job as server-sent events."""
    found = jobs_of(request).find(id, owner_of(request))
    stream = sse(jobs_of(request).events(found))
    return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})


@router.delete("/jobs/{id}")
async def cancel(request: Request, id: str) -> dict[str, Any]:
    """Cancel a job."""
    found = jobs_of(request).find(id, owner_of(request))
    jobs_of(request).cancel(found)
    return {"id": id, "object": "job", "cancelled": True}


def works(engine: Engine) -> dict[str, Work]:
    """Kind of job -> the function that performs it."""

    def tracks(request: dict[str, Any]) -> Tracks:
        return Tracks(request["video"], request["audio"], request["start"], request["end"])

    async def asking(request: dict[str, Any], client: str, tell: Any, note: Any) -> dict[str, Any]:
        return await engine.ask(
            tracks(request), request["questions"], client, request["model"], request["senses"], progress=tell, note=note
        )

    async def watching(request: dict[str, Any], client: str, tell: Any, note: Any) -> dict[str, Any]:
        return await engine.watch(tracks(request), client, request["model"], progress=tell, note=note)

    return {"ask": asking, "watch": watching}
