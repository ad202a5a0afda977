"""Worker processes that render files, one thread each; they end with their parent."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from typing import Any

from lookhear.errors import MediaError
from lookhear.processes import end_with_parent


def drawn(draw: Callable[..., None], jobs: Sequence[tuple[Any, ...]], workers: int, tick: Callable[[], None]) -> None:
    """Call `draw`, a module-level function, with each of `jobs`; one worker means the calling process.

    Raises MediaError where `draw` does.
    """
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            draw(*job)
            tick()
        return
    waiting = iter(jobs)
    with ProcessPoolExecutor(min(workers, len(jobs)), get_context("spawn"), _start_worker) as pool:
        try:
            running = {pool.submit(draw, *job) for job in islice(waiting, 4 * workers)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    future.result()
                    tick()
                running |= {pool.submit(draw, *job) for job in islice(waiting, len(done))}
        except BrokenProcessPool:
            raise MediaError(
                f"A worker that draws videos was stopped. Run again to go on, with {workers - 1} workers."
            ) from None
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


def _start_worker() -> None:
    """Initialise a worker: one thread, and exit when the parent process ends for any reason."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # before numpy is imported, which `draw` does
    end_with_parent()
