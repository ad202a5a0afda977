"""Parse responses of chat servers, in all their variants, to a Completion or a classified ServerError.

status, body ─ read ─▶ Completion(text, ended, …)        ServerError(AGAIN)  garbage, 5xx, 429: may be retried
ServerError(ALONE)  this question cannot be answered
ServerError(ALL)    no question can: key, quota, address
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lookhear.errors import quote, well_formed

AGAIN, ALONE, ALL = "again", "alone", "all"

ENDED = {  # finish_reason in lower case -> ending of a reply; others are finished, with the word as `why`
    **dict.fromkeys(("", "stop", "end_turn", "eos", "eos_token", "stop_sequence", "completed", "complete"), "finished"),
    **dict.fromkeys(("length", "max_tokens", "max_output_tokens", "max_completion_tokens"), "cut"),
    **dict.fromkeys(("model_length", "model_context_window_exceeded", "context_length"), "cut"),
    **dict.fromkeys(("content_filter", "content_filtered", "safety", "recitation", "blocklist"), "filtered"),
    **dict.fromkeys(("prohibited_content", "spii", "sensitive", "image_safety"), "filtered"),
    **dict.fromkeys(("refusal", "refused"), "refused"),
    **dict.fromkeys(("tool_calls", "function_call", "tool_use"), "finished"),
    **dict.fromkeys(("abort", "aborted", "error", "cancelled", "canceled"), AGAIN),
    **dict.fromkeys(("insufficient_system_resource", "malformed_response", "timeout"), AGAIN),
}
FILTER_CODES = ("content_filter", "content_policy_violation", "responsibleaipolicyviolation", "data_inspection_failed")
QUOTA_CODES = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "insufficient_balance")
ADVICE = {
    301: "Give the address it points to",
    401: "Set LOOKHEAR_API_KEY, or key_file=PATH",
    402: "The account has no credit",
    404: "Addresses mostly end in /v1; is the model's name right?",
    405: "Addresses mostly end in /v1",
    407: "A proxy wants to know who you are",
    413: "Send less of a clip: fewer frames, a smaller side",
}


@dataclass(frozen=True)
class Completion:
    """A reply of a server. `ended` and `why` are those of `types.Reply`, but never "failed".

    `read` and `written` are numbers of tokens, `score` is the mean log-probability of the reply's tokens; each is None
    if the server does not tell. `model` is the server's name of the model.
    """

    text: str
    ended: str = "finished"
    why: str = ""
    score: float | None = None
    read: int | None = None
    written: int | None = None
    model: str = ""


class ServerError(Exception):
    """There is no reply.

    `kind` is AGAIN, ALONE or ALL; `wait` is the number of seconds that the server asks to wait, or None.
    """

    def __init__(self, kind: str, why: str, wait: float | None = None):
        super().__init__(why)
        self.kind, self.why, self.wait = kind, why, wait


def read(status: int, body: bytes, wait: float | None = None) -> Completion:
    """The reply in a server's response; `wait` is its Retry-After in seconds. Raises only ServerError."""
    try:
        return _read(status, body, wait)
    except RecursionError:
        raise ServerError(AGAIN, "JSON nested too deeply") from None


def _read(status: int, body: bytes, wait: float | None) -> Completion:
    text = body.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    parsed = loads(text)
    if not 200 <= status < 300:
        return _refused(status, text, parsed, wait)
    if parsed is None or not isinstance(parsed, Mapping):
        pieces = list(_pieces(text))
        if not pieces:
            raise ServerError(AGAIN, f"{_kind_of(text)}: {_page_message(text)!r}")
        return _streamed(pieces, wait)
    return _whole(parsed, wait)


def _whole(body: Mapping[str, Any], wait: float | None) -> Completion:
    """Parse a complete chat completion."""
    if body.get("error"):  # some routers send errors with status 200
        error = body["error"]
        code = error.get("code") if isinstance(error, Mapping) else None
        status = int(code) if isinstance(code, (int, str)) and re.fullmatch(r"[45]\d\d", str(code)) else 500
        return _refused(status, json.dumps(body), body, wait)
    choices = body.get("choices")
    choice = next((one for one in choices if isinstance(one, Mapping)), None) if isinstance(choices, Sequence) else None
    if choice is None:
        feedback = body.get("prompt_feedback") or body.get("promptFeedback")
        if feedback:
            return _made(body, "", "filtered", quote(json.dumps(feedback)))
        raise ServerError(AGAIN, f"no choices: {quote(json.dumps(body))!r}")
    message = choice.get("message")
    if not isinstance(message, Mapping):
        delta = choice.get("delta")
        message = delta if isinstance(delta, Mapping) else {"content": choice.get("text")}
    reason = choice.get("finish_reason") or choice.get("finishReason") or ""
    return _ended(body, message, str(reason), choice.get("logprobs"))


def _ended(body: Mapping[str, Any], message: Mapping[str, Any], reason: str, logprobs: Any) -> Completion:
    """A Completion from a message and its finish_reason."""
    text, declined = _words(message.get("content"))
    refusal = message.get("refusal")
    declined = declined or (refusal if isinstance(refusal, str) else "")
    if not text.strip() and isinstance(
        message.get("audio"), Mapping
    ):  # a model that speaks: the transcript of its audio
        text = str(message["audio"].get("transcript") or "")
    ended = ENDED.get(reason.casefold().strip(), "finished")
    why = f"finish_reason {quote(reason)!r}" if ended != "finished" or reason.casefold().strip() not in ENDED else ""
    if ended == AGAIN:
        raise ServerError(AGAIN, why)
    calls = message.get("tool_calls") or message.get("function_call")
    if declined and not text.strip():
        return _made(body, text, "refused", quote(declined), logprobs)
    if ended == "finished" and not text.strip():
        if calls:
            why = f"a tool call: {quote(json.dumps(calls))}"
        elif thought := message.get("reasoning_content") or message.get("reasoning"):
            why = f"reasoning alone: {quote(str(thought))}"
        return _made(body, text, "empty", why, logprobs)
    return _made(body, text, ended, why, logprobs)


def _made(body: Mapping[str, Any], text: str, ended: str, why: str, logprobs: Any = None) -> Completion:
    usage = body.get("usage")
    usage = usage if isinstance(usage, Mapping) else {}
    read, written = (
        next((usage[name] for name in names if _counts(usage.get(name))), None)
        for names in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens"))
    )
    called = well_formed(str(body.get("model") or ""))
    return Completion(well_formed(text), ended, well_formed(why), _score(logprobs), read, written, called)


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12


def _words(content: Any) -> tuple[str, str]:
    """(text, refusal) of a message's content: a text, a list of parts, a number, or nothing."""
    if content is None or isinstance(content, bool):
        return "", ""
    if isinstance(content, (str, int, float)):
        return str(content), ""
    parts = content if isinstance(content, Sequence) else [content]
    text, declined = "", ""
    for part in parts:
        if isinstance(part, str):
            text += part
        elif isinstance(part, Mapping):
            kind, value = str(part.get("type") or "text"), part.get("text")
            value = value.get("value") if isinstance(value, Mapping) else value
            if kind in ("text", "output_text") and isinstance(value, (str, int, float)):
                text += str(value)
            declined += str(part.get("refusal") or "") if kind == "refusal" else ""
    return text, declined


def _score(logprobs: Any) -> float | None:
    found = logprobs.get("content") if isinstance(logprobs, Mapping) else None
    points = [one.get("logprob") for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    if isinstance(logprobs, Mapping) and not points and isinstance(logprobs.get("token_logprobs"), list):
        points = logprobs["token_logprobs"]
    good = [float(p) for p in points if isinstance(p, (int, float)) and not isinstance(p, bool) and math.isfinite(p)]
    return sum(good) / len(good) if good and len(good) == len(points) else None


def _pieces(text: str) -> Iterator[Mapping[str, Any]]:
    """The chunks of a streamed reply: server-sent events, or one JSON object per line."""
    for line in text.split("\n"):
        line = line.strip("\r ")
        if line.startswith("data:"):
            line = line[5:].strip()
            if line == "[DONE]":
                yield {"done": True}
        chunk = loads(line) if line.startswith("{") else None
        if isinstance(chunk, Mapping):
            yield chunk


def _streamed(pieces: Sequence[Mapping[str, Any]], wait: float | None) -> Completion:
    """Join the chunks of a stream; without a final one the reply is incomplete."""
    text, declined, thought, reason, model, done = "", "", "", "", "", False
    calls, usage, points = [], None, list[Any]()
    for piece in pieces:
        if piece.get("error"):
            return _whole(piece, wait)
        done = done or piece.get("done") is True
        usage, model = piece.get("usage") or usage, str(piece.get("model") or model)
        choices = piece.get("choices")
        for choice in choices if isinstance(choices, list) else ():
            if not isinstance(choice, Mapping) or choice.get("index") not in (None, 0):
                continue
            delta = choice.get("delta") or choice.get("message") or {"content": choice.get("text")}
            if isinstance(delta, Mapping):
                said, refused = _words(delta.get("content"))
                text, declined = text + said, declined + refused + str(delta.get("refusal") or "")
                thought += str(delta.get("reasoning_content") or delta.get("reasoning") or "")
                calls += [delta["tool_calls"]] if delta.get("tool_calls") else []
            if isinstance(choice.get("logprobs"), Mapping) and isinstance(choice["logprobs"].get("content"), list):
                points += choice["logprobs"]["content"]
            reason = str(choice.get("finish_reason") or reason)
    if not reason and not done:
        raise ServerError(AGAIN, f"an incomplete streamed reply: {quote(text)!r}")
    message = {"content": text, "refusal": declined, "reasoning": thought, "tool_calls": calls}
    return _ended({"usage": usage, "model": model}, message, reason, {"content": points})


def _refused(status: int, text: str, told: Any, wait: float | None) -> Completion:
    """The result of an error response: a filtered reply, or a ServerError."""
    error = told.get("error", told) if isinstance(told, Mapping) else {}
    error = error if isinstance(error, Mapping) else {"message": error}
    codes = {str(error.get(name) or "").casefold() for name in ("code", "type")}
    inner = error.get("innererror")
    codes |= {str(inner.get("code") or "").casefold()} if isinstance(inner, Mapping) else set()
    message = error.get("message") or error.get("detail") or error.get("msg")
    said = quote(message if isinstance(message, str) else json.dumps(message)) if message else _page_message(text)
    if codes & set(FILTER_CODES):
        return Completion("", "filtered", well_formed(said))
    advice = ADVICE.get(301 if 300 <= status < 400 else status, "")
    why = f"{status} {said}".strip() + (f" ({advice})" if advice else "")
    if codes & set(QUOTA_CODES) or status in (401, 402, 404, 405, 407) or 300 <= status < 400:
        raise ServerError(ALL, why)
    if status in (408, 409, 425, 429, 498, 499) or (status >= 500 and status != 501) or status < 200:
        raise ServerError(AGAIN, why, wait)
    raise ServerError(ALONE, why)


def loads(text: str) -> Any:
    """The JSON value, or None if the text is not JSON."""
    try:
        return json.loads(text)
    except ValueError:  # not JSON, or a number of thousands of digits
        return None


def _kind_of(text: str) -> str:
    if not text:
        return "an empty body"
    if text.startswith("<"):
        return "a page in place of a reply"
    return "half a JSON" if text[0] in "{[" else "no JSON"


def _page_message(text: str) -> str:
    """The message of an HTML page: its title, else its beginning."""
    start = text.lower().find("<title>")
    if start >= 0:
        return quote(text[start + len("<title>") : start + 500].split("<")[0])
    return quote(text)
