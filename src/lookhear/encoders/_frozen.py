"""Base class of the frozen encoders: pieces of a clip, batches, and the signature."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from lookhear import checkpoints
from lookhear.encoders import Encoder
from lookhear.errors import FeatureError
from lookhear.types import Media

NOT_SIGNED = ("weights", "device", "batch")  # settings that do not change a feature, or are signed by their hash
SHORTEST = 0.4  # seconds of sound; shorter sound is padded


class Frozen(Encoder):
    """A published network with fixed weights. Subclasses set `name`, `reads`, `streams`, `sampling` and `__call__`."""

    name = ""
    reads = "frames"
    version = 1

    def __init__(self, net: nn.Module, config: Any):
        self.sha256 = checkpoints.sha256(net)
        self.config = config
        self.device = torch.device(getattr(config, "device", "cpu"))
        self.dtype = checkpoints.dtype(getattr(config, "precision", "fp32"))
        self.net = net.eval().requires_grad_(False).to(self.device, self.dtype)

    def signature(self) -> dict[str, Any]:
        """Name, sha256 of the weights (independent of the file format), code version, and relevant settings."""
        settings = {k: v for k, v in dataclasses.asdict(self.config).items() if k not in NOT_SIGNED}
        return {"name": self.name, "sha256": self.sha256, "version": self.version, "settings": settings}

    def batches(self, rows: Tensor) -> Iterable[Tensor]:
        """Split `rows` into batches on the network's device and in its precision."""
        for piece in rows.split(self.config.batch):
            yield piece.to(self.device, self.dtype)

    def apart(self, seconds: float) -> int | None:
        """The `reach` of an encoder whose rows come from `seconds` of sound each: 0 if pieces of a clip contain
        whole rows."""
        return 0 if 0 < seconds <= 2 and 32 % seconds == 0 else None

    def frames_of(self, media: Media) -> np.ndarray:
        """The frames of a clip, uint8 (time, height, width, 3). Raises FeatureError if it has none."""
        if media.frames is None or not len(media.frames):
            raise FeatureError(f"{self.name} was given a clip without a picture.")
        return media.frames

    def sound_of(self, media: Media) -> np.ndarray:
        """The waveform of a clip at the encoder's sample rate. Raises FeatureError if it has none."""
        if media.waveform is None:
            raise FeatureError(f"{self.name} was given a clip without a sound track.")
        assert self.sampling is not None, "an encoder of sound states its rate"
        if media.sample_rate != self.sampling.sample_rate:
            wanted = self.sampling.sample_rate
            raise FeatureError(
                f"{self.name} hears at {wanted} Hz, was given {media.sample_rate} Hz. Decode at {wanted}."
            )
        return media.waveform

    def pieces(self, media: Media, seconds: float) -> Float[Tensor, "time sample"]:
        """Split the sound into pieces of `seconds`; a last piece of at least half the length is padded with silence.

        Every clip gives at least one piece. `seconds=0` gives the whole clip as one piece.
        """
        wave, rate = self.sound_of(media), self.sampling.sample_rate  # type: ignore[union-attr]
        seconds = seconds or max(media.duration, SHORTEST)
        count, length = max(1, int(media.duration / seconds + 0.5 + 1e-9)), round(seconds * rate)
        whole = np.zeros(count * length, np.float32)
        whole[: min(len(wave), len(whole))] = wave[: len(whole)]
        return torch.from_numpy(whole).unflatten(0, (count, length))
