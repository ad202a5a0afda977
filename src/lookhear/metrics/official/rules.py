"""The rules of the benchmarks' own code."""

from __future__ import annotations

import json
import re

from lookhear.metrics.official.verdicts import LETTERS, Verdict


def daily_api(reply: str, options: list[str], truth: str) -> Verdict:
    """Right if the upper-cased reply starts with the letter; replies "error_…" are not counted."""
    said = reply.strip().upper()
    return Verdict(said[:1] or None, said.startswith(truth.upper()), not reply.startswith("error_"))


def daily_qwen(reply: str, options: list[str], truth: str) -> str | None:
    """The first character, if it is A to D in any case."""
    first = reply.strip()[:1].upper()
    return first if first in "ABCD" and first else None


def daily_omni(reply: str, options: list[str], truth: str) -> str | None:
    """The same after removing everything up to the word "assistant"."""
    return daily_qwen(reply.split("assistant")[-1], options, truth)


def equality(reply: str, options: list[str], truth: str) -> Verdict:
    """Right if the whole reply, stripped, equals the letter in either case."""
    return Verdict(reply.strip() or None, reply.strip().upper() == truth.upper())


def omnivideo(reply: str, options: list[str], truth: str) -> Verdict:
    r"""Take the text after "assistant" or in its \box{}, lower-case it, keep the letter before a full stop, compare."""
    text = reply.split("assistant")[-1].strip()
    box = re.search(r"[/\\]box(?:ed)?\{([^{}]{0,400})\}", text)
    text = (box[1] if box else text).strip().lower()
    if text[1:2] == ".":
        text = text[0]
    text = re.sub(r"[^\w\s]", "", text).strip()
    return Verdict(text.upper() or None, text == truth.lower(), not reply.startswith("Error:"))


def omnivideo_thinking(reply: str, options: list[str], truth: str) -> Verdict:
    """The same after removing everything up to </think>."""
    end = reply.rfind("</think>")
    return omnivideo(reply if end < 0 else reply[end + len("</think>") :], options, truth)


def baichuan(reply: str, options: list[str], truth: str) -> Verdict:
    """The /box{}, else the <answer> tag, else the last token that is a single letter, else the whole reply; compare."""
    tag = re.search(r"<answer>([^<]{0,200})</answer>", reply)
    if tag:
        reply = tag[1].strip()
    single = [token for token in reply.split() if len(token) == 1 and token.isalpha()]
    box = re.search(r"/box\{([^{}]{0,400})\}", reply)
    said = (box[1] if box else single[-1] if single and not tag else reply).strip().lower()
    said = said[0] if said[1:2] in (".", ":") else re.sub(r"[^\w\s]", "", said).strip()
    return Verdict(said.upper() or None, said == truth.lower())


def speaker_lmms(reply: str, options: list[str], truth: str) -> str | None:
    """The first lone letter A to E in any case, so the article "a" counts; without one, the first option."""
    found = re.search(r"\b([A-Ea-e])\b", _without_phrases(reply))
    return found[1].upper() if found else "A"


def speaker(reply: str, options: list[str], truth: str) -> str | None:
    """The first lone capital A to E after a list of phrases is removed."""
    found = re.search(r"\b([A-E])\b", _without_phrases(reply))
    return found[1] if found else ""


PHRASES = (
    *("The best answer is", "The correct answer is", "The answer is", "The answer", "The best option is"),
    *("The correct option is", "Best answer:", "Best option:", "Answer:", "Option:"),
)


def _without_phrases(reply: str) -> str:
    said = reply.strip()
    for phrase in PHRASES:
        said = said.replace(phrase, "")
    return said


def omnibench(reply: str, options: list[str], truth: str) -> str | None:
    """The last "(A)", else "A ", else "A.", else the last option text in replies of more than five words, else None."""
    letters, reply = LETTERS[: len(options)], f" {reply} "
    for form in ("({})", "{} ", "{}."):
        there = [letter for letter in letters if form.format(letter) in reply]
        if there:  # for "A." the official code searches " A ", finds none, and takes the first
            return max(there, key=lambda letter: reply.rfind(f"({letter})" if form == "({})" else f" {letter} "))
    if len(reply.split()) > 5:
        low = reply.lower()
        at = [
            (low.rfind(text.lower()), letter)
            for letter, text in zip(letters, options, strict=True)
            if text.lower() in low
        ]
        if at:
            return max(at, key=lambda one: one[0])[1]
    return None


def omnibench_lmms(reply: str, options: list[str], truth: str) -> str | None:
    """The letters of `omnibench`; option texts are never found, and the code then draws a letter."""
    return omnibench(reply, ["\0"] * len(options), truth)


def lvomnibench(reply: str, options: list[str], truth: str) -> Verdict:
    """A to F at the start before a blank or ".:)", else after "answer is", else the first lone letter in letter order.

    Else the first such letter inside a word; a reply without any leaves the denominator.
    """
    said = reply.strip()
    found = re.match(r"([A-F])[ .:)]", said) or re.search(r"answer is:?\s*\(?\[?([A-F])\b", said, re.IGNORECASE)
    lone = re.findall(r"(?<![A-Za-z0-9_])([A-F])(?![A-Za-z0-9_])", said, re.IGNORECASE)
    inside = re.search(r"[A-F]", said.upper())
    read = found[1].upper() if found else min(map(str.upper, lone)) if lone else inside[0] if inside else None
    return Verdict(read, read == truth.upper(), read is not None)


def odyssey(reply: str, options: list[str], truth: str) -> str | None:
    """A capital A to D anywhere in the reply, else the option whose text is in the reply, else A.

    Of several letters, the first in brackets counts, else the first in alphabetical order.
    """
    there = [letter for letter in "ABCD" if letter in reply]
    marked = [letter for letter in there if f"({letter})" in reply]
    there = there or [letter for letter, text in zip(LETTERS, options, strict=False) if text in reply]
    return (marked or there or ["A"])[0] if len(there) != 1 else there[0]


def string_match(reply: str, options: list[str], truth: str) -> Verdict:
    """MMAU and MMAR: the reply has all words of the answer, and no word that only other options have."""
    words = set(re.findall(r"\b\w+\b", reply.lower()))
    right = options[LETTERS.index(truth.upper())]
    wanted = set(re.findall(r"\b\w+\b", right.lower()))
    others = {w for option in options if option != right for w in re.findall(r"\b\w+\b", option.lower())} - wanted
    return Verdict(None, bool(words) and wanted <= words and not others & words, bool(reply))


def _answer_tag(reply: str) -> re.Match[str] | None:
    """The first <answer> tag of at most 400 characters; a reply without its end is not searched."""
    return re.search(r"<answer>\s*(.{0,400}?)\s*</answer>", reply, re.DOTALL) if "</answer>" in reply else None


def echoink(reply: str, options: list[str], truth: str) -> str | None:
    """The <answer> tag, else the first lone letter in any case."""
    tag = _answer_tag(reply)
    if tag:
        return tag[1].strip()[:1].upper() or None
    found = re.search(r"\b([A-Da-d])\b", reply)
    return found[1].upper() if found else None


def gemini(reply: str, options: list[str], truth: str) -> str | None:
    r"""JSON's `answer`, else the \boxed{}, else the first lone capital A to D. JSON that cannot be read is ignored."""
    start, end = reply.find("{"), reply.rfind("}")
    try:
        found = json.loads(reply[start : end + 1]) if start >= 0 else {}
        if isinstance(found, dict) and "answer" in found:
            return str(found["answer"])
    except (ValueError, RecursionError):
        pass
    box = re.search(r"\\boxed\{([^{}]{0,400})\}", reply)
    if box:
        return box[1]
    alone = re.search(r"\b([A-D])\b", reply)
    return alone[1] if alone else None


def echoink_reward(reply: str, options: list[str], truth: str) -> Verdict:
    """Right if the content of the <answer> tag equals the letter; wrong without a tag."""
    tag = _answer_tag(reply)
    return Verdict(tag[1] if tag else None, tag is not None and tag[1].strip() == truth)


def dave(reply: str, options: list[str], truth: str) -> str | None:
    """The first "(x)" of one word character, else the first lone capital of the whole alphabet."""
    marked = re.search(r"\((\w)\)", reply)
    if marked:
        return marked[1].upper()
    alone = re.search(r"\b([A-Z])\b", reply)
    return alone[1] if alone else None


def avcd(reply: str, truth: str) -> bool:
    """Right if the reply contains "yes" or "no" anywhere, and the truth anywhere."""
    said = reply.lower()
    return ("yes" in said or "no" in said) and truth in said


def cmm(reply: str, truth: str) -> bool:
    """Right if the truth is within the first five characters."""
    return truth in reply.lower()[:5]


def pave(reply: str, truth: str) -> bool:
    """Right if the truth is anywhere in the reply."""
    return truth in reply.lower()
