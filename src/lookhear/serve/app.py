"""The ASGI application: routes, guard and error responses around one engine."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.exceptions import HTTPException

from lookhear import __version__
from lookhear.curate.review import Sheet
from lookhear.errors import FileError
from lookhear.serve import results
from lookhear.serve.bodies import Budget
from lookhear.serve.engine import Engine
from lookhear.serve.guard import Guard, Keys
from lookhear.serve.jobs import Jobs
from lookhear.serve.library import disk_full
from lookhear.serve.refusals import Refusal
from lookhear.serve.routes import chat, clips, files, page, review
from lookhear.serve.routes import results as result_routes
from lookhear.serve.settings import Settings

log = logging.getLogger("lookhear.serve")
CODES = {404: "not_found", 405: "method_not_allowed", 400: "invalid_request"}
ABOUT = "Look, hear, and answer: ask a video. Errors have OpenAI's shape. Uploads are checked before they are watched."


def make_app(settings: Settings) -> FastAPI:
    """The application for `settings`; its workers start with it.

    Raises DatasetError if a report or sheet is damaged.
    """
    engine = Engine(settings)
    works = clips.works(engine)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if not engine.ready:
            await engine.start()
        jobs.resume()
        try:
            yield
        finally:
            await jobs.stop()
            await engine.stop()

    app = FastAPIOffline(title="lookhear", version=__version__, description=ABOUT, lifespan=life)
    jobs = Jobs(engine.library, engine.workers, works, settings.limits.queue)
    app.state.engine, app.state.jobs = engine, jobs
    app.state.budget = Budget(settings.limits.bodies_bytes)
    app.state.keys = Keys(settings.keys)
    app.state.reports = results.load(settings.reports)
    app.state.sheets = [Sheet(path) for path in settings.sheets]
    for routes in (page, chat, clips, files, result_routes, review):
        app.include_router(routes.router)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(FileError, _unwritten)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(
        Guard, settings=settings, keys=app.state.keys, metrics=engine.metrics, draining=lambda: engine.draining
    )
    if settings.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=settings.origins, allow_methods=["*"], allow_headers=["*"], max_age=600
        )
    return app


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    request.app.state.engine.metrics.refused.labels(error.code).inc()
    return JSONResponse(error.body(), error.status, error.headers())


async def _unwritten(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, FileError)
    found = disk_full(error)
    return await (_refused if isinstance(found, Refusal) else _failed)(request, found)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    told = Refusal(error.status_code, CODES.get(error.status_code, "error"), str(error.detail))
    return JSONResponse(told.body(), error.status_code, error.headers)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"][1:]))[:100]
    told = Refusal(400, "invalid_value", f"{where}: {first['msg'][:200]}", where or None)
    return JSONResponse(told.body(), 400)


async def _failed(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse(Refusal(500, "internal_error", "The server failed; its log says why.").body(), 500)
