"""Start method of worker processes: a fork server that has imported the heavy libraries and done nothing else.

    parent ──starts──▶ nursery: imports torch, av, numpy, once ──forks──▶ worker, worker, worker, …

The imports take seconds. If `nursery` is called early (`lookhear extract` calls it before importing torch), they run on
another core meanwhile, and workers start at once. Forking is safe there, because nothing was computed, no lock is held
and libraries run with one thread. The fork server ends with its parent.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.context import BaseContext

NEEDED = ("lookhear.store._workers",)
THREADS = "OMP_NUM_THREADS"  # read by torch and OpenBLAS on import


def nursery() -> BaseContext:
    """The multiprocessing context: a fork server on Linux, spawn elsewhere (Apple's libraries do not support fork)."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(NEEDED))  # has no effect if the program has already started a fork server
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    main = threading.current_thread() is threading.main_thread()
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None  # Ctrl-C is handled by the parent
    try:
        forkserver.ensure_running()
    finally:
        if main:
            signal.signal(signal.SIGINT, heard)
        del os.environ[THREADS]
        os.environ.update({} if before is None else {THREADS: before})
    return context
