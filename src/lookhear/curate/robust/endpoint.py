"""The same question in other words, written and voted on by a language model behind any OpenAI-compatible address.

    template ── write ──▶ 25 ways ── three votes each ──▶ those with two or more ── fill ──▶ questions

A template is written and voted on once, whatever the number of questions that have it. Every finished template is a
line of a ledger, so a run that was stopped goes on where it was, and what it cost is known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear.errors import ModelError
from lookhear.servers.client import Client
from lookhear.types import Example

VOTERS = 3
NEEDED = 2  # votes that keep a rephrasing, as in MUSIC-AVQA-R
ATTEMPTS = 3  # for a reply that is not the list that was asked for
WRITE = """Rephrase this question about a video in {count} different ways. Keep the meaning exactly. {slots}
Answer with a JSON list of {count} strings and nothing else.

Question: {question}"""
SLOTS = "Words in braces such as {A} stand for something else: keep each of them exactly once, unchanged."
VOTE = """Here is a question about a video and numbered rephrasings of it. For each one decide whether it means exactly
the same as the question, so that it would always have the same answer. Words in braces such as {{A}} stand for
something else. Answer with a JSON list of {count} values, true or false, and nothing else.

Question: {question}

{ways}"""


@dataclass
class Writer:
    """A model at `url` that rephrases templates; `ledger` is the file it goes on from, `spent` its tokens so far."""

    url: str
    model: str
    key: str
    ledger: Path
    count: int = 25
    price: tuple[float, float] = (0.0, 0.0)  # dollars for a million tokens read and written
    spent: list[int] = field(default_factory=lambda: [0, 0])
    rejected: int = 0
    _done: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._client = Client(self.url, self.model, self.key)
        if self.ledger.is_file():
            self._resume()

    @property
    def cost(self) -> float:
        """Dollars spent, at `price`."""
        return sum(tokens * price for tokens, price in zip(self.spent, self.price, strict=True)) / 1e6

    def prepare(self, templates: Sequence[str], progress: Callable[[int, int], None] = lambda done, of: None) -> None:
        """Write and vote on every one of `templates` that the ledger does not have yet."""
        self.ledger.parent.mkdir(parents=True, exist_ok=True)
        for n, template in enumerate(templates):
            progress(n, len(templates))
            if template not in self._done:
                self._keep(self._finish(template))
        progress(len(templates), len(templates))

    def ways(self, example: Example) -> list[str]:
        """The kept rephrasings of an example's template, filled with its values."""
        values = example.meta.get("templ_values", ()) if "template" in example.meta else ()
        kept = self._done[template_of(example)]
        return [_fill(way, values).rstrip("?？ ") for way in kept]

    def _finish(self, template: str) -> dict[str, Any]:
        question, slots = _lettered(template)
        before = list(self.spent)
        text = WRITE.format(count=self.count, slots=SLOTS if slots else "", question=question)
        written = self._list(text, lambda found: bool(found) and all(isinstance(way, str) for way in found), 1.0)
        ways = [way.strip() for way in dict.fromkeys(written) if _sound(way, question, slots)][: self.count]
        votes = [self._vote(question, ways) for _ in range(VOTERS)] if ways else []
        marked = [{"text": way, "votes": sum(vote[n] for vote in votes)} for n, way in enumerate(ways)]
        tokens = [now - then for now, then in zip(self.spent, before, strict=True)]
        return {"template": template, "model": self.model, "count": self.count, "ways": marked, "tokens": tokens}

    def _vote(self, question: str, ways: Sequence[str]) -> list[bool]:
        listed = "\n".join(f"{n}. {way}" for n, way in enumerate(ways, 1))
        text = VOTE.format(count=len(ways), question=question, ways=listed)
        return self._list(text, lambda found: len(found) == len(ways) and all(isinstance(v, bool) for v in found), 1.0)

    def _list(self, text: str, good: Callable[[list[Any]], bool], temperature: float) -> list[Any]:
        reply = ""
        for _ in range(ATTEMPTS):
            try:
                told = self._client.say([{"role": "user", "content": text}], temperature=temperature)
            except ModelError as error:
                raise ModelError(f"{error}. Run again to go on.") from None
            self.spent[0] += told.read or 0
            self.spent[1] += told.written or 0
            reply = told.text
            found = _json_list(reply)
            if found is not None and good(found):
                return found
        raise ModelError(f"{self.model} at {self.url} does not answer with the list asked for, but {reply[:120]!r}.")

    def _keep(self, entry: dict[str, Any]) -> None:
        with self.ledger.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._take(entry)

    def _take(self, entry: dict[str, Any]) -> None:
        kept = [way["text"] for way in entry["ways"] if way["votes"] >= NEEDED]
        self.rejected += len(entry["ways"]) - len(kept)
        self._done[entry["template"]] = kept

    def _resume(self) -> None:
        text = self.ledger.read_text("utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:  # the line that was being written when the run was stopped
            self.ledger.write_text(whole, "utf-8")
        for line in whole.splitlines():
            entry = json.loads(line)
            if (entry["model"], entry["count"]) != (self.model, self.count):
                raise ModelError(
                    f"{self.ledger} was written by {entry['model']!r} with {entry['count']} ways each, not by "
                    f"{self.model!r} with {self.count}. Choose another folder."
                )
            self.spent = [spent + tokens for spent, tokens in zip(self.spent, entry["tokens"], strict=True)]
            self._take(entry)


def template_of(example: Example) -> str:
    """What is rephrased once for all: the template, or the question where there is none."""
    return str(example.meta.get("template") or example.question)


def _lettered(template: str) -> tuple[str, list[str]]:
    """`Is the <Object> left?` as `Is the {A} left?`, and its letters."""
    letters = iter("ABCDEFGH")
    used: list[str] = []

    def letter(_: re.Match[str]) -> str:
        used.append(next(letters))
        return f"{{{used[-1]}}}"

    return re.sub(r"<\w+>", letter, template.strip()), used


def _sound(way: str, question: str, slots: Sequence[str]) -> bool:
    found = sorted(re.findall(r"\{(.*?)\}", way))
    return found == sorted(slots) and way.strip(" ?？").casefold() != question.strip(" ?？").casefold()


def _fill(way: str, values: Sequence[str]) -> str:
    for letter, value in zip("ABCDEFGH", values, strict=False):
        way = way.replace(f"{{{letter}}}", value)
    return way


def _json_list(reply: str) -> list[Any] | None:
    start, end = reply.find("["), reply.rfind("]")
    try:
        found = json.loads(reply[start : end + 1]) if start >= 0 else None
    except json.JSONDecodeError:
        return None
    return found if isinstance(found, list) else None
