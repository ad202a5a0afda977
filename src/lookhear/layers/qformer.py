"""Q-Former connectors: from encoder features to a few tokens of a language model.

    features (clip, time, token, wide) ─ LayerNorm ─ Q-Former per moment ─ 32 queries ─ MLP ─▶ (clip, time·32, model)

Crab and Crab+ read a frame's 256 CLIP patches, or the BEATs tokens of a piece of sound, through 32 queries of a
Q-Former (Li et al., "BLIP-2", 2023) with two layers, both with cross-attention. Time steps are independent and there
are no position embeddings. `window` is SALMONN's form, which Crab+ uses for "V-LLM+A": one sequence of tokens is cut
into windows of `window` tokens (17 BEATs tokens are a third of a second), an incomplete last window is dropped, and
each window is read by one query.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from einops import rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from lookhear.errors import DependencyError, ModelError, RecipeError

try:
    from transformers import Blip2QFormerConfig, Blip2QFormerModel
except ImportError:
    raise DependencyError("Q-Former connectors need transformers: pip install 'lookhear[llm]'") from None


@dataclass(frozen=True)
class Config:
    """Sizes: `features` of the encoder (CLIP ViT-L 1024, BEATs 768), `model` of the language model."""

    features: int = 1024
    model: int = 4096
    queries: int = 32
    width: int = 768
    layers: int = 2
    heads: int = 12
    inner: int = 3072
    window: int | None = None
    dropout: float = 0.1


class QFormer(nn.Module):
    """Learned queries with cross-attention to the tokens of one time step, and an MLP into the language model."""

    def __init__(self, config: Config):
        super().__init__()
        c = self.config = config
        if c.width % c.heads:
            raise RecipeError(f"{c.heads} heads do not divide width={c.width}.")
        self.norm = nn.LayerNorm(c.features)
        self.queries = nn.Parameter(torch.randn(c.queries, c.width) * 0.02)
        self.former = Blip2QFormerModel(
            Blip2QFormerConfig(
                hidden_size=c.width,
                num_hidden_layers=c.layers,
                num_attention_heads=c.heads,
                intermediate_size=c.inner,
                encoder_hidden_size=c.features,
                cross_attention_frequency=1,
                hidden_dropout_prob=c.dropout,
                attention_probs_dropout_prob=c.dropout,
            )
        )
        self.project = nn.Sequential(nn.Linear(c.width, c.model), nn.GELU(), nn.Linear(c.model, c.model))

    def forward(self, features: Float[Tensor, "clip *time token wide"]) -> Float[Tensor, "clip token_out model"]:
        """Tokens of all time steps, concatenated. With `window`, time steps are windows of a token sequence."""
        clips = len(features)
        if (size := self.config.window) is not None:
            features = features.flatten(1, -2)
            if features.shape[1] < size:
                raise ModelError(
                    f"{features.shape[1]} tokens are fewer than one window of {size}: the sound is too short."
                )
            moments = features.unfold(1, size, size)  # clip window wide token
            moments = rearrange(moments, "clip window wide token -> (clip window) token wide")
        else:
            moments = features.flatten(0, -3)
        queries = repeat(self.queries, "query width -> moment query width", moment=len(moments))
        read = self.former(query_embeds=queries, encoder_hidden_states=self.norm(moments)).last_hidden_state
        return rearrange(self.project(read), "(clip moment) query model -> clip (moment query) model", clip=clips)


def from_official(state_dict: Mapping[str, Tensor], side: str, heads: int | None = None) -> QFormer:
    """Crab's `visual` or `audio` connector from a published checkpoint with any prefix; sizes are inferred from shapes.

    Unused parts are left out: word and position embeddings, and the text layers. The number of heads cannot be
    inferred; by default heads have width 64 and number at least 4.
    """
    marks = (f"{side}_Qformer.bert.", f"{side}_ln.", f"{side}_proj.", f"{side}_query_tokens")
    state = {n[n.index(m) :]: t for n, t in state_dict.items() for m in marks if m in n}
    if f"{side}_query_tokens" not in state:
        raise ModelError(f"The checkpoint has no {side} connector: no tensor is called '...{side}_query_tokens'.")
    bert = f"{side}_Qformer.bert."
    queries = state[f"{side}_query_tokens"].squeeze(0)
    depth = len({n.split(".")[4] for n in state if n.startswith(f"{bert}encoder.layer.")})
    width = queries.shape[1]
    connector = QFormer(
        Config(
            features=len(state[f"{side}_ln.weight"]),
            model=len(state[f"{side}_proj.2.bias"]),
            queries=len(queries),
            width=width,
            layers=depth,
            heads=heads or max(width // 64, 4),
            inner=len(state[f"{bert}encoder.layer.0.intermediate_query.dense.bias"]),
        )
    )
    ours = {"queries": queries}
    for name, tensor in state.items():
        plain = name.replace(f"{side}_ln.", "norm.").replace(f"{side}_proj.", "project.")
        plain = plain.replace(bert, "former.").replace("embeddings.LayerNorm", "layernorm")
        ours[plain.replace("attention.self.", "attention.attention.")] = tensor
    wanted = connector.state_dict()
    if missing := [n for n in wanted if n not in ours]:
        raise ModelError(f"The checkpoint lacks what becomes {missing[0]!r} of the {side} connector.")
    connector.load_state_dict({n: ours[n] for n in wanted})
    return connector
