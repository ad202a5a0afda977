"""Lists in a statement: options repeated with verdicts, percentages of letters, an order of letters."""

from __future__ import annotations

import re

from lookhear.tasks.reading.claims import AMBIGUOUS, PASSING, REJECTED, STATED, Mention, Reading, few

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
ITEM = re.compile(
    r"(?:^|(?<=[\s;,]))(?:\(([A-Z])\)[.:]?|([A-Z])[.:])\s+(?=\S)|^([A-Z])\)[.:]?\s+(?=\S)|"
    r"^\(?([A-Z])\)?\s+(?:[-–—]\s+|(?:→|->|=>|=)\s*|(?=[✗✘❌✖✓✔✅☑]))",
    re.MULTILINE,
)
RIGHT = re.compile(
    r"^\W*(?:this is )?(?:the )?(?:right|correct|yes|true|✓|✔|✅|matches|fits|best)\b(?! but)|^\W*[✓✔✅☑]|[✓✔✅☑]\W*$"
)
WRONG = re.compile(
    r"^\W*(?:wrong|incorrect|no|not|false|doesn't|does not|isn't|is not|unlikely|is wrong|is incorrect)\b|"
    r"^\W*[✗✘❌✖]|[✗✘❌✖]\W*$"
)
SHARE = re.compile(r"(?<![^\W_])\(?([A-Z])\)?\s{0,2}[:=(–-]{0,2}\s{0,2}(\d{1,3}(?:\.\d{1,4})?)\s?%")
RUN = re.compile(
    r"(?<![^\W_])(?:\(?[A-Z]\)?\s{0,2}(?:(?:, ?then|then|,|->|→|>|-|;)\s{0,2})?){2,26}(?![^\W_])|"
    r"\b[A-Z]{3,10}\b"
)


def shares(statement: str, count: int) -> Reading | None:
    """The letter with the highest percentage, if several letters have one ("A (10%), B (75%)"); None if not."""
    given = {LETTERS.index(m[1]): float(m[2]) for m in few(list(SHARE.finditer(statement)))}
    if len(given) < 2 or max(given) >= count:
        return None
    best = [place for place, share in given.items() if share == max(given.values())]
    return Reading(best[0]) if len(best) == 1 else Reading(why=AMBIGUOUS)


def listed(statement: str, letters: list[Mention]) -> tuple[list[Mention], list[tuple[int, int]]]:
    """Letters without those of a restated list of options, which claim nothing unless judged there ("C: right").

    Also returns the offsets of the restated items without a judgement.
    """
    items = few(list(ITEM.finditer(statement)))
    places = [LETTERS.index(next(filter(None, m.groups()))) for m in items]
    runs = {i for i in range(1, len(items)) if places[i] == places[i - 1] + 1}
    judged: dict[int, int] = {}
    restated = []
    for i in sorted(runs | {i - 1 for i in runs}):
        last = items[i + 1].start() if i + 1 < len(items) else len(statement)
        line = statement.find("\n", items[i].end(), last)
        end = line if line >= 0 else last
        says = lower(statement[items[i].end() : end]).strip(" .;,")
        strength = STATED if RIGHT.search(says) else REJECTED if WRONG.search(says) else PASSING
        letter = next(g for g in range(1, 5) if items[i][g])
        judged[items[i].start(letter)] = strength
        if strength == PASSING:
            restated.append((items[i].start(), end))
    at = [m.start if m.start in judged else m.start + 1 for m in letters]
    marked = [
        Mention(m.start, m.end, m.value, judged[i], True, letter=True) if i in judged else m
        for m, i in zip(letters, at, strict=True)
    ]
    return marked, restated


def sequences(statement: str, count: int) -> list[str]:
    """Every sequence of `count` different letters in a statement, such as "B, D, C, A", as "(B)(D)(C)(A)"."""
    wanted = set(LETTERS[:count])
    found = []
    for run in RUN.finditer(statement):
        letters = re.findall(r"(?<![^\W_])[A-Z](?![^\W_])", run[0]) or list(run[0])
        if len(letters) == count and set(letters) == wanted:
            found.append("".join(f"({letter})" for letter in letters))
    return found


def lower(text: str) -> str:
    """Lower case, character by character, so that offsets are unchanged."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(c.lower()[:1] for c in text)
