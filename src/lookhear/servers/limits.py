"""Limits on request rate and cost, shared by all threads of a run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from lookhear.errors import RecipeError
from lookhear.servers.completion import ALL, Completion, ServerError

MILLION = 1e6


@dataclass
class Usage:
    """Usage so far: `read` and `written` tokens, and the number of replies with `unknown` usage."""

    requests: int = 0
    read: int = 0
    written: int = 0
    unknown: int = 0
    dollars: float = 0.0


@dataclass
class Limits:
    """At most `rate` requests per minute (0: unlimited) and `budget` dollars (0: unlimited) at `price`.

    `price` is dollars per million tokens read and written. A request may start only if the cost of the most expensive
    one so far fits into the remaining budget; before the first reply, an estimate is used. `count` adds replies that
    were paid in an earlier run, so that a resumed run keeps to one budget.
    """

    rate: float = 0.0
    budget: float = 0.0
    price: tuple[float, float] = (0.0, 0.0)
    spent: Usage = field(default_factory=Usage)
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _next: float = 0.0  # time at which the next request may start
    _reserved: float = 0.0  # dollars reserved for the requests in progress
    _dearest: float = 0.0

    def enter(self, guess: float) -> float:
        """Wait for permission to send; returns the reserved dollars, which `leave` releases.

        Raises ServerError without budget.
        """
        with self._lock:
            wanted = self._dearest or guess
            if self.budget and self.spent.dollars + self._reserved + wanted > self.budget:
                raise ServerError(
                    ALL,
                    f"the budget of ${self.budget:g} is used up: ${self.spent.dollars:.4f} are spent, "
                    f"${self._reserved:.4f} under way, the next may cost ${wanted:.4f} (raise budget=)",
                )
            self._reserved += wanted
            now = self.clock()
            start = max(now, self._next)
            self._next = start + 60 / self.rate if self.rate else now
        if start > now:
            self.sleep(start - now)
        return wanted

    def leave(self, reserved: float, done: Completion | None) -> None:
        """Record the cost of a request; None if there was no reply."""
        with self._lock:
            self._reserved = max(0.0, self._reserved - reserved)
            self.spent.requests += 1
        if done is not None:
            self.count(done.read, done.written, reserved)

    def count(self, read: int | None, written: int | None, guess: float = 0.0) -> None:
        """Record the tokens of a paid reply; if the server does not tell them, count `guess` dollars."""
        with self._lock:
            known = read is not None and written is not None
            cost = self.cost(read or 0, written or 0) if known else guess
            self.spent.unknown += not known
            self.spent.read += read or 0
            self.spent.written += written or 0
            self.spent.dollars += cost
            self._dearest = max(self._dearest, cost)

    def cost(self, read: float, written: float) -> float:
        """Dollars for these numbers of tokens."""
        return (read * self.price[0] + written * self.price[1]) / MILLION

    def pause(self, seconds: float) -> None:
        """Start no request within the next `seconds`, as the server has asked."""
        with self._lock:
            self._next = max(self._next, self.clock() + seconds)


def price(text: str) -> tuple[float, float]:
    """Parse `2.5/10` as dollars per million tokens read and written; 0 is refused. Raises RecipeError."""
    if not text:
        return 0.0, 0.0
    try:
        read, written = (float(part) for part in text.split("/"))
    except ValueError:
        raise RecipeError(f"price={text!r} is not two numbers with a stroke between, such as 2.5/10.") from None
    if not (0 <= read < 1e9 and 0 <= written < 1e9):
        raise RecipeError(f"price={text!r}: prices are dollars for a million tokens, 0 or more.")
    return read, written
