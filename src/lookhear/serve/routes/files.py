"""Uploads: OpenAI's files API, and further data for the page (facts, waveform, thumbnails, a playable copy)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from lookhear.serve.bodies import read_json, upload
from lookhear.serve.library import ANYBODY, Record
from lookhear.serve.media_names import fetched
from lookhear.serve.refusals import Refusal
from lookhear.serve.routes.common import budget_of, client_of, engine_of, owner_of, while_connected
from lookhear.serve.schemas import RemoteBody

router = APIRouter(tags=["Files"])
TYPES = {  # container -> content type; other files are offered only as downloads
    "mov,mp4,m4a,3gp,3g2,mj2": "video/mp4",
    "matroska,webm": "video/webm",
    "ogg": "application/ogg",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "flac": "audio/flac",
}
UPLOAD = {
    "requestBody": {
        "content": {
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {"file": {"type": "string", "format": "binary"}}}
            },
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


@router.post("/files", openapi_extra=UPLOAD)
@router.post("/v1/files", openapi_extra=UPLOAD, include_in_schema=False)
async def create(request: Request) -> Response:
    """Upload a video, a sound or a picture: a form with `file`, or the bytes as body with ?name=…"""
    engine = engine_of(request)
    name, pieces = await upload(request, engine.settings.limits)
    record = await engine.library.take(pieces, name, owner_of(request))
    return JSONResponse(record.to_json(), 201 if request.url.path == "/files" else 200)


@router.post("/files/remote")
async def remote(request: Request) -> Response:
    """Download a file from an address, if the server was started with --remote."""
    engine = engine_of(request)
    body = await read_json(request, RemoteBody, engine.settings.limits, budget_of(request))
    sha, size = await while_connected(request, fetched(engine, body.url))
    name = body.url.partition("?")[0].rpartition("/")[2] or "fetched"
    return JSONResponse(engine.library.name(sha, size, name, owner_of(request)).to_json(), 201)


@router.get("/files")
@router.get("/v1/files", include_in_schema=False)
async def listed(request: Request) -> dict[str, Any]:
    """The client's own files, newest first."""
    records = engine_of(request).library.records(owner_of(request))
    return {"object": "list", "data": [r.to_json() for r in records], "has_more": False}


@router.get("/files/{id}")
@router.get("/v1/files/{id}", include_in_schema=False)
async def record_of_file(request: Request, id: str) -> dict[str, Any]:
    """The record of a file."""
    return _record(request, id).to_json()


@router.delete("/files/{id}")
@router.delete("/v1/files/{id}", include_in_schema=False)
async def delete(request: Request, id: str) -> dict[str, Any]:
    """Delete a file."""
    record = _record(request, id)
    if record.owner == ANYBODY:
        raise Refusal(403, "not_yours", "The examples are shared and cannot be deleted.")
    engine_of(request).library.delete(record)
    return {"id": id, "object": "file", "deleted": True}


@router.get("/files/{id}/facts")
async def facts(request: Request, id: str) -> dict[str, Any]:
    """What the file holds, its waveform (minimum and maximum of each column) and thumbnails (JPEG, base64)."""
    engine, record = engine_of(request), _record(request, id)
    found: dict[str, Any] = await while_connected(request, engine.inspector.facts(record.sha, client_of(request)))
    return found


@router.get("/files/{id}/content")
@router.get("/v1/files/{id}/content", include_in_schema=False)
async def content(request: Request, id: str) -> Response:
    """The bytes, with range requests. The content type is the detected one, not the client's."""
    engine, record = engine_of(request), _record(request, id)
    known = engine.inspector.seen(record.sha)
    kind = TYPES.get(known["format"]) if known else None
    safe = {"Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'"}
    if kind is None:
        safe["Content-Disposition"] = "attachment"
    return FileResponse(engine.library.path(record.sha), media_type=kind or "application/octet-stream", headers=safe)


@router.get("/files/{id}/preview")
async def preview(request: Request, id: str) -> Response:
    """A small copy that every browser plays (H.264 and AAC in mp4), made at the first request."""
    engine, record = engine_of(request), _record(request, id)
    out = engine.library.derived(record.sha, ".preview.mp4")
    if not out.is_file():
        facts = await engine.inspector.facts(record.sha, client_of(request))
        request_ = {"op": "preview", "path": str(engine.library.path(record.sha)), "out": str(out)}
        limits = engine.settings.limits
        seconds, long = limits.task_seconds + 2 * facts["duration"], facts["duration"] > limits.long_seconds
        await while_connected(request, engine.inspector.decode(request_, client_of(request), seconds, long))
    return FileResponse(out, media_type="video/mp4")


def _record(request: Request, id: str) -> Record:
    return engine_of(request).library.record(id, owner_of(request))
