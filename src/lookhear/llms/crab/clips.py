"""Crab's input from a clip: pieces of sound, tokens of the media prefix, and their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

from lookhear.errors import ModelError
from lookhear.frontends import images
from lookhear.layers import kv_cache
from lookhear.llms import Prepared
from lookhear.llms.crab.parts import Config, Net
from lookhear.llms.crab.text import MEDIA, Words

SHORTEST = 3200  # fewest samples of a piece: one column of BEATs patches


@dataclass(frozen=True)
class CrabCache(kv_cache.MediaCache):
    """Encoded clips. `pictures` are CLIP's hidden states at two layers for the frame whose masks are predicted."""

    pictures: tuple[tuple[Tensor, Tensor] | None, ...] = ()


def pixels(frames: UInt8[np.ndarray, "frame height width 3"], side: int) -> Float[Tensor, "frame 3 {side} {side}"]:
    """CLIP's input from decoded frames."""
    if frames.shape[1:3] != (side, side):
        frames = images.squashed(frames, side)
    return images.normalised(frames, images.CLIP_MEAN, images.CLIP_STD)


def pieces(waveform: Float[np.ndarray, " sample"], config: Config) -> Float[Tensor, "piece window"]:
    """Cut 16 kHz sound into pieces as in the release; very short pieces are padded with silence."""
    wave = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))
    if config.hearing_rule == "music_avqa":
        second = len(wave) // 60
        ahead = F.pad(wave, (second // 2, 0))
        cut = [ahead[i * second : i * second + 2 * second] for i in range(0, 60, 6)]
        rows = torch.stack([F.pad(c, (0, 2 * second - len(c))) for c in cut])
    elif config.hearing_rule == "equal":
        length = len(wave) // config.pieces
        rows = wave[: length * config.pieces].reshape(config.pieces, length)
    else:
        raise ModelError(f"crab knows no hearing_rule={config.hearing_rule!r}. There are: equal, music_avqa.")
    return F.pad(rows, (0, max(0, SHORTEST - rows.shape[1])))


def prefix(words: Words, config: Config, prepared: Prepared) -> list[int]:
    """Token ids of a clip's prefix; each placeholder is repeated once per feature."""
    each = {"image": config.queries, "video": config.queries, "audio": config.heard_queries}
    ids = prepared.get("prefix") or words.prefix([kind for kind in MEDIA if kind in prepared])
    times = {words.ids[f"<{kind}>"]: len(prepared[kind]) * each[kind] for kind in MEDIA if kind in prepared}
    return [number for number in ids for _ in range(times.get(number, 1))]


def embedded(
    words: Words, net: Net, ids: Int[Tensor, "clip token"], clips: Sequence[Prepared]
) -> tuple[Float[Tensor, "clip token dim"], list[tuple[Tensor, Tensor] | None]]:
    """Input embeddings with features in place of placeholders, and CLIP's hidden states of the mask frames."""
    embeds = net.embed(ids)
    kind, device = embeds.dtype, embeds.device
    pictures: list[tuple[Tensor, Tensor] | None] = [None] * len(clips)
    tokens_of: dict[str, dict[int, Tensor]] = {name: {} for name in MEDIA}
    shown = [(i, name) for i, clip in enumerate(clips) for name in ("video", "image") if name in clip]
    if shown:
        frames = [clips[i][name].to(device, kind) for i, name in shown]
        counts = [len(some) for some in frames]
        first, second, last = net.seen(torch.cat(frames))
        looked = net.look(last[None])[0].split([count * net.config.queries for count in counts])
        levels = zip(first.split(counts), second.split(counts), strict=True)
        for (i, name), (one, other), tokens in zip(shown, levels, looked, strict=True):
            middle = (len(one) - 1) // 2
            pictures[i] = one[middle], other[middle]  # the additional image follows the video: masks are for the image
            tokens_of[name][i] = tokens
    lengths: dict[int, list[int]] = {}
    for i, clip in enumerate(clips):
        if "audio" in clip:
            lengths.setdefault(clip["audio"].shape[1], []).append(i)
    for rows in lengths.values():  # batches of pieces with equal length
        heard = net.heard(torch.cat([clips[i]["audio"].to(device, kind) for i in rows]))
        counts = [len(clips[i]["audio"]) * net.config.heard_queries for i in rows]
        tokens_of["audio"] |= dict(zip(rows, heard.split(counts), strict=True))
    for name, tokens in tokens_of.items():
        if tokens:
            features = torch.cat([tokens[i] for i in sorted(tokens)])
            embeds = embeds.masked_scatter((ids == words.ids[f"<{name}>"])[..., None], features.to(kind))
    return embeds, pictures
