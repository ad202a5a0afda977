"""Learning from twins: draws that repeat, a deaf model that gains nothing, kill and resume to the bit, preferences."""

import json
import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from lookhear import config
from lookhear.errors import DatasetError, RecipeError
from lookhear.layers.next_token import by_uniform
from lookhear.llms import Learner, tiny_omni
from lookhear.model import load
from lookhear.soundstage.scene.splits import Settings
from lookhear.soundstage.write.folder import make
from lookhear.train import prefer, reinforce
from lookhear.train.straight import Run
from tests.llms import small

KL = {"kl": 0.05, "updates": 2}  # options of reinforce
torch.set_num_threads(1)
pytestmark = pytest.mark.skipif(not (tiny_omni.WEIGHTS / "model.safetensors").is_file(), reason="no weights ship")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    root = tmp_path_factory.mktemp("world") / "w"
    settings = Settings(train=3, val=0, test=0, questions=4, seconds=6.0, size=64, fps=2.0, seed=6)
    make(root, settings, workers=1, quiet=True, twins=("mute", "swap", "shift"))
    return root


def recipe(world, out, stage="reinforce", steps=3, rewards=None, version="twins", **options):
    train = {"steps": steps, "batch": 2, "asks": 2, "lr": 1e-3, "warmup": 0.0, "checkpoint_every": 1, "report_to": []}
    given = {"llm": {"name": "tiny_omni"}, "stage": stage, "adapter": {"name": "lora", "rank": 4, "alpha": 8}}
    given |= {"connectors": False, "tasks": {"qa": {"dataset": f"soundstage@{version}", "root": str(world)}}}
    own = {"group": 4, "max_tokens": 8, "rewards": rewards or {"answer": 1.0, "causal": 1.0}}
    if stage == "prefer":
        return config.parse(config.LLMRecipe, given | {"train": train, "out": str(out), "prefer": options}, "test")
    return config.parse(config.LLMRecipe, given | {"train": train, "out": str(out), "reinforce": own | options}, "test")


def weights(run):
    return load_file(run / "adapter" / "adapter_model.safetensors")


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def log(run):
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def test_tokens_are_drawn_as_often_as_they_are_likely():
    odds = torch.tensor([0.1, 0.0, 0.6, 0.3])
    draws = torch.rand(4000, 1, generator=torch.Generator().manual_seed(0))
    said = by_uniform(odds.log().expand(4000, 4), draws[:, 0])
    assert torch.bincount(said, minlength=4).div(4000).sub(odds).abs().max() < 0.03
    cold = by_uniform(odds.log().expand(4000, 4), draws[:, 0], 0.01)
    assert (cold == 2).all()
    edges = by_uniform(odds.log().expand(2, 4), torch.tensor([0.0, 1.0]))
    assert edges.tolist() == [0, 3]


@pytest.mark.parametrize("make", [small.plus, lambda: small.omni("2.5"), lambda: small.omni("3"), tiny_omni.load])
def test_what_is_drawn_is_as_likely_as_said(make):
    """The cache's log-probabilities are those that gradients are taken of, and equal draws repeat."""
    llm = make()
    assert isinstance(llm, Learner)
    clips = [llm.prepare(small.clip(4, 1.3)), llm.prepare(small.clip(2, 1.0, seed=1))]
    asks = [(0, "Is there a violin?"), (1, "What?"), (0, "How many?"), (1, "Is there a violin?")]
    draws = torch.rand(4, 6, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        seen = llm.watch(clips)
    said = llm.sample(seen, [row for row, _ in asks], [prompt for _, prompt in asks], draws)
    again = llm.sample(seen, [row for row, _ in asks], [prompt for _, prompt in asks], draws)
    assert said == again and all(0 < len(one.tokens) <= 6 for one in said)
    of = [[(p, one.tokens) for (row, p), one in zip(asks, said, strict=True) if row == clip] for clip in (0, 1)]
    found = llm.logprobs(clips, of)
    scores = [float(one.mean().detach()) for some in found for one in some]
    drawn = [one.score for clip in (0, 1) for (row, _), one in zip(asks, said, strict=True) if row == clip]
    assert scores == pytest.approx(drawn, abs=1e-4)
    target = [[("Is there a violin?", "no")], []]
    lost = llm.loss(clips, target)
    taken = llm.logprobs(clips, [[("Is there a violin?", llm.reply("no"))], []])
    assert -float(taken[0][0].mean().detach()) == pytest.approx(float(lost.detach()), rel=1e-5) and taken[1] == []


@pytest.mark.parametrize("make", [small.plus, tiny_omni.load])
def test_placeholders_of_media_are_never_drawn(make):
    """A model that finds them likely: a reply with one in it could not be read again."""
    llm = make()
    places = list(llm.places.values())
    liked = llm.base.lm_head.register_forward_hook(
        lambda module, given, out: out.index_fill(-1, torch.tensor(places), 50.0)
    )
    clip = llm.prepare(small.clip(4, 1.3))
    with torch.inference_mode():
        seen = llm.watch([clip])
    said = llm.sample(
        seen, [0, 0], ["What?", "How many?"], torch.rand(2, 6, generator=torch.Generator().manual_seed(2))
    )
    liked.remove()
    assert all(one.tokens and not set(one.tokens) & set(places) for one in said)
    found = llm.logprobs([clip], [[("What?", said[0].tokens), ("How many?", said[1].tokens)]])
    assert all(bool(one.isfinite().all()) for one in found[0])


@pytest.fixture(scope="module")
def whole(world, tmp_path_factory):
    """A run of reinforce from its first step to its last."""
    return reinforce.train(recipe(world, tmp_path_factory.mktemp("whole") / "run", **KL), progress=False)


def test_a_run_learns_and_is_loaded(world, whole):
    out = whole
    line = log(out)[-1]
    assert line["step"] == 3 and line["rollouts"] > 20 and 0 < line["signal"] <= 1
    assert {"answer", "causal", "share_rollout", "share_reward", "share_update", "share_decode"} <= line.keys()
    assert any(float(t.abs().max()) > 0 for n, t in weights(out).items() if "lora_B" in n)
    assert load(out).llm.name == "tiny_omni" and not (out / "checkpoint").exists()
    assert reinforce.train(recipe(world, out, **KL), progress=False) == out, "trained already"


def test_a_deaf_model_gains_exactly_nothing_from_the_causal_reward(world, tmp_path):
    """Its twins are the same clip to it: equal replies, equal rewards, no gradient, not one weight moves."""
    deaf = reinforce.train(recipe(world, tmp_path / "deaf", rewards={"causal": 1.0}, deaf=True), progress=False)
    assert all(float(t.abs().max()) == 0 for n, t in weights(deaf).items() if "lora_B" in n)
    assert log(deaf)[-1]["signal"] == 0 and log(deaf)[-1]["loss"] == 0
    hears = reinforce.train(recipe(world, tmp_path / "hears", rewards={"causal": 1.0}), progress=False)
    assert any(float(t.abs().max()) > 0 for n, t in weights(hears).items() if "lora_B" in n)


@pytest.mark.parametrize("stage", ["reinforce", "prefer"])
def test_killed_and_gone_on_it_is_the_same_to_the_bit(world, whole, tmp_path, monkeypatch, stage):
    module, options = {"reinforce": (reinforce, KL), "prefer": (prefer, {})}[stage]
    if stage == "prefer":
        whole = module.train(recipe(world, tmp_path / "whole", stage), progress=False)
    done = Run.done

    def killed(self, **facts):
        done(self, **facts)
        if self.step == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(Run, "done", killed)
    with pytest.raises(KeyboardInterrupt):
        module.train(recipe(world, tmp_path / "halved", stage, **options), progress=False)
    monkeypatch.undo()
    halved = module.train(recipe(world, tmp_path / "halved", stage, **options), progress=False)
    assert same(weights(whole), weights(halved))
    other = recipe(world, tmp_path / "other", stage, **options)
    assert not same(weights(whole), weights(module.train(replace(other, seed=1), progress=False)))


def test_preferences_are_learned(world, tmp_path):
    out = prefer.train(recipe(world, tmp_path / "run", "prefer", steps=15, beta=0.3), progress=False)
    lines = log(out)
    assert lines[0]["loss"] < math.log(2) + 0.02 and lines[-1]["loss"] < lines[0]["loss"]
    assert lines[-1]["preferred"] > 0.7


def test_before_the_first_step_nothing_is_preferred():
    scores = torch.tensor([-1.0, -2.0, -3.0, -4.0])
    for contrast in ("answer", "clip", "both"):
        loss, won = prefer.preference(scores, scores, config.Prefer(contrast=contrast))
        assert float(loss) == pytest.approx(math.log(2)) and won == 0
    better = scores + torch.tensor([1.0, 0.0, 0.0, 1.0])  # what is true of each clip has become likelier
    assert float(prefer.preference(better, scores, config.Prefer())[0]) < math.log(2)
    worse = scores + torch.tensor([0.0, 1.0, 1.0, 0.0])
    assert float(prefer.preference(worse, scores, config.Prefer())[0]) > math.log(2)


def test_refusals(world, tmp_path):
    with pytest.raises(RecipeError, match="causal reward needs twins"):
        reinforce.train(recipe(world, tmp_path / "a", version="evidence"), progress=False)
    assert not (tmp_path / "a").exists()
    with pytest.raises(DatasetError, match="soundstage@twins"):
        prefer.train(recipe(world, tmp_path / "b", "prefer", version="evidence"), progress=False)
    with pytest.raises(RecipeError, match=r"reward.*'answr'"):
        reinforce.train(recipe(world, tmp_path / "c", rewards={"answr": 1.0}), progress=False)
    with pytest.raises(RecipeError, match=r"reinforce\.group=1"):
        reinforce.train(recipe(world, tmp_path / "d", group=1), progress=False)
    with pytest.raises(RecipeError, match="contrast"):
        prefer.train(recipe(world, tmp_path / "e", "prefer", contrast="clips"), progress=False)
