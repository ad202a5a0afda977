"""Resolve a client's clip: tracks by content hash, with their properties checked against the limits."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.serve.child import ChildError, ChildLateError, ChildLostError
from lookhear.serve.library import Library
from lookhear.serve.pool import Pool, Task
from lookhear.serve.refusals import Refusal, bad, unreadable
from lookhear.serve.settings import Limits

BLANK = "blank"  # black picture or silence
PROBE_SECONDS = 30.0
FACTS = ".facts.json"  # suffix of the file that stores them
REMEMBERED = 256  # number of files whose facts are kept in memory

Progress = Callable[[Any], None]


@dataclass(frozen=True)
class Tracks:
    """A time range with its picture and its sound; each track is a sha256, "blank" or None."""

    video: str | None
    audio: str | None
    start: float = 0.0
    end: float | None = None

    def key(self, model: str) -> str:
        """Key of the clip in a worker's memory: equal for equal content, time range and model."""
        key = json.dumps([self.video, self.audio, self.start, self.end, model])
        return hashlib.sha256(key.encode()).hexdigest()[:32]


class Inspector:
    """Inspects every file once in a decoder process: properties, whether it can be decoded, waveform, thumbnails."""

    def __init__(self, library: Library, decoders: Pool, limits: Limits):
        self.library, self.decoders, self.limits = library, decoders, limits
        self.known: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.under_way: dict[str, asyncio.Task[dict[str, Any]]] = {}
        self.listeners: dict[str, list[Progress]] = {}

    async def facts(self, sha: str, client: str, progress: Progress | None = None) -> dict[str, Any]:
        """The facts of a stored file. Raises Refusal if it is not media, too long, too large or cannot be decoded."""
        known = self.seen(sha)
        if known is not None:
            return known
        if progress is not None:
            self.listeners.setdefault(sha, []).append(progress)
        if sha not in self.under_way:
            self.under_way[sha] = asyncio.create_task(self._inspect(sha, client))
            self.under_way[sha].add_done_callback(lambda _: self._over(sha))
        return await asyncio.shield(self.under_way[sha])

    def seen(self, sha: str) -> dict[str, Any] | None:
        """The facts of a file that was inspected before, by this server or another one with the same data folder."""
        if sha in self.known:
            self.known.move_to_end(sha)
            return self.known[sha]
        file = self.library.derived(sha, FACTS)
        try:
            return self._remember(sha, json.loads(file.read_text("utf-8"))) if file.is_file() else None
        except (OSError, ValueError):
            file.unlink(missing_ok=True)
            return None

    def _over(self, sha: str) -> None:
        task = self.under_way.pop(sha, None)
        self.listeners.pop(sha, None)
        if task is not None and not task.cancelled():
            task.exception()  # every waiting request received the error already; retrieve it, in case none is left

    def _remember(self, sha: str, facts: dict[str, Any]) -> dict[str, Any]:
        self.known[sha] = facts
        while len(self.known) > REMEMBERED:
            self.known.popitem(last=False)
        return facts

    async def _inspect(self, sha: str, client: str) -> dict[str, Any]:
        path = str(self.library.path(sha))
        claimed = await self.decode({"op": "probe", "path": path}, client, PROBE_SECONDS)
        self.check(claimed)
        length = min(claimed["duration"], self.limits.media_seconds)
        seconds = self.limits.task_seconds + 2 * length

        def tell(what: Any) -> None:
            for listener in self.listeners.get(sha, ()):
                listener(what)

        request = {"op": "inspect", "path": path}
        facts = await self.decode(request, client, seconds, length > self.limits.long_seconds, tell)
        files.write(self.library.derived(sha, FACTS), json.dumps(facts))
        return self._remember(sha, facts)

    async def decode(
        self,
        request: dict[str, Any],
        client: str,
        seconds: float,
        long: bool = False,
        progress: Progress | None = None,
    ) -> dict[str, Any]:
        """The result of a decoder process. Raises Refusal."""
        try:
            return await self.decoders.run(Task(request, client, seconds, long=long, progress=progress))
        except (ChildError, ChildLateError, ChildLostError) as error:
            raise refusal(error, request.get("path", ""), self.library.root) from None

    def check(self, claimed: dict[str, Any]) -> None:
        """Raises Refusal if the file's header exceeds the limits on length or size."""
        duration, picture = claimed["duration"], claimed["picture"]
        if not math.isfinite(duration) or duration > self.limits.media_seconds:
            longest = self.limits.media_seconds
            raise unreadable(f"The file lasts {duration:.0f} s; at most {longest:.0f} s are taken. Send a part of it.")
        if picture and picture["width"] * picture["height"] > self.limits.pixels:
            size = f"{picture['width']} x {picture['height']}"
            raise unreadable(
                f"The picture has {size} pixels; at most {self.limits.pixels / 1e6:.1f} million are taken."
            )

    async def checked(
        self, tracks: Tracks, client: str, progress: Progress | None = None
    ) -> tuple[Tracks, dict[str, Any]]:
        """(`tracks` with an end if one is needed, length in seconds), after inspecting the files. Raises Refusal."""
        named = [t for t in (tracks.video, tracks.audio) if t not in (None, BLANK)]
        if not named:
            raise bad("nothing_to_watch", "Both picture and sound are left out or blank: there is nothing to watch.")
        facts = {}
        for sha in dict.fromkeys(named):
            assert sha is not None
            facts[sha] = await self.facts(sha, client, progress)
        seen, heard = facts.get(tracks.video or ""), facts.get(tracks.audio or "")
        if seen is not None and not seen["picture"] and (heard is None or not heard["sound"]):
            raise unreadable("The file has no picture, and no sound is given.", "video")
        moving = seen if seen is not None and seen["picture"] and not seen["still"] else None
        leader = moving or (heard if heard is not None and heard["sound"] else None) or seen
        if leader is None:
            raise unreadable("The file has no sound, and no picture is given.", "audio")
        length = leader["duration"] or 1.0
        if not 0 <= tracks.start < length:
            raise bad("invalid_start", f"start is {tracks.start:g} s, but the clip lasts {length:g} s.", "start")
        if tracks.end is not None and tracks.end <= tracks.start:
            raise bad("invalid_end", f"end {tracks.end:g} s is not after start {tracks.start:g} s.", "end")
        end = None if tracks.end is None or tracks.end >= length else tracks.end
        if leader.get("still") and end is None:
            end = tracks.start + (tracks.end - tracks.start if tracks.end is not None else 1.0)
        whole = Tracks(tracks.video, tracks.audio, tracks.start, end)
        stretch = (end if end is not None else length) - tracks.start
        return whole, {
            "seconds": round(stretch, 3),
            "seen": bool(seen and seen["picture"]),
            "heard": bool(heard and heard["sound"]),
        }

    def request_fields(self, tracks: Tracks) -> dict[str, Any]:
        """`tracks` as fields of a worker's request."""
        video, audio = (
            one if one in (None, BLANK) else str(self.library.path(one)) for one in (tracks.video, tracks.audio)
        )
        return {"video": video, "audio": audio, "start": tracks.start, "end": tracks.end}


def refusal(error: Exception, path: str, root: Path) -> Refusal:
    """The refusal sent to a client for a worker's error. It contains no path of the server."""
    if isinstance(error, ChildLateError):
        return Refusal(504, "too_slow", f"The clip {error} to work on. Send a shorter or smaller one.")
    if isinstance(error, ChildLostError):
        return Refusal(
            422, "media_refused", "The clip made a worker fail twice. It is damaged, or needs too much memory."
        )
    assert isinstance(error, ChildError)
    text = str(error)
    for hidden in (path, str(root)):
        if hidden:
            text = text.replace(repr(hidden), "The file").replace(hidden, "the file")
    if error.kind in ("MediaError", "FeatureError", "DatasetError"):
        return unreadable(text[:500])
    if error.kind in ("ModelError", "RecipeError", "DependencyError"):
        return Refusal(422, "model_refused", text[:500])
    return Refusal(500, "worker_failed", text[:200])
