"""TM-AVQA: reconstruct the missing sound or picture of a clip, then answer with any net.

    audio, patches, tokens, missing ─ reconstruction (layers/reconstruction.py) ─▶ both streams ─▶ any net

Zhang et al., "Robust Audio-Visual Question Answering with Missing Modality in Training and Testing", TPAMI 2026.

    released  equals the part of the official stage II (zhangbin-ai/TM-AVQA-2026) that precedes its net: pictures are
              averaged over cells and repeated unless the whole batch lacks sound, and the loss compares cells and
              channels of pictures in different orders. The official loader of stage I inverts its flag
    paper     only the missing stream is replaced; the loss compares pictures in the same order

`stage=1` trains the reconstruction alone: error + 0.1 contrast, in both directions, on every question whose streams are
present (they are the targets). `stage=2` adds 0.1 of both errors to the net's losses. A row without the target borrows
it from the nearest `top` rows.

The wrapper is kept after training. Contract: `answer` requests the net's streams and `missing`, int (question,), coded
as in the published lists: 10 no sound, 20 no picture, 30 both present. A dataset with such flags provides it. The net
must request `audio`, `patches` (49 or 196 a second) and `tokens`. Each clip is read at ten evenly spaced seconds. The
reconstruction depends on the question, so `watch` stores the streams and `answer` reconstructs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from lookhear.debias._around import Wrapper, part
from lookhear.errors import FeatureError, RecipeError
from lookhear.layers.reconstruction import (
    CELLS,
    SECONDS,
    SIDE,
    Reconstruction,
    borrowed,
    info_nce,
    picture_error,
    smaller,
)
from lookhear.types import Memory, Output

STAYS = True
NO_SOUND, NO_PICTURE = 10, 20


@dataclass(frozen=True)
class Config:
    """Sizes of streams by their names, and how the reconstruction is trained."""

    variant: str = "released"
    """form of the network; see the module's docstring"""
    stage: int = 2
    """1: train the reconstruction alone; 2: train it with the net"""
    top: int = 1
    """rows that a target is borrowed from: 8 in stage I, 1 in stage II"""
    weight: float = 0.1
    """weight of both reconstruction errors in stage II, of the contrast in stage I"""
    inner: int = 2048
    """feed-forward width"""
    audio: int = 128
    """width of the stream `audio`"""
    patches: int = 512
    """width of the stream `patches`"""
    tokens: int = 93
    """size of the token vocabulary; id 0 is padding"""


def inserted(
    made: Reconstruction, audio: Tensor, maps: Tensor, tokens: Tensor, missing: Int[Tensor, " row"], config: Config
) -> tuple[Float[Tensor, "row 10 wide"], Float[Tensor, "row 10 side side2 dim"], dict[str, Tensor]]:
    """(sound, pictures, losses): missing rows reconstructed; errors and contrasts of both directions by name.

    `maps` is (row, 10, side, side, dim). As released, returned pictures have 7 x 7 cells unless all sound is missing.
    """
    words, losses = made.words(tokens), {}
    small = smaller(maps) if maps.shape[2] != SIDE else maps
    hears, sees = missing != NO_SOUND, missing != NO_PICTURE
    sound, picture = audio, small
    released = config.variant == "released"
    if hears.any():
        new, row, kept = made.picture(audio[hears], words[hears])
        target = borrowed(small[hears], kept.detach(), sees[hears], config.top)
        losses["picture"] = picture_error(new, target, released)
        losses["picture_contrast"] = info_nce(row, kept) + info_nce(row, words[hears].mean(dim=1))
        full = torch.zeros_like(small).index_put((hears,), new)
        picture = torch.where(sees.view(-1, 1, 1, 1, 1), small, full)
    if sees.any():
        new, row, kept = made.sound(small[sees], words[sees])
        losses["sound"] = F.mse_loss(new, borrowed(audio[sees], kept.detach(), hears[sees], config.top))
        losses["sound_contrast"] = info_nce(row, kept) + info_nce(row, words[sees].mean(dim=1))
        full = torch.zeros_like(audio).index_put((sees,), new)
        sound = torch.where(hears.view(-1, 1, 1), audio, full)
    if not released:
        return sound, torch.where(sees.view(-1, 1, 1, 1, 1), maps, wider(picture, maps.shape[2])), losses
    if not hears.any():
        return sound, maps, losses
    return sound, picture.mean(dim=(2, 3), keepdim=True).expand_as(picture), losses


def wider(picture: Float[Tensor, "row time 7 7 dim"], side: int) -> Tensor:
    """The 7 x 7 cells repeated to `side` x `side`."""
    times = side // SIDE
    return repeat(picture, "row time a b dim -> row time (a p) (b q) dim", p=times, q=times)


class TMAVQA(Wrapper):
    """A net whose missing streams are reconstructed."""

    stays = True

    def __init__(self, net: nn.Module, config: Config):
        super().__init__(net)
        self.config = config
        watched, asked = self.ordered("watch"), self.ordered("answer")
        if set(watched) != {"audio", "patches"} or "tokens" not in asked:
            raise RecipeError(
                f"tm_avqa needs a net with audio, patches and tokens; this one requests {', '.join(watched)} and "
                f"{', '.join(n for n in asked if n != 'memory')}."
            )
        self.made = Reconstruction(config.audio, config.patches, config.tokens, config.inner)

    def further(self, method: str) -> tuple[str, ...]:
        """`answer` also requests the flags `missing`."""
        return ("missing",) if method == "answer" else ()

    def _watch(self, **streams: Tensor) -> Memory:
        audio, patches = streams["audio"], streams["patches"]
        side = round(patches.shape[2] ** 0.5)
        if side * side != patches.shape[2] or side % SIDE or audio.shape[1] % SECONDS:
            raise FeatureError(
                f"tm_avqa reads {CELLS} or {4 * CELLS} patches a second and a multiple of {SECONDS} seconds, got "
                f"{patches.shape[2]} patches and {audio.shape[1]} seconds. Set data.seconds and another encoder."
            )
        return {"given/audio": audio, "given/patches": patches}

    def _answer(self, memory: Memory, **streams: Tensor) -> Output:
        tokens, missing = streams.pop("tokens"), streams.pop("missing")
        given = part(memory, "given/")
        step = given["audio"].shape[1] // SECONDS
        audio, patches = (given[n][:, ::step] for n in ("audio", "patches"))
        side = round(patches.shape[2] ** 0.5)
        maps = rearrange(patches, "row time (a b) dim -> row time a b dim", a=side)
        sound, picture, found = inserted(self.made, audio, maps, tokens, missing, self.config)
        wide = [x.repeat_interleave(step, dim=1) for x in (sound, picture.flatten(2, 3))]
        output = self.net.answer(self.net.watch(audio=wide[0], patches=wide[1]), tokens=tokens, **streams)
        return replace(output, hidden={**output.hidden, **{f"made_{n}": x for n, x in found.items()}})

    def _losses(self, output: Output, labels: Tensor, **streams: Tensor) -> dict[str, Tensor]:
        found = {n.removeprefix("made_"): x for n, x in output.hidden.items() if n.startswith("made_")}
        errors = {n: x for n, x in found.items() if not n.endswith("contrast")}
        if self.config.stage == 1:
            return errors | {n: self.config.weight * x for n, x in found.items() if n not in errors}
        own = self.own_losses(output, labels, **streams)
        return own | {n: self.config.weight * x for n, x in errors.items()}


def build(config: Config) -> Callable[[nn.Module], TMAVQA]:
    """A function that wraps a net with the reconstruction."""
    if config.variant not in ("released", "paper") or config.stage not in (1, 2) or config.top < 1:
        raise RecipeError(
            f"tm_avqa has variants released and paper, stages 1 and 2 and top >= 1, got {config.variant!r}, "
            f"{config.stage} and {config.top}."
        )
    return lambda net: TMAVQA(net, config)
