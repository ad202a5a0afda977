"""Where worker processes come from: a process that has imported what they need, and has done nothing else.

    parent ──starts──▶ nursery: imports torch, av, numpy, once ──forks──▶ worker, worker, worker, …

That import takes seconds. Whoever calls `nursery` early (`lookhear extract` does, just before it imports torch itself)
has it done on another core meanwhile, and every worker is then there at once. Forking is safe there: nothing was
computed, no lock is held, and with one thread asked for no library keeps any. It ends when its parent ends.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from multiprocessing.context import BaseContext

NEEDED = ("lookhear.store._workers",)
THREADS = "OMP_NUM_THREADS"  # what torch and numpy's OpenBLAS ask, when they are imported, how many to keep


def nursery() -> BaseContext:
    """How workers are started. Beside Linux as new interpreters: Apple's libraries do not bear a fork."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(NEEDED))  # does nothing where the user's own program has started one already
    before = os.environ.get(THREADS)
    os.environ[THREADS] = "1"
    main = threading.current_thread() is threading.main_thread()
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None  # Ctrl-C is the parent's to answer
    try:
        forkserver.ensure_running()
    finally:
        if main:
            signal.signal(signal.SIGINT, heard)
        del os.environ[THREADS]
        os.environ.update({} if before is None else {THREADS: before})
    return context
