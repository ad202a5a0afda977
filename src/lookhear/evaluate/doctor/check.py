"""Test whether a model sees and hears, on clips with known answers; servers are tested in each dialect.

synthetic clips ─▶ yes ─▶ what comes first? ─▶ order: yes, reversed, not shown
        └─ not yes ─▶ pairs of Soundstage clips, for models trained only on these ─▶ yes, no, not shown
                                └─ a server, and neither sense ─▶ a new wording each time: are replies cached by text?
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lookhear import __version__, dialects
from lookhear.errors import ModelError
from lookhear.evaluate.doctor import clips, trials
from lookhear.evaluate.doctor.certificate import Certificate
from lookhear.evaluate.doctor.verdict import NO, OPEN, YES, Finding, Group, chance, judge, order
from lookhear.llms.endpoint import Endpoint
from lookhear.media.decode import decode
from lookhear.model import LLMModel, Model, load
from lookhear.model.names import SERVED, shelf
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from lookhear.types import Media

SENSES = {"seen": clips.SEEN, "heard": clips.HEARD}
SCREEN = {"seen": {"colours": clips.colours}, "heard": {"sounds": clips.sounds}}
STAGE = Settings(train=0, val=0, test=60, questions=30, seed=5)  # clips of musicians
PAIRS, AT_ONCE = 96, 12  # most pairs of Soundstage clips, and pairs per round
NEAR, AGAIN = 4, 5  # dialects with this many right replies fewer are screened again, this often
TURNS = 5  # groups of three clips for "what comes first?"
CACHED = "replies to the same words are repeated whatever clip is sent (cached by text)"
Tell = Callable[[str], None]


@dataclass
class Doctor:
    """Tests models on clips written into `folder`; `tell` gets progress messages.

    A sense is tested in at most `rounds` rounds, twice as many if replies to the same clip differ and nothing is
    decided: of models that guess at random, 7 % had an open verdict without these, 1 % have one with them.
    """

    folder: Path
    rounds: int = 3
    seed: int = 0
    tell: Tell = lambda _: None

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.seed)
        self._stage: Path | None = None

    def diagnose(self, name: str, tried: Sequence[str] = (), **late: Any) -> Certificate:
        """The certificate of model `name`; for a server, in the first dialect of `tried` that passes.

        By default the guessed dialect is tried first, then all others. `late` is passed to `load`. Raises ModelError if
        the model cannot be asked.
        """
        which, _, options = shelf(name)
        if which != SERVED:
            model = load(name)
            return self._certified(name, "", model, self.examine(model), {})
        first = _endpoint(self._served(name, **late))
        fixed = [options["dialect"]] if options.get("dialect") else list(tried)
        names = fixed or [first.speaks(), *(d for d in dialects.names() if d != first.speaks())]
        refused: dict[str, str] = {}
        best: tuple[tuple[int, int], str, Any, dict[str, Finding]] | None = None
        partly: list[tuple[int, str, Any]] = []  # dialects that were screened: right replies, name, model
        for dialect in names:
            model = self._served(name, **late, dialect=dialect)
            self.tell(f"trying dialect {dialects.written(dialect)}")
            screened = {
                s: trials.ask(model, trials.drawn(self.folder, k, self.rng), again=False) for s, k in SCREEN.items()
            }
            lost = [g.failed for groups in screened.values() for g in groups if g.failed]
            if len(lost) == len(screened):
                refused[dialects.written(dialect)] = f"refused: {lost[0]}"
                if "no connection" in lost[0] or "not asked" in lost[0]:
                    raise ModelError(f"{name}: {lost[0]}")
                continue
            findings = {s: judge(groups, last=False) for s, groups in screened.items()}
            score = (sum(f.right >= 3 for f in findings.values()), sum(f.right for f in findings.values()))
            refused[dialects.written(dialect)] = ", ".join(f"{s} {f.right} of {f.asked}" for s, f in findings.items())
            partly.append((score[1], dialect, model))
            if score[0] == len(SCREEN):
                findings = self.examine(model)
                score = (10 + sum(f.verdict == YES for f in findings.values()), score[1])
                refused[dialects.written(dialect)] = ", ".join(f"{s} {f.verdict}" for s, f in findings.items())
            if best is None or score > best[0]:
                best = score, dialect, model, findings
            if score[0] == 10 + len(SENSES):
                break
        if best is None:
            raise ModelError(f"{name} takes none of the dialects {', '.join(refused)}: {next(iter(refused.values()))}")
        score, dialect, model, findings = best
        if score[0] < 10:
            dialect, model = self._nearest(partly)
            self.tell(f"no dialect is whole; {dialects.written(dialect)} comes nearest")
            findings = self.examine(model)
        return self._certified(first.client.name(), first.config.url, model, findings, refused)

    def _nearest(self, partly: Sequence[tuple[int, str, Any]]) -> tuple[str, Any]:
        """(dialect, model) with most right replies of those screened; near ones are screened again.

        One screening is not enough: a server to which nothing arrives may guess better than one that only sees.
        """
        most = max(right for right, *_ in partly)
        near = [one for one in partly if one[0] >= most - NEAR]
        if len(near) > 1:
            near = [(right + self._screened(model), dialect, model) for right, dialect, model in near]
        _, dialect, model = max(near, key=lambda one: one[0])
        return dialect, model

    def _screened(self, model: Model) -> int:
        """The number of right replies in AGAIN more screenings."""
        asked = [
            t for kinds in SCREEN.values() for _ in range(AGAIN) for t in trials.drawn(self.folder, kinds, self.rng)
        ]
        return sum(g.right for g in trials.ask(model, asked, again=False))

    @staticmethod
    def _served(name: str, **late: Any) -> LLMModel:
        """A model behind an address without a ledger, so that every reply is requested from the server."""
        model = load(name, **late)
        assert isinstance(model, LLMModel), "a model behind an address is a language model"
        _endpoint(model).asker.ledger = None
        return model

    def examine(self, model: Model) -> dict[str, Finding]:
        """Sense (`seen`, `heard`) -> finding."""
        return {sense: self._sense(model, sense) for sense in SENSES}

    def _sense(self, model: Model, sense: str) -> Finding:
        self.tell(f"is it {sense}? drawn clips")
        groups: list[Group] = []
        for n in range(1, 2 * self.rounds + 1):
            last = n >= self.rounds
            groups += trials.ask(model, trials.drawn(self.folder, SENSES[sense], self.rng), again=last)
            finding = judge(groups, last)
            if finding.verdict != OPEN or (last and not finding.varies):
                break
        if finding.verdict == YES or all(g.failed for g in groups):
            return finding
        self.tell(f"is it {sense}? Soundstage")
        pairs, played = trials.staged(self.stage(), sense, PAIRS, self.rng), list[Group]()
        for start in range(0, len(pairs), AT_ONCE):
            last = start + AT_ONCE >= len(pairs)
            played += trials.ask(model, pairs[start : start + AT_ONCE], again=last)
            on_stage = judge(played, last)
            if on_stage.verdict == YES:
                return on_stage
            if on_stage.verdict == NO and finding.verdict == NO and start >= AT_ONCE:
                break
        both = NO if finding.verdict == on_stage.verdict == NO else OPEN
        why = f"{finding.why}; {on_stage.why}"
        return Finding(both, why, finding.right, finding.asked, finding.chance, (*groups, *played))

    def _order(self, model: Model, sense: str) -> Finding:
        self.tell(f"what is {sense} first?")
        kinds = {f"{sense} first": clips.ORDER[f"{sense} first"]}
        asked = [one for _ in range(TURNS) for one in trials.drawn(self.folder, kinds, self.rng)]
        return order(trials.ask(model, asked, again=False))

    def _cached(self, model: Model) -> bool:
        """Whether replies are cached by text: the model passes if the wording changes with each request."""
        self.tell("are replies cached by text?")
        for kinds in SENSES.values():
            if (
                chance(trials.ask(model, trials.drawn(self.folder, kinds, self.rng, own_words=True), again=False))
                < 1e-3
            ):
                return True
        return False

    def stage(self) -> Path:
        """The folder of a small Soundstage, which is made at the first call."""
        if self._stage is None:
            self._stage = self.folder / "stage"
            make(self._stage, STAGE, workers=1, quiet=True)
        return self._stage

    def _certified(
        self, name: str, url: str, model: Any, findings: dict[str, Finding], tried: dict[str, str]
    ) -> Certificate:
        drawn = {s: any(g.kind in SENSES[s] and g.right == len(g.truth) for g in f.groups) for s, f in findings.items()}
        orders = {s: self._order(model, s) for s in SENSES if findings[s].verdict == YES and drawn[s]}
        served = isinstance(model, LLMModel) and isinstance(model.llm, Endpoint)
        nothing = served and not any(f.verdict == YES for f in findings.values())
        faults = [CACHED] if nothing and self._cached(model) else []
        faults += [
            f"what is {s} first is taken for what is {s} last" for s, f in orders.items() if f.verdict == "reversed"
        ]
        every = [*findings.values(), *orders.values()]
        return Certificate(
            name,
            url,
            datetime.now(UTC).isoformat(timespec="seconds"),
            findings["seen"].verdict,
            findings["heard"].verdict,
            {sense: one.why for sense, one in (*findings.items(), *((f"{s} first", f) for s, f in orders.items()))},
            {sense: one.verdict for sense, one in orders.items()},
            sent(model.llm) if served else {},
            self._tokens(model.llm) if served else {},
            tried,
            tuple(faults),
            tuple(
                {"kind": g.kind, "question": g.question, "truth": g.truth, "said": g.raw}
                for f in every
                for g in f.groups
            ),
            __version__,
        )

    def _tokens(self, llm: Endpoint) -> dict[str, int | None]:
        """The server's token counts for the question alone, with picture, and with picture and sound."""
        example = trials.drawn(self.folder, {"sounds": clips.sounds}, self.rng)[0].examples[0]
        whole = decode(example.clip, llm.sampling)
        silent = Media(whole.frames, whole.times, None, whole.sample_rate, whole.duration)
        nothing = Media(None, np.zeros(0), None, whole.sample_rate, whole.duration)
        counts: dict[str, int | None] = {}
        for what, media in (("question", nothing), ("and picture", silent), ("and sound", whole)):
            before = llm.client.limits.spent.read
            llm.answer(llm.watch([media]), [0], ["What do you see and hear?"], 8)
            counts[what] = llm.client.limits.spent.read - before or None
        return counts


def sent(llm: Endpoint) -> dict[str, Any]:
    """How media are sent to an endpoint; a certificate applies to these settings."""
    config = llm.config
    return {
        "dialect": llm.speaks(),
        "audio": config.audio,
        "frames": config.frames,
        "side": config.side,
        "extra": config.extra,
    }


def _endpoint(model: LLMModel) -> Endpoint:
    assert isinstance(model.llm, Endpoint), "only models behind an address come here"
    return model.llm
