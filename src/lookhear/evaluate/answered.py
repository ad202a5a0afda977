"""One answered question as JSON: its scores, evidence and notes, as `lookhear ask --json` and the server give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from lookhear.types import Answer


def as_json(question: str, answer: Answer, model: str) -> dict[str, Any]:
    """One answered question as `lookhear ask --json` prints it."""
    evidence = answer.evidence
    return {
        "question": question,
        "answer": answer.text,
        "scores": _rounded(answer.scores),
        "evidence": {
            "seen": [round(w, 5) for w in evidence.seen] if evidence else [],
            "heard": [round(w, 5) for w in evidence.heard] if evidence else [],
            "words": {n: [[w, round(x, 5)] for w, x in some] for n, some in evidence.words.items()} if evidence else {},
            "segments": [asdict(s) for s in answer.segments],
            "regions": [{"box": r.box, "time": r.time, "label": r.label} for r in answer.regions],
        },
        "opinions": {name: _rounded(o) for name, o in evidence.opinions.items()} if evidence else {},
        "model": model,
        "notes": list(answer.notes),
    }


def _rounded(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: round(score, 5) for name, score in scores.items()}
