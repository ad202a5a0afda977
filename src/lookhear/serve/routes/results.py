"""Saved evaluations: summaries, cases, and the clips of the cases."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from lookhear.errors import DatasetError
from lookhear.serve import results
from lookhear.serve.refusals import Refusal, missing
from lookhear.types import BLANK, Source

router = APIRouter(prefix="/results", tags=["Results"])


@router.get("")
async def listed(request: Request) -> dict[str, Any]:
    """The saved evaluations that this server was started with."""
    return {"reports": [{"number": i, **one.summary} for i, one in enumerate(_reports(request))]}


@router.get("/{number}")
async def cases(
    request: Request,
    number: int,
    kind: str = "",
    right: bool | None = None,
    part: str = "",
    least: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = 0.0,
    most: Annotated[float, Query(ge=0, le=1, allow_inf_nan=False)] = 1.0,
    text: Annotated[str, Query(max_length=200)] = "",
    disagree: int | None = None,
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Cases by type, correctness, head or tail, confidence, text, and disagreement with another report."""
    every = _reports(request)
    _check_number(every, number)
    if disagree is not None:
        _check_number(every, disagree)
    wanted = results.Filter(kind, right, part, least, most, text, disagree)
    return results.cases(every, number, wanted, offset)


@router.get("/{number}/case")
async def case(request: Request, number: int, id: str) -> dict[str, Any]:
    """One complete case."""
    every = _reports(request)
    _check_number(every, number)
    try:
        told = results.case(every, number, id)
    except DatasetError:
        raise missing("case", id, "id") from None
    example = results.example_of(every, number, id)
    tracks = {"video": example.clip.video, "audio": example.clip.audio}
    return {**told, "playable": {name: _media_file(request, source) is not None for name, source in tracks.items()}}


@router.get("/{number}/media")
async def media(request: Request, number: int, id: str, track: str = "video") -> Response:
    """The recording of a case, if it is in one of the --media folders."""
    every = _reports(request)
    _check_number(every, number)
    try:
        clip = results.example_of(every, number, id).clip
    except DatasetError:
        raise missing("case", id, "id") from None
    path = _media_file(request, clip.audio if track == "audio" else clip.video)
    if path is None:
        raise Refusal(404, "media_not_found", "The recording is in none of the --media folders.")
    return FileResponse(path)


def _media_file(request: Request, source: Source | None) -> Path | None:
    if source is None or source == BLANK:
        return None
    return results.find_media(source.id, request.app.state.engine.settings.media)


def _reports(request: Request) -> list[results.Results]:
    every: list[results.Results] = request.app.state.reports
    return every


def _check_number(every: list[results.Results], number: int) -> None:
    if not 0 <= number < len(every):
        raise missing("report", number, "number")
