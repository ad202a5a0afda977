"""Request bodies, as shown on the OpenAPI page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

FileName = Annotated[
    str,
    Field(description="A file's id (file-…), a data URL, or an http(s) address where the server was started for it."),
]
Track = FileName | Literal["blank"] | None


class Question(BaseModel):
    """A question, optionally with options to choose from."""

    model_config = ConfigDict(extra="forbid")
    question: str
    options: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=26)


class ClipBody(BaseModel):
    """A clip: one file, or the picture of one with the sound of another."""

    model_config = ConfigDict(extra="forbid")
    clip: FileName | None = Field(None, description="A file with its own picture and sound.")
    video: Track = Field(None, description="In place of `clip`'s picture: another file, `blank` (black) or null.")
    audio: Track = Field(None, description="In place of `clip`'s sound: another file, `blank` (silence) or null.")
    start: float = Field(0.0, ge=0, le=1e6, allow_inf_nan=False, description="Seconds.")
    end: float | None = Field(None, gt=0, le=1e6, allow_inf_nan=False, description="Seconds.")
    model: str | None = Field(None, max_length=300)
    background: bool = Field(False, description="Answer at once with a job (202), which is worked on later.")


class AskBody(ClipBody):
    """Questions about a clip."""

    question: str | None = None
    questions: list[str | Question] = Field(default_factory=list)
    senses: bool = Field(False, description="Also say what the picture and the sound alone would answer.")


class WatchBody(ClipBody):
    """The clip whose timeline is requested."""


class RemoteBody(BaseModel):
    """A file that the server downloads."""

    model_config = ConfigDict(extra="forbid")
    url: str = Field(max_length=4_000)


class SessionBody(BaseModel):
    """A key, which the browser keeps as a cookie that scripts cannot read."""

    key: str = Field(max_length=1_000)


class Message(BaseModel):
    """A message of a chat."""

    role: str
    content: str | list[dict[str, Any]] | None = None


class StreamOptions(BaseModel):
    """Options of a stream."""

    include_usage: bool = False


class ChatBody(BaseModel):
    """A chat completion request.

    Answers are the most probable ones; settings that request others are refused, not ignored.
    """

    model: str = ""
    messages: list[Message] = Field(min_length=1, max_length=1_000)
    stream: bool | None = False
    stream_options: StreamOptions | None = None
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int | None = 1
    tools: list[Any] | None = None
    response_format: dict[str, Any] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    stop: str | list[str] | None = None
    seed: int | None = Field(None, description="Changes nothing: the same question has the same answer.")


class ReviewBody(BaseModel):
    """A reviewer's judgement of one item of a sheet."""

    model_config = ConfigDict(extra="forbid")
    reviewer: str = Field(min_length=1, max_length=80)
    verdict: Literal["accept", "edit", "reject"]
    edited: str = Field("", max_length=20_000)
    reason: str = Field("", max_length=2_000)
