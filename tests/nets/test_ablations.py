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
    assert len(TABLES) == 14


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


@pytest.mark.parametrize("variant", ["released", "paper"])
def test_the_focus_capture_stops_where_it_is_told(variant):
    """Figure 6: after all seconds it is the whole network; after fewer, what comes later changes nothing of it."""
    from lookhear.nets import av_master

    def built(seconds):
        torch.manual_seed(0)
        sizes = {"audio": 6, "frames": 7, "question": 8, "words": 8, "hidden": 16, "inner": 12, "heads": 4}
        return av_master.build(av_master.Config(variant, 5, focus_seconds=seconds, **sizes)).eval()

    torch.manual_seed(1)
    audio, frames = torch.randn(2, 9, 6), torch.randn(2, 9, 7)
    later = [torch.cat([x[:, :4], torch.randn(2, 5, x.shape[-1])], dim=1) for x in (audio, frames)]
    with torch.no_grad():
        whole, all_of_it, four = (built(n).watch(audio=audio, frames=frames) for n in (0, 9, 4))
        other = built(4).watch(audio=later[0], frames=later[1])
    for side in ("seen", "heard"):
        torch.testing.assert_close(whole[f"{side}_object"], all_of_it[f"{side}_object"])
        torch.testing.assert_close(four[f"{side}_object"], other[f"{side}_object"])
        assert not torch.allclose(four[f"{side}_object"], whole[f"{side}_object"])
