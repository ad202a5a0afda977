"""TSPM written down directly: patches copied second by second into buffers, attention by `nn.MultiheadAttention`.

The parameter names are the official ones; the form is that of the corrected copy, which takes the picked seconds.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bench._av_master_direct import Layers


class Query(nn.Module):
    def __init__(self, dim: int, dropout: float, tokens: bool = False) -> None:
        super().__init__()
        self.attn_qst_query = nn.MultiheadAttention(dim, 4, dropout, batch_first=True)
        self.qst_query_linear1, self.qst_query_linear2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.qst_query_visual_norm, self.drop = nn.LayerNorm(dim), nn.Dropout(dropout)
        if tokens:
            layer = Layers(dim, dropout, cross=False).layers[0]
            self.TokensAttn = layer

    def block(self, q: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        taken, weight = self.attn_qst_query(q, y, y)
        inner = self.qst_query_linear2(self.drop(F.relu(self.qst_query_linear1(taken))))
        return self.qst_query_visual_norm(taken + self.drop(inner)), weight


class Direct(nn.Module):
    """The whole network; one row per question in all streams."""

    def __init__(self, dim: int = 512, dropout: float = 0.1, answers: int = 42) -> None:
        super().__init__()
        self.input_a, self.input_v, self.input_v_patch = nn.Linear(128, dim), nn.Linear(768, dim), nn.Linear(1024, dim)
        self.input_qst, self.input_qst_prompt = nn.Linear(768, dim), nn.Linear(768, dim)
        self.AV_Attn = Layers(dim, dropout, cross=True)
        self.TemporalPerception, self.QstTempGrd_Module = Query(dim, dropout), Query(dim, dropout)
        self.SpatioPerception = Query(dim, dropout, tokens=True)
        self.av_fusion_fc, self.answer_pred_fc = nn.Linear(6 * dim, dim), nn.Linear(dim, answers)

    def forward(self, audio: Tensor, frames: Tensor, patches: Tensor, question: Tensor, prompt: Tensor) -> Tensor:
        a, v, p = self.input_a(audio), self.input_v(frames), self.input_v_patch(patches)
        q, asked = self.input_qst(question).unsqueeze(1), self.input_qst_prompt(prompt).unsqueeze(1)
        a_1, v_1 = self.AV_Attn(a, v), self.AV_Attn(v, a)
        _, weight = self.TemporalPerception.block(asked, v)
        seconds = weight.argsort(dim=-1)[:, 0, -10:].sort(dim=-1).values
        rows, dim = len(a), a.shape[-1]
        heard, tokens = torch.zeros(rows, 10, dim), torch.zeros(rows, 10, p.shape[2], dim)
        for row in range(rows):
            for k in range(10):
                heard[row, k] = a[row, seconds[row, k]]
                tokens[row, k] = p[row, seconds[row, k]]
        tokens = self.SpatioPerception.TokensAttn(tokens.flatten(0, 1))
        seen = self.SpatioPerception.block(heard.flatten(0, 1).unsqueeze(1), tokens)[0].view(rows, 10, dim)
        (a_q, _), (v_q, _) = self.QstTempGrd_Module.block(q, heard), self.QstTempGrd_Module.block(q, seen)
        parts = [a_q[:, 0], a_1.mean(1), heard.mean(1), v_q[:, 0], v_1.mean(1), seen.mean(1)]
        fused = self.av_fusion_fc(torch.cat(parts, -1).tanh())
        return self.answer_pred_fc((fused * q[:, 0]).tanh())
