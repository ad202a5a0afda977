"""Balanced selection of questions: all answers are equally frequent, so that the question alone is uninformative.

Answer counts are kept per template, per template with its words ("left", "first"), per full question, and per template
with `cue` (the answer suggested by the wrong modality). A question is selected if its answer is under-represented.
`bias` gives each template with its words a preferred answer, for studies of biased training sets. `slack` allows small
imbalances between more than two answers in a training set, so that more counts are available. Test sets have no slack.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Mapping, Sequence
from random import Random
from zlib import crc32

from lookhear.soundstage.questions import programs
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import COMPARATIVE, Question, harvest, wordings
from lookhear.soundstage.scene.facts import AWAY, NEAR, Facts, number
from lookhear.soundstage.scene.sampler import QuestionRequest
from lookhear.soundstage.scene.scene import INSTRUMENTS

FROM_ONE = {programs.number_heard, programs.types_seen, programs.number_sounding, programs.types_sounding}
FROM_ZERO = {programs.number_of, programs.number_silent, programs.number_sounding_of}
PLACES = {programs.where_loudest, programs.where_outermost}
KINDS = {programs.neighbour, programs.at_the_end, programs.which_kind, programs.beside_sounding, programs.together} | {
    programs.before_after,
    programs.nth_entry,
}

# How often a template is asked relative to the others: question types are as frequent as in MUSIC-AVQA.
SHARES = {  # percent of MUSIC-AVQA's test questions, by type
    ("Audio", "Counting"): 11.1,
    ("Audio", "Comparative"): 6.5,
    ("Visual", "Counting"): 13.1,
    ("Visual", "Location"): 13.4,
    ("Audio-Visual", "Existential"): 10.8,
    ("Audio-Visual", "Counting"): 13.9,
    ("Audio-Visual", "Location"): 10.1,
    ("Audio-Visual", "Comparative"): 12.1,
    ("Audio-Visual", "Temporal"): 9.0,
}
OF_A_KIND = Counter(t.kind for t in TEMPLATES.values())
WEIGHTS = {text: SHARES[t.kind] / OF_A_KIND[t.kind] for text, t in TEMPLATES.items()}
EASY = {programs.both_heard, programs.is_heard, programs.both_seen, programs.is_seen, programs.number_of}


def answers(template: str, musicians: int = 4) -> tuple[str, ...]:
    """The possible answers of a template with up to `musicians` players on stage."""
    program = TEMPLATES[template].answer
    if program in FROM_ONE | FROM_ZERO:
        return tuple(map(number, range(int(program in FROM_ONE), musicians + 1)))
    if program in PLACES | {programs.which_of}:
        return ("left", "middle", "right") + (("simultaneously",) if program is programs.which_of else ())
    if program in KINDS:
        return INSTRUMENTS
    return ("indoor", "outdoor") if program is programs.where else ("yes", "no")


class Ledger:
    """Counts of answers, from which the next questions are selected."""

    def __init__(
        self,
        seed: int | str,
        musicians: int = 4,
        bias: float = 0.0,
        weights: Mapping[str, float] = WEIGHTS,
        slack: float = 0.0,
    ) -> None:
        self.rng = Random(f"ledger {seed}")
        self.musicians = musicians
        self.templates, self.weights = tuple(t for t in TEMPLATES if t in weights), weights
        self.open = list(self.templates)  # templates for which scenes can still be requested
        self.bias, self.slack = bias, slack
        self.asked: Counter[str] = Counter()
        self.counts: dict[Hashable, Counter[str]] = defaultdict(Counter)
        self.failed: Counter[Hashable] = Counter()
        self.spare: Counter[tuple[str, str]] | None = None
        self.debts: dict[str, dict[tuple[str, ...], str]] = defaultdict(dict)  # full question -> its rarer answer
        self.domain = {t: answers(t, musicians) for t in self.templates}

    def share(self, template: str, fixed: tuple[str, ...], answer: str) -> float:
        """Target share of `answer`: equal for all, except for the preferred answer with a bias."""
        domain = self.domain[template]
        even = (1 - self.bias) / len(domain)
        if not self.bias:
            return even
        favourite = domain[crc32(f"{template} {fixed}".encode()) % len(domain)]
        return even + (self.bias if answer == favourite else 0.0)

    def excess(self, key: Hashable, answer: str, share: float | None = None) -> float:
        """By how many questions the answer would exceed its target if it were asked once more."""
        count = self.counts[key]
        kinds = len(count) + (answer not in count)
        return count[answer] + 1 - (count.total() + 1) * (1 / kinds if share is None else share)

    def surplus(self, question: Question) -> float | None:
        """Cost of a question; None if it must not be asked."""
        q, t = question, question.template
        if q.answer not in self.domain[t]:
            return None
        share = self.share(t, q.fixed, q.answer)
        whole = self.excess((t,), q.answer, None if self.bias else share)
        words = self.excess((t, q.fixed), q.answer, share)
        few = len(self.domain[t]) <= 5
        text = self.excess((t, q.values), q.answer, share) if q.objects else 0.0
        two = len(self.domain[t]) == 2
        even = share if two else None  # a cue that has only one of two answers would reveal it
        cue = self.excess((t, "cue", q.cue), q.answer, even) if q.cue is not None and not self.bias else 0.0
        loose = 0.0 if two else self.slack * self.asked[t] / len(self.domain[t])
        near = 1 - share + NEAR + (3 if loose else 0)
        told = two and cue > (2 if q.objects else 1)
        if words > 2 + loose or (few and text > near) or told or (whole > 2 + loose and not self.bias):
            return None
        return whole + words + 3 * text + cue

    def add(self, question: Question) -> None:
        """Add a selected question to the counts."""
        q, t = question, question.template
        self.asked[t] += 1
        for key in {(t,), (t, q.fixed), (t, q.values), *([(t, "cue", q.cue)] if q.cue is not None else [])}:
            self.counts[key][q.answer] += 1
        if q.objects and len(self.domain[t]) == 2:
            one, other = self.domain[t]
            count = self.counts[t, q.values]
            self.debts[t][q.values] = other if count[one] > count[other] else one
            if count[one] == count[other]:
                del self.debts[t][q.values]

    def worth(self, facts: Facts) -> float:
        """How much a scene helps templates that are asked too rarely."""
        level = self.asked.total() / sum(self.weights.values())
        total = 0.0
        for t in self.templates:
            behind = 1 - self.asked[t] / (level * self.weights[t] + 1)
            if behind > 0 and TEMPLATES[t].answer not in EASY:
                total += behind * any(self.surplus(q) is not None for q in harvest(facts, t))
        return total

    def pick(self, facts: Facts, count: int, wish: QuestionRequest | None = None) -> list[Question]:
        """Up to `count` questions about a scene, the one of `wish` first; each is counted as it is chosen."""
        pools = {t: harvest(facts, t) for t in self.templates}
        chosen: list[Question] = []
        if wish:
            fits = (wish.template, wish.fixed, wish.objects, wish.answer)
            pool = [q for q in pools[wish.template] if (q.template, q.fixed, q.objects, q.answer) == fits]
            for q in self._best(pool, pools[wish.template]) or []:
                self.add(q)
                pools[q.template].remove(q)
                chosen.append(q)
        for limit in (2, 4, 8):
            open_ = {t for t, pool in pools.items() if pool}
            taken = Counter(q.template for q in chosen)
            while len(chosen) < count and open_:
                t = min(open_, key=lambda t: (self.asked[t] / self.weights[t], t))
                if taken[t] >= limit or (bundle := self._best(pools[t])) is None or len(chosen) + len(bundle) > count:
                    open_.discard(t)
                    continue
                for q in bundle:
                    self.add(q)
                    pools[t].remove(q)
                    taken[t] += 1
                chosen += bundle
        return chosen

    def _best(self, pool: list[Question], whole: list[Question] | None = None) -> list[Question] | None:
        """The question of a pool with the lowest cost, as a list; a comparison comes with its reversed order."""
        scored = [(s, self.rng.random(), q) for q in pool if (s := self.surplus(q)) is not None]
        if not scored:
            return None
        best = min(scored)[2]
        if best.template not in COMPARATIVE or self.bias:
            return [best]
        half = len(best.values) // 2
        turned = best.values[half:] + best.values[:half]
        return [best, *(q for q in whole or pool if q.values == turned)]

    def wish(self) -> QuestionRequest:
        """The request for the next scene: the template, words and answer that are most under-represented."""
        rng = self.rng
        ranked = sorted(self.open, key=lambda t: (self.asked[t] / self.weights[t], rng.random()))
        template = rng.choice(ranked[:3])
        slots = TEMPLATES[template].slots
        hopes = {
            fixed: hopeful
            for fixed in wordings(template)
            if (hopeful := [a for a in self.domain[template] if self.failed[self._goal_key(template, fixed, a)] < 3])
        }
        if not hopes:  # for example "middle" if there are at most two musicians
            self.open.remove(template)
            return self.wish()
        fixed = min(hopes, key=lambda f: (self.counts[template, f].total(), rng.random()))
        answer = min(hopes[fixed], key=lambda a: (self._deficit(template, fixed, a), rng.random()))
        if TEMPLATES[template].answer is programs.from_the_stage and not self.bias:
            answer, cue = self._lacking(template)
            return QuestionRequest(template, fixed, (), answer, cue)
        return QuestionRequest(template, fixed, self._objects(template, slots, fixed, answer), answer)

    def _lacking(self, template: str) -> tuple[str, Hashable]:
        """The under-represented answer, and the cue for which it lags most behind the other answer."""
        answer, other = sorted(self.domain[template], key=lambda a: (self.counts[template,][a], self.rng.random()))
        cues = [
            (v, h, moves) for v in range(1, self.musicians + 1) for h in range(1, min(v, AWAY) + 1) for moves in (0, 1)
        ]
        counts = {cue: self.counts[template, "cue", cue] for cue in cues}
        cue = min(cues, key=lambda c: (counts[c][answer] - counts[c][other], counts[c].total(), self.rng.random()))
        return answer, cue

    @staticmethod
    def _goal_key(template: str, fixed: tuple[str, ...], answer: str) -> Hashable:
        return template, fixed, "an instrument" if answer in INSTRUMENTS else answer

    def _deficit(self, template: str, fixed: tuple[str, ...], answer: str) -> float:
        return self.excess((template, fixed), answer, self.share(template, fixed, answer))

    def _objects(self, template: str, slots: Sequence[str], fixed: tuple[str, ...], answer: str) -> tuple[str, ...]:
        """Instruments to ask about: those of a question for which this answer is under-represented, if there is one."""
        debts = [
            objects
            for values, lacking in self.debts[template].items()
            if lacking == answer
            and (objects := tuple(v for v in values if v in INSTRUMENTS))
            and tuple(v for v in values if v not in INSTRUMENTS) == fixed
        ]
        if debts:
            return self.rng.choice(debts)
        kinds = [kind for kind in INSTRUMENTS if kind != answer]
        drawn = [tuple(self.rng.sample(kinds, slots.count("Object"))) for _ in range(4)]
        return min(drawn, key=lambda objects: self.counts[template, self._values(slots, fixed, objects)][answer])

    @staticmethod
    def _values(slots: Sequence[str], fixed: Sequence[str], objects: Sequence[str]) -> tuple[str, ...]:
        words, kinds = iter(fixed), iter(objects)
        return tuple(next(kinds) if slot == "Object" else next(words) for slot in slots)

    def even(self, questions: Sequence[Question]) -> list[Question]:
        """The questions without the few that make an answer more frequent than the others; called once per question.

        For yes/no questions about instruments the full question is evened out, for other questions the template.
        """
        if self.spare is None:
            self.spare = Counter({key: n for t in self.templates for key, n in self._spare(t)})
        kept = []
        for q in questions:
            if self.debts[q.template].get(q.values, q.answer) != q.answer:
                del self.debts[q.template][q.values]
            elif self.spare[q.template, q.answer]:
                self.spare[q.template, q.answer] -= 1
            else:
                kept.append(q)
        return kept

    def _spare(self, template: str) -> Iterator[tuple[tuple[str, str], int]]:
        """How many questions of each answer to leave out, so that no answer exceeds its even share by more than one
        point."""
        count, kinds = Counter(self.counts[(template,)]), len(self.domain[template])
        if not 2 < kinds <= 5 or count.total() < 40 or len(count) < kinds:
            return  # with so few questions, leaving some out could leave none
        while max(count.values()) > (1 / kinds + 0.01) * count.total():
            count[max(sorted(count), key=count.__getitem__)] -= 1
        yield from (((template, a), n - count[a]) for a, n in self.counts[(template,)].items())

    def report(self, wish: QuestionRequest, found: bool) -> None:
        """Record whether a scene was found for a request; requests that fail repeatedly are no longer made."""
        hope = self._goal_key(wish.template, wish.fixed, wish.answer)
        self.failed[hope] = 0 if found else self.failed[hope] + 1
