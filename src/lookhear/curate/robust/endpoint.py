"""Rephrasings written and voted on by language models behind any OpenAI-compatible address.

    template ── writers ──▶ 25 ways ── three votes each ──▶ ways with two or more votes ── fill ──▶ questions

Several writers share the ways of a template equally. The three votes are cast by the voters in turn; voters need not be
the writers, and with more than one voter, no voter casts all three. A template is rephrased and voted on once for all
its questions. Every reply is a ledger entry: a stopped run can continue, no reply is paid for twice, costs are known.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lookhear.curate.robust.ways import VOTERS, Rephrasing, lettered, voted
from lookhear.errors import ModelError
from lookhear.ledger import Ledger, key_of
from lookhear.servers.client import Client

VERSION = 1  # increase it when old ledger entries must not be reused
ATTEMPTS = 3  # requests until the reply is a valid list
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
class Panel:
    """Models that write rephrasings and models that vote (default: the writers); `ledger` is the file of replies.

    `price` is dollars per million tokens read and written; `spent` counts the tokens of all replies used.
    """

    writers: Sequence[Client]
    ledger: Path
    voters: Sequence[Client] = ()
    count: int = 25
    price: tuple[float, float] = (0.0, 0.0)
    spent: list[int] = field(default_factory=lambda: [0, 0])

    @property
    def cost(self) -> float:
        """Dollars spent, at `price`."""
        return sum(tokens * price for tokens, price in zip(self.spent, self.price, strict=True)) / 1e6

    def ways(
        self,
        templates: Sequence[str],
        vote: bool = True,
        progress: Callable[[int, int], None] = lambda done, of: None,
    ) -> list[Rephrasing]:
        """The ways of every template, with votes unless `vote` is False. Raises ModelError."""
        ways: list[Rephrasing] = []
        with Ledger(self.ledger) as ledger:
            for n, template in enumerate(templates):
                progress(n, len(templates))
                written = self._written(template, ledger)
                ways += self._voted(written, ledger) if vote and written else written
        progress(len(templates), len(templates))
        return ways

    def _written(self, template: str, ledger: Ledger) -> list[Rephrasing]:
        question, slots = lettered(template)
        ways: dict[str, Rephrasing] = {}
        for n, writer in enumerate(self.writers):
            count = self.count // len(self.writers) + (n < self.count % len(self.writers))
            if count:
                text = WRITE.format(count=count, slots=SLOTS if slots else "", question=question)
                for way in self._list(ledger, writer, text, 0, _texts)[:count]:
                    if _sound(way, question, slots):
                        ways.setdefault(way.strip().casefold(), Rephrasing(template, way.strip(), writer.name()))
        return list(ways.values())

    def _voted(self, ways: Sequence[Rephrasing], ledger: Ledger) -> list[Rephrasing]:
        question, voters = lettered(ways[0].template)[0], self.voters or self.writers
        listed = "\n".join(f"{n}. {way.text}" for n, way in enumerate(ways, 1))
        text = VOTE.format(count=len(ways), question=question, ways=listed)

        def ballots(found: list[Any]) -> bool:
            return len(found) == len(ways) and all(isinstance(vote, bool) for vote in found)

        cast = [self._list(ledger, voters[n % len(voters)], text, n // len(voters), ballots) for n in range(VOTERS)]
        return voted(ways, [{(w.template, w.text): v for w, v in zip(ways, vote, strict=True)} for vote in cast])

    def _list(self, ledger: Ledger, client: Client, text: str, turn: int, good: Callable[[list[Any]], bool]) -> Any:
        """The list that a model replies to `text`; `turn` distinguishes repeated votes of one model in the ledger.

        Raises ModelError if no reply is a list that `good` accepts.
        """

        def make() -> dict[str, Any]:
            reply, read, written = "", 0, 0
            for _ in range(ATTEMPTS):
                try:
                    told = client.say([{"role": "user", "content": text}], temperature=1.0)
                except ModelError as error:
                    raise ModelError(f"{error}. Run again to go on.") from None
                read, written, reply = read + (told.read or 0), written + (told.written or 0), told.text
                found = _json_list(reply)
                if found is not None and good(found):
                    return {"model": client.name(), "list": found, "read": read, "written": written}
            name = f"{client.name()} at {client.url}"
            raise ModelError(f"{name} does not answer with the list asked for, but {reply[:120]!r}.")

        kept = ledger.once(key_of("robust", VERSION, client.name(), turn, text), make)
        self.spent[0] += int(kept["read"])
        self.spent[1] += int(kept["written"])
        return kept["list"]


def _texts(found: list[Any]) -> bool:
    return bool(found) and all(isinstance(way, str) for way in found)


def _sound(way: str, question: str, slots: Sequence[str]) -> bool:
    """Whether a way has every slot exactly once and differs from the question."""
    found = sorted(re.findall(r"\{([^{}\n]{0,80})\}", way))
    return found == sorted(slots) and way.strip(" ?？").casefold() != question.strip(" ?？").casefold()


def _json_list(reply: str) -> list[Any] | None:
    start, end = reply.find("["), reply.rfind("]")
    try:
        found = json.loads(reply[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None
