"""COCA: penalise the probability of the correct answer under counterfactual sound, picture or both.

    factual           net(question, sound, picture)                      ─▶ cross-entropy
    question          net(question, other sound, other picture) ─▶ p_q  ─┐
    question + sound  net(question, sound, other picture)       ─▶ p_qa ─┼─ w_b · -log(1 - p_b(answer))
    question + sight  net(question, other sound, picture)       ─▶ p_qv ─┘   w = softmax over b of p_b(answer)

Lao et al., "COCA: Collaborative causal regularization for audio-visual question answering", AAAI 2023. The three
shortcuts come from its causal graph: question to answer, question and sound to answer, question and picture to answer.
Bias-centred causal regularisation replaces the inputs outside a shortcut and penalises the net if it still predicts the
answer. Multi-shortcut collaborative debiasing weights the penalties towards the strongest shortcut of each sample.

There is no published code, and we did not have the paper: this follows its abstract and descriptions in other papers.
Our choices: an intervention replaces a stream by that of another clip in the batch (we do not know the paper's
substitute), the penalty is -log(1 - p(answer)), and `weight` and `temperature` have our values. The term needs two
clips in a batch; with one clip it is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lookhear.debias._around import AUDIO, VISUAL, Wrapper, part
from lookhear.errors import RecipeError
from lookhear.types import Memory, Output

STAYS = False


@dataclass(frozen=True)
class Config:
    """Weight of the shortcut penalty and temperature of its weighting."""

    weight: float = 0.3
    """weight of the added loss"""
    temperature: float = 0.5
    """softmax temperature"""


class COCA(Wrapper):
    """A net wrapped with the causal regularisation."""

    def __init__(self, net: nn.Module, config: Config):
        super().__init__(net)
        self.config = config
        ordered = self.ordered("watch")
        hears, sees = (any(s in ordered for s in streams) for streams in (AUDIO, VISUAL))
        cuts = {"question": (*AUDIO, *VISUAL), "question_audio": VISUAL, "question_visual": AUDIO}
        self.cuts = cuts if hears and sees else {"question": cuts["question"]}
        if not (hears or sees):
            raise RecipeError(
                f"coca cuts sound and picture; this net's watch requests {', '.join(ordered) or 'nothing'}."
            )

    def _watch(self, **streams: Tensor) -> Memory:
        memory = dict(self.net.watch(**streams))
        if torch.is_grad_enabled() and len(next(iter(streams.values()))) > 1:
            for shortcut, cut in self.cuts.items():
                other = {n: s.roll(1, 0) if n in cut else s for n, s in streams.items()}
                memory |= {f"{shortcut}/{n}": t for n, t in self.net.watch(**other).items()}
        return memory

    def _answer(self, memory: Memory, **streams: Tensor) -> Output:
        output = self.net.answer(part(memory, ""), **streams)
        hidden = dict(output.hidden)
        for shortcut in self.cuts:
            if cut := part(memory, f"{shortcut}/"):
                hidden[f"by_{shortcut}"] = self.net.answer(cut, **streams).logits
        return replace(output, hidden=hidden)

    def _losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        result = self.own_losses(output, labels, **streams)
        result["shortcuts"] = self.config.weight * self.shortcuts(output, labels)
        return result

    def shortcuts(self, output: Output, labels: Tensor) -> Tensor:
        """Mean over questions of the weighted sum over shortcuts of -log(1 - p(answer))."""
        cut = [output.hidden[f"by_{s}"] for s in self.cuts if f"by_{s}" in output.hidden]
        if not cut:
            return output.logits.sum() * 0
        given = torch.stack(cut, dim=1).softmax(dim=-1)  # question shortcut answer
        given = given.gather(2, labels[:, None, None].expand(-1, len(cut), 1)).squeeze(2)
        weight = (given.detach() / self.config.temperature).softmax(dim=1)
        return -(weight * (1 - given).clamp(min=1e-6).log()).sum(dim=1).mean()


def build(config: Config) -> Callable[[nn.Module], COCA]:
    """A function that wraps a net with the regularisation."""
    if config.weight < 0 or config.temperature <= 0:
        raise RecipeError(f"coca needs weight >= 0 and temperature > 0, got {config.weight} and {config.temperature}.")
    return lambda net: COCA(net, config)
