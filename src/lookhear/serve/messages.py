"""OpenAI's chat messages, read as a clip and a question.

text          the question: the text of the last user message, without time marks; "A. …" lines are its options; a
              language model also reads what was said before it
image_url     a frame; its time is the text before it ("At 1.5 s:"), else one frame a second
input_audio   the sound, several one after another           audio_url  the same at an address
video_url     the clip, with its own sound unless sound is given beside it; `video` with a list is frames
file          an uploaded file (file_id), or one in the message (file_data)
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lookhear.serve.refusals import bad, too_large
from lookhear.serve.schemas import Message

TIME = re.compile(
    r"^[\s<\[(]{0,4}(?:frame\s{0,2})?(?:at|time|t\s?=)?\s{0,2}(?:(\d{1,3}):)?(\d{1,6}(?:\.\d{1,6})?)\s{0,2}"
    r"(?:s|sec|seconds?)?[\s>\])]{0,4}:?\s{0,4}$",
    re.IGNORECASE,
)
OPTION = re.compile(r"^\s{0,8}\(?([A-Z])[.):]\s{1,4}(\S.{0,199})$")
HISTORY = 8  # longest history, in multiples of the longest allowed question
INSTRUCTION = re.compile(r"^(answer|reply|respond|please answer|please reply)\b.{0,2000}$", re.IGNORECASE)


@dataclass
class Media:
    """The media of a conversation, as named in it: URLs, base64 or ids."""

    video: str = ""
    frames: list[tuple[float | None, str]] = field(default_factory=list)
    sounds: list[tuple[bool, str]] = field(default_factory=list)  # (whether it is bare base64, content)


@dataclass(frozen=True)
class Asked:
    """A question with its media. `before` are the earlier turns as (role, text), oldest first."""

    media: Media
    text: str
    question: str
    options: tuple[str, ...]
    before: tuple[tuple[str, str], ...] = ()

    def conversation(self) -> str:
        """The question preceded by the earlier turns, as it is given to a language model."""
        return "\n".join([*(f"{role}: {text}" for role, text in self.before), self.question])


def read(messages: Sequence[Message], images: int, chars: int) -> Asked:
    """The question of a conversation and its media. Raises Refusal."""
    if messages[-1].role != "user":
        raise bad("no_question", "The last message must be the user's: it holds the question.", "messages")
    media, turns = Media(), []
    for message in messages:
        parts = message.content if isinstance(message.content, list) else [_text(message.content or "")]
        turns.append((message.role, _parts(parts, media if message.role == "user" else Media())))
    text = turns[-1][1]
    if max(len(media.frames), len(media.sounds)) > images:
        raise too_large("number of frames and sounds", f"{images}", "messages")
    if len(text) > chars:
        raise too_large("question", f"{chars} characters", "messages")
    if not (media.video or media.sounds or media.frames):
        raise bad("no_media", "No video, sound or picture in the messages: there is nothing to watch.", "messages")
    question, options = split_options(text)
    if not question:
        raise bad("no_question", "The last message has no text: there is no question.", "messages")
    before = tuple((role, words) for role, words in turns[:-1] if words)
    if sum(len(words) for _, words in before) > HISTORY * chars:
        raise too_large("history", f"{HISTORY * chars} characters", "messages")
    return Asked(media, text, question, options, before)


def _text(text: str) -> dict[str, Any]:
    return {"type": "text", "text": text}


def _parts(parts: Sequence[Mapping[str, Any]], media: Media) -> str:
    """Add the media of one message to `media`; returns the message's text."""
    lines: list[str] = []
    time: float | None = None
    mark = ""
    for part in parts:
        kind = part.get("type")
        if kind in ("text", "input_text"):
            if mark:
                lines.append(mark)
            text = str(part.get("text", ""))
            found = TIME.match(text)
            time = 60.0 * int(found[1] or 0) + float(found[2]) if found else None
            mark = text if found else ""
            if not found:
                lines.append(text)
            continue
        if kind in ("image_url", "image", "input_image"):
            media.frames.append((time, _url(part, "image_url", "image", "url")))
        elif mark:
            lines.append(mark)
        mark, time = "", None
        if kind in ("image_url", "image", "input_image"):
            continue
        if kind in ("video_url", "video"):
            _video(part, media)
        elif kind == "input_audio":
            content = part.get("input_audio")
            data = content.get("data") if isinstance(content, Mapping) else None
            media.sounds.append((not str(data).startswith("data:"), _checked_text("sound", data)))
        elif kind in ("audio_url", "audio"):
            media.sounds.append((False, _url(part, "audio_url", "audio", "url")))
        elif kind in ("file", "input_file"):
            content = part.get("file", part)
            _film(media, (content.get("file_id") or content.get("file_data")) if isinstance(content, Mapping) else None)
        else:
            raise bad("unsupported_part", f"Content parts of type {str(kind)[:40]!r} are not supported.", "messages")
    if mark:
        lines.append(mark)
    return "\n".join(lines).strip()


def _video(part: Mapping[str, Any], media: Media) -> None:
    told = part.get("video")
    if isinstance(told, list):
        media.frames += [(None, str(one.get("url") if isinstance(one, Mapping) else one)) for one in told]
    else:
        _film(media, _url(part, "video_url", "video", "url"))


def _film(media: Media, value: Any) -> None:
    if media.video not in ("", value):  # a conversation may show the same clip again
        raise bad("several_clips", "The messages hold more than one video: one clip is watched at a time.", "messages")
    media.video = _checked_text("video", value)


def _checked_text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise bad("invalid_part", f"A part with {name} names no data, no address and no file.", "messages")
    return value


def _url(part: Mapping[str, Any], *names: str) -> str:
    told: Any = None
    for name in names:
        told = part.get(name)
        if told is not None:
            break
    value = told.get("url") if isinstance(told, Mapping) else told
    if not isinstance(value, str) or not value:
        raise bad("invalid_part", f"A part of type {str(part.get('type'))[:40]!r} has no url.", "messages")
    return value


def split_options(text: str) -> tuple[str, tuple[str, ...]]:
    """Split a prompt into (question, options).

    Lines "A. …" in order are options; a last line with answer instructions is dropped.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    while len(lines) > 1 and INSTRUCTION.match(lines[-1].strip()):
        lines.pop()
    options: list[str] = []
    rest: list[str] = []
    for line in lines:
        found = OPTION.match(line)
        if found and found[1] == chr(ord("A") + len(options)):
            options.append(found[2].strip())
        else:
            rest.append(line)
    if len(options) < 2:
        return "\n".join(lines).strip(), ()
    return "\n".join(rest).strip(), tuple(options)


def times(frames: Sequence[tuple[float | None, str]]) -> list[float]:
    """Start time of each frame, ascending: as given, or one second after the frame before."""
    found: list[float] = []
    for told, _ in frames:
        after = found[-1] + 1.0 if found else 0.0
        at = after if told is None else told
        found.append(at if not found or at > found[-1] else found[-1] + 0.001)
    return found
