"""Tasks whose answer is one name from a list: an action, an emotion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lookhear.metrics import answers as right_or_wrong
from lookhear.metrics import emotion
from lookhear.pooled import Pooled, totals
from lookhear.tasks.reading import prompts, reader
from lookhear.types import Answer, Example


class Naming:
    """The functions of such a task.

    `kind` chooses the prompt. `reason` is the reasoning of a training target without one of its own, with `{}` for the
    name. `metrics` maps the names of the task's scores to those of `metrics.emotion`; empty keeps those.
    """

    def __init__(self, kind: str, reason: str, metrics: Mapping[str, str] | None = None):
        self.kind, self.reason, self.metrics = kind, reason, metrics

    def prompt(self, example: Example, vocabulary: Sequence[str] = ()) -> str:
        """The prompt with the list of names."""
        return prompts.prompt(self.kind, vocabulary or example.meta.get("labels", ()))

    def target(self, example: Example, explain: bool = True) -> str:
        """The training target: the name between tags, after the reasoning or (`explain=False`) alone."""
        name = reader.reference(example).text
        tagged = f"<answer>{name}</answer>"
        if not explain:
            return tagged
        return reader.explained(example, f"{self.reason.format(name)} So the {self.kind} is {tagged}.", self.parse)

    def parse(self, reply: str, example: Example, vocabulary: Sequence[str] = ()) -> Answer:
        """Parse the name in a reply; it is spelled as in the example's list."""
        return reader.name(reply, vocabulary or example.meta.get("labels", ()))

    def right(self, answer: Answer, reference: Answer) -> bool:
        """Whether an answer is the reference's, however it is written."""
        return right_or_wrong.correct(answer, reference)

    def score(self, answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> Mapping[str, float]:
        """The scores in percent, and `unread`."""
        return totals(self.pooled(answers, references, form))

    def pooled(self, answers: Sequence[Answer], references: Sequence[Answer], form: str = "") -> dict[str, Pooled]:
        """The numbers of `score` as sums over clips."""
        scores = emotion.pooled(answers, references)
        if self.metrics is not None:
            scores = {name: scores[of] for name, of in self.metrics.items()}
        return scores | reader.share(answers)

    def by_class(
        self, answers: Sequence[Answer], references: Sequence[Answer], form: str = ""
    ) -> dict[str, dict[str, float]]:
        """True name -> `recall`, `precision` and `f1` in percent, and `support`."""
        return emotion.by_class(answers, references)
