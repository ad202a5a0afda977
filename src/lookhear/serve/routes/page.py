"""The web page and its files, the page's configuration, health, metrics, and browser sessions."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from lookhear import __version__
from lookhear.serve import exports
from lookhear.serve.bodies import read_json
from lookhear.serve.guard import COOKIE, Keys
from lookhear.serve.refusals import Refusal, missing
from lookhear.serve.routes.common import budget_of, engine_of
from lookhear.serve.schemas import SessionBody

router = APIRouter(tags=["Server"])
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def _files() -> dict[str, tuple[bytes, str, str]]:
    """Name -> (bytes, content type, ETag) of the page's files. No other files are served."""
    files_by_name = {}
    for file in files("lookhear.serve").joinpath("page").iterdir():
        ending = f".{file.name.rpartition('.')[2]}"
        if ending in TYPES:
            data = file.read_bytes()
            files_by_name[file.name] = data, TYPES[ending], f'"{sha256(data).hexdigest()[:20]}"'
    return files_by_name


def _file(request: Request, name: str) -> Response:
    if name not in _files():
        raise missing("page", name)
    data, kind, tag = _files()[name]
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=kind, headers=headers)


@router.get("/", include_in_schema=False)
async def page(request: Request) -> Response:
    """The web page."""
    return _file(request, "index.html")


@router.get("/static/{name}", include_in_schema=False)
async def static(request: Request, name: str) -> Response:
    """Scripts and style sheet of the page."""
    return _file(request, name)


@router.get("/favicon.ico", include_in_schema=False)
async def icon(request: Request) -> Response:
    """The page's icon."""
    return _file(request, "icon.svg")


@router.get("/about")
async def about(request: Request) -> dict[str, Any]:
    """Configuration of this server: models, examples, limits, saved evaluations and review sheets."""
    engine = engine_of(request)
    limits = engine.settings.limits
    return {
        "version": __version__,
        "models": engine.models,
        "examples": engine.examples,
        "draws": engine.settings.examples,
        "formats": list(exports.FORMATS),
        "remote": engine.settings.remote,
        "limits": {
            "file_bytes": limits.file_bytes,
            "media_seconds": limits.media_seconds,
            "questions": limits.questions,
            "question_chars": limits.question_chars,
        },
        "reports": len(request.app.state.reports),
        "sheets": len(request.app.state.sheets),
    }


@router.post("/session", include_in_schema=False)
async def session(request: Request) -> Response:
    """Exchange a key for a session cookie, with which the page's pictures and videos can be requested."""
    keys: Keys = request.app.state.keys
    body = await read_json(request, SessionBody, request.app.state.engine.settings.limits, budget_of(request))
    cookie = keys.session(body.key)
    if cookie is None:
        raise Refusal(401, "invalid_api_key", "The key is not known.")
    response = JSONResponse({"ok": True})
    secure = request.url.scheme == "https"
    response.set_cookie(COOKIE, cookie, max_age=86_400, httponly=True, samesite="strict", secure=secure)
    return response


@router.get("/health")
async def health(request: Request) -> dict[str, str]:
    """The server is running."""
    return {"status": "ok"}


@router.get("/ready")
async def ready(request: Request) -> dict[str, Any]:
    """200 when the models are loaded and requests are accepted; 503 while the server starts or stops."""
    engine = engine_of(request)
    if engine.draining:
        raise Refusal(503, "stopping", "The server is stopping.", retry=5)
    return {"status": "ready", "models": [told["id"] for told in engine.models]}


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Counters for Prometheus."""
    return Response(request.app.state.engine.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")
