"""Score the model `real` on labelled real clips and on written questions: tables, reliability, costs.

    python -m research.real.score DATA [--out results/real.json]

DATA holds real_truth.json, media_labels.json and the clips they name; nothing of it is copied. Beside it lie five sets
of questions: questions.txt, that the grammar was made with, and four that were each written before they were tried;
an accepted answer * is any transcript. A question is right, wrong, or answered by "cannot say"; where that is what is
right, it counts.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import Counter
from pathlib import Path

import numpy as np

from lookhear import files
from lookhear.model import clip_of
from lookhear.model.real import RealModel
from lookhear.store.features import FeatureStore
from lookhear.timeline.concepts import meaning
from lookhear.timeline.finding import CANNOT
from lookhear.timeline.value import Timeline

HERE = Path(__file__).parent
SETS = ("questions", "questions_fresh", "questions_last", "questions_plain", "questions_after")
ANY = "*"  # any transcript is accepted
DATED = {"Male speech, man speaking": "Speech", "man speaking": "Speech"}


def timelines(
    data: Path, names: set[str], store: Path | None
) -> tuple[RealModel, dict[str, Timeline], dict[str, float]]:
    """The model, the timelines of the clips, and CPU seconds each took."""
    model, found, cost = RealModel(store=FeatureStore(store) if store else None), {}, {}
    for name in sorted(names):
        begun = time.process_time()
        found[name] = model.timeline(clip_of(data / name))
        cost[name] = time.process_time() - begun
    return model, found, cost


def labelled(truth: dict, found: dict[str, Timeline]) -> dict:
    """Top-1 and top-5 of what is heard and seen, with the misses."""
    out = {}
    for stream in ("heard", "seen"):
        rows = []
        for one in truth[stream]:
            if not one["accept"]:
                continue
            top = [label for label, _ in (found[one["file"]].ranked or {})[stream][:5]]
            fits = [_fits(label, one["accept"], stream) for label in top]
            rows.append(
                {"file": one["file"], "label": one["label"], "top": top, "first": fits[:1] == [True], "five": any(fits)}
            )
        out[stream] = {
            "clips": len(rows),
            "top-1": sum(r["first"] for r in rows),
            "top-5": sum(r["five"] for r in rows),
            "rows": rows,
        }
    return out


def _fits(label: str, accept: list[str], stream: str) -> bool:
    return label in accept if stream == "heard" else any(part in label.lower() for part in accept)


def dated(labels: dict, found: dict[str, Timeline]) -> dict:
    """Per-second accuracy of events whose times are known: a second counts by its middle."""
    rows, right, total = [], 0, 0
    for name, one in labels.items():
        spans = [
            (e["start"], e["end"], e["label"])
            for e in [*one.get("events", []), *(one["audio"] if isinstance(one.get("audio"), list) else [])]
        ]
        spans += [(*e["segment"], e["label"]) for e in one.get("annotations", [])]
        if not spans or name not in found:
            continue
        label = DATED.get(spans[0][2], spans[0][2])
        concept = meaning(label).concept
        from lookhear.timeline.scene import Scene

        scene = Scene(found[name])  # what is not taken to be there has no seconds
        told = scene.when(concept, "heard") if concept and scene.probability(concept, "heard") >= 0.5 else []
        count = round(found[name].duration)
        truth = [any(a <= s + 0.5 < b for a, b, _ in spans) for s in range(count)]
        said = [any(t.start <= s + 0.5 < t.end for t in told) for s in range(count)]
        same = sum(a == b for a, b in zip(truth, said, strict=True))
        rows.append({"file": name, "label": label, "seconds": count, "right": same})
        right, total = right + same, total + count
    return {"accuracy": right / max(total, 1), "rows": rows}


def asked(data: Path, model: RealModel, found: dict[str, Timeline]) -> dict:
    """Every written question: right, wrong, or cannot say, with its confidence."""
    rows = []
    for line in questions():
        answer = _ask(model, found, line)
        said, right = judged(answer.text, line["accept"])
        rows.append(
            {
                "set": line["set"],
                "file": line["file"],
                "question": line["question"],
                "accept": line["accept"],
                "answer": answer.text,
                "confidence": answer.scores.get(answer.text, 0.0),
                "verdict": "right" if right else "cannot say" if not said else "wrong",
                "program": answer.raw,
                "notes": list(answer.notes[:1]),
            }
        )
    verdicts = Counter(r["verdict"] for r in rows)
    sure = [r for r in rows if r["verdict"] == "wrong" and r["confidence"] > 0.8]
    return {
        "questions": len(rows),
        **verdicts,
        "sets": {n: dict(Counter(r["verdict"] for r in rows if r["set"] == n)) for n in SETS},
        "wrong and sure": len(sure),
        "share wrong and sure": len(sure) / max(len(rows), 1),
        "reliability": reliability(rows),
        "rows": rows,
    }


def _ask(model: RealModel, found: dict[str, Timeline], line: dict):
    from lookhear.timeline.answers import answer

    return answer(found[line["file"]], line["question"], line["options"])


def questions() -> list[dict]:
    """The lines of all sets."""
    rows = []
    named = [(n, line) for n in SETS for line in (HERE / f"{n}.txt").read_text("utf-8").splitlines()]
    for name, line in named:
        if line and not line.startswith("#"):
            file, question, accept, *options = (part.strip() for part in line.split("|"))
            listed = [o.strip() for o in options[0].split(";")] if options else []
            rows.append(
                {
                    "set": name,
                    "file": file,
                    "question": question,
                    "accept": [a.strip() for a in accept.split(";")],
                    "options": listed,
                }
            )
    return rows


def judged(text: str, accept: list[str]) -> tuple[bool, bool]:
    """(Something was said, it is right.)"""
    if text == CANNOT:
        return False, CANNOT in accept
    if ANY in accept:
        return True, len(text.split()) > 2
    spans = [_spans(a) for a in accept]
    if any(spans) and _spans(text):
        return True, any(_overlap(_spans(text), s) >= 0.5 for s in spans if s)
    plain = {part.strip() for part in text.lower().split(",")} | {text.lower()}
    return True, any(a.lower() in plain for a in accept)


def _spans(text: str) -> list[tuple[float, float]]:
    return [(float(a), float(b)) for a, b in re.findall(r"(\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)", text)]


def _overlap(one: list, other: list) -> float:
    grid = np.arange(0, 4000, 0.1)
    a, b = (np.any([(grid >= s) & (grid < e) for s, e in spans], axis=0) for spans in (one, other))
    return float((a & b).sum() / max((a | b).sum(), 1))


def reliability(rows: list[dict]) -> list[dict]:
    """How often answers of each confidence are right."""
    out = []
    for low, high in ((0, 0.5), (0.5, 0.7), (0.7, 0.8), (0.8, 0.9), (0.9, 1.01)):
        some = [r for r in rows if r["answer"] != CANNOT and low <= r["confidence"] < high]
        if some:
            right = sum(r["verdict"] == "right" for r in some) / len(some)
            mean = sum(r["confidence"] for r in some) / len(some)
            out.append(
                {
                    "from": low,
                    "to": min(high, 1.0),
                    "answers": len(some),
                    "confidence": round(mean, 3),
                    "right": round(right, 3),
                }
            )
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--store", type=Path, default=None, help="keep timelines here; costs are then not measured")
    args = parser.parse_args()
    truth = json.loads((args.data / "real_truth.json").read_text())
    labels = json.loads((args.data / "media_labels.json").read_text())
    named = {r["file"] for s in ("heard", "seen") for r in truth[s]} | {q["file"] for q in questions()}
    named |= {n for n in labels if n.startswith(("ave", "llp", "unav"))}
    model, found, cost = timelines(args.data, {n for n in named if (args.data / n).is_file()}, args.store)
    result = {"labels": labelled(truth, found), "dated": dated(labels, found), "asked": asked(args.data, model, found)}
    if args.store is None:
        ten = [cost[n] / found[n].duration * 10 for n in cost if 4 < found[n].duration < 20 and found[n].frames]
        costs = {"seconds for ten seconds, median": round(float(np.median(ten)), 2), "greatest": round(max(ten), 2)}
        result["cpu"] = costs
    elif args.out and args.out.is_file():
        result["cpu"] = json.loads(args.out.read_text("utf-8"))["cpu"]  # as measured before
    for stream, part in result["labels"].items():
        print(f"{stream}: top-1 {part['top-1']}, top-5 {part['top-5']} of {part['clips']}")
    print(
        f"dated: {result['dated']['accuracy']:.3f}",
        [(r["file"][-16:], r["right"], r["seconds"]) for r in result["dated"]["rows"]],
    )
    told = {k: v for k, v in result["asked"].items() if k not in ("rows", "reliability")}
    print("asked:", told)
    for line in result["asked"]["reliability"]:
        print("  ", line)
    for row in result["asked"]["rows"]:
        if row["verdict"] != "right":
            head = f"   {row['verdict']:10s} {row['confidence']:.2f} {row['file'][-24:]}"
            print(f"{head} {row['question']} -> {row['answer']} {row['notes']}")
    print("cpu:", result.get("cpu"))
    if args.out:
        files.write_json(args.out, result)


if __name__ == "__main__":
    main()
