"""Recipes: a YAML file plus `section.key=value` overrides, checked against plain dataclasses.

    net.py      Recipe: data, features, net, debias, training
    llm.py      LLMRecipe: base model, adapter, tasks, training
    literal.py  recipes that need no conversion, without OmegaConf
    parse.py    load("soundstage/av_master", ["train.lr=3e-4"]) -> Recipe
    plugins.py  build("nets", {"name": "av_master", "hidden": 256}) -> nn.Module

The options of a net, encoder or language model are the fields of the dataclass that its module's
`build(config: Config)` is annotated with. A mistyped key fails before anything is loaded, and the closest key is
suggested.
"""

from lookhear.config.llm import Lessons, LLMRecipe, Prefer, Reinforce, Tuning
from lookhear.config.net import Data, Recipe, Train
from lookhear.config.parse import RECIPES, dump, load, of_llm, parse, read_yaml, recipe_file, recipes
from lookhear.config.plugins import build, schema_of, settings_of

__all__ = [
    "RECIPES",
    "Data",
    "LLMRecipe",
    "Lessons",
    "Prefer",
    "Recipe",
    "Reinforce",
    "Train",
    "Tuning",
    "build",
    "dump",
    "load",
    "of_llm",
    "parse",
    "read_yaml",
    "recipe_file",
    "recipes",
    "schema_of",
    "settings_of",
]
