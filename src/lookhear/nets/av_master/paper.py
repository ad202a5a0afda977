"""AV-Master according to the equations of its paper; the parent package follows the published code.

How ambiguous places are interpreted:

- SAB and CAB (Eq. 2-4) are LN(x + attention), without a feed-forward layer, with `heads` heads. The two SABs of Eq. 2
  share weights ("go through the above operation once more"); the bias is one learned vector per template. The paper
  does not mention dropout; here it is applied to the output of each block in training.
- In Eq. 2's CAB the repeated frame is key and value, so attention returns that one value whatever the query.
- Eq. 3 adds each of the templates to every position of F_c. SAB then runs over the templates of a position and Pooling
  sums them, which gives a sequence like F_c to concatenate with. "Max along the feature dimension" must give R^D, so it
  is the maximum over positions.
- Eq. 4's MLP is two layers with a ReLU, as wide as its input.
- In the paper the words are F^2..F^L and the sentence is the first token, but under CLIP's causal attention the first
  token has seen no other. Here the sentence is the `question` stream, and all rows of `words` except padding (zeros)
  are words.
- Eq. 6: the anchor is F_fu of a question, its positives are its own mean preferences, its negatives those of all other
  questions in the batch, including questions about the same clip. A batch of one has no contrastive loss.
- Inference sums distributions: `logits` are the logarithm of the sum.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.attention import Attention, drop
from lookhear.layers.texts import read_words
from lookhear.nets.av_master.heads import SIDES, Heads, beside, cosine, largest
from lookhear.nets.av_master.parts import AnswerDecoder
from lookhear.types import Memory, Output


class Block(nn.Module):
    """LN(x + attention(x, y)): a SAB if y is x, a CAB if y is another sequence."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention, self.norm, self.dropout = Attention(dim, heads), nn.LayerNorm(dim), dropout

    def forward(
        self, x: Float[Tensor, "row query dim"], y: Tensor | None = None, padding_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """(output, weights averaged over heads)."""
        taken, weight = self.attention(x, x if y is None else y, padding_mask)
        return self.norm(x + drop(taken, self.dropout, self.training)), weight

    def same(self, x: Float[Tensor, "row query dim"], value: Tensor) -> Float[Tensor, "row query dim"]:
        """A CAB whose keys are all equal: attention returns `value` for any query."""
        return self.norm(x + drop(value.expand_as(x), self.dropout, self.training))


class FocusSampling(nn.Module):
    """Templates updated second by second by a stream (Eq. 1-2)."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.sab, self.cab = Block(dim, heads, dropout), Block(dim, heads, dropout)

    def forward(
        self, stream: Float[Tensor, "clip time dim"], templates: Tensor, bias: Tensor
    ) -> Float[Tensor, "clip template dim"]:
        """The templates (one set per row, or one for all) after the last second."""
        attention = self.cab.attention
        values = attention.out_proj(attention.project(stream, "v"))
        t = templates.expand(len(stream), -1, -1)
        for frame, value in zip(stream.unbind(1), values.unbind(1), strict=True):
            t = self.sab(t + frame.unsqueeze(1))[0] + bias
            t = self.sab(t)[0] + bias
            t = self.cab.same(t, value.unsqueeze(1))
        return t


class Pool(nn.Module):
    """SAB over the templates at every position, summed over templates (Eq. 3), without a projection per position.

    Queries, keys and values of `U_k + F_t` are sums of those of U_k and those of F_t. Of the scores, only the term
    (Q U_k + Q F_t) . K U_l depends on l; softmax ignores the others.
    """

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.object = nn.Linear(dim, dim)
        self.block = Block(dim, heads, dropout)

    def forward(
        self, fused: Float[Tensor, "row position dim"], objects: Float[Tensor, "row template dim"]
    ) -> Float[Tensor, "row position dim"]:
        """O (Eq. 3)."""
        attention, u = self.block.attention, self.object(objects)
        split = "row n (head d) -> row head n d"
        q, k, v = (rearrange(x, split, head=self.heads) for x in attention.project(u, "qkv").chunk(3, dim=-1))
        weight_q, _, weight_v = attention.in_proj_weight.chunk(3)
        at = rearrange(fused @ weight_q.T, split, head=self.heads)
        scores = (q @ k.transpose(2, 3)).unsqueeze(2) + (at @ k.transpose(2, 3)).unsqueeze(3)  # row head position k l
        weight = (scores * q.shape[-1] ** -0.5).softmax(dim=-1)
        out = rearrange(attention.out_proj.weight, "o (head d) -> head d o", head=self.heads)
        given = rearrange(v @ out, "row head l o -> row (head l) o")
        weight = rearrange(weight, "row head position k l -> row (position k) (head l)")
        base = fused + (fused @ weight_v.T) @ attention.out_proj.weight.T + attention.out_proj.bias
        x = rearrange(weight @ given, "row (position k) o -> row position k o", k=objects.shape[1])
        x = x + base.unsqueeze(2) + u.unsqueeze(1)
        return drop(self.block.norm(x).sum(dim=2), self.dropout, self.training)


class Preference(nn.Module):
    """MLP(SAB(F) + CAB(F, words)) (Eq. 4)."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.sab, self.cab = Block(dim, heads, dropout), Block(dim, heads, dropout)
        self.mlp = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Dropout(dropout), nn.Linear(dim, dim))


class PaperAVMaster(Heads):
    """The network according to the equations."""

    def __init__(self, config) -> None:  # type: ignore[no-untyped-def]
        super().__init__()
        self.config = config
        dim, heads, dropout, removed = config.hidden or 512, config.heads, config.dropout, config.removed
        self.hear, self.see = nn.Linear(config.audio, dim), nn.Linear(config.frames, dim)
        self.read, self.ask = nn.Linear(config.words, dim), nn.Linear(config.question, dim)
        mixes = not removed & {"temporal", "all"}
        self.mix = Block(dim, heads, dropout) if mixes else None
        self.pool = nn.ModuleDict({side: Pool(dim, heads, dropout) for side in SIDES if mixes})
        self.out = nn.Linear(3 * dim, dim) if mixes else None
        captures = mixes and "focus" not in removed

        def tables(names: tuple[str, ...]) -> nn.ParameterDict:
            return nn.ParameterDict({n: nn.Parameter(torch.randn(config.templates, dim)) for n in names if captures})

        shared = ("both",)
        sides: tuple[str, ...] = shared if config.share_attention else SIDES
        self.focus = nn.ModuleDict({side: FocusSampling(dim, heads, dropout) for side in sides if captures})
        self.templates, self.bias = tables(SIDES), tables(shared if config.share_bias else SIDES)
        sides = () if "preference" in removed else SIDES
        self.prefer = nn.ModuleDict({side: Preference(dim, heads, dropout) for side in sides})
        self.decide = nn.ModuleDict({n: AnswerDecoder(dim, heads, config.answers, dropout) for n in config.voices})

    def watch(self, audio: Float[Tensor, "clip time dim"], frames: Float[Tensor, "clip second wide"]) -> Memory:
        """The projected streams, their question-independent self-attention, and the templates after the last second."""
        audio, frames = self.present(audio, frames)
        streams = {"seen": self.see(frames), "heard": self.hear(audio)}
        memory = dict(streams)
        for side, layer in self.prefer.items():
            memory[f"{side}_own"], memory[f"{side}_glance"] = layer.sab(streams[side])
        for side in self.pool:
            memory[f"{side}_object"] = self.objects(side, streams[side][:, : self.config.focus_seconds or None])
        return memory

    def objects(self, side: str, stream: Float[Tensor, "clip time dim"]) -> Float[Tensor, "clip template dim"]:
        """Focus features of a stream; without focus sampling, its mean over time."""
        if not self.focus:
            return stream.mean(dim=1, keepdim=True)
        bias = self.bias["both" if self.config.share_bias else side]
        return self.focus["both" if self.config.share_attention else side](stream, self.templates[side], bias)

    def wording(self, words: Float[Tensor, "question word wide"] | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The projected words and their padding mask."""
        return read_words(words, lambda rows: {"words": self.read(rows)})

    def joint(self, memory: Memory, text: Mapping[str, Tensor]) -> tuple[Float[Tensor, "question dim"], dict]:
        """(F_fu of Eq. 3, evidence over the seconds of each stream)."""
        x = torch.cat([memory["heard"], memory["seen"], text["words"]], dim=1)
        padding_mask = beside(memory, text)
        if self.mix is None or self.out is None:
            return largest(x, padding_mask)[0], {}
        fused, mixing = self.mix(x, padding_mask=padding_mask)
        pooled = [self.pool[side](fused, memory[f"{side}_object"]) for side in ("heard", "seen")]
        best, where = largest(self.out(torch.cat([*pooled, fused], dim=-1)), padding_mask)
        return best, self.where(where, mixing, memory)

    def preference(
        self, side: str, memory: Memory, text: Mapping[str, Tensor]
    ) -> tuple[Float[Tensor, "question time dim"], Float[Tensor, "question time word"]]:
        """(a stream after attention to the words (Eq. 4), the weights of the words)."""
        layer = self.prefer[side]
        taken, weight = layer.cab(memory[side], text["words"], text.get("padding_mask"))
        return layer.mlp(memory[f"{side}_own"] + taken), weight

    def losses(self, output: Output, labels: Int[Tensor, " question"]) -> dict[str, Tensor]:
        """Cross-entropy of each head and the contrastive loss within the batch (Eq. 6)."""
        losses = self.answer_losses(output, labels)
        if "contrast" in self.config.removed or not self.config.contrast_weight:
            return losses
        near = [cosine(output.hidden["fused"], output.hidden[f"{side}_preference"].mean(dim=1)) for side in SIDES]
        scores = (torch.stack(near) / self.config.temperature).logsumexp(dim=0)  # log p1 of every pair of questions
        contrast = F.cross_entropy(scores, torch.arange(len(labels), device=labels.device))
        return {**losses, "contrast": self.config.contrast_weight * contrast}
