"""A pool of worker processes with one fair queue.

    tasks ─▶ clients in turn ─▶ the worker that holds the clip in memory, else any free worker ─▶ child
              │                     │
              │                     └ waiting questions about one clip are asked together
              └ a long clip never takes the last free worker

If a worker dies, its task is tried once more. A task that exceeds its time fails, and its worker is killed.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lookhear.serve.child import Child, ChildError, ChildLateError, ChildLostError, Progress
from lookhear.serve.metrics import Metrics
from lookhear.serve.refusals import Refusal

TRIES = 2  # a task that has killed this many workers fails
TOGETHER = 64  # largest number of questions asked together
SETTLE = 5.0  # seconds between two starts of a worker that dies immediately


@dataclass(eq=False)
class Task:
    """A waiting request. `key` names its clip; tasks with `questions` and equal clip and settings are joined."""

    request: dict[str, Any]
    client: str
    seconds: float
    key: str = ""
    long: bool = False
    questions: tuple[str, ...] = ()
    progress: Progress | None = None
    tries: int = 0
    alone: bool = False  # it failed together with others; each is then asked separately to find the one at fault
    done: asyncio.Future[Any] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Pool:
    """`count` workers of one kind. `held` lists the clips in each worker's memory, according to its last reply."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        count: int,
        most: int,
        metrics: Metrics,
        private: Mapping[str, Any] | None = None,
    ):
        self.name, self.most, self.metrics = name, most, metrics
        self.children = [Child(arguments, private) for _ in range(count)]
        self.held: list[set[str]] = [set() for _ in range(count)]
        self.waiting: OrderedDict[str, deque[Task]] = OrderedDict()  # client -> its tasks
        self.running: list[list[Task]] = [[] for _ in range(count)]
        self.changed = asyncio.Condition()
        self.loops: list[asyncio.Task[None]] = []

    async def start(self) -> dict[str, Any]:
        """Start the workers; returns the first message of the first one. Raises ChildError if one cannot start."""
        await asyncio.gather(*(child.start() for child in self.children))
        self.loops = [asyncio.create_task(self._loop(i)) for i in range(len(self.children))]
        return self.children[0].hello

    async def stop(self) -> None:
        """Stop the workers and refuse the waiting tasks."""
        for loop in self.loops:
            loop.cancel()
        await asyncio.gather(*self.loops, return_exceptions=True)
        for task in [t for tasks in self.waiting.values() for t in tasks] + list(itertools.chain(*self.running)):
            if not task.done.done():
                task.done.set_exception(Refusal(503, "stopping", "The server is stopping. Try again.", retry=5))
        await asyncio.gather(*(child.stop() for child in self.children))

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting or running."""
        return not any(self.running) and not any(self.waiting.values())

    async def run(self, task: Task) -> Any:
        """The result of `task`. Raises Refusal, ChildError, ChildLostError or ChildLateError."""
        if sum(map(len, self.waiting.values())) >= self.most:
            raise Refusal(503, "queue_full", "Too many requests are waiting. Try again in a moment.", retry=5)
        self.waiting.setdefault(task.client, deque()).append(task)
        self._gauge()
        async with self.changed:
            self.changed.notify_all()
        try:
            return await task.done
        finally:
            self._forget(task)

    def position(self, task: Task) -> int:
        """Number of tasks before this one in the queue; 0 once it runs."""
        if any(task in some for some in self.running):
            return 0
        for before, other in enumerate(self._turns(), 1):
            if other is task:
                return before
        return 0

    def _turns(self) -> list[Task]:
        rounds = itertools.zip_longest(*self.waiting.values())
        return [task for some in rounds for task in some if task is not None]

    def _forget(self, task: Task) -> None:
        tasks = self.waiting.get(task.client)
        if tasks is not None:
            if task in tasks:
                tasks.remove(task)
            if not tasks:
                self.waiting.pop(task.client, None)
        self._gauge()

    def _gauge(self) -> None:
        self.metrics.waiting.labels(self.name).set(sum(map(len, self.waiting.values())))

    def _next(self, worker: int) -> list[Task]:
        """The tasks that `worker` should do next. All of them are about the same clip."""
        others = [i for i in range(len(self.children)) if i != worker]
        last = len(others) > 0 and all(any(t.long for t in self.running[i]) for i in others)
        for task in self._turns():
            if task.long and last:
                continue
            elsewhere = any(task.key in self.held[i] or any(t.key == task.key for t in self.running[i]) for i in others)
            stuck = any(t.long and t.key != task.key for i in others for t in self.running[i])
            if task.key and task.key not in self.held[worker] and elsewhere and not stuck:
                continue
            return self._joined(task)
        return []

    def _joined(self, first: Task) -> list[Task]:
        chosen, room = [first], TOGETHER - len(first.questions)
        if first.questions and not first.alone:
            for task in self._turns():
                fits = bool(task.questions) and not task.alone and len(task.questions) <= room
                if task is not first and fits and task.request == first.request:
                    chosen.append(task)
                    room -= len(task.questions)
        for task in chosen:
            self._forget(task)
        if first.client in self.waiting:
            self.waiting.move_to_end(first.client)  # the client that was served goes to the end of the row
        return chosen

    async def _loop(self, worker: int) -> None:
        while True:
            async with self.changed:
                while not (tasks := self._next(worker)):
                    await self.changed.wait()
                self.running[worker] = tasks
            self.metrics.busy.labels(self.name).inc()
            try:
                await self._do(worker, tasks)
            finally:
                self.running[worker] = []
                self.metrics.busy.labels(self.name).dec()
            async with self.changed:
                self.changed.notify_all()

    async def _do(self, worker: int, tasks: list[Task]) -> None:
        child, first = self.children[worker], tasks[0]
        questions = list(dict.fromkeys(q for task in tasks for q in task.questions))
        request = {**first.request, "questions": questions} if questions else first.request

        def tell(what: Any) -> None:
            for task in tasks:
                if task.progress is not None:
                    task.progress(what)

        before = child.starts
        try:
            result = await child.call(request, max(t.seconds for t in tasks), tell)
        except ChildLostError as error:
            await self._lost(worker, tasks, error)
        except Exception as error:
            if isinstance(error, ChildLateError):
                self.held[worker] = set()
                self.metrics.killed.labels(self.name, "late").inc()
            for task in reversed(tasks):
                if not task.done.done():
                    self._failed(task, error, again=isinstance(error, ChildError) and len(tasks) > 1)
        else:
            self.held[worker] = set(result.pop("held", ())) if isinstance(result, dict) else set()
            for task in tasks:
                if not task.done.done():
                    task.done.set_result(_share(result, task.questions, questions))
        if child.starts != before:
            self.metrics.starts.labels(self.name).inc(child.starts - before)

    async def _lost(self, worker: int, tasks: list[Task], error: ChildLostError) -> None:
        """Put the tasks of a dead worker back at the front of the queue, unless they have used up their tries."""
        self.held[worker] = set()
        self.metrics.killed.labels(self.name, "died").inc()
        self.running[worker] = []
        for task in reversed(tasks):
            task.tries += 1
            if not task.done.done():
                self._failed(task, error, again=task.tries < TRIES)
        if self.children[worker].starts > 1:
            await asyncio.sleep(min(SETTLE, 0.1 * self.children[worker].starts))

    def _failed(self, task: Task, error: Exception, again: bool) -> None:
        if again:
            task.alone = True
            self.waiting.setdefault(task.client, deque()).appendleft(task)
            self._gauge()
        else:
            task.done.set_exception(error)


def _share(result: Any, own: Sequence[str], asked: Sequence[str]) -> Any:
    """One task's part of the answers to joined questions."""
    if not own:
        return result
    place = {question: i for i, question in enumerate(asked)}
    parts = {name: [result[name][place[q]] for q in own] for name in ("answers",)}
    return {**result, **parts}
