"""AV-Master written down directly: the yardstick that bench/av_master.py measures against.

The same mathematics and the same parameter names as the official network, with nothing rearranged: a loop over the
seconds and the two modalities, every frame repeated once per template, attention over broadcast (batch, position,
template, width) tensors, one backward call per head. Dropout sits at every place where the official code has it.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Han(nn.Module):
    """Self-attention and, if `cross`, cross-attention added to the residual stream, then a feed-forward layer."""

    def __init__(self, dim: int, dropout: float, cross: bool) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(dim, 1, dropout, batch_first=True)
        self.cm_attn = nn.MultiheadAttention(dim, 1, dropout, batch_first=True) if cross else None
        self.linear1, self.linear2 = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        total = x + self.drop(self.self_attn(x, x, x)[0])
        if self.cm_attn is not None:
            total = total + self.drop(self.cm_attn(x, y, y)[0])
        total = self.norm1(total)
        return self.norm2(total + self.drop(self.linear2(self.drop(F.relu(self.linear1(total))))))


class Layers(nn.Module):
    def __init__(self, dim: int, dropout: float, cross: bool) -> None:
        super().__init__()
        self.layers = nn.ModuleList([Han(dim, dropout, cross)])

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers[0](x, y)


class Encoder(nn.Module):
    def __init__(self, dim: int, inner: int) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(dim, inner), nn.Linear(dim, inner)
        self.linear3, self.w = nn.Linear(inner, dim), nn.Linear(inner, 1)
        self.b = nn.Parameter(torch.ones(inner))

    def forward(self, templates: Tensor, frames: Tensor) -> Tensor:
        mixed = self.linear1(templates).unsqueeze(2) + self.linear2(frames).unsqueeze(1) + self.b
        weight = self.w(torch.tanh(mixed)).softmax(2)
        return self.linear3((weight * mixed).sum(2))


class Decoder(nn.Module):
    def __init__(self, dim: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.self_attn = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.cross_attn = nn.MultiheadAttention(dim, heads, dropout, batch_first=True)
        self.linear1, self.linear2 = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(dim), nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, frames: Tensor, bias: Tensor) -> Tensor:
        x = self.norm1(x + self.drop(self.self_attn(x + bias, x + bias, x)[0]))
        x = self.norm2(x + self.drop(self.cross_attn(x + bias, frames, frames)[0]))
        return self.norm3(x + self.drop(self.linear2(self.drop(F.gelu(self.linear1(x))))))


class Focus(nn.Module):
    def __init__(self, dim: int, inner: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.video_embeddings = nn.Linear(dim, dim)
        self.focus_capture = nn.Module()
        self.focus_capture.encoder = nn.Module()
        self.focus_capture.encoder.layers = nn.ModuleList([Encoder(dim, inner)])
        self.focus_capture.decoder = nn.Module()
        self.focus_capture.decoder.layers = nn.ModuleList([Decoder(dim, inner, heads, dropout)])
        self.focus_capture.decoder.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        h, count = self.video_embeddings(x), len(bias)
        encoder, decoder = self.focus_capture.encoder.layers[0], self.focus_capture.decoder.layers[0]
        templates = h[:, :1].repeat(1, count, 1)
        for second in range(h.shape[1]):
            frames = h[:, second : second + 1].repeat(1, count, 1)
            templates = self.focus_capture.decoder.norm(decoder(encoder(templates, frames), frames, bias))
        unit = templates / templates.norm(dim=-1, keepdim=True)
        return torch.tanh(unit @ unit.transpose(1, 2)) @ templates


class Linears(nn.Module):
    def __init__(self, dim: int, norm: bool) -> None:
        super().__init__()
        self.dense = nn.Linear(dim, dim)
        if norm:
            self.LayerNorm = nn.LayerNorm(dim, eps=1e-12)


class CrossLayer(nn.Module):
    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attention = nn.Module()
        self.attention.self = nn.Module()
        for name in ("query", "key", "value"):
            setattr(self.attention.self, name, nn.Linear(dim, dim))
        self.attention.output, self.output = Linears(dim, True), Linears(dim, True)
        self.hidden_intermediate = Linears(dim, False)
        self.drop = nn.Dropout(dropout)

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        own, heads = self.attention.self, self.heads

        def split(y: Tensor) -> Tensor:
            return y.view(*y.shape[:2], heads, -1).transpose(1, 2)

        q, k, v = split(own.query(x)), split(own.key(memory)), split(own.value(memory))
        weight = self.drop((q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).softmax(-1))
        context = (weight @ v).transpose(1, 2).flatten(2)
        x = self.attention.output.LayerNorm(x + self.drop(self.attention.output.dense(context)))
        inner = F.gelu(self.hidden_intermediate.dense(x))
        return self.output.LayerNorm(x + self.drop(self.output.dense(inner)))


class Answer(nn.Module):
    def __init__(self, dim: int, heads: int, answers: int, dropout: float) -> None:
        super().__init__()
        self.layer_ca = nn.ModuleList([CrossLayer(dim, heads, dropout) for _ in range(2)])
        self.head = nn.Module()
        self.head.transform = Linears(dim, True)
        self.head.decoder = nn.Linear(dim, answers, bias=False)
        self.head.bias = nn.Parameter(torch.zeros(answers))

    def forward(self, x: Tensor, memory: Tensor) -> Tensor:
        for layer in self.layer_ca:
            x = layer(x, memory)
        x = self.head.transform.LayerNorm(F.gelu(self.head.transform.dense(x)))
        return (self.head.decoder(x) + self.head.bias).squeeze(1)


class Direct(nn.Module):
    """The whole network; `forward` takes the streams of both, one row per question."""

    def __init__(
        self,
        dim: int = 768,
        inner: int = 512,
        frames: int = 768,
        dropout: float = 0.1,
        answers: int = 42,
        heads: int = 8,
        templates: int = 8,
    ) -> None:
        super().__init__()
        self.fc_a, self.fc_v = nn.Linear(128, dim), nn.Linear(frames, dim)
        self.fc_word, self.fc_q = nn.Linear(frames, dim), nn.Linear(frames, dim)
        self.AugInformation = Focus(dim, inner, heads, dropout)
        self.bisa_v, self.bias_a = nn.Embedding(templates, dim), nn.Embedding(templates, dim)
        self.GlobalSelf_Module = Layers(dim, dropout, cross=False)
        self.AP_Module, self.VP_Module = Layers(dim, dropout, cross=True), Layers(dim, dropout, cross=True)
        self.Uo_v, self.Uo_a = nn.Linear(dim, dim), nn.Linear(dim, dim)
        self.wo_v, self.wo_a = nn.Linear(dim, 1), nn.Linear(dim, 1)
        self.bo_v, self.bo_a = nn.Parameter(torch.ones(dim)), nn.Parameter(torch.ones(dim))
        self.linear_visual_layer = nn.Linear(3 * dim, dim)
        for name in ("fc_answer_pred", "fc_answer_pred2", "fc_answer_pred3"):
            setattr(self, name, Answer(dim, heads, answers, dropout))

    def pool(self, fused: Tensor, objects: Tensor, u: nn.Linear, w: nn.Linear, b: Tensor) -> Tensor:
        mixed = fused.unsqueeze(2) + u(objects).unsqueeze(1) + b
        return (w(torch.tanh(mixed)).softmax(2) * mixed).sum(2)

    def forward(self, audio, frames, question, words, audio_negative=None, frames_negative=None):  # type: ignore[no-untyped-def]
        a, v, w, q = self.fc_a(audio), self.fc_v(frames), self.fc_word(words), self.fc_q(question).unsqueeze(1)
        seen = self.AugInformation(v, self.bisa_v.weight)
        heard = self.AugInformation(a, self.bias_a.weight)
        fused = self.GlobalSelf_Module(torch.cat([a, v, w], 1))
        heard_preference, seen_preference = self.AP_Module(a, w), self.VP_Module(v, w)
        o_v = self.pool(fused, seen, self.Uo_v, self.wo_v, self.bo_v)
        o_a = self.pool(fused, heard, self.Uo_a, self.wo_a, self.bo_a)
        best = self.linear_visual_layer(torch.cat([fused, o_v, o_a], -1)).amax(1)
        logits = (
            self.fc_answer_pred(q, best.unsqueeze(1)),
            self.fc_answer_pred2(q, heard_preference),
            self.fc_answer_pred3(q, seen_preference),
        )
        if audio_negative is None:
            return logits, None
        far_heard = self.AP_Module(self.fc_a(audio_negative), w).mean(1)
        far_seen = self.VP_Module(self.fc_v(frames_negative), w).mean(1)
        near = (self.cosine(best, heard_preference.mean(1)) + self.cosine(best, seen_preference.mean(1))) / 0.1
        far = (self.cosine(best, far_heard) + self.cosine(best, far_seen)) / 0.1
        return logits, -torch.log(near.exp() / (far.exp() + near.exp())).mean()

    @staticmethod
    def cosine(x: Tensor, y: Tensor) -> Tensor:
        return (x / x.norm(dim=1, keepdim=True)) @ (y / y.norm(dim=1, keepdim=True)).T


def backward(logits: tuple[Tensor, ...], contrast: Tensor, labels: Tensor) -> None:
    """The official three calls: the joint answer with the contrastive loss, then each single stream."""
    (F.cross_entropy(logits[0], labels) + contrast).backward(retain_graph=True)
    F.cross_entropy(logits[1], labels).backward(retain_graph=True)
    F.cross_entropy(logits[2], labels).backward()
