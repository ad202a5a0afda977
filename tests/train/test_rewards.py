"""Rewards: what is true pays, guessing does not, and other trainers can call them."""

import inspect
import json
import subprocess
import sys
from itertools import product

import pytest

from lookhear import config
from lookhear.errors import RecipeError
from lookhear.train import rewards
from lookhear.train.rewards import TwinReply
from lookhear.types import Answer, Clip, Example, Segment

SPAN = Segment("violin", 2.0, 5.0, "audio")
ASKED = Example("1", "question_answering", Clip(None, None), "Is there a violin sound", Answer("yes", segments=(SPAN,)))
DATED = Example(**{**vars(ASKED), "meta": {"form": "evidence"}})


def test_answers():
    assert [rewards.answer(ASKED, r) for r in ("<answer>yes</answer>", "Yes.", "no", "", "yes or no")] == [
        1,
        1,
        0,
        0,
        0,
    ]


@pytest.mark.parametrize(
    ("reply", "seconds", "sense", "form"),
    [
        ("<answer>yes</answer>\nheard 0:02-0:05", 1.0, 1.0, 1.0),
        ("<answer>yes</answer>\nheard 0:02-0:08", 0.5, 1.0, 1.0),
        ("<answer>yes</answer>\nseen 0:02-0:05", 0.0, 0.0, 1.0),
        ("<answer>yes</answer>\nheard 0:02-0:05\nseen 0:02-0:05", 0.5, 0.0, 1.0),
        ("<answer>yes</answer>", 0.0, 0.0, 0.0),
        ("yes, heard 0:02-0:05", 1.0, 1.0, 0.0),
        ("<answer>yes</answer><answer>no</answer> heard 0:02-0:05", 1.0, 1.0, 0.0),
    ],
)
def test_seconds_senses_and_form(reply, seconds, sense, form):
    found = [f(DATED, reply) for f in (rewards.seconds, rewards.sense, rewards.form)]
    assert found == pytest.approx([seconds, sense, form])


def test_form_without_dates():
    assert rewards.form(ASKED, "<answer>yes</answer>") == 1 and rewards.form(ASKED, "yes") == 0


def test_causal():
    def of(mine, changed, stayed):
        return rewards.causal(ASKED, mine, [TwinReply("change", changed), TwinReply("stay", stayed)])

    assert of("yes", "no", "yes") == 1.0
    assert of("yes", "yes", "yes") == of("yes", "no", "no") == 0.5
    assert of("yes", "yes", "no") == 0.0 and of("", "no", "yes") == 0.0 and of("yes", "", "") == 0.0
    assert of("", "", "") == 0.5, "unreadable of all clips alike is what a deaf model gets for readable replies"
    assert rewards.causal(ASKED, "yes") == 0.5
    assert rewards.causal(ASKED, "yes", [TwinReply("change", "no")]) == 0.75


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
def test_who_cannot_hear_gains_nothing_by_guessing(share):
    """Replies drawn alike for all three clips, whatever the odds: half the reward, no more."""
    odds = {"yes": share, "no": 1 - share}
    mean = sum(
        odds[a] * odds[b] * odds[c] * rewards.causal(ASKED, a, [TwinReply("change", b), TwinReply("stay", c)])
        for a, b, c in product(odds, repeat=3)
    )
    assert mean == pytest.approx(0.5)


def test_weights_are_checked():
    rewards.check({"answer": 1, "causal": 0.5})
    for wrong in ({"anser": 1.0}, {"answer": 0.0}):
        with pytest.raises(RecipeError):
            rewards.check(wrong)
    assert rewards.total({"answer": 2.0, "form": 1.0}, ASKED, "<answer>yes</answer>") == 3.0


def test_verl_can_call_it():
    """As custom_reward_function.path says: (data_source, solution_str, ground_truth, extra_info)."""
    names = list(inspect.signature(rewards.compute_score).parameters)
    assert names[:4] == ["data_source", "solution_str", "ground_truth", "extra_info"]
    told = {
        "segments": json.dumps([[2, 5, "violin", "audio"]]),
        "form": "evidence",
        "weights": {"answer": 1, "seconds": 1},
    }
    found = rewards.compute_score("soundstage", "<answer>yes</answer>\nheard 0:02-0:05", "yes", told)
    assert found == {"score": 2.0, "answer": 1.0, "seconds": 1.0}
    assert rewards.compute_score("x", "no", "yes")["score"] == 0.0
    others = {"weights": {"causal": 1}, "others": [["change", "no"], ["stay", "yes"]]}
    assert rewards.compute_score("x", "yes", "yes", others)["score"] == 1.0


def test_ms_swift_and_trl_can_call_them():
    assert {"lookhear_answer", "lookhear_causal"} <= set(rewards.orms())
    made = rewards.orms()["lookhear_answer"]()
    assert made(["yes", "no"], solution=["<answer>yes</answer>", "yes"]) == [1.0, 0.0]
    said = [
        [{"role": "assistant", "content": "yes"}],
        [{"role": "assistant", "content": [{"type": "text", "text": "no"}]}],
    ]
    assert made(prompts=["?", "?"], completions=said, solution=["yes", "no"], trainer_state=None) == [1.0, 1.0]
    dated = rewards.Reward("seconds")
    assert dated.__name__ == "seconds"
    assert dated(["heard 0:02-0:05"], solution=["yes"], segments=[[[2, 5, "v", "audio"]]], form=["evidence"]) == [1.0]


def test_no_torch_is_needed():
    code = (
        "import sys, lookhear.train.rewards as r; r.compute_score('', 'yes', 'yes'); assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0


def test_recipes_name_rewards_that_there_are():
    for path in config.RECIPES.glob("*/reinforce*.yaml"):
        rewards.check(config.load(path, (), config.LLMRecipe).reinforce.rewards)
