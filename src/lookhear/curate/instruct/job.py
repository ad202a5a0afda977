"""One run of `lookhear instruct`: write a text for every example, apply people's verdicts, export.

<out>/ledger/<dataset>-<split>.jsonl      an entry per example; ledger/replies.jsonl, ledger/opinions.jsonl: replies
<out>/review/<dataset>-<split>.jsonl      the sheet for people, with their judgements and corrections beside it
<out>/<part>/<split>.json, …              the exported examples, in each requested form
<out>/card-<dataset>-<split>.json, README.md, SHA256SUMS
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookhear import datasets, files
from lookhear.catalog import unknown
from lookhear.curate.instruct import card, chat, export, sheet, write
from lookhear.curate.instruct.splits import held_out
from lookhear.errors import RecipeError
from lookhear.types import Example

FORMS = ("av_uie", "av_uie@v1", *chat.FORMS)


@dataclass(frozen=True)
class Job:
    """Dataset, split and export forms of a run; `val` is the share of recordings held out of a training split."""

    out: Path
    dataset: str
    root: Path
    split: str = "train"
    limit: int = 0
    forms: tuple[str, ...] = ("av_uie",)
    val: float = 0.0
    review: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if wrong := next((form for form in self.forms if form not in FORMS), ""):
            raise RecipeError(unknown("form", wrong, FORMS))
        if not 0 <= self.val < 1:
            raise RecipeError(f"--val {self.val:g}: the share of recordings to hold out, from 0 to below 1.")

    @property
    def name(self) -> str:
        """The name of the files of this dataset and split."""
        return f"{self.dataset}-{self.split}"

    @property
    def sheet(self) -> Path:
        """The sheet for people."""
        return self.out / "review" / f"{self.name}.jsonl"

    def examples(self) -> list[Example]:
        """The labelled examples of the split; an example with a mask but no region gets the mask's box."""
        dataset = datasets.of(self.dataset)
        labelled = [e for e in datasets.load(self.dataset, self.root, self.split) if e.reference is not None]
        labelled = labelled[: self.limit or None]
        return [
            dataset.with_mask(e) if e.meta.get("mask") and e.reference and not e.reference.regions else e
            for e in labelled
        ]

    def vocabulary(self) -> tuple[str, ...]:
        """All answers of the dataset's questions, empty if the dataset does not list them."""
        return datasets.of(self.dataset).vocabulary

    def ledger(self) -> Path:
        """The ledger of the entries."""
        return self.out / "ledger" / f"{self.name}.jsonl"


def run(
    job: Job,
    writer: write.Writer,
    head: dict[str, Any],
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, of: None,
    spent: Callable[[], dict[str, Any]] = dict,
) -> dict[str, Any]:
    """Run the job and return its card. `head` describes the writer; `spent` returns the cost so far."""
    examples = job.examples()
    header = {"dataset": job.dataset, "split": job.split} | head
    entries = write.write(examples, writer, job.ledger(), header, workers, progress)
    drawn = sheet.draw(job.sheet, examples, entries, job.review, job.seed) if job.review else 0
    folded = sheet.fold(job.sheet, examples, entries)
    kept = [(e, entry.text) for e, entry in zip(folded.examples, folded.entries, strict=True) if not entry.fault]
    sides, homeless, lost = exported(job, kept)
    summary = header | write.counts(folded.entries) | spent()
    summary |= {"parts": dict(sum((Counter(parts) for parts in sides.values()), Counter())), "no_part": homeless}
    summary |= {"splits": sides, "review": folded.counts, "agreement": folded.agreement, "sheet": drawn}
    summary |= {"not_exported": lost, "corrections": len(folded.corrections)}
    files.write(job.out / f"card-{job.name}.json", files.dumps(summary, indent=1))
    files.write(job.out / "README.md", card.page(job.out))
    card.sums(job.out)
    return summary


def exported(job: Job, kept: Sequence[tuple[Example, str]]) -> tuple[dict[str, dict[str, int]], int, dict[str, int]]:
    """Write every form; returns split -> part -> count, number without a part of AV-UIE, form -> number left out."""
    sides: dict[str, list[tuple[Example, str]]] = {}
    if job.split == "train" and job.val:
        held = held_out([example for example, _ in kept], job.val, job.seed)
        sides["train"] = [one for one, out in zip(kept, held, strict=True) if not out]
        sides["val"] = [one for one, out in zip(kept, held, strict=True) if out]
    else:
        sides["train" if job.split == "train" else "test"] = list(kept)
    counts: dict[str, dict[str, int]] = {}
    lost: Counter[str] = Counter()
    homeless = 0
    for split, texts in sides.items():
        found: Counter[str] = Counter()
        for example, _ in texts:
            found[export.part_of(example, job.dataset)] += 1
        homeless += found.pop("", 0)
        counts[split] = dict(found)
        for form in job.forms:
            if form in chat.FORMS:
                name = f"{job.dataset.replace('@', '_')}-{split}"
                lost[form] += len(chat.write(form, job.out, name, texts)[1])
            else:
                version = form.partition("@")[2] or "v2"
                export.write(job.out / ("av_uie_v1" if version == "v1" else ""), split, job.dataset, texts, version)
    return counts, homeless, {form: count for form, count in lost.items() if count}


class Certifier:
    """The events that the model `real` detects in an example's clip; features are kept in the store `folder`."""

    def __init__(self, folder: Path):
        from lookhear.model.real import RealModel
        from lookhear.store.features import FeatureStore

        self.real = RealModel().using(FeatureStore(folder))
        self.one = threading.Lock()

    def __call__(self, example: Example) -> tuple[str, ...]:
        """Labels of all events of the timeline. Raises MediaError, DependencyError."""
        with self.one:  # the encoders are shared by all threads
            found = self.real.timeline(replace(example.clip))
        return tuple(dict.fromkeys(event.label for event in found.events))
