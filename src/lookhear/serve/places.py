"""Small things about the data folder: whole JSON files, and parts left behind by servers that died."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

STALE = 86_400.0  # seconds after which another machine's part is taken to be dead


def write_json(path: Path, what: Any, part: Path) -> None:
    """Write `what` to `path` by way of `part`, on the same file system: there is the old file or the new, whole."""
    try:
        with part.open("w", encoding="utf-8") as file:
            json.dump(what, file, allow_nan=False)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def remove_dead_parts(folder: Path) -> None:
    """Remove parts whose writer (host-pid-…) is gone; those of other machines once they are a day old."""
    for part in folder.iterdir():
        host, _, rest = part.name.rpartition("-")[0].rpartition("-")
        with contextlib.suppress(OSError):
            theirs = host != os.uname().nodename
            if (time.time() - part.stat().st_mtime > STALE) if theirs else not alive(int(rest or 0)):
                part.unlink()


def alive(pid: int) -> bool:
    """Whether a process of this machine has the number `pid`."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
