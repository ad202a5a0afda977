"""Warnings for out-of-distribution inputs of a trained model: unlike clips, unknown words, unexpected answer types.

A run folder has `world.safetensors` (see `store.world`) and `questions.json`, the words of its training questions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from lookhear import files
from lookhear.errors import ModelError

QUESTIONS = "questions.json"
SHOWN = 4  # most unknown words that are listed
YES_NO = {"yes", "no"}
NUMBER = re.compile(r"\d+|zero|one|two|three|four|five|six|seven|eight|nine|ten|more than ten")


def words_of(text: str) -> list[str]:
    """The words of a question, in lower case."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("_", " "))


def write(folder: Path, questions: Iterable[str]) -> None:
    """Write the words of the training questions to a run folder."""
    known = sorted({word for question in questions for word in words_of(question)})
    files.write(folder / QUESTIONS, json.dumps(known, ensure_ascii=False) + "\n")


def read(folder: Path) -> frozenset[str]:
    """The words of a run folder's training questions; empty if the file is missing."""
    path = folder / QUESTIONS
    if not path.is_file():
        return frozenset()
    try:
        return frozenset(map(str, json.loads(path.read_text("utf-8"))))
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: not readable ({error}). Delete it; the run folder works without it.") from None


def notes(question: str, answer: str, known: frozenset[str], vocabulary: Sequence[str]) -> tuple[str, ...]:
    """Warnings about a question and its answer: words not in the training questions, an unexpected answer type."""
    warnings = []
    strange = [w for w in dict.fromkeys(words_of(question)) if known and w not in known and not w.isdigit()]
    if strange:
        more = f" and {len(strange) - SHOWN} more" if len(strange) > SHOWN else ""
        warnings.append(f"words this model was never asked with: {', '.join(strange[:SHOWN])}{more}")
    wanted = expected(question)
    if wanted and answer and kind(answer) != wanted:
        able = any(kind(word) == wanted for word in vocabulary)
        reason = "" if able else "; this model has no such answer"
        warnings.append(f"the question asks for {wanted}, the answer is of another kind{reason}")
    return tuple(warnings)


def expected(question: str) -> str:
    """The expected answer type of a question: yes or no, a number, a time; empty if unclear."""
    text = question.lower().strip()
    if re.match(r"(?:is|are|was|were|do|does|did|can|could|has|have|will)\b", text) and " or " not in text:
        return "yes or no"
    if re.match(r"how (?:many|often)\b", text):
        return "a number"
    if re.match(r"(?:when|at what time|how long)\b", text):
        return "a time"
    return "a reason" if re.match(r"why\b", text) else ""


def kind(answer: str) -> str:
    """The type of an answer, in the terms of `expected`; empty for any other."""
    text = answer.lower().strip()
    if text in YES_NO:
        return "yes or no"
    return "a number" if NUMBER.fullmatch(text) else ""
