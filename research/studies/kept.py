"""A language model whose towers have already looked and listened: what they made of each clip is kept and given again.

Adapters of scope `llm` leave the towers as they are, so nothing changes but the time a step takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.layers.kv_cache import IGNORED, MediaCache, pad_left
from lookhear.llms import Prepared
from lookhear.llms.omni.thinker import Omni
from lookhear.media.decode import decode
from lookhear.model import LLMModel
from lookhear.model._clips import Watched
from lookhear.model.llm import Remembered
from lookhear.types import Clip, Media
from research.studies import shelves

TOGETHER = 32  # clips read at a time


def keep(llm: Omni, clips: Sequence[Clip], path: Path, say: Any = print) -> dict[str, Prepared]:
    """Clip's id -> what the towers make of it, read from `path` and added there where it lacks."""
    kept: dict[str, Prepared] = torch.load(path, weights_only=True) if path.is_file() else {}
    missing = {clip.id: clip for clip in clips if clip.id not in kept}
    for number, (name, clip) in enumerate(missing.items(), 1):
        kept[name] = towers(llm, clip)
        if number % 500 == 0 or number == len(missing):
            torch.save(kept, path)
            say(f"towers: {number} of {len(missing)} clips", flush=True)
    return kept


def towers(llm: Omni, clip: Clip) -> Prepared:
    """What the model's towers make of one clip, in place of its patches and its spectrogram."""
    base, given = llm.base.model, dict(llm.prepare(decode(clip, llm.sampling)))
    with torch.inference_mode():
        tensors = llm.tensors([given])
        for part in ("video", "image"):
            values = f"pixel_values_{part}s" if part == "video" else "pixel_values"
            if values in tensors:
                seen = base.visual(tensors[values], grid_thw=tensors[f"{part}_grid_thw"]).pooler_output
                given |= {"seen": seen.half().clone(), values: given[values][:1, :0].clone()}
        if "input_features" in given:
            mel = given["input_features"]
            heard = base.audio_tower(mel, feature_lens=torch.tensor([mel.shape[1]])).last_hidden_state
            given |= {"heard": heard.half().clone(), "input_features": mel[:1].half().clone()}
    return given


class Kept(Omni):
    """An Omni whose towers give back what is kept, and that learns from a clip and all that is asked of it at once."""

    def __init__(self, llm: Omni):
        super().__init__(llm.model, llm.tokenizer, llm.extractor, llm.options, llm.name)
        self.now: dict[str, Tensor] = {}
        tower = llm.base.model
        tower.visual.forward = lambda *_, **__: SimpleNamespace(pooler_output=self.now["seen"])
        tower.audio_tower.forward = lambda *_, **__: SimpleNamespace(last_hidden_state=self.now["heard"])

    def loss(self, media: Sequence[Media | Prepared], asks: Sequence[Sequence[tuple[str, str]]]) -> Tensor:
        """What `Omni.loss` gives, without its mask over the whole row where clips are of one length."""
        given = self.prepared(media)
        clips = [self.prefix(one) for one in given]
        if len({len(clip) for clip in clips}) > 1:
            return super().loss(given, asks)
        tensors, language = self.tensors(given), self.base.model.language_model
        ids, mask = pad_left(clips, self.pad)
        positions, after = self.positions(ids, mask, tensors)
        pairs = [(i, self.question(p), self.reply(t)) for i, some in enumerate(asks) for p, t in some]
        batch = shelves.shelved(pairs, self.pad)
        words = language.embed_tokens(torch.cat([ids.flatten(), batch.ids]))
        every = torch.cat([ids.flatten(), torch.full_like(batch.ids, self.pad)])
        for what, name in (("video", "seen"), ("image", "seen"), ("audio", "heard")):
            where = every == self.places[what]
            if where.any():
                words = words.masked_scatter(where[:, None], self.now[name].to(words))
        where = torch.cat([positions.flatten(1), (after[batch.owners] + batch.places).expand(3, -1)], 1)
        with shelves.attending(language.config, len(clips), ids.shape[1], batch.shelves):
            out = language(
                inputs_embeds=words[None], attention_mask={"full_attention": None}, position_ids=where[:, None],
                use_cache=False,
            ).last_hidden_state[0, ids.numel() :]  # fmt: skip
        learned = batch.labels != IGNORED
        return nn.functional.cross_entropy(self.base.lm_head(out[learned]).float(), batch.labels[learned])

    def tensors(self, given: Sequence[Prepared]) -> dict[str, Tensor]:
        self.now = {
            n: torch.cat([one[n].float() for one in given if n in one])
            for n in ("seen", "heard")
            if any(n in one for one in given)
        }
        return super().tensors(given)


class KeptModel(LLMModel):
    """An LLMModel that reads no files and reads no clip twice: clips are known by their ids."""

    def __init__(self, llm: Kept, kept: Mapping[str, Prepared]):
        super().__init__(llm)
        self.kept = kept
        self.read: dict[str, MediaCache] = {}

    def watch(self, clips: Sequence[Clip]) -> Watched:
        """The kept tokens of `clips` in one cache."""
        distinct = tuple(dict.fromkeys(clips))
        new = [clip.id for clip in distinct if clip.id not in self.read]
        for start in range(0, len(new), TOGETHER):
            some = new[start : start + TOGETHER]
            seen = self.llm.watch([self.kept[name] for name in some])
            self.read |= {name: _row(seen, i) for i, name in enumerate(some)}
        seen = joined([self.read[clip.id] for clip in distinct])
        rows = tuple(Remembered(seen, i, 0, ()) for i in range(len(distinct)))
        return Watched(distinct, rows, (None,) * len(distinct), ((),) * len(distinct))


def _row(seen: MediaCache, i: int) -> MediaCache:
    layers = tuple((keys[i : i + 1], values[i : i + 1]) for keys, values in seen.layers)
    return MediaCache(layers, seen.mask[i : i + 1], seen.after[i : i + 1], seen.axes)


def joined(some: Sequence[MediaCache]) -> MediaCache:
    """Clips that were read apart in one cache, padded on the left."""
    longest = max(one.mask.shape[1] for one in some)
    pads = [longest - one.mask.shape[1] for one in some]
    layers = [
        tuple(
            torch.cat([F.pad(one.layers[k][side], (0, 0, pad, 0)) for one, pad in zip(some, pads, strict=True)])
            for side in (0, 1)
        )
        for k in range(len(some[0].layers))
    ]
    mask = torch.cat([F.pad(one.mask, (pad, 0)) for one, pad in zip(some, pads, strict=True)])
    return MediaCache(tuple(layers), mask, torch.cat([one.after for one in some]), some[0].axes)


def learn(
    llm: Kept, weights: Sequence[Tensor], batches: Sequence[tuple[Sequence[Prepared], Sequence[Any]]], rate: float
) -> list[float]:
    """The loss of every step of AdamW on `batches` (clips, what is asked of each), with warm-up over 3 % and cosine."""
    optimizer = torch.optim.AdamW(weights, rate, betas=(0.9, 0.98), weight_decay=0.0)
    steps, losses = len(batches), []
    llm.model.train()
    for step, (clips, asks) in enumerate(batches):
        for group in optimizer.param_groups:
            warm = min(1.0, (step + 1) / (0.03 * steps + 1))
            group["lr"] = rate * warm * 0.5 * (1 + np.cos(np.pi * step / steps))
        loss = llm.loss(clips, asks)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        losses.append(loss.item())
    llm.model.eval()
    return losses
