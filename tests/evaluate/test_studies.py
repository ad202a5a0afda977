"""The studies' own way of learning and asking gives what the model's way gives, and their sums are right."""

import importlib
import json

import numpy as np
import pytest
import torch

from lookhear import media
from lookhear.ilora import method as ilora
from lookhear.llms import crab_plus
from lookhear.llms.omni.thinker import Omni
from lookhear.types import Clip, Example, Source
from tests.evaluate import tiny

ASKS = [("What sounds?", "<answer>violin</answer>"), ("Where is it?", "on the left of all the others, playing alone")]


@pytest.fixture(scope="module")
def studies():
    names = ("kept", "shelves", "lessons", "summary")
    return {name: importlib.import_module(f"research.studies.{name}") for name in names}


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Two clips of a second and one of half."""
    root, draw, made = tmp_path_factory.mktemp("clips"), np.random.default_rng(0), []
    for name, length in (("a", 1.0), ("b", 1.0), ("c", 0.5)):
        frames = draw.integers(0, 255, (int(8 * length), 32, 32, 3), dtype=np.uint8)
        media.write(root / f"{name}.mp4", frames, draw.normal(0, 0.1, int(16_000 * length)).astype(np.float32), 8.0)
        source = Source(name, root / f"{name}.mp4")
        made.append(Clip(source, source))
    return made


@pytest.fixture(scope="module")
def llm(tmp_path_factory, studies):
    made = studies["kept"].Kept(crab_plus.load(tiny.folder(tmp_path_factory.mktemp("tiny"))))
    torch.manual_seed(0)
    made.adapt(ilora.ILoraConfig(r=4, alpha=8, heads=3, init_weights=False))
    made.model.eval()
    return made


@pytest.fixture(scope="module")
def kept(tmp_path_factory, studies, clips):
    out, whole = tmp_path_factory.mktemp("kept"), crab_plus.load(tiny.folder(tmp_path_factory.mktemp("tiny2")))
    found = studies["kept"].keep(whole, clips, out / "towers.pt", say=lambda *_, **__: None)
    again = studies["kept"].keep(None, clips, out / "towers.pt")  # nothing is missing, so no model is asked
    assert set(found) == set(again) == {clip.id for clip in clips}
    return found


def grown(llm, loss):
    llm.model.zero_grad()
    loss.backward()
    return torch.cat([p.grad.flatten() for p in llm.model.parameters() if p.requires_grad])


@pytest.mark.parametrize("which", [(0, 1), (0, 2)], ids=["of one length", "of two lengths"])
def test_shelves_are_the_mask(llm, kept, clips, which):
    given, asks = [kept[clips[i].id] for i in which], [[*ASKS, ASKS[0]], ASKS[1:]]
    ours, theirs = llm.loss(given, asks), Omni.loss(llm, given, asks)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-5)
    torch.testing.assert_close(grown(llm, ours), grown(llm, theirs), atol=1e-5, rtol=1e-4)
    other = llm.loss(given, [[*ASKS, ASKS[0]], [(ASKS[1][0], "on the right")]])
    assert abs(ours.item() - other.item()) > 1e-3


def test_kept_clips_answer_as_decoded_ones(llm, kept, clips, studies):
    model = studies["kept"].KeptModel(llm, kept)
    model.max_tokens = 6
    examples = [Example(str(i), "question_answering", clips[k], "What sounds?") for i, k in enumerate((2, 0, 1, 0))]
    together = [a.raw for a in model.answer(model.watch([e.clip for e in examples]), examples)]
    alone = []
    for example in examples:
        seen = llm.watch([kept[example.clip.id]])
        alone += llm.answer(seen, [0], [model._task(example).prompt(example)], 6)
    assert together == [reply.text for reply in alone]


def test_examples_of_first_clips(studies):
    clip = [Clip(Source(name, None), None) for name in "abc"]
    some = [Example(f"{c.video.id}{k}", "question_answering", c, str(k)) for c in clip for k in range(3)]
    found = studies["lessons"].first(some, 1)
    assert [e.id for e in found] == ["a0", "b1", "c2"], "one of each clip, not always the same"
    assert [e.id for e in studies["lessons"].first(some[:2], 4)] == ["a0", "a1"]


def run_of(method, task_rows, seed, explain=False):
    tasks = {
        task: {
            "main": {"value": 100 * float(np.mean(rows)), "interval": [0, 0], "total": len(rows)},
            "metrics": {"unread": {"value": 0.0}},
            "rows": [[row, 1] for row in rows],
        }
        for task, rows in task_rows.items()
    }
    job = {"method": method, "tasks": list(task_rows), "explain": explain, "seed": seed, "heads": 3}
    return {"job": job, "steps": 1, "seconds": 1, "loss": 0.0, "trained": 1, "tasks": tasks}


def test_what_runs_add_up_to(studies, tmp_path):
    right, wrong, half = [1] * 40, [0] * 40, [1, 0] * 20
    floor = run_of("", {"x": wrong, "y": half}, 0)["tasks"]
    clips = {"x": list(range(40)), "y": list(range(40))}
    (tmp_path / "floors.json").write_text(json.dumps({"guess": floor, "base": floor, "clips": clips}))
    for seed in (0, 1):
        files = {"all": {"x": right, "y": half}, "x": {"x": half}, "y": {"y": half}}
        for name, rows in files.items():
            (tmp_path / f"lora_{name}_bare_{seed}.json").write_text(json.dumps(run_of("lora", rows, seed)))
    found = studies["summary"].summary(tmp_path)
    against = found["against"]["LoRA, all tasks, against alone, without reasons"]
    assert (against["gained"], against["lost"], against["seeds"], against["clear_gains"]) == (50, 0, 2, 1)
    assert against["tasks"]["x"]["difference"] == 50
    low, high = against["tasks"]["y"]["interval"]
    assert low == -high and 0 < high < 10, "no difference in 40 clips is no proof that there is none"
    row = found["scores"]["LoRA, each task alone, without reasons"]["x"]
    low, high = row["interval"]
    assert row["mean"] == 50 and row["seeds"] == {"0": 50, "1": 50} and 30 < low < 45 < 55 < high < 70
    assert "+50.0 *" in studies["summary"].tables(found)
