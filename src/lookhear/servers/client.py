"""Client of an OpenAI-compatible chat API: one request, with retries of transient errors.

    body ─ limits ─ POST /chat/completions ─ completion.read ─▶ Completion
              ▲                  │ AGAIN: wait as long as the server asks, else with exponential backoff
              └──────────────────┘ ALONE, ALL, or too many attempts ─▶ ServerError

All failures of a server raise ServerError. After one that affects all requests (the key is refused, the server is
unreachable, only failures arrive), further requests fail immediately, at no cost, for `REST` seconds.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from lookhear.errors import DependencyError, ModelError, RecipeError, quote
from lookhear.servers import completion
from lookhear.servers.completion import AGAIN, ALL, ALONE, Completion, ServerError
from lookhear.servers.limits import Limits

T = TypeVar("T")
ATTEMPTS = 6  # attempts per question after errors that may be transient
BUSY_ATTEMPTS = 12  # attempts per question if the server reports overload
LATE_ATTEMPTS = 2  # attempts per question after time-outs: each may be charged
PATIENCE = 600.0  # total waiting time in seconds that a server may request per question
LONGEST_PAUSE = 30.0  # longest pause in seconds between two attempts, unless the server asks for more
REST = 60.0  # seconds without requests after an error that affects all of them
IN_A_ROW = 20  # consecutive failed questions that count as such an error
LARGEST = 32_000_000  # largest reply in bytes
LEAVABLE = ("temperature", "logprobs", "seed", "top_p")  # fields that are dropped if a server refuses them
REFUSED = ("unsupported", "not support", "unknown", "unrecognized", "permitted")
SECRETS = ("key", "token", "secret", "password", "sig", "signature")


@dataclass
class Client:
    """Client for `model` at `url`; an empty `model` means the first one that the server lists.

    `key` is a bearer token, never shown. `rename` and `drop` are fields of the body with another name or left out; both
    grow when the server refuses one. Raises RecipeError for a key in the address, DependencyError without httpx.
    """

    url: str
    model: str = ""
    key: str = field(default="", repr=False)
    timeout: float = 300.0
    limits: Limits = field(default_factory=Limits)
    rename: dict[str, str] = field(default_factory=dict)
    drop: set[str] = field(default_factory=set)
    pause: float = 0.5  # seconds before the second attempt; each later pause is twice as long

    def __post_init__(self) -> None:
        try:
            import httpx
        except ImportError:
            raise DependencyError("A model behind an address needs httpx: pip install 'lookhear[api]'") from None
        _check(self.url)
        self._errors, self._connect, self._late = httpx.HTTPError, httpx.ConnectError, httpx.TimeoutException
        self._connecting = httpx.ConnectTimeout
        self._odd = (httpx.InvalidURL, httpx.StreamError, httpx.CookieConflict)
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        spans = httpx.Timeout(self.timeout, connect=min(30.0, self.timeout))
        pool = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        self._http = httpx.Client(headers=headers, timeout=spans, limits=pool)
        self._lock, self._naming, self._ended = threading.Lock(), threading.Lock(), threading.Event()
        self.limits.sleep = self._ended.wait
        self._stopped: tuple[float, ServerError] | None = None
        self._failed = 0  # number of consecutive failed questions

    def name(self) -> str:
        """The model's name: the given one, else the first one that the server lists. Raises ModelError."""
        with self._naming:
            if not self.model:
                found = self.served()
                if not found:
                    raise ModelError(f"The server at {self.url} has no model. Name one: model=NAME.")
                self.model = str(found[0]["id"])
        return self.model

    def served(self) -> list[dict[str, Any]]:
        """The server's list of models; each has an `id`. Raises ModelError."""
        try:
            return self._with_retries(self._models)
        except ServerError as failure:
            why = self._safe(failure.why)
            raise ModelError(f"{self.url}/models: {why}. Is the server up? Or name the model: model=NAME.") from None

    def _models(self) -> list[dict[str, Any]]:
        status, body, wait = self._send("GET", "/models", None)
        told = completion.loads(body.decode("utf-8", "replace"))
        if status == 200 and isinstance(told, Mapping) and isinstance(told.get("data"), list):
            return [one for one in told["data"] if isinstance(one, dict) and one.get("id")]
        completion.read(status, body, wait)
        raise ServerError(ALL, "no list of models")

    def stop(self) -> None:
        """Stop: requests that wait for another attempt fail immediately. Replies in progress may still arrive."""
        self._ended.set()

    def say(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Completion:
        """The reply to `messages`. Raises ModelError if there is none."""
        try:
            return self.complete({"messages": list(messages), **options})
        except ServerError as failure:
            raise ModelError(f"{self.model or 'A model'} at {self.url}: {failure.why}") from None

    def complete(self, body: Mapping[str, Any]) -> Completion:
        """The reply to a request with the fields `body`, without model. Raises ServerError."""
        with self._lock:
            if self._stopped and time.monotonic() < self._stopped[0]:
                raise ServerError(ALL, f"not asked: {self._stopped[1].why}")
        try:
            named = {"model": self.name(), **body}
            done = self._with_retries(lambda: self._once(named))
        except ModelError as error:
            raise self._count(ServerError(ALL, str(error))) from None
        except ServerError as failure:
            raise self._count(ServerError(failure.kind, self._safe(failure.why))) from None
        with self._lock:
            self._failed, self._stopped = 0, None
        return done

    def _count(self, failure: ServerError) -> ServerError:
        """Count a failed question.

        After too many, or after an error that affects all requests, pause for REST seconds.
        """
        with self._lock:
            self._failed += 1
            if failure.kind == ALL or self._failed >= IN_A_ROW:
                self._stopped = time.monotonic() + REST, failure
        return failure

    def _with_retries(self, once: Callable[[], T]) -> T:
        """Call `once` with retries and return its result. Raises ServerError of kind ALONE or ALL."""
        tried, late, waited, pause = 0, 0, 0.0, self.pause
        while True:
            tried += 1
            try:
                return once()
            except ServerError as failure:
                if failure.kind != AGAIN:
                    if self._adapted(failure):
                        continue
                    raise
                busy, late = failure.why.startswith("429"), late + isinstance(failure, LateError)
                if failure.wait is not None and waited + failure.wait > PATIENCE:
                    raise ServerError(ALL, f"{failure.why} (it asks to wait {failure.wait:.0f} s)") from None
                if tried >= (BUSY_ATTEMPTS if busy else ATTEMPTS) or late >= LATE_ATTEMPTS:
                    kind = ALL if isinstance(failure, GoneError) or busy else ALONE
                    raise ServerError(kind, f"{failure.why} ({tried} attempts)") from None
                seconds = pause * random.uniform(0.75, 1.25) if failure.wait is None else failure.wait
                if busy:
                    self.limits.pause(seconds)
                waited, pause = waited + seconds, min(2 * pause, LONGEST_PAUSE)
                if self._ended.wait(seconds):
                    raise ServerError(ALL, f"stopped after {failure.why}") from None

    def _once(self, body: Mapping[str, Any]) -> Completion:
        sent = {self.rename.get(name, name): value for name, value in body.items() if name not in self.drop}
        guess = self.limits.cost(tokens(body), longest(body))
        reserved, done = self.limits.enter(guess), None
        try:
            status, content, wait = self._send("POST", "/chat/completions", sent)
            done = completion.read(status, content, wait)
        finally:
            self.limits.leave(reserved, done)
        return done

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None) -> tuple[int, bytes, float | None]:
        """(status, body, Retry-After in seconds), with limits on time and size. Raises ServerError."""
        deadline, held = time.monotonic() + self.timeout, bytearray()
        parts = urlsplit(self.url)
        url = urlunsplit(parts._replace(path=parts.path.rstrip("/") + path))
        try:
            with self._http.stream(method, url, json=body) as response:
                for piece in response.iter_bytes():
                    held += piece
                    if len(held) > LARGEST:
                        raise ServerError(ALONE, f"a reply of more than {LARGEST / 1e6:.0f} MB")
                    if time.monotonic() > deadline:
                        raise LateError(f"no whole reply within {self.timeout:g} s")
                wait = retry_after(response.headers)
                if 300 <= response.status_code < 400:
                    held = bytearray(f"moved to {response.headers.get('location', '?')}".encode())
                return response.status_code, bytes(held), wait
        except self._late as error:
            if isinstance(error, self._connecting):
                raise GoneError(f"no connection within {min(30.0, self.timeout):g} s") from None
            raise LateError(f"no reply within {self.timeout:g} s") from None
        except self._connect as error:
            raise GoneError(f"no connection: {quote(str(error))}") from None
        except self._errors as error:
            raise ServerError(AGAIN, f"the connection was lost: {quote(str(error))}") from None
        except self._odd as error:
            raise ServerError(ALL, f"{self.url!r} cannot be asked: {quote(str(error))}") from None

    def _adapted(self, failure: ServerError) -> bool:
        """Rename or drop the field that the server refuses; whether this was possible, so that a retry may succeed."""
        why = failure.why.casefold()
        if not why.startswith(("400", "422")):
            return False
        with self._lock:
            if "max_completion_tokens" in why and "max_tokens" in why and "max_tokens" not in self.rename:
                self.rename["max_tokens"] = "max_completion_tokens"
                return True
            refused = any(
                word in why for word in ("unsupported", "not support", "unknown", "unrecognized", "permitted")
            )
            field = next((name for name in LEAVABLE if name in why and name not in self.drop), None)
            if refused and field:
                self.drop.add(field)
                return True
        return False

    def _safe(self, text: str) -> str:
        """A server's message without the key, which some servers repeat."""
        return text.replace(self.key, "[key]") if self.key else text


class LateError(ServerError):
    """The server did not answer in time."""

    def __init__(self, why: str):
        super().__init__(AGAIN, why)


class GoneError(ServerError):
    """The server is unreachable."""

    def __init__(self, why: str):
        super().__init__(AGAIN, why)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from Retry-After (seconds or date) or Retry-After-Ms."""
    told, milliseconds = headers.get("retry-after"), headers.get("retry-after-ms")
    try:
        seconds = float(milliseconds) / 1000 if milliseconds else float(told or "")
    except ValueError:
        try:
            seconds = parsedate_to_datetime(told or "").timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    return None if math.isnan(seconds) else min(max(0.0, seconds), 1e9)


def tokens(body: Any) -> float:
    """Estimated input tokens of a request: a quarter of its text's characters, plus its media by size.

    A rough estimate for use before the first reply: 300 per picture, 30 per second of 16-bit sound at 16 kHz, 1,000 per
    video of 100 kB.
    """
    if isinstance(body, str):
        return len(body) / 4
    if isinstance(body, Mapping):
        kind = str(body.get("type", ""))
        if kind == "image_url":
            return 300.0
        if kind in ("input_audio", "audio_url"):
            return len(str(body)) * 0.75 / 32_000 * 30
        if kind == "video_url":
            return max(1000.0, len(str(body)) * 0.75 / 100)
        return sum(tokens(value) for key, value in body.items() if key not in ("model", "uuid"))
    return sum(map(tokens, body)) if isinstance(body, (list, tuple)) else 0.0


def longest(body: Mapping[str, Any]) -> int:
    """Largest number of tokens of the reply."""
    told = [body.get(name) for name in ("max_tokens", "max_completion_tokens")]
    return max([0, *(n for n in told if isinstance(n, int))])


def key_in(file: Path | str) -> str:
    """The key in the first line of a file. Raises ModelError."""
    try:
        return Path(file).expanduser().read_text("utf-8").strip().split("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"No key in {str(file)!r}: {getattr(error, 'strerror', None) or 'not a text'}.") from None


def _check(url: str) -> None:
    """Raises RecipeError for an invalid address, or one with a secret: a model's name is printed and stored."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RecipeError(f"{url!r} is not an address. Give one such as http://localhost:8000/v1.")
    names = [name.casefold() for name, _ in parse_qsl(parts.query)]
    if parts.password or any(secret in name for name in names for secret in SECRETS):
        raise RecipeError(
            f"The address of {parts.hostname} holds a password or key, which would be printed and stored. "
            "Put it into the environment (LOOKHEAR_API_KEY) or a file (key_file=PATH)."
        )
