"""Resolve the media names of clients (file ids, data URLs, web addresses) to stored files."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import Any

from lookhear import files
from lookhear.errors import MediaError
from lookhear.fetch import FetchOptions, fetch
from lookhear.files import is_url
from lookhear.serve.clips import BLANK, Tracks
from lookhear.serve.engine import Engine
from lookhear.serve.library import decoded
from lookhear.serve.messages import Asked, times
from lookhear.serve.refusals import Refusal, bad
from lookhear.serve.schemas import ClipBody

DATA = re.compile(r"^data:([\w.+-]{1,40}/[\w.+-]{1,60})?((?:;[\w.+=-]{1,60}){0,4});base64,", re.ASCII)
TIMEOUT = 120.0  # seconds allowed for fetching an address


async def stored_hash(engine: Engine, name: str, owner: str, param: str) -> str:
    """The sha256 of the media with this name. Raises Refusal."""
    if name.startswith("file-"):
        return engine.library.record(name, owner).sha
    head = DATA.match(name[:400])
    if head:
        data = await asyncio.to_thread(decoded, name[head.end() :], engine.settings.limits.file_bytes, param)
        return await engine.library.keep(data)
    if is_url(name):
        sha, _ = await fetched(engine, name, param)
        return sha
    shown = name[:60]
    raise bad(
        "unsupported_url", f"{shown!r} is neither a file's id, a data URL (base64) nor an http(s) address.", param
    )


async def fetched(engine: Engine, url: str, param: str = "url") -> tuple[str, int]:
    """Download an address into the library. Raises Refusal if that is disabled, forbidden or fails."""
    settings = engine.settings
    if not settings.remote:
        raise bad("remote_off", "This server fetches no addresses. Upload the file, or start it with --remote.", param)
    options = FetchOptions(settings.limits.file_bytes, TIMEOUT, 3, settings.remote_networks)
    try:
        path = await asyncio.to_thread(fetch, url, engine.library.root / "parts", options)
    except MediaError as error:
        raise bad("not_fetched", str(error), param) from None
    return await engine.library.adopt(path)


async def tracks_of(engine: Engine, body: ClipBody, owner: str) -> tuple[Tracks, dict[str, Any]]:
    """(tracks of a request, the request with media replaced by content hashes, as a job stores it). Raises Refusal."""
    given = body.model_fields_set
    if body.clip is None and not {"video", "audio"} & given:
        raise bad("missing_clip", "Name a clip, or a video and an audio.", "clip")
    whole = None if body.clip is None else await stored_hash(engine, body.clip, owner, "clip")
    hashes: dict[str, str | None] = {}
    for name in ("video", "audio"):
        told = getattr(body, name)
        if name not in given:
            hashes[name] = whole
        else:
            hashes[name] = told if told in (None, BLANK) else await stored_hash(engine, told, owner, name)
    if body.end is not None and body.end <= body.start:
        raise bad("invalid_end", f"end {body.end:g} s is not after start {body.start:g} s.", "end")
    tracks = Tracks(hashes["video"], hashes["audio"], body.start, body.end)
    body.clip = body.video = body.audio = None  # the media are stored now: release the memory of their base64 text
    return tracks, {**hashes, "start": body.start, "end": body.end}


async def tracks_of_message(engine: Engine, asked: Asked, owner: str, client: str) -> Tracks:
    """Tracks of a chat's media; single frames are joined to a video. Raises Refusal."""
    media = asked.media
    audio = await _sound(engine, media.sounds, owner, client) if media.sounds else None
    if media.video:
        video = await stored_hash(engine, media.video, owner, "messages")
        if media.frames:
            raise bad("several_clips", "The messages hold both a video and frames: send one of them.", "messages")
        return Tracks(video, audio or video)
    if not media.frames:
        return Tracks(None, audio)
    return Tracks(await _joined(engine, asked, owner, client, audio), audio)


async def _joined(engine: Engine, asked: Asked, owner: str, client: str, audio: str | None) -> str:
    """The frames as one video, made once for equal frames, times and sound."""
    frames = asked.media.frames
    shas = [await stored_hash(engine, url, owner, "messages") for _, url in frames]
    at = times(frames)
    if at[-1] > engine.settings.limits.media_seconds:
        raise Refusal(422, "media_refused", f"A frame is at {at[-1]:.0f} s, which is beyond the limit.", "messages")
    request = {
        "op": "compose",
        "images": [str(engine.library.path(sha)) for sha in shas],
        "times": at,
        "audio": str(engine.library.path(audio)) if audio else None,
        "pixels": engine.settings.limits.pixels,
    }
    return await _decoded_hash(engine, client, ".mkv", request)


async def _sound(engine: Engine, sounds: list[tuple[bool, str]], owner: str, client: str) -> str:
    """The sound of a chat; several parts are concatenated."""
    most, hashes = engine.settings.limits.file_bytes, list[str]()
    for bare, name in sounds:
        if bare:
            hashes.append(await engine.library.keep(await asyncio.to_thread(decoded, name, most)))
        else:
            hashes.append(await stored_hash(engine, name, owner, "messages"))
    if len(hashes) == 1:
        return hashes[0]
    for sha in hashes:
        await engine.inspector.facts(sha, client)
    return await _decoded_hash(
        engine, client, ".wav", {"op": "join", "sounds": [str(engine.library.path(s)) for s in hashes]}
    )


async def _decoded_hash(engine: Engine, client: str, suffix: str, request: dict[str, Any]) -> str:
    """The sha256 of the file that a decoder makes for `request`; made once for equal requests."""
    name = hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
    marker = engine.library.derived(name, ".made")
    if marker.is_file():
        sha = marker.read_text("utf-8")
        if engine.library.path(sha).is_file():
            return sha
    out = engine.library.part(suffix)
    try:
        await engine.inspector.decode({**request, "out": str(out)}, client, engine.settings.limits.task_seconds)
        sha, _ = await engine.library.adopt(out)
    finally:
        out.unlink(missing_ok=True)
    files.write(marker, sha)
    return sha
