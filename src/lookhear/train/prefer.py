"""Direct preference optimisation on twins: the correct reply against the reply that is correct for the twin.

contrast answer   same clip:  log p(correct reply | clip)  against  log p(the twin's reply | clip)
contrast clip     same reply: log p(correct reply | clip)  against  log p(correct reply | twin)

loss = - log sigmoid(beta · ((chosen - its reference) - (rejected - its reference)))

The initial model is the reference; its log-probabilities are computed once, before the first step, and stored in the
checkpoint. Each pair gives both contrasts in both directions, because the reply that is correct for one clip is wrong
for the other. Rafailov et al. 2023, equation 7; the contrast of clips is mDPO's (Wang et al. 2024), with the twin as
the other clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from lookhear import config, tasks
from lookhear.catalog import unknown
from lookhear.errors import DatasetError, RecipeError
from lookhear.train import families
from lookhear.train.straight import Run, opened, total
from lookhear.types import Example

CONTRASTS = {"answer": ((0, 1), (3, 2)), "clip": ((0, 2), (3, 1))}  # (chosen, rejected) among the four of `pair`


def train(recipe: config.LLMRecipe, progress: bool = True) -> Path:
    """Train the model of `recipe` and return its run folder; resumes an interrupted run."""
    known = (*CONTRASTS, "both")
    if recipe.prefer.contrast not in known:
        raise RecipeError(unknown("contrast", recipe.prefer.contrast, known))
    if recipe.prefer.beta <= 0:
        raise RecipeError(f"prefer.beta={recipe.prefer.beta:g}: it is positive.")
    with opened(recipe, progress) as run:
        if run is not None:
            _train(run, recipe.prefer)
    return Path(recipe.out or "runs/llm")


def _train(run: Run, settings: config.Prefer) -> None:
    found = families.read(run.recipe)
    pairs = [pair for family in found for pair in families.changing(family)]
    if not pairs:
        raise DatasetError("No two clips are asked the same with another answer. Learn from soundstage@twins.")
    kept = run.start(families.digest(found))
    if not kept:
        kept |= _reference(run, pairs)
    while not run.ended:
        places = [place for place in run.draw(len(pairs)) if f"{place}" in kept]
        loss, right, truth = torch.zeros(()), 0.0, 0.0
        for place in places:
            scores = pair(run, *pairs[place])
            assert scores is not None
            one, won = preference(scores, kept[f"{place}"].to(scores), settings)
            one = one - settings.supervised * (scores[0] + scores[3]) / 2
            (one / len(places)).backward()
            loss, right = loss + one.detach().cpu() / len(places), right + won / len(places)
            truth += float(scores[[0, 3]].detach().mean()) / len(places)
        run.update()
        run.done(loss=float(loss), preferred=right, logprob=truth, lr=run.settings.lr * run.rate(run.step))
    run.finish({example.task for pair in pairs for example in pair})


@torch.no_grad()
def _reference(run: Run, pairs: Sequence[tuple[Example, Example]]) -> dict[str, Tensor]:
    """Log-probabilities of every pair under the current model; pairs with unreadable clips are dropped."""
    log_probabilities = {}
    for place, one in enumerate(pairs):
        run.shown.show("reference", place, len(pairs))
        if (scores := pair(run, *one)) is not None:
            log_probabilities[f"{place}"] = scores.cpu()
    if not log_probabilities:
        raise DatasetError(f"None of the {len(pairs)} pairs has clips that can be read.")
    return log_probabilities


def pair(run: Run, base: Example, twin: Example) -> Tensor | None:
    """Log-probabilities (4,): reply of the base and of the twin given the base, then given the twin.

    None if unreadable.
    """
    media = [run.media(base.clip), run.media(twin.clip)]
    if media[0] is None or media[1] is None:
        return None
    task = tasks.find(base.task)
    replies = [run.llm.reply(task.target(one, explain=False)) for one in (base, twin)]
    asks = [[(task.prompt(one), reply) for reply in replies] for one in (base, twin)]
    found = run.llm.logprobs([one for one in media if one is not None], asks)
    return torch.cat([total(some) for some in found])


def preference(scores: Tensor, reference: Tensor, settings: config.Prefer) -> tuple[Tensor, float]:
    """(loss of a pair, fraction of its contrasts in which the correct reply has gained on the other)."""
    names = CONTRASTS if settings.contrast == "both" else (settings.contrast,)
    gain = scores - reference
    margins = torch.stack([gain[good] - gain[bad] for name in names for good, bad in CONTRASTS[name]])
    return -F.logsigmoid(settings.beta * margins).mean(), float((margins > 0).float().mean())
