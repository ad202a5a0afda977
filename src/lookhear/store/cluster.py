"""Work on a Ray cluster: a local one, or the one at an address.

`connected` starts or joins it; `spread` calls a function of a module with each of some items on its nodes. A task whose
node dies is done on another; what Ray gives up is left to `instead`, here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from lookhear.errors import DependencyError, FeatureError, LookhearError

AHEAD = 4  # tasks under way for each worker: a million waiting ones would fill Ray's memory
RETRIES = 3  # times a task is tried elsewhere

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def connected(workers: int, address: str | None) -> Iterator[Any]:
    """Context manager: Ray, connected to the cluster at `address`, or to one of `workers` processes here.

    A connection that was there before stays. Raises DependencyError without the package, FeatureError where no cluster
    can be reached or started.
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
    """(place of the item, what `function` made of it), in any order. Raises what lookhear raises there."""
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
                except ray.exceptions.RayError:  # its workers died
                    lost.append(place)
    yield from ((place, instead(items[place])) for place in lost)


def _alone(function: Callable[[Item], Result], item: Item) -> Result:
    """One thread a process."""
    import torch

    torch.set_num_threads(1)
    return function(item)
