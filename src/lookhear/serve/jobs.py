"""Background jobs: accepted jobs are written to disk before the response, and survive a restart.

POST … {"background": true} ─▶ data/jobs/job-….json (queued) ─▶ running ─▶ done | failed | cancelled
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lookhear import files
from lookhear.serve.library import Library
from lookhear.serve.pool import Pool, Task
from lookhear.serve.refusals import Refusal, missing

ENDED = ("done", "failed", "cancelled")
KEPT_SECONDS = 86_400.0
TICK = 0.5  # seconds between two updates of a job's place in the queue

Progress = Callable[[Any], None]
Note = Callable[[Task], None]
Work = Callable[[dict[str, Any], str, Progress, Note], Awaitable[dict[str, Any]]]


@dataclass
class Job:
    """A background request. `request` is its body after its media were stored."""

    id: str
    kind: str
    owner: str
    client: str
    request: dict[str, Any]
    state: str = "queued"
    created: float = field(default_factory=time.time)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    instance: str = ""  # host and process that works on the job


class Jobs:
    """All jobs of this server. `works` maps a kind of job to the function that performs it."""

    def __init__(self, library: Library, pool: Pool, works: dict[str, Work], most: int):
        self.library, self.pool, self.works, self.most = library, pool, works, most
        self.folder = library.root / "jobs"
        self.jobs: dict[str, Job] = {}
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self.queued: dict[str, Task] = {}
        self.progress: dict[str, Any] = {}
        self.changed = asyncio.Condition()
        self.instance = f"{os.uname().nodename}:{os.getpid()}"
        self.stopping = False

    def resume(self) -> int:
        """Resume the jobs that an earlier server on this machine left unfinished; returns their number."""
        count = 0
        for path in self.folder.glob("job-*.json"):
            job = _read(path)
            if job is None or (job.state in ENDED and time.time() - job.created > KEPT_SECONDS):
                path.unlink(missing_ok=True)
                continue
            host, _, pid = job.instance.rpartition(":")
            orphan = host == os.uname().nodename and not (pid.isdigit() and files.running(int(pid)))
            if job.state not in ENDED and (orphan or not job.instance):
                job.state = "queued"
                self._begin(job)
                count += 1
        return count

    def add(self, kind: str, owner: str, client: str, request: dict[str, Any]) -> Job:
        """Accept a job; when this returns, it is on disk. Raises Refusal."""
        if self.stopping or sum(j.state not in ENDED for j in self.jobs.values()) >= self.most:
            raise Refusal(503, "queue_full", "Too many jobs are waiting. Try again later.", retry=30)
        job = Job(f"job-{secrets.token_hex(12)}", kind, owner, client, request)
        self._begin(job)
        return job

    def _begin(self, job: Job) -> None:
        job.instance = self.instance
        self._save(job)
        self.jobs[job.id] = job
        self.tasks[job.id] = asyncio.create_task(self._work(job))

    def _save(self, job: Job) -> None:
        files.write(self.folder / f"{job.id}.json", json.dumps(asdict(job)))

    async def _work(self, job: Job) -> None:
        def tell(what: Any) -> None:
            self.progress[job.id] = what

        def note(task: Task) -> None:
            self.queued[job.id] = task

        job.state = "running"
        try:
            job.result = await self.works[job.kind](job.request, job.client, tell, note)
            job.state = "done"
        except Refusal as error:
            if self.stopping and error.code == "stopping":
                job.state = "queued"  # the server resumes it at its next start
            else:
                job.state, job.error = "failed", error.body()["error"]
        except asyncio.CancelledError:
            job.state = "queued" if self.stopping else "cancelled"
        except Exception as error:
            job.state, job.error = "failed", Refusal(500, "internal_error", "The server failed.").body()["error"]
            asyncio.get_running_loop().call_exception_handler({"message": f"job {job.id}", "exception": error})
        with contextlib.suppress(OSError):
            self._save(job)
        self.tasks.pop(job.id, None)
        self.queued.pop(job.id, None)
        self._forget_old()
        async with self.changed:
            self.changed.notify_all()

    def _forget_old(self) -> None:
        for id in [i for i, j in self.jobs.items() if j.state in ENDED and time.time() - j.created > KEPT_SECONDS]:
            self.jobs.pop(id)
            self.progress.pop(id, None)
            (self.folder / f"{id}.json").unlink(missing_ok=True)

    def find(self, id: str, owner: str) -> Job:
        """The job with this id, from memory or disk. Raises Refusal."""
        job = self.jobs.get(id)
        if job is None and id.startswith("job-") and id[4:].isalnum() and len(id) < 64:
            job = _read(self.folder / f"{id}.json")
        if job is None or job.owner != owner:
            raise missing("job", id)
        return job

    def description(self, job: Job) -> dict[str, Any]:
        """A job as it is shown to clients."""
        task = self.queued.get(job.id)
        place = self.pool.position(task) if task is not None and job.state == "running" else 0
        return {
            "id": job.id,
            "object": "job",
            "kind": job.kind,
            "state": "queued" if place else job.state,
            "position": place,
            "created_at": int(job.created),
            "result": job.result,
            "error": job.error,
        }

    def cancel(self, job: Job) -> None:
        """Cancel a job that is not finished."""
        task = self.tasks.get(job.id)
        if task is not None:
            task.cancel()

    async def events(self, job: Job) -> AsyncIterator[dict[str, Any]]:
        """Yield the job's changes until it is finished or the server stops."""
        last: tuple[Any, ...] = ()
        while True:
            if job.id not in self.jobs:  # a job of another replica
                job = _read(self.folder / f"{job.id}.json") or job
            described = self.description(job)
            progress = self.progress.get(job.id)
            now = (described["state"], described["position"], id(progress))
            if now != last:
                yield {**described, "progress": progress}
                last = now
            if job.state in ENDED or self.stopping:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK), self.changed:
                    await self.changed.wait()

    async def stop(self) -> None:
        """Stop; unfinished jobs resume at the next start."""
        self.stopping = True
        for task in list(self.tasks.values()):
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


def _read(path: Path) -> Job | None:
    try:
        return Job(**json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
