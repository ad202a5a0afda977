"""Rules of JointAVBench, lmms-eval, VLMEvalKit, Unify-OmniBench, and of OmniVideoBench's runs of Ming and InternVL.

Described after lmms-eval c228e27 and 226ba42, VLMEvalKit 00fff54, JointAVBench 388dc4b, Unify-OmniBench d537115 and
OmniVideoBench 0307da8; lmms-eval has replaced its parser since.
"""

from __future__ import annotations

import re

from lookhear.metrics.official import rules
from lookhear.metrics.official.verdicts import LETTERS, Verdict

ENDS = ",.!?;:'"  # stripped one after the other, as lmms-eval does: ".," loses both, ",." only the full stop
TRUSTED = ((6, "({})"), (5, "{}."), (4, "{}:"), (3, "{})"), (2, "{} "))  # how far lmms-eval trusts a form
START, END, STATED = 10, 9, 7
REMOVED = (
    *("The best answer is", "The correct answer is", "The answer is", "The answer"),
    *("The best option isThe correct option is", "Best answer:Best option:", "Answer:", "Option:"),
)
SUBJECTS = ("answer", "correct answer", "best answer", "correct option", "best option", "choice", "correct choice")
STATEMENTS = (
    *(f"{subject} is" for subject in (*SUBJECTS, "my answer", "my choice")),
    *("i choose", "i select", "i pick", "옵션", "정답은", "답은", "답:", "答案是", "答案为", "选", "答えは"),
)


def _either_case(*forms: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(form, re.IGNORECASE) for form in forms)


JOINT = _either_case(
    r"answer(?: is)? ?[:=-]? ?([\"'(]? ?[A-D] ?[\"')]?)",
    r"([A-D])(?: is the|\)? ?is) ?(?:correct|right|answer)",
    r"option ?([A-D])\b",
    r"select(?:ed)? ?([A-D])\b",
    r"[\"'(] ?([A-D]) ?[\"')] ?(?:is|as) ?(?:the )?(?:answer|correct)",
)
MING = _either_case(
    r"^([ABCD])",
    r"([ABCD])\.?\s?$",
    r"answer\s*(is|:)?\s*[ABCD]",  # its group is the verb: the letter is never read
    r"choose\s*([ABCD])",
    r"option\s*([ABCD])",
    r"([ABCD])\s*option",
    r"\b([ABCD])\b",
)
UNIFY = _either_case(
    r'"answer"\s*:\s*"([A-F])"',
    r"\\boxed\{(?:\\text\{)?([A-F])\}",
    r"/box\{(?:\\text\{)?([A-F])\}",
    r"[(\[<]([A-F])[)\]>]",
)


def mmar(reply: str, options: list[str], truth: str) -> str | None:
    """OmniBench's rule on a reply without punctuation at its ends; where it finds nothing, the code draws a letter."""
    for mark in ENDS:
        reply = reply.strip(mark)
    return rules.omnibench(reply, options, truth)


def videomme(reply: str, options: list[str], truth: str) -> str | None:
    """Letters in any of eight forms, the most trusted form first, and of one form the last; else any capital letter.

    Most trusted are a letter at the start and one at the end, then any letter after a statement like "answer is", even
    inside a word, then "(A)", "A.", "A:", "A)" and "A ".
    """
    stripped = reply.strip()
    for mark in f'{ENDS}"':
        stripped = stripped.strip(mark)
    padded, low = f" {stripped} ", f" {stripped} ".lower()
    letters = LETTERS[: len(options)]
    letters_found = [
        (trust, padded.rfind(form.format(letter)), letter) for trust, form in TRUSTED for letter in letters
    ]
    for statement in STATEMENTS:
        at = low.find(statement)
        letters_found += (
            [(STATED, padded.find(letter, at + len(statement)), letter) for letter in letters] if at >= 0 else []
        )
    stripped = padded.strip()
    if stripped[:1] in letters and stripped and not stripped[1:2].isalpha():
        letters_found.append((START, 0, stripped[0]))
    if stripped[-1:] in letters and stripped and not stripped[-2:-1].isalpha():
        letters_found.append((END, len(padded), stripped[-1]))
    letters_found = [letter for letter in letters_found if letter[1] >= 0] or [
        (0, padded.rfind(letter), letter) for letter in letters if letter in padded
    ]
    return max(letters_found, key=lambda letter: letter[:2])[2] if letters_found else None


def vlmevalkit(reply: str, options: list[str], truth: str) -> str | None:
    """The first capital A to D anywhere, even inside a word, after ten phrases are removed; Video-MME and WorldSense.

    Four of the phrases are glued together in pairs, so that "Best answer: C" is read as B. A reply without such a
    capital goes to a judge; without one (`exact_matching`) it counts as wrong, since no options are passed on.
    """
    said = reply.strip()
    for phrase in REMOVED:
        said = said.replace(phrase, "")
    found = re.search("[ABCD]", said)
    return found[0] if found else None


def joint(reply: str, options: list[str], truth: str) -> Verdict:
    """The letters of five phrases, letters before ". ", options whose text occurs, and any letter of a single word.

    The phrases take either case. No letter, or more than one, leaves the denominator.
    """
    text, letters = " ".join(reply.split()), LETTERS[: min(4, len(options))]
    found = {match[1].upper() for form in JOINT for match in form.finditer(text)} & set("ABCD")
    found |= set(re.findall(r"\b([A-D])\b(?=\.\s)", text))
    found |= {one for one, said in zip(letters, options, strict=False) if said in text or said.lower() in text}
    if len(text.split()) == 1:
        found |= set("ABCD") & set(text.upper())
    read = found.pop() if len(found) == 1 else None
    return Verdict(read, read == truth.upper(), read is not None)


def unify(reply: str, options: list[str], truth: str) -> str | None:
    r"""JSON's `answer`, \boxed{}, /box{}, a letter in brackets, the first letter if no word goes on, an option's text.

    The text counts if that of one option alone occurs. Else the first lone capital A to F.
    """
    stripped = reply.strip()
    for form in UNIFY:
        if found := form.search(stripped):
            return found[1].upper()
    if stripped[:1].upper() in tuple("ABCDEF") and not stripped[1:2].isalpha():
        return stripped[0].upper()
    there = [one for one, text in zip(LETTERS, options, strict=False) if text and text.lower() in stripped.lower()]
    if len(there) == 1:
        return there[0]
    alone = re.search(r"\b([A-F])\b", stripped)
    return alone[1] if alone else None


def ming(reply: str, options: list[str], truth: str) -> str | None:
    """Seven patterns in either case, the first that matches: any A to D at the start or the end, even inside a word.

    "answer is B" in the middle gives "IS", and "answer B" stops the code: both are wrong here.
    """
    said = reply.strip()
    found = next(filter(None, (form.search(said) for form in MING)), None)
    return found[1].upper() if found and found[1] else None
