"""Fit the constants of `timeline/tables/calibration.json` with whole clips left out, and the rule that dates events.

    python -m research.real.refit DATA [--store FOLDER] [--write]

1. Scores to probabilities. For each labelled clip the accepted label is there, any of its accepted names; classes that
   are a kind of it, or that it is a kind of, are left out; all other specific classes are not there. `own` and `bias`
   are a logistic regression on the log odds of the score, all clips weighing the same; `asked` is what is added where
   a thing is named in a question, fitted to as many things that are there as are not. Each number beside "left out"
   is for clips that the constants were not fitted to.
2. What is added where a thing is named, again, by the written questions: the pair of offsets that answers most of the
   questions about all other clips (a wrong answer costs two) answers those about the clip that was left out.
3. Dates. Pieces of the labelled sounds are laid into other sounds at known seconds (`mixtures`); the constants of
   `decide.stretches` are chosen by the mean accuracy over all sources but one, and scored on that one.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from lookhear import files
from lookhear.timeline import calibrated
from lookhear.timeline.answers import answer
from lookhear.timeline.ontology import TABLES, groups, sounds
from lookhear.timeline.value import Timeline
from research.real import mixtures
from research.real.score import judged, questions, timelines

FAINTEST = 1e-7
OFFSETS = tuple(product((1.0, 2.0, 3.0, 4.0, 5.0), repeat=2))


@dataclass(frozen=True)
class Pairs:
    """Log odds of the scores of one clip: of the thing that is there (one number), and of those that are not."""

    file: str
    there: float
    absent: np.ndarray


def heard_pairs(truth: list[dict], found: dict[str, Timeline]) -> list[Pairs]:
    """One clip of sound after another."""
    tree, rows = sounds(), []
    own = np.array([tree.specific(name) for name in tree.names])
    for one in truth:
        track = found[one["file"]].heard
        names = [n for n in one["accept"] if n in tree.names]
        if track is None or not names:
            continue
        scores = calibrated.heard_whole(track)
        near = {k for n in names for k in (*tree.kinds(n), *tree.above[n])} | set(names)
        near |= {k for n in near if n in tree.names and not tree.marks[n] for k in tree.kinds(n)}
        index = [tree.names.index(n) for n in names]
        any_of = 1 - float(np.prod(1 - np.clip(scores[index], 0, 1 - 1e-9)))
        away = own & np.array([n not in near for n in tree.names])
        rows.append(Pairs(one["file"], float(_odds(np.array(any_of))), _odds(scores[away])))
    return rows


def seen_pairs(truth: list[dict], found: dict[str, Timeline]) -> list[Pairs]:
    """One clip with a picture after another; groups of classes that hold an accepted one are left out."""
    rows = []
    for one in truth:
        track = found[one["file"]].seen
        if track is None or not one["accept"]:
            continue
        scores = calibrated.seen_whole(track)
        labels = calibrated.seen_labels(track)
        among = groups()
        fits = [any(part in label.lower() for part in one["accept"]) for label in labels[len(among) :]]
        numbers = {i for i, fit in enumerate(fits) if fit}
        linked = [bool(group.classes & numbers) for group in among.values()]
        mine = float(np.clip(scores[len(among) :][np.array(fits)].sum(), 0, 1))
        away = ~np.array([*linked, *fits])
        rows.append(Pairs(one["file"], float(_odds(np.array(mine))), _odds(scores[away])))
    return rows


def _odds(scores: np.ndarray) -> np.ndarray:
    return calibrated.logit(np.clip(scores, FAINTEST, 1 - FAINTEST))


def fitted(pairs: list[Pairs]) -> tuple[float, float]:
    """`own` and `bias` that make the pairs likeliest."""

    def loss(free: np.ndarray) -> float:
        own, bias = free
        total = 0.0
        for clip in pairs:
            total += np.logaddexp(0, -(own * clip.there + bias))
            total += np.logaddexp(0, own * clip.absent + bias).sum()
        return total / len(pairs) + 1e-3 * (own - 1) ** 2

    return tuple(float(x) for x in minimize(loss, (1.0, 0.0), method="Nelder-Mead").x)


def offset(pairs: list[Pairs], own: float, bias: float) -> float:
    """What is added to the log odds of a thing that is asked about."""

    def loss(add: np.ndarray) -> float:
        rows = [
            np.logaddexp(0, -(own * c.there + bias + add[0])) + np.logaddexp(0, own * c.absent + bias + add[0]).mean()
            for c in pairs
        ]
        return float(np.mean(rows))

    return float(minimize(loss, [1.0], method="Nelder-Mead").x[0])


def left_out(pairs: list[Pairs], ship: tuple[float, float, float] | None = None) -> dict:
    """How well constants fitted to all other clips do on each clip; or those that `ship`, which have seen all clips."""
    rows = []
    for i, clip in enumerate(pairs):
        rest = pairs[:i] + pairs[i + 1 :]
        own, bias = ship[:2] if ship else fitted(rest)
        add = ship[2] if ship else offset(rest, own, bias)
        rows.append((own, bias, add, own * clip.there + bias, own * clip.absent + bias))
    likely = np.array([calibrated.sigmoid(np.array(there + add)) for _, _, add, there, _ in rows])
    false = [calibrated.sigmoid(absent + add) for _, _, add, _, absent in rows]
    named = np.concatenate([calibrated.sigmoid(absent) for *_, absent in rows])
    return {
        "clips": len(pairs),
        "asked: said to be there, of those that are": round(float((likely >= 0.5).mean()), 3),
        "asked: said to be there, of those that are not": round(float(np.mean([(f >= 0.5).mean() for f in false])), 4),
        "asked: log loss, balanced": round(
            float(np.mean([-np.log(p) - np.log1p(-f).mean() for p, f in zip(likely, false, strict=True)]) / 2), 3
        ),
        "named: wrong classes a clip above 0.4": round(float((named >= 0.4).sum() / len(pairs)), 2),
        "named: right above 0.4": round(
            float(np.mean([calibrated.sigmoid(np.array(there)) >= 0.4 for _, _, _, there, _ in rows])), 3
        ),
        "own, bias, asked: least and greatest": [
            [round(float(f([r[k] for r in rows])), 2) for f in (min, max)] for k in range(3)
        ],
    }


def asked(found: dict[str, Timeline]) -> dict:
    """Offsets chosen by the questions about other clips, and how the questions about the clip left out are answered."""
    lines, table = [q for q in questions() if q["file"] in found], calibrated.constants()
    kept, worth = dict(table["asked"]), []
    for heard, seen in OFFSETS:
        table["asked"].update(heard=heard, seen=seen)
        worth.append([_worth(found[q["file"]], q) for q in lines])
    table["asked"].update(kept)
    matrix, clips = np.array(worth), np.array([q["file"] for q in lines])
    held: list[float] = []
    for clip in dict.fromkeys(clips):
        best = int(matrix[:, clips != clip].sum(axis=1).argmax())
        held += matrix[best, clips == clip].tolist()
    verdicts = {"right": 1.0, "cannot say": 0.0, "wrong": -1.0}
    own = [_worth(found[q["file"]], q) for q in lines]
    return {
        "questions": len(lines),
        "heard, seen, chosen on all": OFFSETS[int(matrix.sum(axis=1).argmax())],
        "clip left out": {name: sum(w == value for w in held) for name, value in verdicts.items()},
        "with the constants that ship": {name: sum(w == value for w in own) for name, value in verdicts.items()},
    }


def _worth(timeline: Timeline, line: dict) -> float:
    said, right = judged(answer(timeline, line["question"], line["options"]).text, line["accept"])
    return 1.0 if right else -1.0 if said else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--store", type=Path, default=None, help="keep timelines here")
    parser.add_argument("--out", type=Path, default=None)
    parser.add_argument("--write", action="store_true", help="put the constants into the table")
    args = parser.parse_args()
    truth = json.loads((args.data / "real_truth.json").read_text())
    names = {one["file"] for stream in ("heard", "seen") for one in truth[stream]} | {q["file"] for q in questions()}
    _, found, _ = timelines(args.data, {n for n in names if (args.data / n).is_file()}, args.store)
    table, result = calibrated.constants(), {}
    new = {key: dict(value) for key, value in table.items()}
    for stream, make in (("heard", heard_pairs), ("seen", seen_pairs)):
        pairs = make(truth[stream], found)
        own, bias = fitted(pairs)
        add = offset(pairs, own, bias)
        result[stream] = {"own": own, "bias": bias, "asked": add, "left out": left_out(pairs)}
        mine = table[stream]["own"], table[stream]["bias"], table["asked"][stream]
        result[stream]["those that ship, not left out"] = left_out(pairs, mine)
        new[stream], new["asked"][stream] = {"own": round(own, 3), "bias": round(bias, 3)}, round(add, 3)
        print(stream, json.dumps(result[stream], indent=1))
    result["questions"] = asked(found)
    print("questions", json.dumps(result["questions"], indent=1))
    result["dates"] = mixtures.chosen(args.data, truth["heard"])
    print("dates", json.dumps(result["dates"], indent=1))
    if args.out:
        files.write_json(args.out, result)
    if args.write:
        files.write(TABLES / "calibration.json", json.dumps(new) + "\n")


if __name__ == "__main__":
    main()
