"""Phrases that make a reply unusable: refusals, filler, chat markup, and mentions of the given label.

Each check takes a text and returns the words at fault, "" if there are none. The lists (`tables/`) are English. A
phrase that a careful viewer might write ("I cannot hear a second flute") must pass; a phrase that only a writer who
knows the answer would use ("the given answer") must not.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

from lookhear.tasks.reading.unwrap import THOUGHTS

_THOUGHT = re.compile(  # from the last opening tag to its end, so that time grows with length alone
    rf"[<\[◁]({THOUGHTS})[>\]▷][^<\[◁]*+(?:[<\[◁](?!/?\1[>\]▷])[^<\[◁]*+)*+[<\[◁]/\1[>\]▷]", re.IGNORECASE
)
_CHANNEL = re.compile(r"^.*<\|channel\|>final<\|message\|>", re.DOTALL)
_END = re.compile(r"(?:<\|(?:im_end|eot_id|end|return|endoftext)\|>|</s>|<end_of_turn>|<eos>)\s*$")
_TAG = re.compile(
    r"</?\|?(?P<angle>[A-Za-z_][\w:.-]*)(?:\s[^<>\n]{0,80})?\|?/?>"
    r"|<[|｜][^<>\n]{1,40}[|｜]>|<<\w{2,12}>>|◁[^▷\n]{1,20}▷"
    r"|\[/?(?:INST|THINK|SYS|ASSISTANT|USER|TOOL\w*|END|BOS|EOS|ANSWER|REASONING|OUT|PAD|SEP|CLS)\]"
    r"|```|\\boxed|\{\{[^{}\n]{0,40}\}\}|\{\}|\{(?:answer|question|label|ending|text|reasoning)\}|<!--|-->",
    re.IGNORECASE,
)
_ROLE = re.compile(
    r"^[ \t#*]*(?:assistant|user|human|system|model|ai|final answer|reasoning(?: process)?|answer|output)[ \t*]*:",
    re.IGNORECASE | re.MULTILINE,
)
TABLES = Path(__file__).with_name("tables")
THING = r"(?:answers?|labels?|annotations?|ground[- ]truth|conclusions?|captions?|event labels?|metadata|solutions?)"


def lines(name: str) -> list[str]:
    """The lines of a file in `tables/`, without comments and empty lines."""
    return [line for line in (TABLES / name).read_text("utf-8").splitlines() if line and not line.startswith("#")]


def _any(name: str) -> str:
    return "(?:" + "|".join(lines(name)).replace("{thing}", THING) + ")"


@lru_cache(maxsize=1)
def _patterns() -> dict[str, re.Pattern[str]]:
    """Kind of phrase -> its pattern."""
    patterns = {"refusal": _any("refusals.txt"), "begins": rf"^\W*{_any('filler_first.txt')}"}
    patterns |= {"ends": rf"\b{_any('filler_last.txt')}", "label": _any("told.txt")}
    return {kind: re.compile(pattern, re.IGNORECASE) for kind, pattern in patterns.items()}


def spoken(reply: str) -> str:
    """The reply without complete blocks of thought and without the end token; incomplete blocks stay."""
    return _END.sub("", _THOUGHT.sub("", _CHANNEL.sub("", reply))).strip()


def refusal(text: str) -> str:
    """The words of a refusal, "" without one."""
    found = _patterns()["refusal"].search(text)
    return found[0] if found else ""


def filler(text: str) -> tuple[str, str]:
    """("begins" or "ends", words) of filler at the start or end of the reply; ("", "") without any."""
    if found := _patterns()["begins"].search(text):
        return "begins", found[0].strip()
    if found := _patterns()["ends"].search(text):
        return "ends", found[0].strip()
    return "", ""


def label_mention(text: str) -> str:
    """The words that mention the given label, "" without any."""
    found = _patterns()["label"].search(text)
    return found[0].strip() if found else ""


def leftover(text: str, own: str) -> str:
    """The first markup in `text` that occurs more often than in `own`, the target, or a role name; "" without any."""
    allowed = Counter(found[0].lower().replace(" ", "") for found in _TAG.finditer(own))
    for found in _TAG.finditer(text):
        mark = found[0].lower().replace(" ", "")
        allowed[mark] -= 1
        if allowed[mark] < 0:
            return found[0]
    role = _ROLE.search(text)
    return role[0].strip() if role else ""


def repeated(text: str) -> str:
    """A sentence that occurs three times, or a message if four words repeat three times in a row; "" without any."""
    sentences = Counter(part.strip().lower() for part in re.split(r"(?<=[.!?])\s", text) if len(part.split()) > 3)
    twice = next((part for part, count in sentences.items() if count > 2), "")
    words = text.lower().split()
    circle = any(words[i : i + 4] == words[i + 4 : i + 8] == words[i + 8 : i + 12] for i in range(len(words) - 11))
    return twice or ("the same four words" if circle else "")
