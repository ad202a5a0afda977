"""J and F of the small Crab's masks beside floors, what its ears do for them, and SAM 2's half of the path.

Every row is over the same held-out stages, in percent with 95 % intervals over stages: J and F of the masks as they are
(`crab_plus`), and `F_crab`, the mean of each picture's best threshold.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from lookhear.llms import crab
from lookhear.llms.crab import clips
from lookhear.llms.crab.text import MASKS
from lookhear.metrics import segmentation
from lookhear.segmenters import sam2
from lookhear.statistics import bootstrap
from lookhear.tasks import localisation
from lookhear.types import Answer, Clip, Example
from research.crab import masks as recipe
from research.crab.stage import SIDE

TOGETHER = 20


def floors(out: Path, on: str) -> None:
    """Measure what needs no model of ours, into OUT/floors-ON.json."""
    stages, train = recipe.Stages(out / f"{on}.npz"), recipe.Stages(out / "train.npz")
    count, rng = len(stages), np.random.default_rng(0)
    mean = train.sounding.mean(0)
    levels = np.linspace(0.05, 0.6, 23)
    best = levels[np.argmax([np.mean([j(mean > t, m) for m in train.sounding[:300]]) for t in levels])]
    rows = {
        "everyone on stage, exactly (deaf, with perfect eyes)": signs(stages.everyone),
        "the whole picture": signs(np.ones_like(stages.everyone)),
        "mean mask of training, best threshold": signs(np.repeat((mean > best)[None], count, 0)),
        "another stage's mask": signs(np.roll(stages.sounding, 1, 0)),
        "random pixels": rng.normal(size=stages.sounding.shape),
        "SAM2-shaped, random weights, from the true box and points": signs(through_sam(stages)),
    }
    two = np.array([len(heard) == 2 for heard in stages.heard])
    rows = {name: each(list(logits), stages.sounding) for name, logits in rows.items()}
    found: dict = {name: told([row]) for name, row in rows.items()}
    everyone = next(iter(rows.values()))
    found["everyone, where one sounds"] = told([{k: v[~two] for k, v in everyone.items()}])
    (out / f"floors-{on}.json").write_text(json.dumps(found, indent=1) + "\n", "utf-8")


def test(out: Path, seeds: list[int], on: str, table: Path | None, picture: Path | None) -> None:
    """Measure, print, and where asked for write the numbers and a picture (of the first seed)."""
    stages = recipe.Stages(out / f"{on}.npz")
    two = np.array([len(heard) == 2 for heard in stages.heard])
    runs = [one(out, seed, stages) for seed in seeds]
    rows = {name: [run[name] for run in runs] for name in ("Crab in small", "told the right names", "swapped")}
    rows["where one sounds"] = [{k: v[~two] for k, v in run["Crab in small"].items()} for run in runs]
    named = [run["right"] for run in runs]
    result = {
        "stages": len(stages), "numbered from": recipe.STAGES[on][1], "two_sound": int(two.sum()), "seeds": seeds,
        "steps": [run["step"] for run in runs], "without_mask": [run["without"] for run in runs],
        "names_right": percent(named), "names_right_by_seed": [percent([right])[0] for right in named],
        "model": {name: told(some) for name, some in rows.items()},
        "by_seed": {name: [told([row]) for row in some] for name, some in rows.items()},
        "where it names right": [
            told([{k: v[run["right"]] for k, v in run["Crab in small"].items()}]) for run in runs
        ],
        "floors": json.loads((out / f"floors-{on}.json").read_text("utf-8")),
    }  # fmt: skip
    for name, row in (result["model"] | result["floors"]).items():
        print(f"{name:62s}", "  ".join(f"{k} {v[0]:.1f} ({v[1]:.1f} to {v[2]:.1f})" for k, v in row.items()))
    print({k: v for k, v in result.items() if k not in ("model", "floors")})
    if table:
        table.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    if picture:
        sheet(picture, stages, runs[0]["drawn"], runs[0]["drawn with another sound"])


def one(out: Path, seed: int, stages: recipe.Stages) -> dict:
    """What one trained model says and draws, scored stage by stage."""
    llm = recipe.fresh(seed)
    kept = torch.load(out / f"masks-{seed}.pt", weights_only=True)
    llm.model.load_state_dict(kept["net"])
    llm.model.eval()
    said, drawn = answers(llm, stages)
    _, swapped = answers(llm, stages, np.roll(np.arange(len(stages)), 1))
    names = [reply.split(" is ")[-1].split(".")[0].split(" and ") for reply in said]
    return {
        "step": kept["step"], "without": sum(mask is None for mask in drawn),
        "right": np.array([a == b for a, b in zip(names, stages.heard, strict=True)]),
        "Crab in small": each(drawn, stages.sounding), "swapped": each(swapped, stages.sounding),
        "told the right names": each(prompted(llm, stages), stages.sounding),
        "drawn": drawn, "drawn with another sound": swapped,
    }  # fmt: skip


@torch.inference_mode()
def answers(llm: crab.Crab, stages: recipe.Stages, sound: np.ndarray | None = None) -> tuple[list[str], list]:
    """(replies, logits or None) to the question who sounds; `sound`: whose sound each stage is heard with."""
    said, drawn = [], []
    for start in range(0, len(stages), TOGETHER):
        rows = range(start, min(start + TOGETHER, len(stages)))
        seen = llm.watch([stages.clip(i, None if sound is None else int(sound[i])) for i in rows])
        replies = llm.answer(seen, list(range(len(rows))), [recipe.HEARD] * len(rows), max_tokens=24)
        said += [reply.text for reply in replies]
        drawn += [reply.masks[0] if reply.masks else None for reply in replies]
    return said, drawn


@torch.inference_mode()
def prompted(llm: crab.Crab, stages: recipe.Stages) -> list:
    """Logits where the right reply is put into the model's mouth: what the decoder does when the ears are right."""
    drawn = []
    marks = torch.tensor([llm.words.ids[mark] for mark in MASKS])
    for i in range(len(stages)):
        clip = stages.clip(i)
        (((ask, reply),),) = llm.tokens([[(recipe.HEARD, recipe.says(stages.heard[i]))]])
        ids = torch.tensor([[*llm.prefix(clip), *ask, *reply]])
        embeds, (levels,) = clips.embedded(llm.words, llm.model, ids, [clip])
        hidden = llm.model.bare.model(inputs_embeds=embeds).last_hidden_state
        states = hidden[:, torch.isin(ids[0], marks).nonzero()[:, 0] - 1]
        drawn.append(llm.model.segment(states, [level[None] for level in levels])[0, 0].numpy())
    return drawn


def through_sam(stages: recipe.Stages) -> np.ndarray:
    """Masks of a small SAM 2 with random weights, from targets that are written, read back and drawn."""
    torch.manual_seed(0)
    sam = sam2.build(sam2.small())
    found = []
    for i in range(len(stages)):
        box, *points = sam2.prompts(stages.sounding[i], "player")
        reference = Answer("player", regions=(box, *points))
        example = Example(str(i), "localisation", Clip(None, None), "", reference, meta={"form": "s4"})
        answer = localisation.parse(localisation.target(example, explain=False), example)
        mask = segmentation.mask_of(sam.drawn(answer, stages.frames[i], size=SIDE))
        assert mask is not None, "a target that is read back has a box"
        found.append(mask)
    return np.stack(found)


def j(mask: np.ndarray, true: np.ndarray) -> float:
    """IoU of two masks."""
    return segmentation.jaccard(mask, true)


def signs(masks: np.ndarray) -> np.ndarray:
    """Masks as logits."""
    return np.where(masks, 10.0, -10.0)


def each(logits: list, true: np.ndarray) -> dict[str, np.ndarray]:
    """J, F and F_crab of each stage; a reply without a mask scores 0."""
    pairs = list(zip(logits, true, strict=True))
    return {
        "J": np.array([0.0 if said is None else segmentation.jaccard(said > 0, real) for said, real in pairs]),
        "F": np.array([0.0 if said is None else segmentation.f_score(said > 0, real) for said, real in pairs]),
        "F_crab": np.array(
            [0.0 if said is None else float(segmentation.crab_f_curve(said, real).max()) for said, real in pairs]
        ),
    }


def told(runs: list[dict[str, np.ndarray]]) -> dict[str, list[float]]:
    """Metric -> mean over stages and seeds in percent, with its interval."""
    return {name: percent([run[name] for run in runs]) for name in runs[0]}


def percent(runs: list[np.ndarray]) -> list[float]:
    """Mean in percent over stages and seeds, and its 95 % interval over stages, redrawn with all seeds of a stage."""
    values, stages = np.concatenate(runs).astype(float), np.tile(np.arange(len(runs[0])), len(runs))
    low, high = bootstrap(values, stages, np.ones((len(values), 1), bool))[0]
    return [round(100 * float(n), 2) for n in (values.mean(), low, high)]


def sheet(path: Path, stages: recipe.Stages, drawn: list, swapped: list, columns: int = 10) -> None:
    """Ten held-out stages in order: the frame, what sounds, the mask drawn, and the mask with another stage's sound."""

    def grey(mask: np.ndarray | None) -> np.ndarray:
        shade = np.zeros((SIDE, SIDE)) if mask is None else 1 / (1 + np.exp(-np.clip(mask, -30, 30)))
        return np.repeat((255 * shade).astype(np.uint8)[..., None], 3, 2)

    rows = [
        [stages.frames[i] for i in range(columns)],
        [grey(signs(stages.sounding[i])) for i in range(columns)],
        [grey(drawn[i]) for i in range(columns)],
        [grey(swapped[i]) for i in range(columns)],
    ]
    gap = np.full((SIDE, 2, 3), 255, np.uint8)
    lines = [np.concatenate([part for cell in row for part in (cell, gap)], 1) for row in rows]
    band = np.full((2, lines[0].shape[1], 3), 255, np.uint8)
    whole = np.concatenate([part for line in lines for part in (line, band)], 0)
    Image.fromarray(whole).resize((whole.shape[1] * 2, whole.shape[0] * 2), Image.Resampling.NEAREST).save(path)
