"""Recipes: a YAML file plus `section.key=value` overrides, checked against plain dataclasses.

The options of a net, encoder or language model are the fields of the dataclass that its module's
`build(config: Config)` is annotated with. A mistyped key fails before anything is loaded, and the closest key is
suggested. OmegaConf is used in this file only.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar, get_type_hints, overload

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import MappingNode, SafeLoader, SequenceNode, YAMLError, compose

from lookhear import catalog
from lookhear.errors import RecipeError
from lookhear.kinds import misfit

T = TypeVar("T")
LEAST = {  # key of a recipe -> its smallest allowed value
    **dict.fromkeys(("seed", "clips", "lr", "weight_decay", "warmup", "limit", "weight", "steps", "epochs"), 0),
    **dict.fromkeys(("seconds", "batch", "asks", "accumulate", "checkpoint_every", "validate_every", "step_epochs"), 1),
}
NODES = 100_000  # most values in a recipe with YAML aliases expanded; a few lines of aliases can expand to billions
OTHERS = ("accelerate", "verl")  # folders of settings that other programs read
RECIPES = Path(__file__).parent / "recipes"  # the shipped recipes: FOLDER/NAME.yaml


@dataclass(frozen=True)
class Data:
    """The dataset, its splits, and how feature streams are prepared."""

    name: str = "soundstage"
    """dataset: a name in datasets/, with `@version` if it has versions"""
    root: str = ""
    """folder of the annotations and media"""
    store: str = ""
    """folder of the feature store; empty means `<root>/features`"""
    train: str = "train"
    """split to train on"""
    val: str = "val"
    """split to validate on"""
    test: str = "test"
    """split to test on"""
    clips: int | None = None
    """number of training clips, the first of the split; None takes all"""
    types: list[str] = field(default_factory=list)
    """train and validate on these question types only, as `Audio/Comparative` or `Comparative`; empty takes all"""
    seconds: int | None = None
    """length of the streams in seconds; None keeps each length, and a batch with unequal lengths is refused"""
    fit: str = "repeat_last"
    """rule for streams of another length: repeat_last, zeros or cut"""
    standardize: bool = False
    """scale every feature dimension to mean 0 and standard deviation 1 over the training split"""
    options: str = "mask"
    """questions that offer options are answered among them: `mask` leaves the offered ones of the vocabulary, `text`
    puts each behind the question and asks yes or no, `off` answers from the whole vocabulary"""


@dataclass(frozen=True)
class Train:
    """Training options of a net."""

    epochs: int = 12
    """passes over the training questions"""
    batch: int = 64
    """questions per batch"""
    clips: int = 16
    """distinct clips per batch, as nearly as the data allows; 0 shuffles questions freely"""
    optimizer: str = "adamw"
    """adam, adamw or sgd (momentum 0.9)"""
    lr: float = 1e-3
    """peak learning rate"""
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    """Adam's decay rates of the first and second moments"""
    weight_decay: float = 0.01
    """weight decay of the optimizer"""
    schedule: str = "cosine"
    """cosine (with warm-up), step (x `step_factor` every `step_epochs` epochs) or constant"""
    warmup: int = 100
    """steps of linear warm-up"""
    step_epochs: int = 8
    """epochs between decays, with schedule step"""
    step_factor: float = 0.1
    """factor of each decay, with schedule step"""
    clip_norm: float | None = 1.0
    """largest gradient norm; None does not clip"""
    precision: str = "no"
    """mixed precision in Accelerate's names: no, bf16 or fp16"""
    checkpoint_every: int = 200
    """steps between checkpoints for resuming"""
    validate_every: int = 1
    """epochs between validations"""
    report_to: list[str] = field(default_factory=lambda: ["tensorboard"])
    """where curves go beside log.jsonl: tensorboard (if installed), trackio, wandb"""


@dataclass(frozen=True)
class Recipe:
    """Everything that defines the training of a net. `net` and `debias` are checked against their own Config."""

    data: Data = field(default_factory=Data)
    """dataset, splits and preparation of streams"""
    features: dict[str, str] = field(default_factory=dict)
    """stream -> encoder"""
    net: dict[str, Any] = field(default_factory=dict)
    """`name` of a file in nets/, and fields of its Config"""
    debias: dict[str, Any] = field(default_factory=dict)
    """`name` of a wrapper in debias/, and fields of its Config; empty uses none"""
    train: Train = field(default_factory=Train)
    """training options"""
    seed: int = 0
    """random seed of initialisation, batches and dropout"""
    out: str = ""
    """run folder; empty means runs/<recipe name>"""


@dataclass(frozen=True)
class Lessons:
    """One training task of a language model: a dataset, its split, and its share of the training."""

    dataset: str = "soundstage"
    """a name in datasets/, with `@version` if it has versions"""
    root: str = ""
    """folder of the annotations and media; empty means the recipe's `root`"""
    split: str = "train"
    """split to train on"""
    val: str = ""
    """split for the validation loss; empty leaves the task out of validation"""
    val_limit: int = 200
    """number of validation clips, the first of the split; 0 takes all"""
    weight: float = 1.0
    """factor on the sampling weight that `mix` gives the task"""
    limit: int = 0
    """number of training clips, the first of the split; 0 takes all"""


@dataclass(frozen=True)
class Tuning:
    """Training options of a language model."""

    steps: int = 400
    """optimizer steps"""
    epochs: float = 0.0
    """passes over all clips; if positive, replaces `steps`"""
    batch: int = 8
    """clips per step, over all processes"""
    asks: int = 8
    """most questions per clip and step"""
    accumulate: int = 1
    """gradient accumulation: parts that a process's clips of a step are split into"""
    lr: float = 1e-4
    """peak learning rate"""
    weight_decay: float = 0.0
    """weight decay of AdamW"""
    schedule: str = "cosine"
    """cosine or constant, both after a linear warm-up"""
    warmup: float = 0.03
    """fraction of the steps that is warm-up"""
    clip_norm: float | None = 1.0
    """largest gradient norm; None does not clip"""
    precision: str = "no"
    """mixed precision in Accelerate's names: no, bf16 or fp16"""
    checkpointing: bool = False
    """activation checkpointing: recompute activations in the backward pass"""
    checkpoint_every: int = 200
    """steps between checkpoints for resuming"""
    val_every: int = 0
    """steps between validations on the tasks' `val` splits; the run keeps the best weights. 0: no validation"""
    patience: int = 0
    """early stopping: validations without improvement before training ends; 0 never stops early"""
    workers: int = 2
    """decoding threads per process that prefetch clips; 0 decodes when a clip is needed"""
    prepared: str = ""
    """folder of prepared clips, shared by epochs, seeds and processes; empty keeps them in memory only"""
    report_to: list[str] = field(default_factory=lambda: ["tensorboard"])
    """trackers in addition to log.jsonl: tensorboard (if installed), trackio, wandb"""
    shard: str = ""
    """fsdp2 or zero2 (DeepSpeed) shards weights, gradients and optimizer state over processes, also on CPUs; empty
    leaves this to `accelerate launch`"""
    check_memory: bool = True
    """refuse to start if the estimated memory or disk space is not available"""


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
    """Everything that defines the training of a language model; a recipe with a top-level `llm` section is one."""

    llm: dict[str, Any] = field(default_factory=dict)
    """`name` of a file in llms/, `where` its weights are (a folder, a hub name, or the run folder of an earlier stage),
    and options of its `load`: dtype, device, attention, device_map, quantize, frames, …"""
    stage: str = "instruct"
    """align: train the connectors only; instruct: train adapters and connectors; prefer: learn preferences from twins;
    reinforce: learn from the model's own replies by rewards"""
    adapter: dict[str, Any] = field(default_factory=dict)
    """`name` ilora, lora, lora_moe or none, and rank, alpha, heads, dropout, scope"""
    connectors: bool = True
    """whether stage instruct trains the connectors in addition to the adapters"""
    root: str = ""
    """folder of the annotations and media of tasks without a `root`"""
    tasks: dict[str, Lessons] = field(default_factory=dict)
    """name -> training task"""
    mix: str = "proportional"
    """how tasks are sampled: proportional (to their clips), equal, temperature or round_robin"""
    temperature: float = 2.0
    """temperature of mix temperature: 1 is proportional, larger values are closer to equal"""
    explain: bool = True
    """training targets contain the reasoning before the answer"""
    prefer: Prefer = field(default_factory=Prefer)
    reinforce: Reinforce = field(default_factory=Reinforce)
    train: Tuning = field(default_factory=Tuning)
    """training options"""
    seed: int = 0
    """random seed of adapters, sampling and dropout"""
    out: str = ""
    """run folder; empty means runs/<recipe name>"""


@overload
def load(path: Path | str, overrides: Sequence[str] = ()) -> Recipe: ...


@overload
def load(path: Path | str, overrides: Sequence[str], schema: type[T]) -> T: ...


def load(path: Path | str, overrides: Sequence[str] = (), schema: type[Any] = Recipe) -> Any:
    """Load the recipe at `path`, apply overrides such as `train.lr=3e-4`, and check it against `schema`.

    Raises RecipeError.
    """
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
    """Expand an override `features=NAME` to one override for every stream of the recipe except `tokens`."""
    expanded = []
    for override in overrides:
        key, _, name = override.partition("=")
        if key == "features" and not name.startswith("{") and OmegaConf.is_dict(given.get("features")):
            expanded += [f"features.{stream}={name}" for stream in given.features if stream != "tokens"]
        else:
            expanded.append(override)
    return expanded


def recipe_file(name: Path | str) -> Path:
    """The YAML file of `name`: a path, or a shipped recipe (`soundstage/av_master`). Raises RecipeError."""
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
    """Name -> first sentence of its comment, for every shipped recipe and study."""
    listed = {}
    for path in sorted(RECIPES.glob("*/*.yaml")):
        if path.parent.name not in OTHERS:
            lines = path.read_text("utf-8").split("\n")
            head = " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("# "), lines))
            listed[f"{path.parent.name}/{path.stem}"] = head.partition(". ")[0].removesuffix(".")
    return listed


def of_llm(path: Path | str) -> bool:
    """Whether the recipe at `path` trains a language model: it has a top-level `llm` section."""
    try:
        return "llm" in _read(recipe_file(path))
    except RecipeError:
        return False  # `load` raises the error


def parse(schema: type[T], options: Mapping[str, Any] | None, where: str) -> T:
    """Make a `schema` from `options`. Raises RecipeError, which names the wrong key and the closest valid one."""
    options = {} if options is None else options
    if not isinstance(options, Mapping):
        raise RecipeError(f"{where}: expected a mapping of keys to values, got {options!r}.")
    _check_keys(schema, options, where, "")
    _check_values(options, where)
    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), dict(options)))
    except OmegaConfBaseException as error:
        raise RecipeError(f"{where}: {getattr(error, 'full_key', None) or 'value'}: {_line(error)}") from None
    if wrong := misfit(made):  # OmegaConf lets a list pass where a mapping's values are texts
        raise RecipeError(f"{where}: {wrong}.")
    if schema in (Recipe, LLMRecipe):
        _check_amounts(made, where)
    return made  # type: ignore[return-value]


def dump(recipe: Any, path: Path) -> None:
    """Write a recipe (any config dataclass) as the YAML that `load` reads back to an equal one."""
    path.write_text(OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(recipe))), "utf-8")


def build(shelf: str, options: Mapping[str, Any], **late: Any) -> Any:
    """Import `options["name"]` from `shelf` and call its `build` with a Config made of the other options.

    `late` are values known only to the caller (number of answers, width of a stream). They fill fields of the Config
    that are not in `options`; values without such a field are ignored. Raises RecipeError.
    """
    settings = settings_of(shelf, options, **late)
    name = options["name"]
    try:
        return catalog.find(shelf, name).build(settings)
    except (ValueError, RuntimeError, AssertionError, ZeroDivisionError) as error:  # sizes that torch rejects
        reason, given = _line(error) or type(error).__name__, {k: v for k, v in options.items() if k != "name"}
        raise RecipeError(
            f"{shelf.rstrip('s')} {name} cannot be built with {given or 'its defaults'}: {reason}"
        ) from None


def settings_of(shelf: str, options: Mapping[str, Any], **late: Any) -> Any:
    """The Config that `build` gives to `options["name"]` from `shelf`. Raises RecipeError."""
    options = dict(options)
    name = options.pop("name", None)
    if not name:
        raise RecipeError(f"Section {shelf.rstrip('s')!r} needs a name. There are: {', '.join(catalog.names(shelf))}.")
    schema = schema_of(catalog.find(shelf, name))
    known = {f.name for f in dataclasses.fields(schema)}
    late = {k: v for k, v in late.items() if k in known and k not in options}
    return parse(schema, {**late, **options}, where=f"{shelf.rstrip('s')} {name}")


def schema_of(module: Any) -> type[Any]:
    """The dataclass in the annotation of `module.build`'s argument."""
    return get_type_hints(module.build)["config"]


def _read(path: Path) -> Any:
    """The mapping in a YAML file, with numbers parsed as OmegaConf does. Raises RecipeError."""
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
    """Number of values under a YAML node with aliases expanded; counting stops above NODES."""
    count, waiting = 0, [root]
    while waiting and count <= NODES:
        node = waiting.pop()
        count += 1
        if isinstance(node, (SequenceNode, MappingNode)):
            for child in node.value:
                waiting += child if isinstance(child, tuple) else [child]
    return count


def _check_values(value: Any, where: str) -> None:
    """Refuse NaN and infinity, and text with an OmegaConf interpolation or resolver."""
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
    """Refuse values below LEAST in any section of a recipe."""
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
