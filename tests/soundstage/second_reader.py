"""A second opinion: every written question answered again, by brute force, from the raw lines of scenes.jsonl.

Nothing here knows of the question programs. The English question is read with regular expressions, time is cut into
steps of 10 ms, and an answer is what the steps show; where a margin is too thin for a listener or viewer, or where two
readings of the question differ, the answer is "unclear", which never equals a written one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lookhear.datasets.reading.templates import fill

STEP = 0.01  # seconds
WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
UNCLEAR = "unclear"


@dataclass(frozen=True)
class Disagreement:
    """A written answer that the steps do not show."""

    question_id: int
    video_id: str
    question: str
    written: str
    found: str


def check(root: Path | str) -> tuple[int, list[Disagreement]]:
    """How many questions of all splits were answered again, and those where the answers differ."""
    root, asked, wrong = Path(root), 0, []
    with (root / "scenes.jsonl").open(encoding="utf-8") as lines:
        stages = {raw["id"]: Stage(raw) for raw in map(json.loads, lines)}
    for path in sorted((root / "json").glob("avqa-*.json")):
        for r in json.loads(path.read_text("utf-8")):
            question = fill(r["question_content"], r["templ_values"])
            found = stages[r["video_id"]].answer(question)
            asked += 1
            if found != r["anser"]:
                wrong.append(Disagreement(r["question_id"], r["video_id"], question, r["anser"], found))
    return asked, wrong


class Stage:
    """One raw scene: `on[player, step]` says who sounds when, `row` lists the players on stage from left to right."""

    def __init__(self, raw: dict[str, Any]) -> None:
        self.raw = raw
        self.kind = [p["instrument"] for p in raw["players"]]
        self.level = [p["level"] for p in raw["players"]]
        self.rate = [p["rate"] for p in raw["players"]]
        self.on = np.stack([self._steps(p["sounding"]) for p in raw["players"]])
        self.moving = np.stack([self._steps(p["miming"]) for p in raw["players"]])
        places = [p["x"] for p in raw["players"]]
        self.row = sorted((i for i, x in enumerate(places) if x is not None), key=lambda i: places[i])
        self.loud = [i for i in range(len(self.kind)) if self.on[i].any()]
        self.away = [i for i in self.loud if i not in self.row]

    def _steps(self, spans: list[list[float]]) -> np.ndarray:
        time = (np.arange(round(self.raw["seconds"] / STEP)) + 0.5) * STEP
        return np.any([(time > a) & (time < b) for a, b in spans] or [np.zeros(len(time), bool)], axis=0)

    def answer(self, question: str) -> str:
        for pattern, method in READERS:
            if match := re.fullmatch(pattern, question):
                found = getattr(self, method)(*match.groups())
                return (
                    {True: "yes", False: "no", None: UNCLEAR}.get(found, found) if not isinstance(found, str) else found
                )
        return f"unread: {question}"

    # ---- parts of answers

    def count(self, players: list[int] | set[Any]) -> str:
        return WORDS[len(players)] if len(players) <= 10 else "more than ten"

    def single(self, kind: str) -> int | None:
        """The only player of a type, on stage or off."""
        return self.kind.index(kind) if self.kind.count(kind) == 1 else None

    def pose_tells(self) -> bool:
        """Among several of one type, moving shows who sounds."""
        several = [i for i, k in enumerate(self.kind) if self.kind.count(k) > 1]
        return all(i in self.row and (self.moving[i] == self.on[i]).all() for i in several)

    def spot(self, player: int) -> str | None:
        n = len(self.row)
        names = {0: "left", n - 1: "right"} | ({1: "middle"} if n == 3 else {})
        return names.get(self.row.index(player)) if player in self.row and n > 1 else None

    def who(self, spot: str) -> int | None:
        return next((i for i in self.row if self.spot(i) == spot), None)

    def start(self, i: int) -> float:
        return int(np.argmax(self.on[i])) * STEP

    def stop(self, i: int) -> float:
        return (self.on.shape[1] - int(np.argmax(self.on[i][::-1]))) * STEP

    def extreme(self, which: str, among: list[int]) -> int | None:
        """First: enters 1.5 s before all others. Last: enters and ends 1.5 s after all others."""
        good = [
            i
            for i in among
            if all(
                self.start(j) - self.start(i) > 1.495
                if which == "first"
                else min(self.start(i) - self.start(j), self.stop(i) - self.stop(j)) > 1.495
                for j in among
                if j != i
            )
        ]
        return good[0] if len(good) == 1 and len(among) > 1 else None

    def hard(self) -> bool:
        silent = [i for i in self.row if i not in self.loud]
        return len({self.kind[i] for i in self.loud if i in self.row}) >= 3 and len(silent) > 0

    def more(self, what: str, a: int | None, b: int | None) -> bool | None:
        if a is None or b is None or a == b or not (self.on[a].any() and self.on[b].any()):
            return None
        if what == "louder":
            margin = self.level[a] - self.level[b]
            return None if abs(margin) < 5.99 else margin > 0
        if what == "more rhythmic":
            ratio = self.rate[a] / self.rate[b]
            return None if 0.501 < ratio < 1.999 else ratio > 1
        margin = float(self.on[a].sum() - self.on[b].sum()) * STEP
        return None if abs(margin) < 1.99 else margin > 0

    # ---- one method for each question

    def compared(self, one: str, what: str, other: str) -> bool | None:
        return self.more(what, self.single(one), self.single(other))

    def compared_there(self, one: str, spot: str, what: str, other: str, there: str) -> bool | None:
        a, b = self.who(spot), self.who(there)
        for i, name in ((a, one), (b, other)):
            if i is None or name not in ("instrument", self.kind[i]) or self.kind.count(self.kind[i]) > 1:
                return None
        return self.more(what, a, b)

    def both_sound(self, one: str, other: str) -> bool | None:
        return None if one == other else all(any(self.kind[i] == k for i in self.loud) for k in (one, other))

    def sounds(self, one: str) -> bool:
        return any(self.kind[i] == one for i in self.loud)

    def heard(self) -> str | None:
        return self.count(self.loud) if self.loud and self.pose_tells() else None

    def both_there(self, one: str, other: str) -> bool | None:
        return None if one == other else all(any(self.kind[i] == k for i in self.row) for k in (one, other))

    def stands(self, one: str) -> bool:
        return any(self.kind[i] == one for i in self.row)

    def how_many(self, one: str) -> str:
        return self.count([i for i in self.row if self.kind[i] == one])

    def types_there(self) -> str:
        return self.count({self.kind[i] for i in self.row})

    def beside(self, side: str, one: str) -> str | None:
        if [self.kind[i] for i in self.row].count(one) != 1 or len(self.row) < 3:
            return None
        place = [self.kind[i] for i in self.row].index(one) + (1 if side == "right" else -1)
        return self.kind[self.row[place]] if 0 <= place < len(self.row) and side in ("left", "right") else None

    def at_end(self, side: str) -> str | None:
        return self.kind[self.row[-1 if side == "right" else 0]] if len(self.row) > 1 else None

    def the_kind(self) -> str | None:
        return self.kind[self.row[0]] if len(self.row) == 1 else None

    def venue(self) -> str:
        return "indoor" if self.raw["indoor"] else "outdoor"

    def from_stage(self) -> bool | None:
        on_stage = [i for i in self.loud if i in self.row]
        doubled = {self.kind[i] for i in self.away} & {self.kind[i] for i in self.row}
        if not self.row or self.raw["voiceover"] or doubled or bool(on_stage) == bool(self.away):
            return None
        return bool(on_stage)

    def voice(self) -> bool:
        return bool(self.raw["voiceover"])

    def always(self, one: str) -> bool | None:
        i = self.single(one)
        if i is None or i not in self.row or i not in self.loud:
            return None
        part = self.on[i].mean()
        return True if part > 0.9999 else False if part < 0.7001 else None

    def now_sounding(self) -> str | None:
        return self.count(self.loud) if self.loud and not self.away and self.pose_tells() else None

    def never_sounding(self) -> str | None:
        return self.count([i for i in self.row if i not in self.loud]) if self.row and self.pose_tells() else None

    def sounding_of(self, one: str) -> str | None:
        if not self.pose_tells() or one in [self.kind[i] for i in self.away]:
            return None
        return self.count([i for i in self.loud if self.kind[i] == one])

    def types_sounding(self) -> str | None:
        return self.count({self.kind[i] for i in self.loud}) if self.loud and not self.away else None

    def sound_from(self, which: str, spot: str) -> bool | None:
        i = self.extreme(which, self.loud) if self.pose_tells() else None
        clear = i in self.row and self.who(spot) is not None and not self.raw["voiceover"]
        return self.spot(i) == spot if clear and i is not None else None

    def beside_sounding(self, side: str, which: str) -> str | None:
        i = self.extreme(which, self.loud) if self.pose_tells() and len(self.row) > 2 else None
        if i not in self.row or side not in ("left", "right"):
            return None
        place = self.row.index(i) + (1 if side == "right" else -1)
        return self.kind[self.row[place]] if 0 <= place < len(self.row) else None

    def where_loud(self, which: str) -> str | None:
        sign = 1 if which == "loudest" else -1
        best = [i for i in self.loud if all(sign * (self.level[i] - self.level[j]) > 5.99 for j in self.loud if j != i)]
        clear = len(best) == 1 and len(self.loud) > 1 and len(self.row) > 2 and self.kind.count(self.kind[best[0]]) == 1
        return self.spot(best[0]) if clear else None

    def together(self, one: str) -> str | None:
        i = self.single(one)
        if i is None or not self.hard():
            return None
        shared = {j: float((self.on[i] & self.on[j]).sum()) * STEP for j in self.loud if j != i}
        partners = [j for j, seconds in shared.items() if seconds > 0]
        clear = len(partners) == 1 and shared[partners[0]] > 1.495 and partners[0] in self.row
        return self.kind[partners[0]] if clear else None

    def before_after(self, side: str, one: str) -> str | None:
        i = self.single(one)
        if i is None or i not in self.loud or not self.hard():
            return None
        others = [j for j in self.loud if j != i]
        lead = {j: self.start(i) - self.start(j) for j in others}
        if any(abs(seconds) < 1.495 for seconds in lead.values()):
            return None
        side_of = [j for j in others if (lead[j] > 0) == (side == "before")]
        if len(side_of) != 1 or side_of[0] not in self.row:
            return None
        if side == "after":
            rest = [j for j in others if j not in side_of]
            if self.stop(side_of[0]) - self.stop(i) < 1.495 or any(self.stop(j) > self.stop(i) + 0.005 for j in rest):
                return None
        return self.kind[side_of[0]]

    def nth(self, which: str) -> str | None:
        n = ["first", "second", "third", "fourth", "fifth"].index(which)
        order = sorted(self.loud, key=self.start)
        if n >= len(order) or not self.hard():
            return None
        gaps = np.diff([self.start(i) for i in order])[: n + 1]
        clear = (gaps > 1.495).all() and all(i in self.row and self.single(self.kind[i]) == i for i in order[: n + 1])
        return self.kind[order[n]] if clear else None

    def where_sounding(self, which: str) -> str | None:
        i = self.extreme(which, self.loud) if self.pose_tells() and len(self.row) > 2 else None
        return self.spot(i) if i is not None else None

    def which_one(self, one: str, which: str) -> str | None:
        group = [i for i in self.row if self.kind[i] == one]
        if len(group) not in (2, 3) or len(group) != self.kind.count(one) or not self.pose_tells():
            return None
        names = [self.spot(i) for i in group]
        if names != (["left", "right"] if len(group) == 2 else ["left", "middle", "right"]):
            return None
        if any(i not in self.loud for i in group):
            return None
        if len({(round(self.start(i), 2), round(self.stop(i), 2)) for i in group}) == 1:
            return "simultaneously"
        i = self.extreme(which, group)
        return self.spot(i) if i is not None else None


def _readers() -> Iterator[tuple[str, str]]:
    o, lr, more = r"(\w+)", "(left|right|middle)", "(louder|more rhythmic)"
    yield f"Is the {o} on the {lr} {more} than the {o} on the {lr}", "compared_there"
    yield f"Is the {o} (louder|more rhythmic|playing longer) than the {o}", "compared"
    yield f"Are there {o} and {o} sound", "both_sound"
    yield f"Is there a {o} sound", "sounds"
    yield "How many musical instruments were heard throughout the video", "heard"
    yield f"Are there {o} and {o} instruments in the video", "both_there"
    yield f"Is there a {o} in the entire video", "stands"
    yield "How many types of musical instruments appeared in the entire video", "types_there"
    yield f"How many {o} are in the entire video", "how_many"
    yield f"What is the instrument on the {lr} of {o}", "beside"
    yield "What kind of instrument is the (left|right)est instrument", "at_end"
    yield "What kind of musical instrument is it", "the_kind"
    yield "Where is the performance", "venue"
    yield "Is this sound from the instrument in the video", "from_stage"
    yield "Is there a voiceover", "voice"
    yield f"Is the {o} in the video always playing", "always"
    yield "How many instruments are sounding in the video", "now_sounding"
    yield "How many instruments in the video did not sound from beginning to end", "never_sounding"
    yield f"How many sounding {o} in the video", "sounding_of"
    yield "How many types of musical instruments sound in the video", "types_sounding"
    yield f"Is the (first|last) sound coming from the {lr} instrument", "sound_from"
    yield f"What is the {lr} instrument of the (first|last) sounding instrument", "beside_sounding"
    yield "Where is the (loudest|lowest) instrument", "where_loud"
    yield f"Which is the musical instrument that sounds at the same time as the {o}", "together"
    yield f"Which instrument makes sounds (before|after) the {o}", "before_after"
    yield f"What is the {o} instrument that comes in", "nth"
    yield "Where is the (first|last) sounding instrument", "where_sounding"
    yield f"Which {o} makes the sound (first|last)", "which_one"


READERS = tuple(_readers())
