"""What an evaluation tells beside its tables: missing sets, open questions, costs, and entries of a report's card."""

from __future__ import annotations

import sys
from typing import Any

import typer

SHOWN = 20  # most questions without a reply that are printed


def certified(name: str, llm: Any) -> dict[str, Any] | None:
    """The certificate's entry in the report of the language model `name`; None if there is no certificate."""
    from lookhear.cli._served import certificate
    from lookhear.evaluate.doctor.check import sent
    from lookhear.llms.endpoint import Endpoint

    found = certificate(name)
    served = sent(llm) if isinstance(llm, Endpoint) else {}
    return found.short() if found is not None and found.fits(served) else None


def replied(replies: dict[str, Any]) -> dict[str, Any]:
    """The entries of a report's card about the generation of replies; empty for the defaults."""
    made = {"window": replies["window"]} if "window" in replies else {}
    if "generation" not in replies:
        return made
    told = {k: list(v) if isinstance(v, tuple) else v for k, v in vars(replies["generation"]).items()}
    return made | {"generation": told}


def plain(reports: Any, missing: Any, rows: Any, beside: bool) -> dict[str, Any]:
    from lookhear.evaluate import many

    model, *_ = rows
    return {
        "model": model,
        "columns": rows[model],
        "datasets": {f"{asked.dataset} {asked.split}": report.to_json() for asked, report in reports.items()},
        "missing": {f"{asked.dataset} {asked.split}": why for asked, why in missing.items()},
        **({"published": many.printed(), "source": many.PRINTED} if beside else {}),
    }


def print_outcome(reports: Any, missing: Any, model: Any) -> None:
    """Print missing sets, unanswered questions and server costs; exit code 1 if any question has no answer."""
    from lookhear.llms.endpoint import Endpoint
    from lookhear.model import LLMModel

    if isinstance(model, LLMModel) and isinstance(model.llm, Endpoint):
        print("\n".join(model.llm.lines()), file=sys.stderr)
    for asked, why in missing.items():
        print(f"not here: {asked.dataset} {asked.split}: {why}", file=sys.stderr)
    lost = [pair for report in reports.values() for pair in report.card.get("unread", {}).items()]
    for clip, reason in lost:
        print(f"not read: {clip}: {reason}", file=sys.stderr)
    open_ = [pair for report in reports.values() for pair in report.card.get("no_reply", {}).items()]
    for question, reason in open_[:SHOWN]:
        print(f"no reply: {question}: {reason}", file=sys.stderr)
    if open_:
        print(
            f"{len(open_)} questions have no reply and score as empty replies; run again to ask them.", file=sys.stderr
        )
    if lost or open_:
        raise typer.Exit(1)
