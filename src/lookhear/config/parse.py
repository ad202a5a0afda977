"""Read recipes: YAML and overrides are checked against the dataclasses.

The only user of OmegaConf, which is imported where values must be converted or overridden: its import is slow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from itertools import takewhile
from pathlib import Path
from typing import Any, TypeVar, get_type_hints, overload

from yaml import MappingNode, SafeLoader, SequenceNode, YAMLError, compose, safe_load

from lookhear.catalog import unknown
from lookhear.config import literal
from lookhear.config.llm import LLMRecipe
from lookhear.config.net import Recipe
from lookhear.errors import RecipeError, quote
from lookhear.files import UNLIKE
from lookhear.kinds import wrong_field

T = TypeVar("T")
LEAST = {  # key of a recipe -> its smallest allowed value
    **dict.fromkeys(("seed", "clips", "lr", "weight_decay", "warmup", "limit", "weight", "steps", "epochs"), 0),
    **dict.fromkeys(("seconds", "batch", "asks", "accumulate", "checkpoint_every", "validate_every", "step_epochs"), 1),
}
CHOICES = {  # key of a recipe -> the values there are
    "precision": ("no", "bf16", "fp16"),
    "optimizer": ("adam", "adamw", "sgd"),
    "schedule": ("cosine", "step", "constant"),
    "fit": ("repeat_last", "zeros", "cut"),
    "options": ("mask", "text", "off"),
    "report_to": ("tensorboard", "trackio", "wandb"),
}
NODES = 100_000  # most values in a recipe with YAML aliases expanded; a few lines of aliases can expand to billions
RETIRED = {"data": ("test",)}  # section -> keys that run folders of earlier versions hold and nothing reads
OTHERS = ("accelerate", "verl")  # folders of settings that other programs read
RECIPES = Path(__file__).parents[1] / "recipes"  # the shipped recipes: FOLDER/NAME.yaml


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
    _of_its_kind(path, given, schema)
    if path.name == "recipe.yaml":
        given = {key: _current(key, value) for key, value in given.items()}
    if not overrides:
        return parse(schema, given, where=str(path))
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    changed = OmegaConf.create(given)
    for override in _served(given, overrides):
        key, _, text = override.partition("=")
        try:  # one by one, because a key may point into a list: beyond.0.root
            OmegaConf.update(changed, key, OmegaConf.from_dotlist([f"value={text}"])["value"], merge=True)
        except (YAMLError, OmegaConfBaseException, TypeError, ValueError, IndexError) as error:
            raise RecipeError(
                f"{path}: override {quote(repr(override), 80)} does not fit: {first_line(error)}"
            ) from None
    return parse(schema, OmegaConf.to_container(changed), where=str(path))  # type: ignore[arg-type]


def _of_its_kind(path: Path, given: Any, schema: type[Any]) -> None:
    """Raises RecipeError if a study or sessions are to be trained as a recipe, or a recipe is read as a study."""
    keys = set(given) if isinstance(given, Mapping) else set()
    if schema is Recipe and "rows" in keys:
        raise RecipeError(f"{path} is a study, a table of recipes. Run it with: lookhear study")
    if schema is Recipe and "by" in keys:
        raise RecipeError(f"{path} is a recipe of sessions. Run it with: lookhear continual")
    if "rows" in schema.__dataclass_fields__ and {"net", "llm"} & keys:
        raise RecipeError(f"{path} is a recipe, not a study with rows. Run it with: lookhear train")


def _current(section: str, values: Any) -> Any:
    """The `values` of a section in a run folder's recipe, without retired keys."""
    if section not in RETIRED or not isinstance(values, Mapping):
        return values
    return {key: value for key, value in values.items() if key not in RETIRED[section]}


def _served(given: Any, overrides: Sequence[str]) -> list[str]:
    """Expand an override `features=NAME` to one override for every stream of the recipe except `tokens`."""
    expanded = []
    for override in overrides:
        key, _, name = override.partition("=")
        if key == "features" and not name.startswith("{") and isinstance(given.get("features"), Mapping):
            expanded += [f"features.{stream}={name}" for stream in given["features"] if stream != "tokens"]
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
        shipped = [one for one in known if one.rpartition("/")[2] == str(name)]
        near = sorted(shipped, key=lambda one: not one.startswith("studies/"))
        near = near or get_close_matches(str(name), known, n=1)
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
    made: Any = literal.fitting(schema, options)
    made = _converted(schema, options, where) if made is None else made
    if wrong := wrong_field(made):  # OmegaConf lets a list pass where a mapping's values are texts
        raise RecipeError(f"{where}: {wrong}.")
    if schema in (Recipe, LLMRecipe):
        _check_amounts(made, where)
    return made


def _converted(schema: type[T], options: Mapping[str, Any], where: str) -> T:
    """A `schema` of values that OmegaConf converts to the types of its fields. Raises RecipeError."""
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        made = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(schema), dict(options)))
        return made  # type: ignore[return-value]
    except (OmegaConfBaseException, *UNLIKE) as error:
        raise RecipeError(f"{where}: {getattr(error, 'full_key', None) or 'value'}: {first_line(error)}") from None


def dump(recipe: Any, path: Path) -> None:
    """Write a recipe (any config dataclass) as the YAML that `load` reads back to an equal one."""
    from omegaconf import OmegaConf

    path.write_text(OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(recipe))), "utf-8")


def read_yaml(path: Path) -> Any:
    """The value in a YAML file. Raises FileNotFoundError, and RecipeError for any other fault, as too many values."""
    try:
        text = path.read_text("utf-8")
        _check_size(text, path)
        return safe_load(text)
    except FileNotFoundError:
        raise
    except (YAMLError, OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: not readable as YAML: {first_line(error)}") from None


def _read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, with numbers parsed as OmegaConf does. Raises RecipeError."""
    try:
        text = path.read_text("utf-8")
        plain = literal.mapping(text)
    except (YAMLError, OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: not readable as YAML: {first_line(error)}") from None
    if plain is not None and len(text) < NODES:
        return plain
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    try:
        _check_size(text, path)
        given = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, OSError, ValueError, RecursionError) as error:
        raise RecipeError(f"{path}: not readable as YAML: {first_line(error)}") from None
    if not OmegaConf.is_dict(given):
        raise RecipeError(f"{path}: expected keys with values, as `seed: 1`, got {text.strip()[:40]!r}.")
    return OmegaConf.to_container(given)  # type: ignore[return-value]


def _check_size(text: str, path: Path) -> None:
    if _nodes(compose(text, Loader=SafeLoader)) > NODES:
        raise RecipeError(f"{path}: more than {NODES:,} values, aliases expanded. Write it without aliases.")


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
    """Refuse values below LEAST, and names that are not among CHOICES, in any section of a recipe."""
    for key, value in vars(made).items():
        if dataclasses.is_dataclass(value):
            _check_amounts(value, where, f"{prefix}{key}.")
        elif key in LEAST and isinstance(value, (int, float)) and value < LEAST[key]:
            raise RecipeError(f"{where}: {prefix}{key}={value}: at least {LEAST[key]} is needed.")
        for name in (value if isinstance(value, list) else [value]) if key in CHOICES else ():
            if name not in CHOICES[key]:
                raise RecipeError(f"{where}: {prefix}{key}: {unknown(key, name, CHOICES[key])}")


def _check_keys(schema: type[Any], options: Mapping[str, Any], where: str, prefix: str) -> None:
    hints = get_type_hints(schema)
    for key, value in options.items():
        if key not in hints:
            near = get_close_matches(str(key), hints, n=1)
            hint = f"Did you mean {prefix + near[0]!r}?" if near else f"There are: {', '.join(hints)}."
            raise RecipeError(f"{where}: no key is called {quote(repr(prefix + str(key)), 80)}. {hint}")
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, Mapping):
            _check_keys(hints[key], value, where, f"{prefix}{key}.")  # type: ignore[arg-type]


def first_line(error: BaseException) -> str:
    """The first line of an error's message."""
    return str(error).strip().split("\n")[0]
