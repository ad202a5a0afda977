"""Every row of every ablation table is one override that its recipe takes and that changes what is trained."""

from dataclasses import asdict

import pytest
import torch

from lookhear import config
from lookhear.evaluate.study import rows as study
from lookhear.store.fill import encoders_of
from lookhear.store.names import serving
from lookhear.train.step import trainee

TABLES = sorted((config.RECIPES / "ablations").glob("*.yaml"))


def test_all_tables_are_there():
    assert len(TABLES) == 11


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_rows(path, tmp_path):
    table = study.read(path)
    first, *others = table.rows
    assert all(len(row.set) == 1 for row in others) and len(first.set) <= 1
    made = {name: recipe for (name, seed), recipe in study.recipes(table, path, tmp_path).items() if seed == 0}
    assert set(made) == {row.name for row in table.rows}
    different = [{k: v for k, v in asdict(recipe).items() if k != "out"} for recipe in made.values()]
    assert all(a != b for n, a in enumerate(different) for b in different[:n])
    for recipe in made.values():
        with torch.device("meta"):
            net = trainee(recipe, ("yes", "no"), {})
        assert sum(p.numel() for p in net.parameters()) > 0
        wanted = list(recipe.features)
        assert {serving(recipe.features[s], s)[1] for s in wanted} == set(wanted) and encoders_of(
            recipe.features, wanted
        )
