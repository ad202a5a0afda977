"""Things outside the package: found, listed, run; the files that docs/add shows are taken from the page and run."""

import csv
import importlib
import json
import re
import sys
from pathlib import Path

import pytest

from lookhear import catalog
from lookhear.errors import DependencyError, RecipeError
from lookhear.types import Answer, Clip, Example, Source

DOCS = Path(__file__).parents[1] / "docs" / "add"


def shown(page):
    return re.search(r"```python\n(\"\"\".*?)\n```", (DOCS / page).read_text("utf-8"), re.DOTALL).group(1) + "\n"


@pytest.fixture
def mine(tmp_path):
    """A folder with a thing for three shelves; forgotten again afterwards."""
    kept = {shelf: list(importlib.import_module(f"lookhear.{shelf}").__path__) for shelf in catalog.SHELVES}
    for shelf, name, page in (
        ("nets", "my_net", "net"),
        ("datasets", "shop_talk", "dataset"),
        ("tasks", "mood", "task"),
    ):
        (tmp_path / "mine" / shelf).mkdir(parents=True)
        (tmp_path / "mine" / shelf / f"{name}.py").write_text(shown(f"{page}.md"))
    yield tmp_path / "mine"
    for shelf, folders in kept.items():
        importlib.import_module(f"lookhear.{shelf}").__path__[:] = folders
        for name in ("my_net", "shop_talk", "mood", "needy", "small_talker"):
            sys.modules.pop(f"lookhear.{shelf}.{name}", None)


@pytest.fixture
def shop(tmp_path):
    """Twelve questions about clips of a Soundstage, as the CSV files of `shop_talk`."""
    root = tmp_path / "shop"
    root.mkdir()
    for split, count in (("train", 8), ("val", 2), ("test", 2)):
        with (root / f"{split}.csv").open("w", newline="") as file:
            rows = csv.DictWriter(file, ["id", "clip", "question", "answer", "type"])
            rows.writeheader()
            for n in range(count):
                answer = ("yes", "no")[n % 2]
                rows.writerow(
                    {"id": n, "clip": f"{split}{n}", "question": "Is it loud?", "answer": answer, "type": "Existential"}
                )
    return root


def test_they_are_listed_with_ours(mine, lookhear):
    things = {"nets": "my_net", "datasets": "shop_talk", "tasks": "mood"}
    assert not any(name in json.loads(lookhear("list", shelf, "--json").out) for shelf, name in things.items())
    for shelf, name in things.items():
        assert len(json.loads(lookhear("list", shelf, "--json", "--include", mine).out)[name]) > 10


def test_the_net_and_the_dataset_of_the_pages_train(mine, shop, lookhear, tmp_path):
    ran = lookhear(
        *("train", "soundstage/question_only", "data.name=shop_talk", f"data.root={shop}", "net.name=question_only"),
        *("train.epochs=1", f"out={tmp_path / 'run'}", "--quiet", "--include", mine),
    )
    assert ran.code == 0, ran.err
    ran = lookhear("evaluate", tmp_path / "run", "--dataset", "shop_talk", "--root", shop, "--json")
    assert json.loads(ran.out)["overall"]["total"] == 2
    built = catalog.find("nets", "my_net")
    assert type(built.build(built.Config())).__name__ == "PooledMLP" and built.__file__.startswith(str(mine))


def test_a_malformed_row_is_reported_with_its_line(mine, shop, lookhear):
    with (shop / "train.csv").open("a") as file:
        file.write("8,train8,Is it loud?,yes\n9,train9,Is it loud?,perhaps,Existential\n")
    ran = lookhear("check", "shop_talk", "--root", shop, "--include", mine)
    assert ran.code == 1 and "train: 8 of 10 rows read" in ran.out
    for words in ("train.csv:10: 4 cells where 5 are promised", "train.csv:11: label 'perhaps' is none of the 2"):
        assert words in ran.out + ran.err


def test_the_task_of_the_page_reads_what_it_asks_for(mine):
    catalog.include(mine)
    mood = catalog.find("tasks", "mood")
    clip = Clip(Source("a"), Source("a"))
    example = Example("1", "mood", clip, "", Answer("calm"), meta={"labels": ("calm", "tense")})
    assert "calm, tense" in mood.prompt(example)
    assert mood.parse(mood.target(example), example).text == "calm"
    assert mood.score([Answer("calm"), Answer("tense")], [Answer("calm")] * 2)["accuracy"] == 50


def test_the_language_model_of_the_page_watches_once_and_answers(mine, lookhear, tmp_path):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    (mine / "llms").mkdir()
    (mine / "llms" / "small_talker.py").write_text(shown("llm.md"))
    video = Path(__file__).parents[1] / "examples" / "duet.mp4"
    ran = lookhear("ask", video, "Who plays?", "Who else?", "--model", "small_talker", "--json", "--include", mine)
    assert ran.code == 0, ran.err
    assert [json.loads(line)["question"] for line in ran.out.splitlines()] == ["Who plays?", "Who else?"]
    from lookhear.llms import LLM
    from lookhear.media.decode import decode
    from lookhear.model import clip_of

    llm = catalog.find("llms", "small_talker").load()
    assert isinstance(llm, LLM)
    clips = [decode(clip_of(video)), decode(Clip(*[clip_of(video).video] * 2, 0.0, 3.0))]
    seen = llm.watch(clips)
    both = llm.answer(seen, [0, 1], ["Who plays?", "When?"], 8)
    assert [r.text for r in both] == [
        llm.answer(llm.watch([c]), [0], [q], 8)[0].text for c, q in zip(clips, ["Who plays?", "When?"], strict=True)
    ]
    asks = [[("Who?", "a"), ("When?", "b")], [("Where?", "c")]]
    together = llm.loss(clips, asks)
    one = [llm.loss([c], [[pair]]) for c, pairs in zip(clips, asks, strict=True) for pair in pairs]
    assert torch.allclose(together, torch.stack(one).mean(), atol=1e-4)
    together.backward()
    assert llm.model.connector.weight.grad.abs().sum() > 0


def test_what_cannot_be_included_says_why(mine, tmp_path, lookhear):
    with pytest.raises(RecipeError, match="none of the folders datasets, tasks"):
        catalog.include(tmp_path / "shop")
    (mine / "nets" / "av_master.py").write_text('"""Mine."""\n')
    with pytest.raises(RecipeError, match="rename it"):
        catalog.include(mine)
    (mine / "nets" / "av_master.py").unlink()
    (mine / "nets" / "needy.py").write_text('"""Needs what is not there."""\nimport not_a_library\n')
    (mine / "nets" / "broken.py").write_text("def build(:\n")
    listed = json.loads(lookhear("list", "nets", "--json", "--include", mine).out)
    assert listed["broken"].startswith("cannot be read") and listed["needy"]
    with pytest.raises(DependencyError, match="pip install not-a-library"):
        catalog.find("nets", "needy")


def test_a_folder_here_is_named(mine, monkeypatch):
    monkeypatch.chdir(mine)
    with pytest.raises(RecipeError, match=r"There is nets/my_net\.py: add --include \.$"):
        catalog.find("nets", "my_net")
    monkeypatch.chdir(mine.parent)
    with pytest.raises(RecipeError, match=r"There is mine/nets/my_net\.py: add --include mine$"):
        catalog.find("nets", "my_net")


def test_entry_points_of_installed_packages_are_found(tmp_path, monkeypatch):
    package = tmp_path / "mylab"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "net_of_ours.py").write_text(shown("net.md"))
    facts = tmp_path / "mylab-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: mylab\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[lookhear.nets]\nlabnet = mylab.net_of_ours\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog._entries.cache_clear()
    try:
        assert catalog.names("nets")["labnet"].startswith("Pooled baseline")
        looked = []
        monkeypatch.setattr(catalog, "_files", lambda *folder: looked.append(folder) or {})
        assert catalog.find("nets", "labnet").__name__ == "mylab.net_of_ours" and looked == []
    finally:
        catalog._entries.cache_clear()


def test_a_study_says_before_training_what_cannot_be_built_and_keeps_the_rows_that_can(tmp_path, lookhear):
    world = tmp_path / "world"
    assert lookhear("soundstage", world, "--clips", "12", "--no-media", "--json").code == 0
    study = tmp_path / "study.yaml"
    rows = [{"name": "plain", "recipe": "soundstage/question_only", "set": ["train.epochs=1"]}]
    study.write_text(
        json.dumps({"rows": [*rows, {"name": "odd", "recipe": "soundstage/av_master", "set": ["net.hidden=7"]}]})
    )
    ran = lookhear("study", study, f"data.root={world}", "--out", tmp_path / "out")
    assert ran.code == 2 and "Row 'odd'" in ran.err and not (tmp_path / "out" / "plain").exists()
    late = {"name": "late", "recipe": "soundstage/question_only", "set": ["train.epochs=1", "data.types=[Nope]"]}
    study.write_text(json.dumps({"rows": [*rows, late]}))
    ran = lookhear("study", study, f"data.root={world}", "--out", tmp_path / "out")
    assert ran.code == 1 and "failed: late" in ran.err and "plain" in ran.out and "late" not in ran.out
