"""Base class of both AV-Master variants: answer heads, their combination, their losses, evidence per second."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from lookhear.errors import RecipeError
from lookhear.layers.attention import normalized
from lookhear.layers.watch_answer import WatchAnswer
from lookhear.types import Memory, Output

SIDES = ("seen", "heard")
OPINIONS = {"seen": "visual", "heard": "audio"}


class Heads(WatchAnswer):
    """Base class: variants define `watch`, `wording`, `joint` and `preference`."""

    # variants define config, ask (projection of the question), prefer (by stream) and decide (decoders by head)

    def present(self, audio: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        """The streams, with an unused stream set to zero."""
        kept = self.config.streams
        return audio * 0 if kept == "visual" else audio, frames * 0 if kept == "audio" else frames

    def answer(
        self,
        memory: Memory,
        question: Float[Tensor, "question dim"],
        words: Float[Tensor, "question word wide"] | Mapping[str, Tensor],
    ) -> Output:
        """Logits of each head and their combination; evidence in evaluation. `words` may be the output of `wording`."""
        text, asked = self.wording(words), self.ask(question)
        opinions, hidden = dict[str, Tensor](), dict(text)
        seconds: dict[str, list[Tensor]] = {side: [] for side in SIDES}
        read = dict[str, Tensor]()
        if "joint" in self.decide:
            hidden["fused"], where = self.joint(memory, text)
            opinions["joint"], _ = self.decide["joint"](asked, hidden["fused"].unsqueeze(1))
            for side, weight in where.items():
                seconds[side].append(weight)
        for side in self.prefer:
            liked, reads = self.preference(side, memory, text)
            hidden[f"{side}_preference"] = liked
            if OPINIONS[side] in self.decide:
                opinions[OPINIONS[side]], weight = self.decide[OPINIONS[side]](asked, liked)
                seconds[side].append(trace_back(weight, memory[f"{side}_glance"]))
                read[side] = reads.mean(dim=1)
        shown = {} if self.training else {side: parts for side, parts in seconds.items() if parts}
        attention = {side: normalized(sum(map(normalized, parts))) for side, parts in shown.items()}
        return Output(self.vote(opinions), opinions, attention, hidden, {} if self.training else read)

    def vote(self, opinions: Mapping[str, Tensor]) -> Float[Tensor, "question answer"]:
        """Logits of the answer from the heads that have a loss weight and are selected by `preferences`."""
        voices = self.config.voices
        asked = {"both": ("audio", "visual"), "none": ()}.get(self.config.preferences, (self.config.preferences,))
        alone = not voices.get("joint")  # without a joint head, the other heads answer alone
        voting = {n: x for n, x in opinions.items() if voices[n] and (n == "joint" or n in asked or alone)}
        return combine(voting, self.config.enhance, raw=self.config.variant == "released")

    def answer_losses(self, output: Output, labels: Int[Tensor, " question"]) -> dict[str, Tensor]:
        """Weighted cross-entropy of each head (Eq. 5, 7)."""
        weights = self.config.voices.items()
        return {name: w * F.cross_entropy(output.opinions[name], labels) for name, w in weights if w}

    def where(self, weight: Tensor, mixing: Tensor, memory: Memory) -> dict[str, Float[Tensor, "question time"]]:
        """Evidence over the seconds of each stream, from weights over the positions [heard, seen, words]; empty in
        training."""
        if self.training:
            return {}
        lengths = [memory["heard"].shape[1], memory["seen"].shape[1]]
        heard, seen, _ = trace_back(weight, mixing).split([*lengths, weight.shape[1] - sum(lengths)], dim=1)
        return {"heard": heard, "seen": seen}


ENHANCE = ("add", "mul", "weighted")


def combine(opinions: Mapping[str, Tensor], enhance: str, raw: bool) -> Float[Tensor, "row answer"]:
    """Logits of the answer from the heads' logits; `joint` is combined with the others. Raises RecipeError.

    - `add`: the sum, of raw logits (the released code) or of distributions (the paper).
    - `mul`: distribution of `joint` plus the product of the others.
    - `weighted`: distribution of `joint` plus the others' distributions, weighted in proportion to their largest
      probabilities.
    """
    if enhance not in ENHANCE:
        raise RecipeError(f"No enhancement is called {enhance!r}. There are: {', '.join(ENHANCE)}.")
    if enhance == "add" and raw:
        return torch.stack(list(opinions.values())).sum(dim=0)
    spoken = {name: logits.log_softmax(dim=-1) for name, logits in opinions.items()}
    parts = [spoken.pop("joint")] if "joint" in spoken else []
    others = torch.stack(list(spoken.values())) if spoken else None
    if others is not None and enhance == "mul":
        parts.append(others.sum(dim=0))
    elif others is not None:
        if enhance == "weighted":
            others = others + others.amax(dim=-1, keepdim=True).log_softmax(dim=0)
        parts.extend(others)
    return torch.stack(parts).logsumexp(dim=0)


def beside(memory: Memory, text: Mapping[str, Tensor]) -> Bool[Tensor, "row position"] | None:
    """Padding mask of the positions [heard, seen, words], true where padded; seconds are never padded."""
    if "padding_mask" not in text:
        return None
    return F.pad(text["padding_mask"], (memory["heard"].shape[1] + memory["seen"].shape[1], 0))


def largest(
    x: Float[Tensor, "row position dim"], padding_mask: Bool[Tensor, "row position"] | None
) -> tuple[Float[Tensor, "row dim"], Float[Tensor, "row position"]]:
    """(maximum of each feature over the positions, fraction of features that each position provides)."""
    best, place = (x if padding_mask is None else x.masked_fill(padding_mask.unsqueeze(-1), -torch.inf)).max(dim=1)
    return best, share(place, x.shape[1])


def share(place: Int[Tensor, "row dim"], positions: int) -> Float[Tensor, "row position"]:
    """The fraction of features whose maximum lies at each position."""
    count = torch.zeros(len(place), positions, device=place.device)
    return count.scatter_add_(1, place, torch.ones_like(place, dtype=count.dtype)) / place.shape[1]


def trace_back(weight: Float[Tensor, "row time"], mixing: Float[Tensor, "row time time"]) -> Float[Tensor, "row time"]:
    """Weights of mixed rows traced back, half through the attention `mixing` and half through the residual path."""
    return (weight + (weight.unsqueeze(1) @ mixing).squeeze(1)) / 2


def cosine(x: Float[Tensor, "row dim"], y: Float[Tensor, "other dim"]) -> Float[Tensor, "row other"]:
    """Cosine similarities of all pairs."""
    return (x / x.norm(dim=1, keepdim=True)) @ (y / y.norm(dim=1, keepdim=True)).T
