"""A teacher model writes the reasoning of an example: its reply is checked, requested again, judged by a second model.

    clip ─ frames and sound, by dialect ─▶ request ─▶ reply ─ fault? ─▶ "it …, write it anew" ─▶ reply ─▶ …
                                                        └ none ─▶ second model: all true? ─ no ─▶ "it …" ─▶ …
    several candidates: the first without a fault; if the model had to find times, the candidate that agrees best

Every reply of either model is stored in its ledger before it is checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lookhear import tasks
from lookhear.curate.instruct import wording
from lookhear.curate.instruct.check import fault, undated
from lookhear.curate.instruct.phrases import spoken
from lookhear.curate.instruct.write import NO_REPLY, NOT_SHOWN, Entry, by_rule
from lookhear.errors import MediaError, ModelError
from lookhear.llms import Prepared
from lookhear.media.decode import decode
from lookhear.metrics import av_parsing
from lookhear.tasks.reading import reader
from lookhear.types import Answer, Example, Media, Source

if TYPE_CHECKING:
    from lookhear.llms.endpoint import Endpoint

ATTEMPTS = 3
AS_IT_IS = ("captioning", "tagging")  # tasks whose labels need no reasons: the target is used
OBJECTS = "a second model objects"


@dataclass(frozen=True)
class Teacher:
    """Writes the entry of an example; `judge` is the optional second model.

    Up to `candidates` conversations are held per example, with up to `attempts` replies each. `certify` returns labels
    of what is seen and heard in a clip beyond the annotations. `blind` sends only text.
    """

    model: Endpoint
    judge: Endpoint | None = None
    candidates: int = 1
    attempts: int = ATTEMPTS
    temperature: float = 0.7
    vocabulary: Sequence[str] = ()
    certify: Callable[[Example], Sequence[str]] | None = None
    blind: bool = False

    def __call__(self, example: Example) -> Entry:
        """The entry of an example. Its fault is NO_REPLY or NOT_SHOWN after an error; the next run then tries again."""
        if example.task in AS_IT_IS:
            return by_rule(example)
        try:
            media = None if self.blind else shown(example, self.model)
            prepared = self.model.prepare(media or NOTHING)
            clip = self.judge.prepare(shown(example, self.judge) if not self.blind else NOTHING) if self.judge else None
            seconds = media.duration if media else 0.0
            certified = tuple(self.certify(example)) if self.certify else ()
        except (MediaError, ModelError) as error:
            return Entry(example.id, str(error), NOT_SHOWN, attempts=0)
        entries: list[Entry] = []
        for number in range(self.candidates):
            entries.append(self._converse(example, prepared, clip, seconds, certified, number))
            good = [entry for entry in entries if not entry.fault]
            if entries[-1].fault == NO_REPLY or (good and not undated(example)):
                break
        return _together(example, entries)

    def _converse(
        self, example: Example, given: Prepared, clip: Prepared | None, seconds: float, certified: Sequence[str], n: int
    ) -> Entry:
        """One candidate; requested again while it has a fault, up to `attempts` times."""
        turns, bad, text = [wording.message(example, round(seconds, 1))], list[str](), ""
        read = written = 0
        fields: dict[str, Any] = {"temperature": self.temperature} | ({"seed": n} if n else {})
        for attempt in range(1, self.attempts + 1):
            reply = self.model.converse(given, turns, **fields)
            if reply.ended == "failed":
                return Entry(example.id, reply.why, NO_REPLY, attempt, (read, written), tuple(bad), seconds)
            read, written, text = read + (reply.read or 0), written + (reply.written or 0), spoken(reply.text)
            wrong = _ended(reply.ended) or fault(example, text, seconds, self.vocabulary, certified)
            if not wrong and self.judge is not None and clip is not None:
                verdict = self.judge.converse(clip, [wording.opinion(text)], temperature=0.0)
                if verdict.ended == "failed":
                    return Entry(example.id, verdict.why, NO_REPLY, attempt, (read, written), tuple(bad), seconds)
                read, written = read + (verdict.read or 0), written + (verdict.written or 0)
                wrong = objection(verdict.text)
            if not wrong:
                return Entry(example.id, text, "", attempt, (read, written), tuple(bad), seconds)
            bad.append(wrong)
            turns += [reply.text, wording.again(example, wrong)]
        return Entry(example.id, text, bad[-1], self.attempts, (read, written), tuple(bad[:-1]), seconds)


NOTHING = Media(None, np.zeros(0), None, 16_000, 0.0)


def shown(example: Example, model: Endpoint) -> Media:
    """The media of the example's clip and of its second clip, if it has one. Raises MediaError."""
    from lookhear.model.llm import paired_media

    media = decode(example.clip, model.sampling)
    second, way = example.meta.get("second"), str(example.meta.get("form") or "")
    if not isinstance(second, Source):
        return media
    seen, heard = (second, None) if way == "a2v" else (None, second)
    clip = replace(example.clip, video=seen, audio=heard)
    return paired_media(media, decode(clip, model.sampling), way)


def objection(reply: str) -> str:
    """The second model's objection to a text, "" without one; a reply that cannot be read is no objection."""
    said = spoken(reply)
    verdict = reader.name(said, ("yes", "no"), kind="yes_no")
    if verdict.text != "no":
        return ""
    return f"{OBJECTS}: {said.split('<')[0].strip()[:200] or 'something is not true'}"


def _ended(how: str) -> str:
    """The fault of a reply because of how it ended, "" without one."""
    faults = {
        "cut": "was cut at its limit of tokens",
        "refused": "refuses",
        "filtered": "refuses: the server filtered it",
    }
    return (faults | {"empty": "cannot be read: the reply is empty"}).get(how, "")


def _together(example: Example, candidates: Sequence[Entry]) -> Entry:
    """The best candidate of an example, with the attempts and tokens of all candidates."""
    good = [entry for entry in candidates if not entry.fault] or list(candidates[-1:])
    best = good[0] if len(good) < 2 else good[_agreeing(example, [entry.text for entry in good])]
    tokens = sum(e.tokens[0] for e in candidates), sum(e.tokens[1] for e in candidates)
    bad = tuple(reason for e in candidates for reason in (*e.bad, *([e.fault] if e.fault and e is not best else [])))
    return Entry(best.id, best.text, best.fault, sum(e.attempts for e in candidates), tokens, bad, best.seconds)


def _agreeing(example: Example, texts: Sequence[str]) -> int:
    """The index of the text whose event times agree best with the others, by F1 of seconds."""
    parse = tasks.find(example.task).parse
    read: list[Answer] = [parse(text, example) for text in texts]
    scores = []
    for i, one in enumerate(read):
        others = [other for k, other in enumerate(read) if k != i]
        told = av_parsing.parsing([one] * len(others), others)
        scores.append(told["segment/event"] if others else 0.0)
    return max(range(len(texts)), key=scores.__getitem__)
