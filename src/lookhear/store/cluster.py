"""Run work on a Ray cluster: a local one, or the one at an address.

`connected` starts or joins a cluster; `spread` calls a function on each of a list of items on its nodes. A task whose
node dies is run on another; tasks that Ray gives up are passed to `instead` in this process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from lookhear.errors import DependencyError, FeatureError, LookhearError

AHEAD = 4  # tasks in progress per worker: a million waiting ones would fill Ray's memory
RETRIES = 3  # number of times that a task is retried elsewhere

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def connected(workers: int, address: str | None) -> Iterator[Any]:
    """Context manager: a connection to the Ray cluster at `address`, or to a new local one with `workers` processes.

    An existing connection is kept. Raises DependencyError without the package, FeatureError if no cluster can be
    reached or started.
    """
    try:
        import ray
    except ImportError:
        raise DependencyError(
            "The engine ray needs Ray. Install it with: pip install 'lookhear[ray]', or use --engine local."
        ) from None
    ours = not ray.is_initialized()
    if ours:
        where: dict[str, Any] = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
        try:
            ray.init(**where, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray raises plain Exceptions if it cannot start
            what = f"No Ray cluster at {address!r}" if address else "Ray did not start here"
            reason = " ".join(str(error).split())[:120]
            raise FeatureError(f"{what} ({reason}). Use --engine local, or mend it.") from None
    try:
        yield ray
    finally:
        if ours:
            ray.shutdown()


def spread(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    address: str | None,
    instead: Callable[[Item], Result],
) -> Iterator[tuple[int, Result]]:
    """Yield (index of the item, result of `function`), in any order. Reraises LookhearErrors of the function."""
    lost: list[int] = []
    with connected(workers, address) as ray:
        remote = ray.remote(num_cpus=1, max_retries=RETRIES)(_alone)
        running: dict[Any, int] = {}
        waiting = iter(range(len(items)))
        while True:
            for place in waiting:
                running[remote.remote(function, items[place])] = place
                if len(running) >= AHEAD * workers:
                    break
            if not running:
                break
            for task in ray.wait(list(running))[0]:
                place = running.pop(task)
                try:
                    yield place, ray.get(task)
                except ray.exceptions.RayTaskError as error:
                    if isinstance(error.cause, LookhearError):
                        raise error.cause from None
                    raise
                except ray.exceptions.RayError:  # the workers died
                    lost.append(place)
    yield from ((place, instead(items[place])) for place in lost)


def _alone(function: Callable[[Item], Result], item: Item) -> Result:
    """Limit this process to one thread."""
    import torch

    torch.set_num_threads(1)
    return function(item)
