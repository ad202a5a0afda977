"""Recipes read without OmegaConf are those that OmegaConf reads, and what is doubtful is left to it."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from lookhear import config
from lookhear.config import literal
from lookhear.config.parse import OTHERS, _converted
from lookhear.errors import RecipeError

SHIPPED = [p for p in sorted(config.RECIPES.rglob("*.yaml")) if p.parent.name not in OTHERS]
WRITTEN = """
a yes No on null ~ 1 -3 0x1f 017 1_000 1e-3 1E5 .5 -.5 +1.5 1. 1:30 1:30.5 .inf -.inf .nan 2026-01-01 << = ???
'1' 'x' "1e-3" !!str@1 !!float@1 [1,2] {b:@2} &a@1 *a
"""
SCALARS = st.sampled_from(WRITTEN.split()).map(lambda text: text.replace("@", " "))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_shipped_recipes_read_alike(path):
    text = path.read_text("utf-8")
    read = literal.mapping(text)
    if read is None:
        return
    assert repr(read) == repr(OmegaConf.to_container(OmegaConf.load(path)))
    schema = config.LLMRecipe if "llm" in read else config.Recipe
    made = literal.fitting(schema, read)
    assert made is None or repr(made) == repr(_converted(schema, read, "here"))


@given(st.lists(st.tuples(st.sampled_from("abc"), SCALARS), min_size=1, max_size=4))
def test_any_yaml_reads_as_omegaconf_reads_it_or_is_left_to_it(tmp_path_factory, lines):
    text = "".join(f"{key}: {value}\n" for key, value in lines)
    try:
        read = literal.mapping(text)
    except yaml.YAMLError:
        return
    if read is None:
        return
    path = tmp_path_factory.mktemp("yaml") / "one.yaml"
    path.write_text(text, "utf-8")
    assert repr(read) == repr(OmegaConf.to_container(OmegaConf.load(path)))


@pytest.mark.parametrize(
    ("section", "value"),
    [
        *(("train", {"lr": v}) for v in (1, 0.5, "0.5", True, None, [1])),
        *(("train", {"epochs": v}) for v in (2, 2.0, 2.5, "2", "x", None)),
        *(("train", {"clip_norm": v}) for v in (None, 1, "1")),
        *(("train", {"report_to": v}) for v in (["wandb"], "wandb", [1], [["wandb"]])),
        *(("features", v) for v in ({"audio": "stage_audio"}, {"audio": 1}, {1: "stage_audio"}, ["audio"], None)),
        *(("net", v) for v in ({"name": "avst", "sizes": [1, {"a": None}]}, {"name": "???"}, {"where": Path("here")})),
        ("out", "???"),
    ],
)
def test_values_become_what_omegaconf_makes_of_them(section, value):
    made = literal.fitting(config.Recipe, {section: value})
    if made is not None:
        assert repr(made) == repr(_converted(config.Recipe, {section: value}, "here"))


def test_a_recipe_with_types_as_they_should_be_needs_no_omegaconf():
    path = Path(config.__file__).parents[1] / "weights" / "stage" / "recipe.yaml"
    read = literal.mapping(path.read_text("utf-8"))
    assert read is not None
    assert literal.fitting(config.Recipe, read) == config.load(path)


def test_an_override_may_point_into_a_list():
    from lookhear.evaluate.study.rows import Study

    plain = config.load("studies/order", (), Study)
    study = config.load("studies/order", ["beyond.0.root=elsewhere"], Study)
    assert study.beyond[0].root == "elsewhere" and study.beyond[0].dataset == plain.beyond[0].dataset


@pytest.mark.parametrize("override", ["beyond.7.root=x", "beyond.root=x", "rows.0=["])
def test_an_override_that_fits_no_list_is_one_line(override):
    from lookhear.evaluate.study.rows import Study

    with pytest.raises(RecipeError, match="does not fit") as caught:
        config.load("studies/order", [override], Study)
    assert "\n" not in str(caught.value)
