"""The program of a worker process: `python -m lookhear.serve.worker decode|model SETTINGS`.

A model's worker first reads one line with private options of its models, such as keys. It then reads one JSON request
per line from standard input and writes JSON lines to the original standard output (see `child`). It limits its own
memory and files, ends with the server, and catches every error of a clip, so that a damaged file affects only its own
request.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TextIO

from lookhear.errors import LookhearError, MediaError

PR_SET_PDEATHSIG = 1  # Linux: the signal that a process receives when its parent dies
FILES = 256  # largest number of open files of a worker
ROOM = 1_000_000_000  # largest file in bytes that a worker may write

Tell = Callable[[Any], None]
Operation = Callable[[Mapping[str, Any], Tell], Any]


def main(kind: str, settings: Mapping[str, Any]) -> None:
    """Serve requests until the server closes the pipe."""
    out = _pipe()
    _die_with_parent()
    operations: dict[str, Operation]
    hello: dict[str, Any]
    try:
        if kind == "decode":
            from lookhear.serve import decoding

            operations, hello = decoding.operations(), {"name": "decoder"}
        else:
            _share_cores(int(settings["workers"]))
            from lookhear.serve import answering

            private = json.loads(sys.stdin.readline() or "{}")  # keys of models behind an address
            keeper = answering.Keeper(settings["models"], settings["cache_clips"], settings["cache_bytes"], private)
            operations, hello = keeper.operations(), {"name": "model", "models": keeper.descriptions()}
        _limit(int(settings["memory"]), hello)
    except LookhearError as error:
        _send_line(out, {"error": str(error), "kind": type(error).__name__})
        raise SystemExit(1) from None
    _send_line(out, {"result": hello})
    for line in sys.stdin:
        request = json.loads(line)
        reply = _answered(operations[request["op"]], request, lambda what: _send_line(out, {"progress": what}))
        _send_line(out, reply)


def _answered(operation: Operation, request: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
    try:
        return {"result": operation(request, tell)}
    except LookhearError as error:
        return {"error": str(error), "kind": type(error).__name__}
    except MemoryError:
        message = "The clip needs more memory than a worker may take. Use a shorter or smaller one."
        return {"error": message, "kind": MediaError.__name__}
    except RuntimeError as error:  # torch raises it when an allocation fails
        if "alloc" in str(error) or "memory" in str(error):
            return {"error": "The clip needs more memory than a worker may take.", "kind": MediaError.__name__}
        return _fault(error)
    except Exception as error:
        return _fault(error)


def _fault(error: Exception) -> dict[str, Any]:
    """An internal error: the log gets the traceback, the client one line without paths."""
    import traceback

    traceback.print_exc()
    return {"error": f"The worker failed ({type(error).__name__}).", "kind": "Fault"}


def _pipe() -> TextIO:
    """The original standard output, used only for replies; other output of libraries goes to standard error."""
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return pipe


def _send_line(out: TextIO, what: Mapping[str, Any]) -> None:
    try:
        out.write(json.dumps(what, allow_nan=False) + "\n")
        out.flush()
    except BrokenPipeError:
        raise SystemExit(0) from None  # the server has ended


def _share_cores(workers: int) -> None:
    """Give each of `workers` processes an equal part of the cores, and let waiting threads sleep.

    Spinning threads would take the cores of other workers. Variables set by the operator are not changed.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read once, when torch is imported
    import torch

    if "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(max(1, torch.get_num_threads() // workers))


def _die_with_parent() -> None:
    with suppress(OSError, AttributeError):  # not Linux: the closed pipe ends the process after its task
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _limit(memory: int, hello: dict[str, Any]) -> None:
    """No core files, few open files, `memory` bytes beyond the current use (not on CUDA, which maps much more)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if hard == resource.RLIM_INFINITY else min(FILES, hard),) * 2)
    torch = sys.modules.get("torch")
    cuda = torch is not None and torch.cuda.is_available()
    hello["memory_limited"] = not cuda and sys.platform.startswith("linux")
    if hello["memory_limited"]:
        with open("/proc/self/statm") as file:  # noqa: PTH123
            taken = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory, taken + memory))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
