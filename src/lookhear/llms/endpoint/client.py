"""A language model behind an OpenAI-compatible address: one reply at a time, errors in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lookhear.errors import DependencyError, ModelError


@dataclass(frozen=True)
class Told:
    """A reply, its tokens read and written, and the mean log-probability of its tokens where the server tells it."""

    text: str
    read: int = 0
    written: int = 0
    score: float | None = None


class Client:
    """Speaks to `model` at `url`; an empty `model` is the first that the server has."""

    def __init__(self, url: str, model: str = "", key: str = "", timeout: float = 120):
        try:
            import openai
        except ImportError:
            raise DependencyError("A model behind an address needs openai: pip install 'lookhear[api]'") from None
        self._errors = openai.OpenAIError
        self._client = openai.OpenAI(base_url=url, api_key=key or "none", max_retries=4, timeout=timeout)
        self.url = url
        self.model = model or self._first()

    def say(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> Told:
        """The reply to `messages`. Raises ModelError."""
        try:
            done = self._client.chat.completions.create(model=self.model, messages=list(messages), **options)  # type: ignore[arg-type]
        except self._errors as error:
            raise ModelError(self._line(error)) from None
        if not done.choices:
            raise ModelError(f"{self.model} at {self.url} gave no reply.")
        choice, usage = done.choices[0], done.usage
        points = [one.logprob for one in (choice.logprobs.content or ())] if choice.logprobs else []
        return Told(
            choice.message.content or "",
            usage.prompt_tokens if usage else 0,
            usage.completion_tokens if usage else 0,
            sum(points) / len(points) if points else None,
        )

    def _first(self) -> str:
        try:
            found = [one.id for one in self._client.models.list()]
        except self._errors as error:
            raise ModelError(self._line(error)) from None
        if not found:
            raise ModelError(f"The server at {self.url} has no model. Name one: model=NAME.")
        return found[0]

    def _line(self, error: Exception) -> str:
        name = getattr(self, "model", "") or "A model"
        return f"{name} at {self.url}: {str(error).splitlines()[0][:200]}"
