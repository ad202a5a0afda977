"""tiny_omni's audio tower, the linear readings that teach it, their losses and its course."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.llms import tiny_omni
from lookhear.soundstage.scene.scene import MOODS
from research.tiny_omni.course import KINDS, SECONDS, train, yes
from research.tiny_omni.sounds import LEVEL, TOKENS, sounds, together

LENGTHS = (250, 250, 250, 250, 250, 125, 50, 25)  # columns of the spectrogram that are heard at once


class AudioBranch(nn.Module):
    """The audio tower and what reads from it."""

    sizes = (KINDS, KINDS, KINDS, KINDS, 1, 1, 6, len(MOODS), 1)
    names = ("present", "onset", "level", "rate", "voice", "indoor", "number", "mood", "time")

    def __init__(self, tower: nn.Module, width: int):
        super().__init__()
        self.tower = tower
        self.token = nn.Linear(width, sum(self.sizes))

    def forward(self, mels: Tensor) -> dict[str, Tensor]:
        lengths = torch.full((len(mels),), mels.shape[-1])
        out = self.tower(mels.transpose(0, 1).flatten(1), feature_lens=lengths).last_hidden_state
        heads = self.token(out.unflatten(0, (len(mels), -1))).float().split(self.sizes, -1)
        return dict(zip(self.names, heads, strict=True))


def audible_losses(heads: dict[str, Tensor], true: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weighted losses by name."""

    def near(name: str) -> Tensor:
        asked = true[name].isfinite()
        return F.smooth_l1_loss(heads[name][asked], true[name][asked], beta=0.1)

    def choose(name: str) -> Tensor:
        return F.cross_entropy(heads[name].flatten(0, 1), true[name].flatten(), ignore_index=-1)

    return {
        "present": 20 * yes(heads["present"], true["present"]),
        "onset": 10 * yes(heads["onset"], true["onset"]),
        "level": 5 * near("level"),
        "rate": 7 * near("rate"),
        "voice": 0.5 * yes(heads["voice"][..., 0], true["voice"]),
        "scene": 0.2 * yes(heads["indoor"][..., 0], true["indoor"]) + 0.2 * choose("mood"),
        "number": 0.4 * choose("number"),
        "time": 2 * F.smooth_l1_loss(heads["time"][..., 0], true["time"], beta=0.1),
    }


def teach_ears(
    model: nn.Module,
    scenes: int,
    steps: int,
    lr: float,
    seed: int,
    lengths: Sequence[int] = LENGTHS,
    keep: Path | None = None,
) -> None:
    """Train the audio tower in place."""
    mels, true = sounds(scenes, seed + 1)
    print(f"{len(mels)} sounds of {SECONDS:g} s", flush=True)
    held = len(mels) - 128
    ears = AudioBranch(model.model.audio_tower, model.config.text_config.hidden_size)

    def loss_of(generator: torch.Generator) -> dict[str, Tensor]:
        chosen, others = torch.randint(held, (2, 12), generator=generator)
        gain = 4 * torch.rand(12, 1, 1, generator=generator) - 2  # dB, told to the level too
        heard, wanted = mels[chosen].float() + gain / 40, {k: v[chosen] for k, v in true.items()}
        wanted["level"] = wanted["level"] + gain / LEVEL
        mixed, both = together(
            heard[:4],
            {k: v[:4] for k, v in wanted.items()},
            mels[others[:4]].float(),
            {k: v[others[:4]] for k, v in true.items()},
        )
        wanted = {k: torch.cat([both[k], v[4:]]) for k, v in wanted.items()}
        return audible_losses(*part(torch.cat([mixed, heard[4:]]), wanted, generator))

    def part(heard: Tensor, wanted: dict[str, Tensor], generator: torch.Generator) -> tuple[dict, dict]:
        """Mostly the whole, else as little as a second from anywhere; time is counted from its beginning."""
        length = lengths[int(torch.randint(len(lengths), (1,), generator=generator))]
        tokens = tiny_omni.heard(length)
        first = int(torch.randint(TOKENS - tokens + 1, (1,), generator=generator))
        kept = {k: v[:, first : first + tokens] for k, v in wanted.items()} | {"time": wanted["time"][:, :tokens]}
        return ears(heard[..., 4 * first : 4 * first + length]), kept

    def check() -> dict[str, float]:
        parts = [ears(mels[k : k + 32].float()) for k in range(held, len(mels), 32)]
        heads = {k: torch.cat([p[k] for p in parts]) for k in parts[0]}
        wanted = {k: v[held:] for k, v in true.items()}
        plays, said = wanted["present"] >= 0.5, heads["present"] > 0
        clear = ((wanted["present"] == 0) | (wanted["present"] == 1)).all(-1)
        level, rate = wanted["level"].isfinite(), wanted["rate"].isfinite()
        hits = float((plays & said).sum())
        return {
            "present F1": 2 * hits / float(plays.sum() + said.sum()),
            "set exact": float((plays == said).all(-1)[clear].float().mean()),
            "level dB off": float((heads["level"] - wanted["level"])[level].abs().mean()) * LEVEL,
            "rate octaves off": float((heads["rate"] - wanted["rate"])[rate].abs().mean()) * 4,
            "voice": float(((heads["voice"][..., 0] > 0) == (wanted["voice"] > 0.5)).float().mean()),
            "time s off": float((heads["time"][..., 0] - wanted["time"]).abs().mean()) * SECONDS,
        }

    train(ears, loss_of, check, steps, lr, seed, keep)
