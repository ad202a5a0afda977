"""Review sheets: single items, judgements of several reviewers, and their agreement."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import FileResponse, Response

from lookhear.curate.review import Item, Review, Sheet
from lookhear.errors import DatasetError
from lookhear.serve import results
from lookhear.serve.bodies import read_json
from lookhear.serve.refusals import Refusal, bad, missing
from lookhear.serve.routes.common import body_of, budget_of
from lookhear.serve.schemas import ReviewBody

router = APIRouter(prefix="/review", tags=["Review"])
PAGE = 50


@router.get("")
async def listed(request: Request) -> dict[str, Any]:
    """The sheets that this server was started with, and their progress."""
    return {"sheets": [{"number": i, **_summary(sheet)} for i, sheet in enumerate(_sheets(request))]}


def _summary(sheet: Sheet) -> dict[str, Any]:
    by = Counter(name for some in sheet.reviews.values() for name in some)
    outcomes = Counter(sheet.outcome(id)[0] or "open" for id in sheet.items)
    told = {"reviewers": dict(by), "outcomes": dict(outcomes), "agreement": sheet.agreement()}
    return {"name": sheet.path.name, "items": len(sheet.items), **told}


@router.get("/{number}")
async def items(
    request: Request,
    number: int,
    reviewer: str = "",
    show: Annotated[str, Query(pattern="^(all|todo|split)$")] = "all",
    offset: Annotated[int, Query(ge=0)] = 0,
) -> dict[str, Any]:
    """Items of a sheet: all, those `reviewer` has not judged, or those on which reviewers disagree."""
    sheet = _sheet(request, number)
    chosen = [id for id in sheet.items if _wanted(sheet, id, reviewer, show)]
    told = [_told(request, sheet, sheet.items[id], reviewer) for id in chosen[offset : offset + PAGE]]
    return {**_summary(sheet), "total": len(chosen), "offset": offset, "list": told}


def _wanted(sheet: Sheet, id: str, reviewer: str, show: str) -> bool:
    reviews = sheet.reviews.get(id, {})
    if show == "todo":
        return reviewer not in reviews
    return show == "all" or len({r.verdict for r in reviews.values()}) > 1


def _told(request: Request, sheet: Sheet, item: Item, reviewer: str) -> dict[str, Any]:
    reviews = sheet.reviews.get(item.id, {})
    own = reviews.get(reviewer)
    playable = results.find_media(item.clip, request.app.state.engine.settings.media) is not None
    # other judgements are hidden until the reviewer has judged, to avoid bias
    others = [asdict(r) for name, r in reviews.items() if name != reviewer] if own else []
    return {**asdict(item), "own": asdict(own) if own else None, "others": others, "playable": playable}


@router.post("/{number}/item", openapi_extra=body_of(ReviewBody))
async def judge(request: Request, number: int, id: str) -> dict[str, Any]:
    """Accept, edit or reject an item."""
    sheet = _sheet(request, number)
    body = await read_json(request, ReviewBody, request.app.state.engine.settings.limits, budget_of(request))
    if id not in sheet.items:
        raise missing("item", id, "id")
    try:
        review = Review(id, body.reviewer.strip(), body.verdict, body.edited, body.reason)
        kept = await asyncio.to_thread(sheet.add, review)
    except DatasetError as error:
        raise bad("invalid_review", str(error)) from None
    except OSError as error:
        raise Refusal(507, "not_kept", f"The review could not be stored ({error.strerror}).") from None
    return {"review": asdict(kept), **_summary(sheet)}


@router.get("/{number}/media")
async def media(request: Request, number: int, id: str) -> Response:
    """The recording of an item, if it is in one of the --media folders."""
    sheet = _sheet(request, number)
    if id not in sheet.items:
        raise missing("item", id, "id")
    path = results.find_media(sheet.items[id].clip, request.app.state.engine.settings.media)
    if path is None:
        raise Refusal(404, "media_not_found", "The recording is in none of the --media folders.")
    return FileResponse(path)


def _sheets(request: Request) -> list[Sheet]:
    sheets: list[Sheet] = request.app.state.sheets
    return sheets


def _sheet(request: Request, number: int) -> Sheet:
    if not 0 <= number < len(_sheets(request)):
        raise missing("sheet", number, "number")
    return _sheets(request)[number]
