"""Refusals: error responses in the format of OpenAI's API.

{"error": {"message": "…", "type": "invalid_request_error", "param": "questions", "code": "too_many_questions"}}
"""

from __future__ import annotations

from typing import Any

TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    429: "rate_limit_error",
    500: "server_error",
    502: "server_error",
    503: "overloaded_error",
    504: "timeout_error",
    507: "server_error",
}


class Refusal(Exception):  # noqa: N818  (it is an answer, not a fault of ours)
    """A request was refused. `retry` is the number of seconds after which a retry makes sense."""

    def __init__(self, status: int, code: str, message: str, param: str | None = None, retry: float | None = None):
        super().__init__(message)
        self.status, self.code, self.message, self.param, self.retry = status, code, message, param, retry

    def body(self) -> dict[str, Any]:
        """The JSON body of the response."""
        kind = TYPES.get(self.status, "invalid_request_error")
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def headers(self) -> dict[str, str]:
        """The headers of the response."""
        found = {"WWW-Authenticate": "Bearer"} if self.status == 401 else {}
        return found | ({"Retry-After": str(max(1, round(self.retry)))} if self.retry is not None else {})


def bad(code: str, message: str, param: str | None = None) -> Refusal:
    """400: the request is invalid."""
    return Refusal(400, code, message, param)


def missing(what: str, name: object, param: str | None = None) -> Refusal:
    """404: it does not exist, or belongs to another client."""
    return Refusal(404, f"{what.replace(' ', '_')}_not_found", f"No {what} called {str(name)[:80]!r}.", param)


def too_large(what: str, limit: str, param: str | None = None) -> Refusal:
    """413: larger than allowed."""
    return Refusal(413, "too_large", f"The {what} is larger than {limit}, which is the limit here.", param)


def unreadable(message: str, param: str | None = None) -> Refusal:
    """422: the media cannot be used."""
    return Refusal(422, "media_refused", message, param)
