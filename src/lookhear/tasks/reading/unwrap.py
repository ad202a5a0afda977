"""Strip reasoning, wrappers and markup from a reply. Runs in time linear in the length of the reply.

<think>…</think> B          the text after the reasoning    <answer>B</answer>     the tag has precedence
{"answer": "B"}             the key `answer`                \\boxed{B}             the box
**B**, `B`, [B], "B"        (B)                             ~~A~~ B                struck-out text is removed
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

LONGEST = 3_000  # characters parsed at the beginning and at the end of a statement
TAIL = 50_000  # characters at the end in which tags and keys are searched
MARKS = 2_000  # most tags of reasoning that are matched with each other
MOST = 8  # most tags, boxes and objects of a reply that are considered
THOUGHTS = "think|thinking|thought|thoughts|reasoning|reason|analysis|reflection|scratchpad|rationale|cot|seed:think"
THOUGHT = re.compile(rf"[<\[◁](/?)(?:{THOUGHTS})[>\]▷]", re.IGNORECASE)
CHANNEL = re.compile(r"<\|channel\|>(\w{1,20})<\|message\|>")
ANSWER = re.compile(r"<[\s/]{0,4}answer\s{0,4}/?>", re.IGNORECASE)
CHAT = re.compile(r"<\|[^|<>\n]{0,40}\|>|</?s>|\[/?INST\]|<(?:eos|bos|pad|end_of_turn|start_of_turn)>")
MEDIA = re.compile(r"<(img|image|video|audio)>[^<>]{0,200}</\1>", re.IGNORECASE)
BREAK = re.compile(r"<(?:br|/?p|/?div|/?li|/?ul|/?ol|/?tr|/?h\d)\b[^<>\n]{0,200}>", re.IGNORECASE)
STRUCK = re.compile(r"~~[^~\n]{1,200}~~|<(?:s|del|strike)>[^<>]{0,200}</(?:s|del|strike)>", re.IGNORECASE)
TAG = re.compile(r"</?[A-Za-z][^<>\n]{0,200}>")
ROLE = re.compile(r"(?:^|\n)[ \t]{0,8}<?(?:assistant|model|bot|gpt)>?[ \t]{0,8}(?:\n|:[ \t]|$)", re.IGNORECASE)
LATEX = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|mathsf|rm|bf)\s{0,4}\{([^{}\n]{0,200})\}")
BOX = re.compile(r"(?:\\boxed|\\fbox|/boxed|/box)\s{0,4}\{")
FENCE = re.compile(r"```[a-z]{0,10}")
MARKED = re.compile(
    r"(?<![^\W_])[*_`\"'“”‘’«»「」『』【】\[({<]{1,6}([A-Za-z])[.):]?[*_`\"'“”‘’«»「」『』【】\])}>]{1,6}(?![^\W_])"
)
EMPHASIS = re.compile(r"\*{1,3}|_{2,3}|`+|(?<!\w)_|_(?!\w)|\$+|\\[()\[\]]")
BULLET = re.compile(r"^[ \t]{0,12}(?:#{1,6}|>|[-*•·▪–])[ \t]+", re.MULTILINE)
NOTHING = re.compile(r"^[\W_]*$")

KEYS = (
    "final_answer",
    "finalanswer",
    "correct_answer",
    "answer",
    "ans",
    "correct_option",
    "selected_option",
    "choice",
    "option",
    "letter",
    "selection",
    "prediction",
    "predicted_answer",
    "答案",
    "respuesta",
    "antwort",
)
BESIDES = (
    "explanation",
    "reason",
    "reasoning",
    "rationale",
    "thought",
    "thoughts",
    "analysis",
    "confidence",
    "evidence",
    "probability",
    "score",
    "question",
    "options",
    "choices",
    "time",
    "start",
    "end",
    "id",
    "timestamp",
)
KEYED = re.compile(rf"[\"']?\b({'|'.join(KEYS)})[\"']?\s{{0,8}}[:=]\s{{0,8}}", re.IGNORECASE)


@dataclass(frozen=True)
class Unwrapped:
    """The texts to parse, which must all agree; `stated` if a tag, a box or a key marks the answer."""

    texts: tuple[str, ...] = ()
    stated: bool = False
    others: tuple[str, ...] = ()  # JSON values under other keys: the only one of the right type counts
    why: str = ""  # why there is nothing to parse


def unwrap(reply: str) -> Unwrapped:
    """The parts of a reply that can contain the answer."""
    text, thought, open_thought = _without_reasoning(reply.strip())
    tagged = _tagged(text) or (_tagged(thought) if not text.strip() or open_thought else [])
    if tagged:
        return Unwrapped(tuple(map(plain, tagged)), stated=True)
    if open_thought and not text.strip():
        return Unwrapped(why="the reply ends inside its reasoning")
    found = _json(text)
    if found is not None:
        return found
    boxes = _boxed(text)
    if boxes:
        return Unwrapped(tuple(map(plain, boxes)), stated=True)
    statement = plain(text)
    return Unwrapped((statement,)) if not NOTHING.match(statement) else Unwrapped(why="the reply is empty")


def spoken(reply: str) -> tuple[str, str]:
    """A reply without reasoning and chat markers, and the reason if nothing is left (else "").

    For replies in which every tag counts: events with times, and objects with boxes.
    """
    text, _, open_thought = _without_reasoning(reply)
    text = text.strip()
    if len(text) > TAIL:
        text = text[: TAIL // 2] + "\n" + text[-TAIL // 2 :]
    if text := CHAT.sub(" ", text).strip():
        return text, ""
    return "", "the reply ends inside its reasoning" if open_thought else "the reply is empty"


def plain(text: str) -> str:
    """A statement without markup; a letter in quotes, brackets or bold becomes (B)."""
    text = text.strip()
    if len(text) > 8 * LONGEST:  # blanks are removed only from the part that will be parsed
        text = text[: 4 * LONGEST] + "\n…\n" + text[-4 * LONGEST :]
    text = unicodedata.normalize("NFKC", text).replace("\u200b", "")
    text = "\n".join(line for part in text.split("\n") if (line := " ".join(part.split())))
    if len(text) > 2 * LONGEST:
        text = text[:LONGEST] + "\n…\n" + text[-LONGEST:]
    text = CHAT.sub(" ", text)
    roles = list(ROLE.finditer(text))
    if roles:
        text = text[roles[-1].end() :]
    text = FENCE.sub("\n", STRUCK.sub(" ", MEDIA.sub(" ", text)))
    text = LATEX.sub(r"\1", BREAK.sub("\n", text))
    alone = re.fullmatch(r"\W{0,8}(?:<\w{2,12}>\W{0,4})?<([A-Za-z])>\W{0,8}", text.strip())
    text = f"({alone[1]})" if alone else TAG.sub(" ", MARKED.sub(_marked, text))
    text = EMPHASIS.sub("", BULLET.sub("", text))
    return "\n".join(line for part in text.split("\n") if (line := " ".join(part.split())))


def _marked(match: re.Match[str]) -> str:
    """Replace a letter in quotes, brackets or bold by (B); HTML tags such as <b> are left unchanged."""
    whole = match[0]
    return whole if whole.startswith("<") and whole.endswith(">") else f"({match[1]})"


def _without_reasoning(text: str) -> tuple[str, str, bool]:
    """(text outside reasoning, text inside, whether it ends inside)."""
    low = text.lower()
    channels = list(CHANNEL.finditer(text)) if "<|channel|>" in low else []
    if channels:
        last = channels[-1]
        return (text[last.end() :], text[: last.start()], False) if last[1] == "final" else ("", text, True)
    if not any(word in low for word in THOUGHTS.split("|")):
        return text, "", False
    outside: list[str] = []
    inside: list[str] = []
    depth, at = 0, 0
    marks = list(islice(THOUGHT.finditer(text), MARKS + 1))
    if len(marks) > MARKS:  # a repetition loop: only its end is used
        text = text[-LONGEST:]
        marks = list(THOUGHT.finditer(text))
    for mark in marks:
        piece = text[at : mark.start()]
        at = mark.end()
        if mark[1]:
            inside.append(piece)
            if depth == 0:  # closed but never opened: all text before it is reasoning
                inside += outside
                outside = []
            depth = max(0, depth - 1)
        else:
            (inside if depth else outside).append(piece)
            depth += 1
    (inside if depth else outside).append(text[at:])
    return "".join(outside), "".join(inside), depth > 0


def _tagged(text: str) -> list[str]:
    """The unique, non-empty contents of the last <answer> tags, in order."""
    text = text[-TAIL:]
    marks = list(ANSWER.finditer(text)) if "answer" in text.lower() else []
    contents, opened = [], None
    for mark in marks:
        closing = "/" in mark[0][:6]
        if opened is not None:
            contents.append(text[opened : mark.start()])
            opened = None if closing or _closes(text, mark) else mark.end()
        elif not closing:
            opened = mark.end()
    if opened is not None:
        contents.append(text[opened:])
    return list(dict.fromkeys(content for content in contents[-MOST:] if not NOTHING.match(content[:200])))


def _closes(text: str, mark: re.Match[str]) -> bool:
    """Whether a second <answer> without a slash was meant to close the first: no content follows it."""
    return NOTHING.match(text[mark.end() : mark.end() + 200]) is not None


def _json(text: str) -> Unwrapped | None:
    """The answer in a JSON object of the text; None if there is no object."""
    if "{" not in text:
        return None
    starts = [m.start() for _, m in zip(range(MOST), re.finditer(r"\{", text), strict=False)]
    decoder = json.JSONDecoder(parse_int=str, parse_float=str)
    for start in starts:
        if text[max(0, start - 8) : start].rstrip().endswith(("boxed", "box", "text", "mathrm")):
            continue
        try:
            found, _ = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, Mapping) and found:
            return _of_object(found)
    if re.match(r"\s*(?:```\w{0,8}\s*)?\{\s*[\"']", text[:60]):  # an incomplete or malformed object
        text = text[-TAIL:]
        keyed = list(KEYED.finditer(text))
        if not keyed:
            return Unwrapped(why="the reply is JSON without an answer")
        value = re.match(r"[\"'\[]{0,2}([^\"'\n}\],]{1,400})", text[keyed[-1].end() :])
        return (
            Unwrapped((plain(value[1]),), stated=True)
            if value
            else Unwrapped(why="the reply is JSON without an answer")
        )
    return None


def _of_object(found: Mapping[str, Any]) -> Unwrapped:
    named = {str(key).strip().lower().replace(" ", "_"): value for key, value in found.items()}
    for key in KEYS:
        if key in named and (text := _text(named[key])):
            return Unwrapped((plain(text),), stated=True)
    others = [plain(text) for key, value in named.items() if key not in BESIDES and (text := _text(value))]
    return (
        Unwrapped(others=tuple(others), stated=True) if others else Unwrapped(why="the reply is JSON without an answer")
    )


def _text(value: Any) -> str:
    """A JSON value as text; "" for null and nested values."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and len(value) == 1:
        return _text(value[0])
    if isinstance(value, Mapping):
        parts = [
            value[key] for key in ("letter", "option", "answer", "text", "value") if isinstance(value.get(key), str)
        ]
        return ". ".join(parts)
    return ""


def _boxed(text: str) -> list[str]:
    """The contents of \\boxed{…}, including nested braces."""
    text = text[-TAIL:]
    contents = []
    for start in list(BOX.finditer(text))[-MOST:]:
        depth, at = 1, start.end()
        end = min(len(text), at + 400)
        while at < end and depth:
            depth += {"{": 1, "}": -1}.get(text[at], 0)
            at += 1
        contents.append(text[start.end() : at - (depth == 0)])
    return [content for content in contents if not NOTHING.match(content)]
