"""Send requests to a server through a ledger: a request whose reply is in the ledger is not sent again.

asker.ask(body, key) ─ in the ledger? ─▶ Completion
                     └─ no ─ client.complete ─ append ─▶ Completion, or one that `failed`: retried by the next run
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from lookhear.ledger import Ledger, key_of
from lookhear.servers.client import Client, longest, tokens
from lookhear.servers.completion import ALL, Completion, ServerError
from lookhear.servers.limits import Limits

VERSION = 1  # increased when old replies no longer answer new requests
FIELDS = {one.name for one in fields(Completion)}


@dataclass
class Plan:
    """Result of a dry run: number of `questions`, `kept` replies in the ledger, estimated usage of the others."""

    questions: int = 0
    kept: int = 0
    read: float = 0.0
    written: float = 0.0
    megabytes: float = 0.0

    def add(self, body: Mapping[str, Any], kept: bool) -> None:
        """Count a request."""
        self.questions += 1
        self.kept += kept
        if not kept:
            self.read += tokens(body)
            self.written += longest(body)
            self.megabytes += len(json.dumps(body)) / 1e6

    def lines(self, limits: Limits) -> list[str]:
        """The plan as lines of text."""
        money = f", about ${limits.cost(self.read, self.written):.2f} at most" if any(limits.price) else ""
        return [
            f"{self.questions} questions, {self.kept} of them answered before: {self.questions - self.kept} to ask",
            f"to send: {self.megabytes:.1f} MB; about {self.read:,.0f} tokens to read (a guess by size) and "
            f"{self.written:,.0f} to write at most{money}",
        ]


@dataclass
class Asker:
    """Sends requests through `client`, stores replies in `ledger` (None: not stored), and counts both.

    `kept` replies came from the ledger (the oldest is from `since`), `asked` from the server; `failed` counts the
    reasons of failures. Failures are never stored.
    """

    client: Client
    ledger: Ledger | None = None
    kept: int = 0
    asked: int = 0
    since: str = ""
    failed: Counter[str] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _counted: set[str] = field(default_factory=set)  # keys of stored replies whose cost counts against the budget

    def key(self, *content: Any) -> str:
        """The key of a request with `content` to this client's model.

        Raises ModelError if the server does not tell its name.
        """
        return key_of("reply", VERSION, self.client.name(), content)

    def ask(self, body: Mapping[str, Any], key: str = "", first: Mapping[str, Any] | None = None) -> Completion:
        """The reply to the request `body` (without model). `key` defaults to a key of the whole body.

        If `first` is given, it is sent instead, and `body` only if the server refuses `first`. Never raises errors of
        the server: without a reply, `ended` is "failed" and `why` gives the reason.
        """
        fresh = False

        def make() -> Mapping[str, Any]:
            nonlocal fresh
            fresh = True
            try:
                told = asdict(self.client.complete(first or body))
            except ServerError as error:
                if first is None or error.kind == ALL:
                    raise
                told = asdict(self.client.complete(body))
            return {k: v for k, v in told.items() if v not in ("", None)} | {
                "at": time.strftime("%FT%TZ", time.gmtime())
            }

        key = key or (self.key(body) if self.ledger is not None else "")
        try:
            value = make() if self.ledger is None else self.ledger.once(key, make)
        except ServerError as error:
            with self._lock:
                self.failed[error.why] += 1
            return Completion("", "failed", error.why)
        with self._lock:
            self.asked += fresh
            self.kept += not fresh
            if not fresh:
                self.since = min(filter(None, (self.since, str(value.get("at", "")))), default="")
        if not fresh:
            self.count_stored([key])
        return Completion(**{"text": ""} | {k: v for k, v in value.items() if k in FIELDS})

    def count_stored(self, keys: Iterable[str]) -> None:
        """Count the cost of those `keys` that the ledger holds, each once, before any other is asked.

        Otherwise a reply that is asked first would be paid from the budget of stored ones that are looked up later.
        """
        for key in keys:
            stored = self.ledger.get(key) if self.ledger is not None else None
            with self._lock:
                if stored is None or key in self._counted:
                    continue
                self._counted.add(key)
            self.client.limits.count(stored.get("read"), stored.get("written"))

    def has(self, key: str) -> bool:
        """Whether the ledger holds the reply of `key`."""
        return self.ledger is not None and key in self.ledger

    def lines(self) -> list[str]:
        """Summary, one line each: requests, stored replies, cost, failures."""
        spent = self.client.limits.spent
        requests = f"{self.asked} replies from {self.client.model or 'the model'} at {self.client.url}"
        if self.kept:
            where = self.ledger.path if self.ledger else ""
            requests += f", {self.kept} more from {where} (the oldest of {self.since[:10]})"
        money = f", ${spent.dollars:.4f}" if any(self.client.limits.price) else ""
        unknown = f" ({spent.unknown} without a count)" if spent.unknown else ""
        summary = [requests, f"tokens: {spent.read:,} read, {spent.written:,} written{unknown}{money}"]
        if self.ledger and self.ledger.damaged:
            summary.append(f"{self.ledger.path}: {self.ledger.damaged} damaged lines are skipped")
        if self.client.rename or self.client.drop:
            renamed = [f"{old} sent as {new}" for old, new in self.client.rename.items()]
            summary.append("; ".join([*renamed, *(f"{name} not sent" for name in sorted(self.client.drop))]))
        return summary + [f"no reply to {n}: {why}" for why, n in self.failed.most_common(5)]
