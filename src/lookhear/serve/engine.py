"""The engine: library, inspector, two pools of workers, and the two operations that use all of them, ask and watch."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lookhear.errors import LookhearError, ModelError
from lookhear.serve.child import ChildError, ChildLateError, ChildLostError
from lookhear.serve.clips import Inspector, Tracks, refusal
from lookhear.serve.library import ANYBODY, Library
from lookhear.serve.metrics import Metrics
from lookhear.serve.pool import Pool, Task
from lookhear.serve.refusals import Refusal, missing
from lookhear.serve.settings import Settings
from lookhear.tasks import NO_REPLY

TIMELINES = 64  # number of timelines kept in memory
SWEEP = 60.0  # seconds between two clean-ups of the library
Note = Callable[[Task], None]
Progress = Callable[[Any], None]


class Engine:
    """Everything behind the routes."""

    def __init__(self, settings: Settings):
        self.settings, limits = settings, settings.limits
        self.metrics = Metrics()
        self.library = Library(settings.data, limits, self.metrics)
        decoder = {"memory": limits.decoder_bytes}
        holder = {
            "memory": limits.worker_bytes,
            "workers": settings.workers,
            "models": settings.models,
            "cache_clips": limits.cache_clips,
            "cache_bytes": limits.cache_bytes,
        }
        self.decoders = Pool("decode", ("decode", json.dumps(decoder)), settings.decoders, limits.queue, self.metrics)
        self.workers = Pool(
            "model", ("model", json.dumps(holder)), settings.workers, limits.queue, self.metrics, settings.accounts
        )
        self.inspector = Inspector(self.library, self.decoders, limits)
        self.timelines: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self.models: list[dict[str, Any]] = []
        self.examples: list[dict[str, Any]] = []
        self.started = time.time()
        self.ready = self.draining = False
        self.chores: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the workers. Raises LookhearError if a model cannot be loaded."""
        try:
            hello = (await asyncio.gather(self.workers.start(), self.decoders.start()))[0]
        except ChildError as error:
            await self.stop()
            raise ModelError(str(error)) from None
        except (ChildLostError, ChildLateError) as error:
            await self.stop()
            raise LookhearError(f"A worker {error} while it was started; its output is above.") from None
        self.models = hello["models"]
        self.ready = True
        self.chores.append(asyncio.create_task(self._sweep()))
        if self.settings.examples:
            self.chores.append(asyncio.create_task(self._draw_examples()))

    async def stop(self) -> None:
        """Stop the workers."""
        self.ready = False
        for chore in self.chores:
            chore.cancel()
        await asyncio.gather(*self.chores, return_exceptions=True)
        await asyncio.gather(self.workers.stop(), self.decoders.stop())

    def model(self, name: str | None) -> str:
        """The model that a request names, or the default. Raises Refusal."""
        known = [told["id"] for told in self.models]
        if not name:
            return known[0]
        if name not in known:
            raise missing("model", f"{name}; there are: {', '.join(known)}", "model")
        return name

    def language(self, name: str) -> bool:
        """Whether model `name` is a language model, which also reads the earlier turns of a conversation."""
        return any(told["language"] for told in self.models if told["id"] == name)

    async def ask(
        self,
        tracks: Tracks,
        questions: Sequence[str],
        client: str,
        model: str,
        senses: bool = False,
        progress: Progress | None = None,
        note: Note | None = None,
    ) -> dict[str, Any]:
        """(answers with evidence, the clip's memory key).

        `note` receives the task, whose place in the queue can be shown.
        """
        whole, length = await self.inspector.checked(tracks, client, progress)
        request = {
            "op": "ask",
            "model": model,
            "clip": self.inspector.request_fields(whole),
            "key": whole.key(model),
            "senses": senses,
        }
        task = self._task(request, client, length["seconds"], whole.key(model), progress)
        task.questions = tuple(questions)
        result = await self._run(task, note)
        told = [note for answer in result["answers"] for note in answer["notes"] if note.startswith(NO_REPLY)]
        if len(told) == len(questions):  # true for models behind an address
            raise Refusal(502, "no_reply", f"The model gave no reply ({told[0].removeprefix(NO_REPLY).strip(' :()')}).")
        self.metrics.watched.labels("hit" if result["cached"] else "miss").inc()
        self.metrics.asked.labels(model).inc(len(questions))
        return {"clip": length, "model": model, **result}

    async def watch(
        self,
        tracks: Tracks,
        client: str,
        model: str,
        progress: Progress | None = None,
        note: Note | None = None,
    ) -> dict[str, Any]:
        """The timeline of a clip."""
        whole, length = await self.inspector.checked(tracks, client, progress)
        key = whole.key(model)
        if key not in self.timelines:
            request = {"op": "watch", "model": model, "clip": self.inspector.request_fields(whole), "key": key}
            result = await self._run(self._task(request, client, length["seconds"], key, progress), note)
            self.timelines[key] = result["timeline"]
        self.timelines.move_to_end(key)
        while len(self.timelines) > TIMELINES:
            self.timelines.popitem(last=False)
        return {"clip": length, "model": model, "timeline": self.timelines[key]}

    def _task(self, request: dict[str, Any], client: str, seconds: float, key: str, progress: Progress | None) -> Task:
        limits = self.settings.limits
        allowed = limits.task_seconds + 2 * seconds
        return Task(request, client, allowed, key, seconds > limits.long_seconds, progress=progress)

    async def _run(self, task: Task, note: Note | None) -> dict[str, Any]:
        if note is not None:
            note(task)
        try:
            return await self.workers.run(task)
        except (ChildError, ChildLateError, ChildLostError) as error:
            clip = task.request["clip"]
            raise refusal(error, str(clip["video"] or clip["audio"]), self.library.root) from None

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            await asyncio.to_thread(self.library.sweep)

    async def _draw_examples(self) -> None:
        """Generate the example clips once; every client may use them."""
        out = self.library.root / "examples"
        try:
            drawn = await self.inspector.decode({"op": "examples", "out": str(out)}, "examples", 600.0)
        except Refusal:
            return  # the page works without examples; the reason is in the log
        for number, example in enumerate(drawn["examples"], 1):
            path = Path(example.pop("path"))
            data = await asyncio.to_thread(path.read_bytes)
            sha = await self.library.keep(data)
            record = self.library.name(sha, len(data), path.name, ANYBODY, f"file-example{number}")
            with contextlib.suppress(Refusal):
                await self.inspector.facts(sha, "examples")
            self.examples.append({**example, "file": record.id})
