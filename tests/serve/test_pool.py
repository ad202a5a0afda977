"""The queue: turns, questions asked together, workers that die or are late."""

import asyncio

import pytest

from lookhear.serve.child import Child, ChildError, ChildLateError, ChildLostError
from lookhear.serve.metrics import Metrics
from lookhear.serve.pool import Pool, Task
from lookhear.serve.refusals import Refusal


class Fake(Child):
    """A worker that does as the request says."""

    def __init__(self, log):
        super().__init__(())
        self.log, self.starts = log, 1

    async def start(self):
        self.hello = {"models": []}

    async def stop(self, seconds=0):
        pass

    async def call(self, request, seconds, progress=None):
        self.log.append((request["op"], tuple(request.get("questions", ()))))
        await asyncio.sleep(request.get("takes", 0.01))
        if request.get("dies"):
            raise ChildLostError("ended with code -9")
        if request.get("late"):
            raise ChildLateError("took longer")
        if request.get("wrong") or "bad" in request.get("questions", ()):
            raise ChildError("no picture", "MediaError")
        return {"answers": [q.upper() for q in request.get("questions", ())], "held": [request.get("key", "")]}


def run(work, workers=1, most=100):
    async def whole():
        log = []
        pool = Pool("test", (), workers, most, Metrics())
        pool.children = [Fake(log) for _ in range(workers)]
        await pool.start()
        try:
            return await work(pool, log)
        finally:
            await pool.stop()

    return asyncio.run(whole())


def task(name, client="a", **more):
    questions = more.pop("questions", ())
    key, long = more.pop("key", ""), more.pop("long", False)
    return Task({"op": name, "key": key, **more}, client, 5.0, key, long, tuple(questions))


def test_clients_take_turns():
    async def work(pool, log):
        first = pool.run(task("a0", takes=0.05))
        await asyncio.gather(first, *(pool.run(task(f"a{i}")) for i in range(1, 5)), pool.run(task("b", "b")))
        return [name for name, _ in log]

    assert run(work).index("b") <= 2


def test_questions_on_one_clip_are_asked_together_and_told_apart():
    async def work(pool, log):
        busy = pool.run(task("busy", takes=0.05))
        asks = [pool.run(task("ask", f"c{i}", key="clip", questions=("who", f"when{i}"))) for i in range(3)]
        told = await asyncio.gather(busy, *asks)
        return log, [one["answers"] for one in told[1:]]

    log, answers = run(work)
    assert log[1] == ("ask", ("who", "when0", "when1", "when2")) and len(log) == 2
    assert answers == [["WHO", f"WHEN{i}"] for i in range(3)]


def test_a_bad_question_costs_itself_alone():
    async def work(pool, log):
        busy = pool.run(task("busy", takes=0.05))
        asks = [pool.run(task("ask", name, key="clip", questions=(name,))) for name in ("a", "bad", "c")]
        told = await asyncio.gather(busy, *asks, return_exceptions=True)
        return [one if isinstance(one, Exception) else one["answers"] for one in told[1:]]

    first, second, third = run(work)
    assert first == ["A"] and isinstance(second, ChildError) and third == ["C"]


def test_long_clips_leave_a_worker_free():
    async def work(pool, log):
        longs = [asyncio.ensure_future(pool.run(task("long", long=True, takes=0.3))) for _ in range(3)]
        await asyncio.sleep(0.02)
        await asyncio.wait_for(pool.run(task("short", "b")), 0.2)
        for one in longs:
            one.cancel()
        return [name for name, _ in log]

    assert run(work, workers=2) == ["long", "short"]


def test_a_task_that_kills_workers_is_tried_twice():
    async def work(pool, log):
        with pytest.raises(ChildLostError):
            await pool.run(task("bomb", dies=True))
        return await pool.run(task("next", questions=("q",))), [name for name, _ in log]

    told, log = run(work)
    assert log == ["bomb", "bomb", "next"] and told["answers"] == ["Q"]


@pytest.mark.parametrize(("how", "error"), [({"late": True}, ChildLateError), ({"wrong": True}, ChildError)])
def test_other_failures_are_the_tasks_own(how, error):
    async def work(pool, log):
        with pytest.raises(error):
            await pool.run(task("one", **how))
        await pool.run(task("next"))
        return [name for name, _ in log]

    assert run(work) == ["one", "next"]


def test_a_full_queue_refuses_and_a_cancelled_task_leaves_it():
    async def work(pool, log):
        busy = asyncio.ensure_future(pool.run(task("busy", takes=0.1)))
        await asyncio.sleep(0.02)
        waiting = [asyncio.ensure_future(pool.run(task(f"w{i}"))) for i in range(2)]
        await asyncio.sleep(0.02)
        with pytest.raises(Refusal, match="waiting"):
            await pool.run(task("one too many"))
        waiting[0].cancel()
        await asyncio.sleep(0.01)
        await asyncio.gather(busy, waiting[1])
        return [name for name, _ in log]

    assert run(work, most=2) == ["busy", "w1"]
