"""Worker processes that do not outlive the process that started them."""

from __future__ import annotations

import os
import threading
from multiprocessing import parent_process


def end_with_parent() -> None:
    """Exit this worker process with code 1 as soon as its parent has ended, also after `kill -9`. For initialisers.

    A worker of a pool waits on a pipe whose other end it holds itself, so that it never sees the end of its parent.
    """
    parent = parent_process()
    if parent is None:
        return

    def leave() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()
