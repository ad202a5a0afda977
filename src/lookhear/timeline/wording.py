"""Normalise questions for the grammar: remove polite phrases and tag questions, find other word forms.

"Could you tell me whether someone speaks here, please?" ─▶ Wording("someone speaks here", stated=True)
"There is no barking, right?"                            ─▶ Wording("is there no barking", stated=True)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ASKS = r"(?:tell|show|say|let|inform|explain)"
BEFORE = re.compile(
    r"^(?:"
    r"(?:please|ok|okay|hey|hi|hello|so|well|and|now|sorry|excuse me|um+|er+)\b[,.!]? *"
    rf"|(?:can|could|would|will) (?:you|one|anyone|somebody|someone) (?:please |kindly )?{ASKS} (?:to )?(?:me|us)\b,? *"
    rf"|(?:please |kindly )?{ASKS} (?:to )?(?:me|us)\b,? *"
    r"|(?:i|we)(?:'d| would|'m| am| was|'re| are)? (?:just |really )?(?:like|love|want|wish|need|wonder|curious|try)"
    r"(?:ing|ed)?(?: to (?:know|hear|see|learn|find out|understand|ask))?\b,? *"
    r"|do you (?:happen to )?(?:know|think|believe|suppose|reckon)\b(?: that)? *"
    r"|do you agree that *"
    r"|would you (?:say|agree|think)\b(?: that)? *"
    r"|is it (?:true|correct|right|possible|the case|likely) that *"
    r"|(?:in|on|from|during|for|within) (?:this|the) (?:video|clip|recording|audio|footage|sound ?track)\b,? *(?=\w+ )"
    r")"
)
WHETHER = re.compile(r"^(?:if|(?:[\w' ]*?\b)?whether(?: or not)?)\s+")
AFTER = re.compile(
    r"(?:,? ?(?:please|thanks|thank you|thx|or not|at all)|, ?(?:right|correct|yes|no|eh|huh|true|"
    r"agreed|(?:is|isn't|are|aren't|was|wasn't|do|don't|does|doesn't|can|can't|has|hasn't|have|haven't) "
    r"(?:it|there|they|he|she|you|i|we|that|this))|[,:]? ?yes or no)$"
)
TAGGED = re.compile(
    r"(?:, ?(?:right|correct|agreed|yes|no|eh|huh|true|(?:is|are|was|were|do|does|did|can|has|have)(?:n't)? "
    r"(?:it|there|they|she|he|you|i|we|that|this))|[,:]? ?yes or no)$"
)
WRITTEN = {  # common abbreviations in typed questions
    "u": "you", "r": "are", "ur": "your", "ya": "you", "pls": "please", "plz": "please", "wanna": "want to",
    "gonna": "going to", "cuz": "because", "dont": "don't", "doesnt": "doesn't", "isnt": "isn't", "arent": "aren't",
    "cant": "can't", "wasnt": "wasn't", "theres": "there is", "im": "i am", "ive": "i have", "id": "i would",
    "thats": "that is", "there's": "there is", "that's": "that is", "it's": "it is", "he's": "he is", "she's": "she is",
    "they're": "they are", "dya": "do you",
}  # fmt: skip
ASKED = re.compile(r"\b(what|where|who|how|when|which)(?:'s|'re|s)\b")
NOT = re.compile(r"\b(?:rather than|instead of|as opposed to)\b")
BESIDES = re.compile(r"^(?:(?:apart|aside) from|besides|in addition to|other than|except for|next to) [^,]+, *")
OPINION = re.compile(
    r"^(?:(?:i|we) (?:can |could )?(?:hear|see|think|guess|believe|suppose)(?: that)?|"
    r"(?:(?:it|that|this) )?(?:sounds|looks|seems) like|(?:it|that|this|those|these) (?:is|are)|(?:must|might) be)\b *"
)
THERE = re.compile(r"^there (is|are|was|were)\b")
MODAL = re.compile(r"^(?:might|may|could|can|would|will|must) (there|it|that|this|they|those|these) (?:have been|be)\b")
STARTS = re.compile(r"^(?:what|which|who|whose|where|when|why|how|at|name|list|between)\b")


@dataclass(frozen=True)
class Wording:
    """A normalised question; `stated`: it is a statement to be confirmed with yes or no."""

    text: str
    stated: bool = False


def plain(question: str) -> Wording:
    """A question in lower case, without leading and trailing phrases."""
    text = " ".join(question.lower().replace("_", " ").replace("’", "'").split()).rstrip("?!. ")
    text = ASKED.sub(r"\1 is", " ".join(WRITTEN.get(word, word) for word in text.split()))
    text, stated = BESIDES.sub("", NOT.sub("not", text)), False
    while True:
        shorter = BEFORE.sub("", text, count=1)
        if WHETHER.match(shorter):
            shorter, stated = WHETHER.sub("", shorter), True
        stated = stated or bool(TAGGED.search(shorter))
        shorter = AFTER.sub("", shorter).rstrip("?!., ")
        if shorter == text or not shorter:
            break
        text = shorter
    if stated:
        text = OPINION.sub("", text)
    text = MODAL.sub(r"is \1", THERE.sub(r"\1 there", text))
    text = re.sub(r"\b(is|are|was|were|do|does|did|can|could|has|have|won|would)(?:n't|not)\b", _positive, text)
    return Wording(text, stated and not STARTS.match(text))


def _positive(found: re.Match) -> str:
    """Rewrite a negated auxiliary: at the start ("isn't there") it asks the same; later it negates."""
    return found[1] if found.start() == 0 else f"{found[1]} not"


def variants(word: str) -> list[str]:
    """Other forms of a word that a table may contain: "speaks" is speak and speaking, a "flutist" plays the flute."""
    forms = []
    for end in ("ing", "ed", "es", "s"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            stem = word[: -len(end)]
            forms += [stem, stem + "e", stem + "ing", stem + stem[-1] + "ing"]
            forms += [stem[:-1]] if stem[-1] == stem[-2] else []
    forms += [word + "ing", word + word[-1] + "ing", word.removesuffix("e") + "ing"] if len(word) >= 3 else []
    for end in ("nist", "ist", "er", "eer"):
        if word.endswith(end) and len(word) - len(end) >= 3:
            stem = word[: -len(end)]
            forms += [stem, stem + "e", stem + "o", stem + "a", stem + "n"]
    return [form for form in dict.fromkeys(forms) if form != word]


def turned(words: list[str]) -> list[str]:
    """The same words in the order that a table may use: "lifting weights" as "weight lifting"."""
    if len(words) < 2 or not words[0].endswith("ing"):
        return []
    rest = [w for w in words[1:] if w not in ("a", "an", "the", "some", "of", "his", "her", "their")]
    return [" ".join([*rest, words[0]]), " ".join([*(w.removesuffix("s") for w in rest), words[0]])] if rest else []
