"""QA-TIGER written down directly: `nn.MultiheadAttention`, experts one after another, every second in full.

The parameter names are the official ones; features of the question are given. The batch is mixed as published.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def attention(dim: int, dropout: float) -> nn.MultiheadAttention:
    return nn.MultiheadAttention(dim, 8, dropout, batch_first=True)


def narrow(dim: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(dim, dim // 2), nn.ReLU(), nn.Linear(dim // 2, dim))


class EarlyAttention(nn.Module):
    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.slf_attn, self.crs_attn, self.qst_attn = (attention(dim, dropout) for _ in range(3))
        self.linear1, self.linear2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm1, self.norm2, self.drop = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.Dropout(dropout)

    def forward(self, x: Tensor, y: Tensor, words: Tensor) -> Tensor:
        total = x + self.drop(self.slf_attn(x, x, x)[0]) + self.drop(self.crs_attn(x, y, y)[0])
        total = self.norm1(total + self.drop(self.qst_attn(x, words, words)[0]))
        return self.norm2(total + self.drop(self.linear2(self.drop(F.relu(self.linear1(total))))))


class Patches(nn.Module):
    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.slf_attn, self.crs_attn, self.mlp = attention(dim, dropout), attention(dim, dropout), narrow(dim)
        self.anorm, self.vnorm, self.drop = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.Dropout(dropout)

    def forward(self, p: Tensor, a: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        flat = p.flatten(0, 1)
        flat = flat + self.slf_attn(flat, flat, flat)[0]
        taken = self.crs_attn(torch.stack([v, a], 2).flatten(0, 1), flat, flat)[0]
        taken = self.mlp(self.drop(taken)).view(*a.shape[:2], 2, -1)
        return self.anorm(taken[:, :, 1]), self.vnorm(taken[:, :, 0])


class Experts(nn.Module):
    def __init__(self, dim: int, experts: int, dropout: float, norms: tuple[str, ...]) -> None:
        super().__init__()
        self.qst_attn, self.count = attention(dim, dropout), experts
        self.router, self.gauss_pred = (
            nn.Sequential(nn.Linear(dim, experts)),
            nn.Sequential(nn.Linear(dim, 2 * experts)),
        )
        self.experts = nn.ModuleList([narrow(dim) for _ in range(experts)])
        for name in norms:
            setattr(self, name, nn.LayerNorm(dim))

    def forward(self, q: Tensor, data: Tensor, streams: list[Tensor]) -> list[Tensor]:
        rows, time, n = *data.shape[:2], self.count
        wanted = self.qst_attn(q.unsqueeze(1), data, data)[0].squeeze(1)
        gates, places = self.router(wanted).softmax(-1).topk(n, -1)
        shift, width = self.gauss_pred(wanted).view(rows, n, 2).unbind(-1)
        margin = 1 / (2 * n)
        centre = torch.linspace(margin, 1 - margin, n) + margin * shift.tanh()
        centre, width = centre.gather(1, places).clamp(0, 1), width.sigmoid().gather(1, places).clamp(min=0.09) / 9
        bell = torch.exp(-((torch.linspace(0, 1, time) - centre[..., None]) ** 2) / (2 * width[..., None] ** 2))
        bell = bell / bell.amax(-1, keepdim=True)
        gates, results = gates / gates.sum(-1, keepdim=True), []
        other = torch.arange(rows * time).view(rows, time) % rows
        for x in streams:
            every = torch.stack([expert(x) for expert in self.experts], 2)  # row time expert dim
            picked = every.gather(2, places[other][..., None].expand(-1, -1, -1, x.shape[-1]))
            results.append(torch.einsum("rk,rkt,rtkd->rd", gates, bell, picked))
        return results


class Ground(nn.Module):
    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.attn, self.mlp, self.norm, self.drop = (
            attention(dim, dropout),
            narrow(dim),
            nn.LayerNorm(dim),
            nn.Dropout(dropout),
        )

    def forward(self, q: Tensor, x: Tensor, y: Tensor) -> Tensor:
        both = torch.stack([x, y], 1)
        return self.norm(both.mean(1) + self.drop(self.mlp(self.attn(q.unsqueeze(1), both, both)[0].squeeze(1))))


class Project(nn.Module):
    def __init__(self, inputs: int, dim: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj(x)


class Direct(nn.Module):
    """The whole network; one row per question in all streams."""

    def __init__(self, dim: int = 512, experts: int = 7, dropout: float = 0.1, answers: int = 42) -> None:
        super().__init__()
        widths = {"audio": 128, "video": 768, "patch": 1024, "words": 768, "quest": 768}
        for name, width in widths.items():
            setattr(self, f"{name}_proj", Project(width, dim))
        self.crs_attn, self.patch_selecter = EarlyAttention(dim, dropout), Patches(dim, dropout)
        self.at_aggregator = Experts(dim, experts, dropout, ("norm",))
        self.vt_aggregator = Experts(dim, experts, dropout, ("anorm", "vnorm"))
        self.quest_grounding, self.head = Ground(dim, dropout), nn.Linear(dim, answers)

    def forward(self, audio: Tensor, frames: Tensor, patches: Tensor, question: Tensor, words: Tensor) -> Tensor:
        a, v, p = self.audio_proj(audio), self.video_proj(frames), self.patch_proj(patches)
        w, q = self.words_proj(words), self.quest_proj(question)
        a, v = self.crs_attn(a, v, w), self.crs_attn(v, a, w)
        for_a, for_v = self.patch_selecter(p, a, v)
        heard = self.at_aggregator.norm(self.at_aggregator(q, a, [a])[0])
        ap, vp = self.vt_aggregator(q, v, [v + for_a, v + for_v])
        first = self.quest_grounding(q, self.vt_aggregator.anorm(ap), self.vt_aggregator.vnorm(vp))
        return self.head(F.relu(self.quest_grounding(q, first, heard)))
