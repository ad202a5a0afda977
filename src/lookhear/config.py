"""Recipes: a YAML file plus `section.key=value` overrides, checked against plain dataclasses.

The schema of a thing is the dataclass that its module's `build(config: Config)` is annotated with, so a mistyped key
fails before anything is loaded, with the right key suggested. OmegaConf is used here and nowhere else.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MappingNode, SafeLoader, SequenceNode, YAMLError, compose

from lookhear import catalog
from lookhear.errors import RecipeError

T = TypeVar("T")
LEAST = {  # key -> the least it can be, in the sections of a recipe
    **dict.fromkeys(("seed", "clips", "lr", "weight_decay", "warmup", "limit", "weight", "steps", "epochs"), 0),
    **dict.fromkeys(("seconds", "batch", "asks", "accumulate", "checkpoint_every", "validate_every", "step_epochs"), 1),
}
NODES = 100_000  # values in a recipe, more than any has: a few lines of aliases can stand for billions
OTHERS = ("accelerate", "verl")  # folders of settings that other programs read
RECIPES = Path(__file__).parent / "recipes"  # those that ship: FOLDER/NAME.yaml


@dataclass(frozen=True)
class Data:
    """Which questions, about which clips."""

    name: str = "soundstage"
    """dataset, a name in datasets/, with `@version` where it has versions"""
    root: str = ""
    """folder of the annotations and media"""
    store: str = ""
    """folder of the feature store; empty means `<root>/features`"""
    train: str = "train"
    val: str = "val"
    test: str = "test"
    clips: int | None = None
    """train on the first so many clips only; None is all of them"""
    types: list[str] = field(default_factory=list)
    """train and validate on questions of these types alone, as `Audio/Comparative` or `Comparative`; empty is all"""
    seconds: int | None = None
    """length that streams are fitted to; None takes them as they are and refuses unequal ones in a batch"""
    fit: str = "repeat_last"
    """rule that fits them: repeat_last, zeros or cut"""
    standardize: bool = False
    """put every number of every stream on mean 0 and deviation 1 over training"""


@dataclass(frozen=True)
class Train:
    """How a net is trained."""

    epochs: int = 12
    batch: int = 64
    """questions in a batch"""
    clips: int = 16
    """distinct clips those questions come from, as nearly as the data allows; 0 shuffles questions freely"""
    optimizer: str = "adamw"
    """adam, adamw or sgd (momentum 0.9)"""
    lr: float = 1e-3
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    """of Adam: how long means of gradients and of their squares last"""
    weight_decay: float = 0.01
    schedule: str = "cosine"
    """cosine (with warm-up), step (x `step_factor` every `step_epochs` epochs) or constant"""
    warmup: int = 100
    """steps"""
    step_epochs: int = 8
    step_factor: float = 0.1
    clip_norm: float | None = 1.0
    precision: str = "no"
    """mixed precision as Accelerate names it: no, bf16 or fp16"""
    checkpoint_every: int = 200
    """steps between checkpoints that an interrupted run resumes from"""
    validate_every: int = 1
    """epochs"""


@dataclass(frozen=True)
class Recipe:
    """What a run is made of. A section with a `name` is checked against that thing's own Config."""

    data: Data = field(default_factory=Data)
    features: dict[str, str] = field(default_factory=dict)
    """stream -> encoder"""
    net: dict[str, Any] = field(default_factory=dict)
    debias: dict[str, Any] = field(default_factory=dict)
    train: Train = field(default_factory=Train)
    seed: int = 0
    out: str = ""
    """run folder; empty means runs/<recipe name>"""


@dataclass(frozen=True)
class Lessons:
    """One task of a language model: a dataset and how much of it."""

    dataset: str = "soundstage"
    """a name in datasets/, with `@version` where it has versions"""
    root: str = ""
    """folder of the annotations and media; empty means the recipe's `root`"""
    split: str = "train"
    val: str = ""
    """split that `train.val_every` measures the loss on; empty leaves the task out of validation"""
    val_limit: int = 200
    """clips of it, the first; 0 takes all"""
    weight: float = 1.0
    """how often it is drawn, relative to what `mix` gives it"""
    limit: int = 0
    """clips, the first of the split; 0 takes all"""


@dataclass(frozen=True)
class Tuning:
    """How a language model is trained."""

    steps: int = 400
    epochs: float = 0.0
    """rounds over all clips, in place of `steps` where positive"""
    batch: int = 8
    """clips in a step, over all processes"""
    asks: int = 8
    """of one clip's questions that a step asks, at most"""
    accumulate: int = 1
    """parts that a process's clips of a step are read in, one after the other"""
    lr: float = 1e-4
    weight_decay: float = 0.0
    schedule: str = "cosine"
    """cosine or constant, both after a warm-up"""
    warmup: float = 0.03
    """part of the steps"""
    clip_norm: float | None = 1.0
    precision: str = "no"
    """mixed precision as Accelerate names it: no, bf16 or fp16"""
    checkpointing: bool = False
    """work out activations again in the backward pass rather than keep them"""
    checkpoint_every: int = 200
    """steps between checkpoints that an interrupted run goes on from"""
    val_every: int = 0
    """steps between validations on the tasks' `val` splits; what was best is what the run keeps. 0: none"""
    patience: int = 0
    """validations without a better one after which training ends; 0 never ends it early"""
    workers: int = 2
    """threads of a process that decode the clips of coming steps; 0 decodes when a clip is needed"""
    prepared: str = ""
    """folder of prepared clips, shared by epochs, seeds and processes; empty keeps them in memory alone"""
    report_to: list[str] = field(default_factory=lambda: ["tensorboard"])
    """where curves go beside log.jsonl: tensorboard (if installed), trackio, wandb"""
    shard: str = ""
    """fsdp2 or zero2 (DeepSpeed) shares the model's training state out over processes, on CPUs too; empty leaves it to
    `accelerate launch`"""
    check_memory: bool = True
    """refuse to start where the estimate of memory or disk does not fit"""


@dataclass(frozen=True)
class Prefer:
    """How a language model learns from preferences (stage prefer)."""

    beta: float = 0.1
    """how far replies may go from the model that the run starts with: the larger, the less"""
    contrast: str = "both"
    """answer: the true reply against the twin's, about one clip; clip: the true reply about its clip against the same
    reply about the twin; both"""
    supervised: float = 0.0
    """weight of the cross-entropy of the true replies beside it"""


@dataclass(frozen=True)
class Reinforce:
    """How a language model learns from its own replies (stage reinforce)."""

    rewards: dict[str, float] = field(default_factory=dict)
    """reward -> weight: answer, seconds, sense, causal, form; none is answer alone"""
    group: int = 8
    """replies drawn to each question; a reply's advantage is its reward against the others'"""
    temperature: float = 1.0
    max_tokens: int = 24
    """of a reply"""
    updates: int = 1
    """steps of the optimizer for the same replies"""
    clip: float = 0.2
    """by how much a reply's probability counts as changed at most"""
    kl: float = 0.0
    """weight of the divergence from the model that the run starts with"""
    deaf: bool = False
    """all sound is silenced: a control that must gain nothing from rewards for hearing"""


@dataclass(frozen=True)
class LLMRecipe:
    """What the training of a language model is made of; a recipe with `llm` at its top is one."""

    llm: dict[str, Any] = field(default_factory=dict)
    """`name` of a file in llms/, `where` it is (a folder, a name of the hub, or the run folder of an earlier stage),
    and options of its `load`: dtype, device, attention, device_map, quantize, frames, …"""
    stage: str = "instruct"
    """align: the connectors learn, all else is frozen; instruct: adapters and connectors do; prefer: from pairs of
    twins, by preference; reinforce: from the model's own replies, by rewards"""
    adapter: dict[str, Any] = field(default_factory=dict)
    """`name` ilora, lora, lora_moe or none, and rank, alpha, heads, dropout, scope"""
    connectors: bool = True
    """whether connectors learn beside adapters"""
    root: str = ""
    """folder of every task that names none"""
    tasks: dict[str, Lessons] = field(default_factory=dict)
    mix: str = "proportional"
    """how tasks share a step: proportional to their clips, equal, temperature or round_robin"""
    temperature: float = 2.0
    """of mix temperature: 1 is proportional, the larger the more equal"""
    explain: bool = True
    """targets give reasons before the answer"""
    prefer: Prefer = field(default_factory=Prefer)
    reinforce: Reinforce = field(default_factory=Reinforce)
    train: Tuning = field(default_factory=Tuning)
    seed: int = 0
    out: str = ""
    """run folder; empty means runs/<recipe name>"""


def load(path: Path | str, overrides: Sequence[str] = (), schema: type[T] = Recipe) -> T:  # type: ignore[assignment]
    """The recipe at `path` with `train.lr=3e-4`-style overrides laid over it, checked against `schema`."""
    path = recipe_file(path)
    for override in overrides:
        if "=" not in override:
            raise RecipeError(f"Override {override!r} is not of the form section.key=value.")
    given = _read(path)
    try:
        over = OmegaConf.from_dotlist(_served(given, overrides))
    except (YAMLError, OmegaConfBaseException) as error:
        raise RecipeError(f"{path}: override not readable: {_line(error)}") from None
    return parse(schema, OmegaConf.to_container(OmegaConf.merge(given, over)), where=str(path))  # type: ignore[arg-type]


def _served(given: Any, overrides: Sequence[str]) -> list[str]:
    """The overrides with `features=NAME` spelled out: every stream of the recipe but `tokens` from NAME."""
    found = []
    for override in overrides:
        key, _, name = override.partition("=")
        if key == "features" and not name.startswith("{") and OmegaConf.is_dict(given.get("features")):
            found += [f"features.{stream}={name}" for stream in given.features if stream != "tokens"]
        else:
            found.append(override)
    return found


def recipe_file(name: Path | str) -> Path:
    """The YAML file `name` stands for: a path, or a recipe that ships (`soundstage/av_master`). Raises RecipeError."""
    path = Path(name)
    if path.is_file():
        return path
    known = recipes()
    if str(name).removesuffix(".yaml") not in known:
        near = get_close_matches(str(name), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "See: lookhear list recipes."
        raise RecipeError(f"No recipe at {str(name)!r}, and none that ships has this name. {hint}")
    return RECIPES / f"{str(name).removesuffix('.yaml')}.yaml"


def recipes() -> dict[str, str]:
    """Name -> first sentence of its comment, for every recipe and study that ships."""
    found = {}
    for path in sorted(RECIPES.glob("*/*.yaml")):
        if path.parent.name not in OTHERS:
            lines = path.read_text("utf-8").split("\n")
            head = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("# "), lines))
            found[f"{path.parent.name}/{path.stem}"] = head.partition(". ")[0].removesuffix(".")
    return found


def of_llm(path: Path | str) -> bool:
    """Whether the recipe at `path` is of a language model: it has `llm` at its top."""
    try:
        return "llm" in _read(recipe_file(path))
    except RecipeError:
        return False  # `load` says what is wrong


def parse(schema: type[T], options: Mapping[str, Any] | None, where: str) -> T:
    """`options` as a `schema`. Raises RecipeError naming the exact key, and the nearest right one."""
    options = {} if options is None else options
    if not isinstance(options, Mapping):
        raise RecipeError(f"{where}: expected a mapping of keys to values, got {options!r}.")
    _check_keys(schema, options, where, "")
    _check_values(options, where)
    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), dict(options)))
    except OmegaConfBaseException as error:
        raise RecipeError(f"{where}: {getattr(error, 'full_key', None) or 'value'}: {_line(error)}") from None
    if schema in (Recipe, LLMRecipe):
        _check_amounts(made, where)
    return made  # type: ignore[return-value]


def dump(recipe: Any, path: Path) -> None:
    """Write a recipe (any config dataclass) as the YAML that `load` reads back to an equal one."""
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(recipe))), "utf-8")


def build(shelf: str, options: Mapping[str, Any], **late: Any) -> Any:
    """Build the thing named in `options` from the rest of `options`.

    `late` are values that only the caller can know (the number of answers, the width of a stream); they fill fields of
    its Config that `options` leave out, and are ignored where the Config has no such field.
    """
    options = dict(options)
    name = options.pop("name", None)
    if not name:
        raise RecipeError(f"Section {shelf.rstrip('s')!r} needs a name. There are: {', '.join(catalog.names(shelf))}.")
    module = catalog.find(shelf, name)
    schema = schema_of(module)
    known = {f.name for f in dataclasses.fields(schema)}
    late = {k: v for k, v in late.items() if k in known and k not in options}
    where = f"{shelf.rstrip('s')} {name}"
    settings = parse(schema, {**late, **options}, where=where)
    try:
        return module.build(settings)
    except (ValueError, RuntimeError, AssertionError, ZeroDivisionError) as error:  # sizes that torch refuses
        reason = _line(error) or type(error).__name__
        raise RecipeError(f"{where} cannot be built with {options or 'its defaults'}: {reason}") from None


def schema_of(module: Any) -> type[Any]:
    """The dataclass that `module.build` is written to take."""
    return get_type_hints(module.build)["config"]


def _read(path: Path) -> Any:
    """The mapping in a YAML file, with OmegaConf's words for numbers. Raises RecipeError, one line."""
    try:
        text = path.read_text("utf-8")
        if _nodes(compose(text, Loader=SafeLoader)) > NODES:
            raise RecipeError(f"{path}: more than {NODES:,} values, repeated ones counted. That is no recipe.")
        given = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: not readable as YAML: {_line(error)}") from None
    if not OmegaConf.is_dict(given):
        raise RecipeError(f"{path}: expected keys with values, as `seed: 1`, got {text.strip()[:40]!r}.")
    return given


def _nodes(root: Any) -> int:
    """Values under a YAML node with aliases written out, counted up to where it is too many."""
    count, waiting = 0, [root]
    while waiting and count <= NODES:
        node = waiting.pop()
        count += 1
        if isinstance(node, (SequenceNode, MappingNode)):
            for child in node.value:
                waiting += child if isinstance(child, tuple) else [child]
    return count


def _check_values(value: Any, where: str) -> None:
    """Refuse what is no number, and text that would be replaced by something from outside the recipe."""
    if isinstance(value, str) and "${" in value:
        raise RecipeError(f"{where}: {value!r}: nothing is put in for ${{…}} in a recipe. Write the value itself.")
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{where}: {value} is no number to compute with.")
    if isinstance(value, int) and abs(value) >= 2**63:
        raise RecipeError(f"{where}: {value} is larger than any number here may be (2^63).")
    if isinstance(value, Mapping):
        for key, one in value.items():
            _check_values(one, f"{where}: {key}")
    elif isinstance(value, (list, tuple)):
        for one in value:
            _check_values(one, where)


def _check_amounts(made: Any, where: str, prefix: str = "") -> None:
    """Refuse amounts below what they can be, wherever in a recipe they stand."""
    for key, value in vars(made).items():
        if dataclasses.is_dataclass(value):
            _check_amounts(value, where, f"{prefix}{key}.")
        elif key in LEAST and isinstance(value, (int, float)) and value < LEAST[key]:
            raise RecipeError(f"{where}: {prefix}{key}={value}: at least {LEAST[key]} is needed.")


def _check_keys(schema: type[Any], options: Mapping[str, Any], where: str, prefix: str) -> None:
    hints = get_type_hints(schema)
    for key, value in options.items():
        if key not in hints:
            near = get_close_matches(str(key), hints, n=1)
            hint = f"Did you mean {prefix + near[0]!r}?" if near else f"There are: {', '.join(hints)}."
            raise RecipeError(f"{where}: no key is called {prefix + str(key)!r}. {hint}")
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping):
            _check_keys(hints[key], value, where, f"{prefix}{key}.")  # type: ignore[arg-type]


def _line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]
