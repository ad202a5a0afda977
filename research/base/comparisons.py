"""Comparisons: what the stored features carry, what stands in the way of a net, and what the study's nets make of them.

    python -m research.base.comparisons world results/comparisons.json
    lookhear study studies/comparisons data.root=world --out runs/comparisons
    python -m research.base.comparisons world results/comparisons.json runs/comparisons/study.json

Three parts, each put into the JSON and printed as a table. `reader` subtracts two numbers of the features and knows
nothing else: the ceiling. `probes` are small nets on comparisons alone, by how the question meets the clip (side by
side, or as a product) and by what both are given. Both take about two minutes on one core. `nets` is the study, on
comparisons: intervals and tests over videos, against the net that only reads.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear import datasets, statistics
from lookhear.encoders import stage_audio, stage_text, stage_vision
from lookhear.evaluate import tables
from lookhear.evaluate.floors import template_of
from lookhear.evaluate.report import clusters_of
from lookhear.evaluate.study.rows import digest, unpack
from lookhear.soundstage.questions.programs import TEMPLATES
from lookhear.soundstage.questions.templates import ORDER
from lookhear.soundstage.scene.scene import INSTRUMENTS
from lookhear.store.features import FeatureStore, text_key
from lookhear.types import Example

N = len(INSTRUMENTS)
COMPARED = [t for t in TEMPLATES if TEMPLATES[t].kind[1] == "Comparative"]
PLACES = {"left": 44, "middle": 66, "right": 88}  # columns of stage_vision: who stands there
STEPS, BATCH, RATE = 2560, 32, 1e-3


@dataclass(frozen=True)
class Asked:
    """The comparisons of one split; `clip` and `text` are rows of the features, `yes` the answers."""

    examples: list[Example]
    clip: Tensor
    text: Tensor
    yes: Tensor

    @property
    def clusters(self) -> np.ndarray:
        return clusters_of(self.examples)

    @property
    def columns(self) -> np.ndarray:
        """bool (question, column): all of them, then template by template."""
        templates = np.array([template_of(e) for e in self.examples])
        return np.stack([templates != "", *(templates == t for t in COMPARED)], axis=1)


@dataclass(frozen=True)
class World:
    """Features of every clip and text, as stored and as the encoders' docstrings explain them."""

    splits: Mapping[str, Asked]
    audio: Tensor  # clip time 128
    frames: Tensor  # clip time 256
    question: Tensor  # text 128
    texts: list[str]
    heard: Tensor
    seen: Tensor
    said: Tensor


def world_of(root: Path) -> World:
    """All comparisons of a Soundstage with their features."""
    store = FeatureStore(root / "features")
    found = {
        split: [e for e in datasets.load("soundstage", root, split) if e.kind[-1] == "Comparative"]
        for split in ("train", "test", "diagnostic")
    }
    every = [e for part in found.values() for e in part]
    clips, texts = list(dict.fromkeys(e.clip.id for e in every)), list(dict.fromkeys(e.question for e in every))
    at, of = {c: i for i, c in enumerate(clips)}, {t: i for i, t in enumerate(texts)}
    splits = {
        split: Asked(
            part,
            torch.tensor([at[e.clip.id] for e in part]),
            torch.tensor([of[e.question] for e in part]),
            torch.tensor([float(e.reference is not None and e.reference.text == "yes") for e in part]),
        )
        for split, part in found.items()
    }
    served = [
        torch.from_numpy(np.stack([store.get(encoder, stream, key) for key in keys])).float()
        for encoder, stream, keys in (
            ("stage_audio", "audio", clips),
            ("stage_vision", "frames", clips),
            ("stage_text", "question", [text_key(t) for t in texts]),
        )
    ]
    ears, eyes, reader = (m.build(m.Config()) for m in (stage_audio, stage_vision, stage_text))
    audio, frames, question = served
    plain = ears.plain("audio", audio), eyes.plain("frames", frames), reader.plain("question", question)
    return World(splits, audio, frames, question, texts, *plain)


def slots(question: str) -> tuple[list[int], list[str]]:
    """Numbers of the instruments a question names, and the places, both in order."""
    words = question.removesuffix("?").split()
    return [INSTRUMENTS.index(w) for w in words if w in INSTRUMENTS], [w for w in words if w in PLACES]


def while_playing(heard: Tensor) -> Tensor:
    """(clip, 66): the part of the clip each instrument plays, and its level and rate over the seconds it plays in."""
    present = heard[..., :N].clamp(0, 1).sum(1)
    there = (present / 0.5).clamp(max=1)
    level, rate = (
        (heard[..., k : k + N].sum(1) / present.clamp(min=0.05) - 1).clamp(-1, 1) * there for k in (N, 2 * N)
    )
    return torch.cat([present / heard.shape[1], level, rate], dim=-1)


def read(world: World, asked: Asked) -> np.ndarray:
    """bool (question,): right by subtraction. A question that names places looks up who stands there."""
    numbers, seen = while_playing(world.heard), world.seen.mean(1)
    right = []
    for example, clip, yes in zip(asked.examples, asked.clip, asked.yes, strict=True):
        names, places = slots(example.question)
        pair = names or [int(seen[clip, PLACES[p] : PLACES[p] + N].argmax()) for p in places]
        kind = 1 if "louder" in example.question else 2 if "rhythmic" in example.question else 0
        one, other = (numbers[clip, kind * N + k] for k in pair)
        right.append(bool(one > other) == bool(yes))
    return np.array(right)


def named(world: World) -> dict[str, float]:
    """How often the first and second instrument of a comparison are the strongest of their columns of stage_text."""
    pairs = [(i, names) for i, t in enumerate(world.texts) if len(names := slots(t)[0]) == 2]
    return {
        word: 100 * float(np.mean([int(world.said[i, k * N : k * N + N].argmax()) == names[k] for i, names in pairs]))
        for k, word in enumerate(("first", "second"))
    }


def written_out(world: World) -> Tensor:
    """(text, 57): one-hot slots and template, in place of the embedding."""
    found = torch.zeros(len(world.texts), 2 * (N + 3) + len(COMPARED))
    templates = {e.question: template_of(e) for part in world.splits.values() for e in part.examples}
    for row, text in zip(found, world.texts, strict=True):
        names, places = slots(text)
        for k, name in enumerate(names):
            row[k * (N + 3) + name] = 1
        for k, place in enumerate(places):
            row[k * (N + 3) + N + list(PLACES).index(place)] = 1
        row[2 * (N + 3) + COMPARED.index(templates[text])] = 1
    return found


class Beside(nn.Module):
    """Clip and question side by side into an MLP of `pooled_mlp`'s size."""

    def __init__(self, clip: int, question: int):
        super().__init__()
        self.net = nn.Sequential(
            *(nn.Linear(clip + question, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 1))
        )

    def forward(self, clip: Tensor, question: Tensor) -> Tensor:
        return self.net(torch.cat([clip, question], -1)).squeeze(-1)


class Times(nn.Module):
    """Every number of the clip times a weight that an MLP reads off the question, summed."""

    def __init__(self, clip: int, question: int):
        super().__init__()
        self.weigh = nn.Sequential(nn.Linear(question, 256), nn.ReLU(), nn.Linear(256, clip))
        self.sum = nn.Linear(clip, 1)

    def forward(self, clip: Tensor, question: Tensor) -> Tensor:
        return self.sum(clip * self.weigh(question)).squeeze(-1)


def learn(make: Callable[[int, int], nn.Module], clips: Tensor, texts: Tensor, asked: Asked) -> nn.Module:
    """A probe after `STEPS` steps on the training comparisons: AdamW, cosine, both sides standardised already."""
    torch.manual_seed(0)
    net = make(clips.shape[1], texts.shape[1])
    adam = torch.optim.AdamW(net.parameters(), lr=RATE)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(adam, STEPS)
    order = torch.cat([torch.randperm(len(asked.yes)) for _ in range(1 + STEPS * BATCH // len(asked.yes))])
    for rows in order[: STEPS * BATCH].split(BATCH):
        loss = F.binary_cross_entropy_with_logits(
            net(clips[asked.clip[rows]], texts[asked.text[rows]]), asked.yes[rows]
        )
        adam.zero_grad()
        loss.backward()
        adam.step()
        decay.step()
    return net


def probes(world: World) -> dict[str, dict[str, Any]]:
    """Row of the table -> split -> accuracy."""

    def pooled(stream: Tensor) -> Tensor:
        return torch.cat([stream.mean(1), stream.amax(1)], dim=-1)

    played = while_playing(world.heard)
    every = torch.cat([pooled(world.audio), pooled(world.frames)], -1)
    inputs = {
        "all numbers": (every, world.question),
        "all numbers, slots written out": (every, written_out(world)),
        "presence, level and rate alone": (pooled(world.audio[..., : 3 * N]), world.question),
        "level and rate while playing": ((played - played.mean(0)) / played.std(0), world.question),
    }
    found = {}
    for name, (clip, text) in inputs.items():
        for way, make in (("side by side", Beside), ("product", Times)):
            net = learn(make, clip, text, world.splits["train"])
            with torch.no_grad():
                found[f"{way}: {name}"] = {
                    split: score((net(clip[a.clip], text[a.text]) > 0).eq(a.yes > 0.5).numpy(), a)
                    for split, a in world.splits.items()
                }
    return found


def score(right: np.ndarray, asked: Asked) -> dict[str, Any]:
    """Accuracy with its interval, over all comparisons and for each template."""
    edges = 100 * statistics.bootstrap(right, asked.clusters, asked.columns)
    cells = [
        {"accuracy": round(100 * float(right[inside].mean()), 2), "interval": [round(float(e), 2) for e in edge]}
        for inside, edge in zip(asked.columns.T, edges, strict=True)
    ]
    return cells[0] | {"questions": len(right), "templates": dict(zip(COMPARED, cells[1:], strict=True))}


def nets(study: Mapping[str, Any], root: Path) -> dict[str, dict[str, Any]]:
    """Row -> split -> accuracy on comparisons, and the difference to the study's first row, the net that only reads."""
    found: dict[str, dict[str, Any]] = {}
    for split, facts in study["splits"].items():
        whole = datasets.load("soundstage", root, split)
        if facts["digest"] != digest(whole):
            raise SystemExit(f"The study was asked other questions than those of {split!r} in {str(root)!r}.")
        inside = np.array([e.kind[-1] == "Comparative" for e in whole])
        asked = Asked([e for e, i in zip(whole, inside, strict=True) if i], *[torch.empty(0)] * 3)
        right = {
            name: np.stack([unpack(bits, len(whole))[inside] for bits in seeds])
            for name, seeds in facts["right"].items()
        }
        base = next(iter(right.values())).mean(0)
        for name, seeds in right.items():
            mean = seeds[0] if len(seeds) == 1 else seeds.mean(0)
            gap = mean - base
            tests = statistics.permutation(mean, base, asked.clusters, asked.columns)
            edges = 100 * statistics.bootstrap(gap, asked.clusters, asked.columns)
            found.setdefault(name, {})[split] = score(mean, asked) | {
                "seeds": [round(100 * float(s.mean()), 2) for s in seeds],
                "all questions": facts["rows"][name]["columns"]["Overall"]["accuracy"],
                "order": {
                    t: facts["rows"][name]["columns"][t] for t in sorted(ORDER) if t in facts["rows"][name]["columns"]
                },
                "difference": round(100 * float(gap.mean()), 2),
                "difference_interval": [round(float(e), 2) for e in edges[0]],
                "p": float(f"{tests[0]:.2g}"),
                "holm": {
                    t: float(f"{p:.2g}") for t, p in zip(COMPARED, statistics.holm(tests[1:].tolist()), strict=True)
                },
            }
    return found


def table(rows: Mapping[str, Mapping[str, Any]], split: str) -> str:
    """One line a row: all comparisons, the interval, the difference to the first row if it is known, every template."""
    short = [TEMPLATES[t].answer.__name__.replace("_", " ") for t in COMPARED]
    tested = "difference" in next(iter(rows.values()))[split]
    lines = []
    for name, splits in rows.items():
        cell = splits[split]
        gap = ["{:+.1f}, p {:.2g}".format(cell["difference"], cell["p"])] if tested else []
        each = [f"{cell['templates'][t]['accuracy']:.0f}" for t in COMPARED]
        lines.append([name, f"{cell['accuracy']:.1f}", "{:.1f} to {:.1f}".format(*cell["interval"]), *gap, *each])
    head = [split, "all", "95 % interval", *(["less the first"] if tested else []), *short]
    return tables.lay_out(head, lines, "markdown")


def main(arguments: Sequence[str]) -> None:
    root, out = Path(arguments[0]), Path(arguments[1])
    torch.set_num_threads(1)
    found = json.loads(out.read_text("utf-8")) if out.is_file() else {}
    if len(arguments) > 2:
        found["nets"] = nets(json.loads(Path(arguments[2]).read_text("utf-8")), root)
        shown = [found["nets"]]
    else:
        world = world_of(root)
        found["training questions"] = len(world.splits["train"].examples)
        found["instrument named"] = named(world)
        found["reader"] = {split: score(read(world, asked), asked) for split, asked in world.splits.items()}
        found["probes"] = probes(world)
        shown = [{"reader": found["reader"]}, found["probes"]]
    out.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    for split in ("test", "diagnostic"):
        for part in shown:
            print(table(part, split), end="\n\n")


if __name__ == "__main__":
    main(sys.argv[1:])
