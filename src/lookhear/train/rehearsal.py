"""A dry run: parameters, operations and memory of a recipe at full size, and one real step, without data or weights.

rehearse(recipe) ─▶ meta device, whole batch: parameters, operations of a step, memory
                 └▶ this machine, a few questions of random numbers: one step with its optimizer, timed

A net with data-dependent control flow cannot run on the meta device: it is counted on the few questions and scaled.
Streams have the shapes of the recipe's encoders (`widths`), with `data.seconds` rows; batches have distinct clips if
questions are shuffled freely. Frozen towers and pretrained weights are random, at the same cost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from lookhear import config, datasets
from lookhear.errors import LookhearError, RecipeError
from lookhear.layers.towers import Cost, cost
from lookhear.model.options import OFFERED
from lookhear.store.batch import NEGATIVE, Batch, orders, wants
from lookhear.store.names import configured, serving
from lookhear.train import questions
from lookhear.train.step import Step, optimizer, trainee

WEIGHTS = ("pretrained", "swin", "htsat")  # settings that load weights
ROWS = 2  # questions of the timed step, each about another clip
SECONDS = 10  # rows of a stream if the recipe keeps the clips' lengths
ANSWERS = 42  # if the dataset has no closed vocabulary and is not available
TRAINING = {"music_avqa": 31_927, "music_avqa_v2": 36_700, "avqa": 40_425}  # training questions, from the papers
CLIP = {"large": (768, 1024, 768), "base": (512, 768, 512)}  # joint width, width of the vision and of the text tower
TOKENS = {"clip_text": 77}  # words of a question if the encoder has no `rows`
SIDE, SAMPLES = 192, 16_000  # size of raw pictures and spectrograms, samples of sound per second


@dataclass(frozen=True)
class Rehearsal:
    """The cost of a step. `seconds` is CPU time for `rows` questions; `whole` is scaled to the batch by operations."""

    name: str
    cost: Cost
    batch: int
    clips: int
    rows: int
    seconds: float
    whole: float
    steps: int
    answers: int
    notes: tuple[str, ...] = ()

    @property
    def memory(self) -> float:
        """Bytes of weights, stored activations, and gradients and two moments of trained parameters."""
        return self.cost.kept + 4 * self.cost.parameters + 12 * self.cost.trained

    def to_json(self) -> dict[str, Any]:
        return {
            "recipe": self.name,
            "parameters": self.cost.parameters,
            "trained": self.cost.trained,
            "flop_a_step": self.cost.operations,
            "memory": int(self.memory),
            "batch": self.batch,
            "clips": self.clips,
            "step_cpu_seconds": round(self.whole, 3),
            "measured": {"questions": self.rows, "cpu_seconds": round(self.seconds, 3)},
            "steps": self.steps,
            "answers": self.answers,
            "notes": list(self.notes),
        }

    def cells(self) -> list[str]:
        """A row of a table under `HEAD`."""
        return [
            f"{self.cost.trained / 1e6:.1f}",
            f"{self.cost.parameters / 1e6:.1f}",
            f"{self.batch}",
            f"{self.cost.operations / 1e12:.3f}",
            f"{self.memory / 2**30:.2f}",
            f"{self.seconds:.2f}",
            f"{self.whole:.1f}",
            f"{self.steps:,}",
        ]


HEAD = (
    *("recipe", "learns, M", "parameters, M", "batch", "TFLOP a step", "memory, GiB"),
    *(f"CPU s of {ROWS} questions", "CPU s of a step", "steps"),
)


def rehearse(name: str, recipe: config.Recipe, rows: int = ROWS) -> Rehearsal:
    """Build `recipe` at full size, count it, and take one step on `rows` questions of random numbers.

    Raises LookhearError if it cannot be built or run.
    """
    options = {k: v for k, v in recipe.net.items() if k not in WEIGHTS}
    bare, notes = replace(recipe, net=options), []
    if len(options) < len(recipe.net):
        notes.append(f"weights are random: {', '.join(k for k in WEIGHTS if k in recipe.net)}")
    words, count, known = _questions(recipe)
    notes += known
    cards = {served: {"streams": streams} for served, streams in widths(recipe).items()}
    torch.manual_seed(0)
    batch = recipe.train.batch
    clips = min(batch, recipe.train.clips or batch)
    real = trainee(bare, words, cards).train()
    try:
        with torch.device("meta"):
            net = trainee(bare, words, cards).train()
            whole = _counted(net, bare, len(words), batch, clips)
            small = _counted(net, bare, len(words), rows, rows)
    except (RuntimeError, NotImplementedError):
        small, times = _counted(real, bare, len(words), rows, rows), batch / rows
        whole = replace(small, operations=small.operations * times, kept=int(small.kept * times))
        notes.append(f"operations and memory counted on {rows} questions and scaled")
    taken = _timed(real, bare, len(words), rows)
    scale = whole.operations / max(small.operations, 1.0)
    steps = -(-count // batch) * recipe.train.epochs if count else 0
    return Rehearsal(name, whole, batch, clips, rows, taken, taken * scale, steps, len(words), tuple(notes))


def widths(recipe: config.Recipe) -> dict[str, dict[str, int]]:
    """Encoder -> its streams and their widths, without loading weights; empty if they are not known in advance."""
    width_of: dict[str, dict[str, int]] = {}
    for stream, served in recipe.features.items():
        encoder, own = serving(served, stream)
        width = _width(encoder, own)
        if width:
            width_of.setdefault(encoder, {})[own] = width
    return width_of


@lru_cache(maxsize=256)
def _width(encoder: str, stream: str) -> int:
    name = encoder.partition("@")[0]
    if name.startswith("stage_"):  # embedded: the weights are part of the package
        from lookhear.store.fill import build_encoder

        return int(build_encoder(encoder).streams[stream])
    settings = configured(encoder)[1]
    weights = str(getattr(settings, "weights", ""))
    if name in ("clip", "clip_text"):
        joint, seen, read = CLIP["large" if "large" in weights else "base"]
        if name == "clip":
            return seen if stream == "patches" else joint
        return joint if stream == "question" or settings.project else read
    if name == "resnet":
        return 512 if any(kind in weights for kind in ("resnet18", "resnet34")) else 2048
    if name == "tome_vit":
        return 1024
    fixed = {"vggish": 128, "bert_tokens": 30_522, "panns": 2048, "clap": 512, "r2plus1d": 512}
    if name == "avst_words":
        return 93
    return fixed.get(name, 0)


def _questions(recipe: config.Recipe) -> tuple[list[str], int, list[str]]:
    """(answers, training questions, assumptions): from the dataset if it is available."""
    data = recipe.data
    if data.root and Path(data.root).is_dir():
        try:
            found = questions.read(data)
            return list(found.vocabulary), len(found.train), []
        except LookhearError:  # the folder holds something else
            pass
    words = list(datasets.of(data.name).vocabulary)
    count = TRAINING.get(data.name.partition("@")[0], 0)
    notes = [f"no data at {data.root!r}: {count:,} training questions as published"]
    if not words:
        words = [str(n) for n in range(ANSWERS)]
        notes.append(f"how many answers follows from the training file; {ANSWERS} taken")
    return words, count, notes


def _shape(stream: str, width: int, recipe: config.Recipe, rows: int, side: int) -> tuple[int, ...]:
    """The shape of a stream of `rows` clips or questions."""
    stream = stream.removesuffix(NEGATIVE)
    time_, served = recipe.data.seconds or SECONDS, serving(recipe.features.get(stream, ""), stream)[0]
    name = served.partition("@")[0]
    settings = configured(served)[1] if served and not served.startswith("tests.") else None
    if stream in ("pixels", "spectrogram"):
        return (rows, time_, *((3,) if stream == "pixels" else ()), side, side)
    if stream == "waveform":
        return (rows, time_, SAMPLES)
    if stream in ("question", "prompt"):
        return (rows, width)
    if stream in ("words", "tokens"):
        length = getattr(settings, "rows", TOKENS.get(name, 14))
        return (rows, length) if stream == "tokens" else (rows, length, width)
    if stream == "patches":
        count = {"resnet": 196, "tome_vit": 14, "clip": 50, "stage_patches": 8}.get(name, 14)
        return (rows, 10 if "linspace10" in served else time_, count, width)
    return (rows, time_, width)


def _batch(net: nn.Module, recipe: config.Recipe, answers: int, rows: int, clips: int) -> tuple[Batch, Tensor]:
    """Random tensors in the shapes of a batch, and labels, on the default device."""
    given = widths(recipe)
    schema = config.settings_of("nets", recipe.net)

    side = int(schema.tower.image) if "tower" in vars(schema) else SIDE

    def stream(name: str, count: int) -> Tensor:
        if name == OFFERED:
            return torch.ones(count, answers, dtype=torch.bool)
        plain = name.removesuffix(NEGATIVE)
        encoder, own = serving(recipe.features.get(plain, ""), plain)
        width = given.get(encoder, {}).get(own) or int(getattr(schema, plain, 0) or 0)
        shape = _shape(name, width, recipe, count, side)
        if plain == "tokens":
            return torch.randint(1, max(2, width), shape)
        return torch.randn(shape)

    media = orders(net.watch)
    ask = [n for n in wants(net) if n not in media]
    where = torch.arange(rows) % clips
    batch = Batch({n: stream(n, clips) for n in media}, where, {n: stream(n, rows) for n in ask})  # type: ignore[arg-type]
    return batch, torch.randint(0, answers, (rows,))


def _counted(net: nn.Module, recipe: config.Recipe, answers: int, rows: int, clips: int) -> Cost:
    streams, labels = _batch(net, recipe, answers, rows, clips)
    found = cost(net, lambda one: torch.stack(list(Step(one)(streams, labels).values())).sum())
    net.zero_grad()
    return found


def _timed(net: nn.Module, recipe: config.Recipe, answers: int, rows: int) -> float:
    """CPU seconds of one complete step: losses, gradients, update."""
    learns, step = optimizer(recipe.train, net), Step(net)
    streams, labels = _batch(net, recipe, answers, rows, rows)
    began = _cpu()
    loss = torch.stack(list(step(streams, labels).values())).sum()
    loss.backward()
    if recipe.debias:
        net.after_backward(0)  # type: ignore[operator]
    learns.step()
    taken = _cpu() - began
    if not bool(torch.isfinite(loss)):
        raise RecipeError(f"The loss of the first step on random numbers is {float(loss)}.")
    return taken


def _cpu() -> float:
    return time.process_time() if os.name != "nt" else time.perf_counter()


def recipes_of(name: Path | str) -> list[str]:
    """The recipes of a name: the recipe itself, or every net's recipe in the folder of that name."""
    text = str(name)
    inside: Mapping[str, str] = {n: line for n, line in config.recipes().items() if n.startswith(f"{text}/")}
    return [n for n in inside if not config.of_llm(n)] or [text]
